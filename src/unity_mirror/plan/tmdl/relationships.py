"""From foreign keys to relationships: many to one, single columns of equal types, one active path between tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import ForeignKey, Table
from unity_mirror.plan.tmdl.model import ModelColumn, ModelRelationship, ModelTable, NotModelled
from unity_mirror.plan.tmdl.names import stable_id


@dataclass(frozen=True)
class Relationships:
    """The model's relationships, in a stable order, and the foreign keys that couldn't become one."""

    relationships: tuple[ModelRelationship, ...]
    left_out: tuple[NotModelled, ...]


class _CannotBeRelatedError(Exception):
    """Why a foreign key can't become a relationship."""


@dataclass(frozen=True)
class _Candidate:
    child: ModelTable
    child_column: ModelColumn
    parent: ModelTable
    parent_column: ModelColumn

    @property
    def order(self) -> tuple[TableRef, int, TableRef, int]:
        """A table's first foreign key column comes first: it is the one that stays active."""
        return self.child.ref, self.child_column.position, self.parent.ref, self.parent_column.position


def model_relationships(sources: Iterable[Table], tables: Sequence[ModelTable]) -> Relationships:
    """Make relationships of the foreign keys between tables of the model."""
    by_ref = {_folded(table.ref): table for table in tables}
    by_source = {_folded(source.ref): source for source in sources}
    left_out: list[NotModelled] = []
    candidates: list[_Candidate] = []
    for table in tables:
        for key in by_source[_folded(table.ref)].foreign_keys:
            try:
                candidates.append(_candidate(table, key, by_ref, by_source))
            except _CannotBeRelatedError as error:
                name = key.name or f"({', '.join(key.child_columns)})"
                left_out.append(NotModelled("relationship", table.ref, name, str(error)))
    return Relationships(tuple(_activated(sorted(set(candidates), key=lambda one: one.order))), tuple(left_out))


def _folded(ref: TableRef) -> TableRef:
    return TableRef(ref.schema.casefold(), ref.table.casefold())


def _candidate(
    child: ModelTable, key: ForeignKey, by_ref: Mapping[TableRef, ModelTable], by_source: Mapping[TableRef, Table]
) -> _Candidate:
    parent = by_ref.get(_folded(_parent_ref(child, key)))
    if parent is None:
        raise _CannotBeRelatedError(f"it refers to {key.parent_table}, which isn't in the model")
    child_name, parent_name = _single_columns(key, by_source[_folded(parent.ref)])
    if parent is child:
        raise _CannotBeRelatedError("it refers to its own table, and a model can't relate a table to itself")
    child_column, parent_column = child.column(child_name), parent.column(parent_name)
    if child_column is None or parent_column is None:
        missing = f"{child.ref}.{child_name}" if child_column is None else f"{parent.ref}.{parent_name}"
        raise _CannotBeRelatedError(f"its column {missing} isn't in the model")
    _require_equal_types(child_column, parent_column)
    return _Candidate(child, child_column, parent, parent_column)


def _parent_ref(child: ModelTable, key: ForeignKey) -> TableRef:
    catalog = key.parent_table.replace("`", "").partition(".")[0]
    try:
        ref = TableRef.from_full_name(key.parent_table)
    except ValueError:
        raise _CannotBeRelatedError(f"it refers to {key.parent_table!r}, which isn't a table's full name") from None
    if catalog.casefold() != child.catalog.casefold():
        raise _CannotBeRelatedError(f"it refers to {key.parent_table}, in another catalog")
    return ref


def _single_columns(key: ForeignKey, parent: Table) -> tuple[str, str]:
    primary = parent.primary_key.child_columns if parent.primary_key else ()
    parents = key.parent_columns or primary
    if len(key.child_columns) > 1 or len(parents) > 1:
        columns = ", ".join(key.child_columns)
        raise _CannotBeRelatedError(f"it is composite ({columns}), and a relationship has one column on each side")
    if not key.child_columns or not parents:
        raise _CannotBeRelatedError(f"the columns that it refers to in {key.parent_table} aren't known")
    if primary and parents[0].casefold() not in {column.casefold() for column in primary}:
        raise _CannotBeRelatedError(f"it refers to {parents[0]}, which isn't the primary key of {key.parent_table}")
    if len(primary) > 1:
        raise _CannotBeRelatedError(
            f"{parents[0]} alone isn't unique in {key.parent_table}: its primary key is composite"
        )
    return key.child_columns[0], parents[0]


def _require_equal_types(child: ModelColumn, parent: ModelColumn) -> None:
    if child.type.family != parent.type.family:
        raise _CannotBeRelatedError(
            f"{child.source} is {child.type.family} and {parent.source} is {parent.type.family}; "
            "Direct Lake relates columns of equal types only"
        )


@dataclass
class _FilterPaths:
    """The tables that each table's filters reach over active relationships; at most one path leads to each."""

    reach: dict[str, set[str]] = field(default_factory=dict)

    def reached(self, table: str) -> set[str]:
        return self.reach.get(table, set()) | {table}

    def fault(self, one: str, many: str) -> str:
        """Why filters can't flow from one table to the other as well; empty when they can."""
        if one in self.reached(many):
            return f"it would close a cycle: {many} already filters {one}"
        above = sorted(table for table in {*self.reach, one} if one in self.reached(table))
        for table in above:
            twice = sorted(self.reached(table) & self.reached(many))
            if twice:
                return f"there is an active path from {table} to {twice[0]} already, and there may be only one"
        return ""

    def add(self, one: str, many: str) -> None:
        below = self.reached(many)
        for table in [*self.reach, one]:
            if one in self.reached(table):
                self.reach[table] = self.reached(table) | below


def _activated(candidates: Iterable[_Candidate]) -> Iterator[ModelRelationship]:
    """Make each relationship active unless filters would then have two ways, or a circle."""
    paths = _FilterPaths()
    for one in candidates:
        made = _relationship(one)
        fault = paths.fault(one.parent.name, one.child.name)
        if fault:
            yield replace(made, is_active=False, reason=fault)
        else:
            paths.add(one.parent.name, one.child.name)
            yield made


def _relationship(one: _Candidate) -> ModelRelationship:
    ends = (str(one.child.ref), one.child_column.source, str(one.parent.ref), one.parent_column.source)
    return ModelRelationship(
        name=stable_id("relationship", one.child.catalog, *ends),
        from_table=one.child.name,
        from_column=one.child_column.name,
        to_table=one.parent.name,
        to_column=one.parent_column.name,
    )
