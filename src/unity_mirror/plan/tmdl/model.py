"""What goes into a semantic model's definition, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl.types import TypeMapping

ONELAKE = "https://onelake.dfs.fabric.microsoft.com"


@dataclass(frozen=True)
class ModelInput:
    """Mirrored tables with their columns and constraints, and the mirrored item that the model reads them from.

    ``workspace_id`` and ``item_id`` are GUIDs. ``relationships`` tells whether foreign keys become relationships.
    """

    workspace_id: str
    item_id: str
    tables: tuple[Table, ...]
    relationships: bool = True
    onelake: str = ONELAKE
    culture: str = "en-US"


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


@dataclass(frozen=True)
class ModelTable:
    """A table of the model and the Unity Catalog table that it shows."""

    name: str
    ref: TableRef
    catalog: str
    columns: tuple[ModelColumn, ...]
    comment: str | None = None

    def column(self, source: str) -> ModelColumn | None:
        """The column that shows a Unity Catalog column (names there don't differ by case)."""
        return next((one for one in self.columns if one.source.casefold() == source.casefold()), None)


@dataclass(frozen=True)
class ModelRelationship:
    """Many to one, from foreign to primary key; filters flow from one to many. ``reason`` tells why it isn't active."""

    name: str
    from_table: str
    from_column: str
    to_table: str
    to_column: str
    is_active: bool = True
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.from_table}[{self.from_column}] -> {self.to_table}[{self.to_column}]"


@dataclass(frozen=True)
class NotModelled:
    """What is in Unity Catalog and not in the model: a table, a column of it, or a constraint on it, and why."""

    kind: Literal["table", "column", "relationship"]
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
