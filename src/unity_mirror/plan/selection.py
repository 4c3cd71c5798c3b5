"""Which tables of a catalog are mirrored, and why each other one isn't.

What Fabric never mirrors stands in its limitations page: views, materialized views, streaming, foreign and shared
tables, tables with row filters or column masks, external tables that aren't Delta. Fabric shows no error for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from unity_mirror.models.storage import StorageUrl
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Schema, Table, normalise_privilege
from unity_mirror.plan.model import LeftOut, Reason
from unity_mirror.spec import SelectSpec

MIRRORED_TYPES = frozenset({"MANAGED", "EXTERNAL"})
_TO_READ = ("USE CATALOG", "USE SCHEMA", "SELECT")
EXTERNAL_USE_SCHEMA = normalise_privilege("EXTERNAL USE SCHEMA")
_ALL = normalise_privilege("ALL PRIVILEGES")


@dataclass(frozen=True, slots=True)
class Privileges:
    """Privileges in force for the connecting principal, in the form that they are compared in.

    ``possible`` are those of groups that it may or may not be in: nobody lets us look.
    """

    held: frozenset[str]
    possible: frozenset[str] = frozenset()

    def has(self, privilege: str) -> bool:
        """Whether it is held. ALL PRIVILEGES stands for every one but EXTERNAL USE SCHEMA."""
        return _stands_for(self.held, normalise_privilege(privilege))

    def may_have(self, privilege: str) -> bool:
        """Whether it is held, or is by a group that the principal may be in."""
        return _stands_for(self.held | self.possible, normalise_privilege(privilege))

    def missing_to_read(self) -> tuple[str, ...]:
        """Which of USE CATALOG, USE SCHEMA and SELECT are missing for certain."""
        return tuple(name for name in _TO_READ if not self.may_have(name))

    def with_(self, others: Privileges) -> Privileges:
        """These and others together."""
        return Privileges(self.held | others.held, self.possible | others.possible)

    @property
    def lets_read(self) -> bool:
        """Whether reading is certain to be allowed."""
        return all(self.has(name) for name in _TO_READ)


def _stands_for(privileges: frozenset[str], wanted: str) -> bool:
    return wanted in privileges or (_ALL in privileges and wanted != EXTERNAL_USE_SCHEMA)


@dataclass(frozen=True, slots=True)
class SchemaView:
    """One schema: its tables, and the principal's privileges on it. ``None`` means that nobody could tell.

    ``table_privileges`` has the tables for which the schema's own privileges don't decide.
    """

    schema: Schema
    tables: tuple[Table, ...] = ()
    privileges: Privileges | None = None
    table_privileges: Mapping[str, Privileges] = field(default_factory=dict)

    def on_table(self, table: Table) -> Privileges | None:
        """The privileges on a table, what the schema gives included."""
        if self.privileges is None:
            return None
        own = self.table_privileges.get(table.name)
        return self.privileges.with_(own) if own else self.privileges


@dataclass(frozen=True, slots=True)
class Selection:
    """The tables to mirror, sorted by name, and those left out with their reasons. Of the ``uncertain`` ones nobody
    tells us whether the principal may read them."""

    selected: tuple[Table, ...]
    left_out: tuple[LeftOut, ...]
    uncertain: frozenset[TableRef] = frozenset()

    @property
    def refs(self) -> tuple[TableRef, ...]:
        """The selected tables' names."""
        return tuple(table.ref for table in self.selected)


def select_tables(
    select: SelectSpec, schemas: Sequence[SchemaView], storage: StorageUrl | None, principal: str
) -> Selection:
    """Sorts every table of the given schemas into selected and left out. ``principal`` is named in the details."""
    selected: list[Table] = []
    left_out: list[LeftOut] = []
    uncertain: set[TableRef] = set()
    for view in schemas:
        if not view.tables:
            left_out.append(LeftOut(view.schema.name, Reason.EMPTY_SCHEMA, "Fabric shows no schema without tables."))
        for table in view.tables:
            reason = _why_not(select, view, table, storage, principal)
            if reason is not None:
                left_out.append(reason)
                continue
            selected.append(table)
            privileges = view.on_table(table)
            if privileges is None or not privileges.lets_read:
                uncertain.add(table.ref)
    return Selection(
        tuple(sorted(selected, key=lambda table: table.ref)),
        tuple(sorted(left_out, key=lambda left: left.subject)),
        frozenset(uncertain),
    )


def unmatched_patterns(
    patterns: Sequence[str], tables: Sequence[TableRef], match: Callable[[str, TableRef], bool]
) -> list[int]:
    """Positions of the patterns that match no table at all."""
    return [place for place, pattern in enumerate(patterns) if not any(match(pattern, table) for table in tables)]


def _why_not(
    select: SelectSpec, view: SchemaView, table: Table, storage: StorageUrl | None, principal: str
) -> LeftOut | None:
    ref = table.ref
    subject = str(ref)
    if not select.selects(ref):
        return LeftOut(subject, Reason.FILTERED, "The spec's patterns don't select it.")
    return (
        _unsupported(subject, table)
        or _elsewhere(subject, table, storage)
        or _forbidden(subject, view, table, principal)
    )


def _unsupported(subject: str, table: Table) -> LeftOut | None:
    if table.table_type not in MIRRORED_TYPES:
        detail = f"Its type is {table.table_type}; Fabric mirrors managed and external tables."
        return LeftOut(subject, Reason.UNSUPPORTED_TYPE, detail)
    if table.data_source_format == "DELTASHARING":
        return LeftOut(subject, Reason.UNSUPPORTED_TYPE, "It is shared by Delta Sharing.")
    if table.data_source_format != "DELTA":
        return LeftOut(subject, Reason.UNSUPPORTED_FORMAT, f"Its format is {table.data_source_format}.")
    if table.row_filter is not None:
        return LeftOut(subject, Reason.ROW_FILTER, f"Function {table.row_filter.function_name} filters its rows.")
    if table.masked_columns:
        return LeftOut(subject, Reason.COLUMN_MASK, f"Masked columns: {', '.join(table.masked_columns)}.")
    return None


def _elsewhere(subject: str, table: Table, storage: StorageUrl | None) -> LeftOut | None:
    """Tables in another account than the storage connection's get no shortcut (tutorial, row S20)."""
    if storage is None:
        return None
    place = location_of(table)
    if place is None:
        return LeftOut(subject, Reason.OTHER_ACCOUNT, f"Its location {table.storage_location!r} is not in ADLS Gen2.")
    if place.account != storage.account:
        return LeftOut(
            subject,
            Reason.OTHER_ACCOUNT,
            f"It lies in {place.account}; the storage connection is for {storage.account}.",
        )
    return None


def _forbidden(subject: str, view: SchemaView, table: Table, principal: str) -> LeftOut | None:
    privileges = view.on_table(table)
    if privileges is None:
        return None
    missing = privileges.missing_to_read()
    if missing:
        return LeftOut(subject, Reason.NO_PRIVILEGE, f"{principal} lacks {', '.join(missing)}.")
    if not privileges.may_have("EXTERNAL USE SCHEMA"):
        return LeftOut(subject, Reason.NO_EXTERNAL_USE, f"{principal} lacks EXTERNAL USE SCHEMA on its schema.")
    return None


def location_of(table: Table) -> StorageUrl | None:
    """Where a table lies in ADLS Gen2; ``None`` for any other place."""
    try:
        return StorageUrl.parse(table.storage_location or "")
    except ValueError:
        return None
