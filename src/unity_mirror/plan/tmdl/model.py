"""What goes into a semantic model's definition, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl.types import TypeMapping
from unity_mirror.spec import RelationshipSpec

ONELAKE = "https://onelake.dfs.fabric.microsoft.com"


@dataclass(frozen=True)
class SqlSource:
    """The SQL analytics endpoint that a model reads from: its server, and its id, which is the database's name too."""

    server: str
    endpoint_id: str


@dataclass(frozen=True)
class ModelInput:
    """Mirrored tables with their columns and constraints, and the mirrored item that the model reads them from.

    ``workspace_id`` and ``item_id`` are GUIDs. ``relationships`` tells whether foreign keys become relationships;
    ``more_relationships`` come from the spec and win over those between the same columns. ``date_table`` is ``auto``,
    ``none`` or a column (``schema.table.column``). ``sql``, where given, is read from instead of OneLake, which is
    reason enough to say what is referentially whole: only DirectQuery, to which such a model falls back, heeds it.
    ``connection_id`` is noted as the connection to which the model is bound. ``held_names``: what the tables that the
    model shows already are called in it; such names stay when another table comes to want them.
    """

    workspace_id: str
    item_id: str
    tables: tuple[Table, ...]
    relationships: bool = True
    onelake: str = ONELAKE
    culture: str = "en-US"
    friendly_names: bool = False
    folders_by_schema: bool = False
    date_table: str = "auto"
    more_relationships: tuple[RelationshipSpec, ...] = ()
    metric_views: tuple[Table, ...] = ()
    sql: SqlSource | None = None
    connection_id: str | None = None
    held_names: Mapping[TableRef, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelColumn:
    """A column of the model and the Unity Catalog column that it shows."""

    name: str
    source: str
    type: TypeMapping
    position: int
    comment: str | None = None
    is_key: bool = False
    is_hidden: bool = False
    nullable: bool = True


@dataclass(frozen=True)
class ModelMeasure:
    """A measure in DAX, out of a metric view's."""

    name: str
    expression: str
    view: TableRef
    source: str
    format_string: str | None = None
    comment: str | None = None


@dataclass(frozen=True)
class ModelTable:
    """A table of the model and the Unity Catalog table that it shows. ``date_column`` makes it the date table."""

    name: str
    ref: TableRef
    catalog: str
    columns: tuple[ModelColumn, ...]
    comment: str | None = None
    date_column: str | None = None
    measures: tuple[ModelMeasure, ...] = ()

    def column(self, source: str) -> ModelColumn | None:
        """The column that shows a Unity Catalog column (names there don't differ by case)."""
        return next((one for one in self.columns if one.source.casefold() == source.casefold()), None)


Cardinality = Literal["many_to_one", "one_to_one", "many_to_many"]


@dataclass(frozen=True)
class ModelRelationship:
    """Many to one, from foreign to primary key, unless ``cardinality`` says otherwise; filters flow from one to many.

    ``both_ways``: they flow back as well. ``reason`` tells why it isn't active.
    """

    name: str
    from_table: str
    from_column: str
    to_table: str
    to_column: str
    is_active: bool = True
    reason: str = ""
    cardinality: Cardinality = "many_to_one"
    both_ways: bool = False
    referential_integrity: bool = False

    def __str__(self) -> str:
        return f"{self.from_table}[{self.from_column}] -> {self.to_table}[{self.to_column}]"


@dataclass(frozen=True)
class NotModelled:
    """What is in Unity Catalog or the spec and not in the model: a table, something of it or upon it, and why."""

    kind: Literal["table", "column", "relationship", "measure"]
    table: TableRef
    name: str
    reason: str

    def __str__(self) -> str:
        subject = str(self.table) if self.kind == "table" else f"{self.table}: {self.kind} {self.name}"
        return f"{subject}: {self.reason}"


@dataclass(frozen=True)
class ModelDefinition:
    """A semantic model's definition: ``parts`` maps each part's path to its text; the rest says what is in it."""

    parts: Mapping[str, str]
    tables: tuple[ModelTable, ...] = ()
    relationships: tuple[ModelRelationship, ...] = ()
    left_out: tuple[NotModelled, ...] = field(default=())
