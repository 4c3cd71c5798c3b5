"""From foreign keys and the spec to relationships: single columns of equal types, one active path between tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import ForeignKey, Table
from unity_mirror.plan.layering import depths
from unity_mirror.plan.tmdl.filter_paths import FilterPaths
from unity_mirror.plan.tmdl.model import Cardinality, ModelColumn, ModelRelationship, ModelTable, NotModelled
from unity_mirror.plan.tmdl.names import stable_id
from unity_mirror.spec import RelationshipSpec, column_of


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
    cardinality: Cardinality = "many_to_one"
    both_ways: bool = False
    referential_integrity: bool = False
    may_be_active: bool = True

    @property
    def order(self) -> tuple[TableRef, int, TableRef, int]:
        """A table's first foreign key column comes first: it is the one that stays active."""
        return self.child.ref, self.child_column.position, self.parent.ref, self.parent_column.position

    @property
    def ends(self) -> frozenset[tuple[TableRef, str]]:
        """The two columns, whichever is the many side."""
        return frozenset({(self.child.ref, self.child_column.source), (self.parent.ref, self.parent_column.source)})


def model_relationships(
    sources: Iterable[Table], tables: Sequence[ModelTable], wished: Sequence[RelationshipSpec] = ()
) -> Relationships:
    """Make relationships of the foreign keys between tables of the model (none without ``sources``) and of wishes.

    What is wished for comes first: it wins over a foreign key between the same columns, and stays active.
    """
    by_ref = {_folded(table.ref): table for table in tables}
    left_out: list[NotModelled] = []
    first = list(_wishes(wished, by_ref, left_out))
    taken = {one.ends for one in first}
    keys = {one for one in _keys(sources, tables, by_ref, left_out) if one.ends not in taken}
    once = list(_one_way(_once_each(keys), left_out))
    return Relationships(tuple(_activated([*first, *_inner_first(once)])), tuple(left_out))


def _inner_first(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Links to dimensions before links to what has dimensions itself: where two ways lead to a fact, its own stays, and
    not the one through another fact, by which its numbers would silently mean something else.
    """
    names = sorted({table.name for one in candidates for table in (one.child, one.parent)})
    depth = depths(names, ((one.parent.name, one.child.name) for one in candidates))
    return sorted(candidates, key=lambda one: (depth[one.parent.name], one.order))


def _once_each(keys: Iterable[_Candidate]) -> Iterable[_Candidate]:
    """Two foreign keys over the same columns make one relationship."""
    by_order: dict[tuple[TableRef, int, TableRef, int], _Candidate] = {}
    for one in sorted(keys, key=lambda one: one.referential_integrity):
        by_order[one.order] = one
    return by_order.values()


def _one_way(keys: Iterable[_Candidate], left_out: list[NotModelled]) -> Iterator[_Candidate]:
    """Of two keys that lead to each other the first: two columns have one relationship."""
    taken: set[frozenset[tuple[TableRef, str]]] = set()
    for one in sorted(keys, key=lambda one: one.order):
        if one.ends not in taken:
            taken.add(one.ends)
            yield one
        else:
            reason = f"{one.parent.ref}.{one.parent_column.source} refers to it as well, and that is a relationship"
            left_out.append(NotModelled("relationship", one.child.ref, f"({one.child_column.source})", reason))


def _keys(
    sources: Iterable[Table],
    tables: Sequence[ModelTable],
    by_ref: Mapping[TableRef, ModelTable],
    left_out: list[NotModelled],
) -> Iterator[_Candidate]:
    by_source = {_folded(source.ref): source for source in sources}
    for table in tables:
        source = by_source.get(_folded(table.ref))
        for key in source.foreign_keys if source else ():
            try:
                yield _candidate(table, key, by_ref, by_source)
            except _CannotBeRelatedError as error:
                name = key.name or f"({', '.join(key.child_columns)})"
                left_out.append(NotModelled("relationship", table.ref, name, str(error)))


def _wishes(
    wished: Iterable[RelationshipSpec], by_ref: Mapping[TableRef, ModelTable], left_out: list[NotModelled]
) -> Iterator[_Candidate]:
    taken: set[frozenset[tuple[TableRef, str]]] = set()
    for wish in wished:
        try:
            made = _wish(wish, by_ref)
        except _CannotBeRelatedError as error:
            name = f"{wish.from_column} -> {wish.to_column}"
            left_out.append(NotModelled("relationship", column_of(wish.from_column)[0], name, str(error)))
            continue
        if made.ends not in taken:
            taken.add(made.ends)
            yield made


def _wish(wish: RelationshipSpec, by_ref: Mapping[TableRef, ModelTable]) -> _Candidate:
    """A relationship of the spec. One to one filters both ways: Analysis Services knows it no other way."""
    ends = []
    for name in (wish.from_column, wish.to_column):
        ref, column_name = column_of(name)
        table = by_ref.get(_folded(ref))
        column = table.column(column_name) if table else None
        if table is None or column is None:
            raise _CannotBeRelatedError(f"{name} isn't in the model")
        ends.append((table, column))
    (child, child_column), (parent, parent_column) = ends
    _require_another_table(child, parent)
    _require_equal_types(child_column, parent_column)
    both_ways = wish.cross_filter == "both" or wish.cardinality == "one_to_one"
    return _Candidate(
        child, child_column, parent, parent_column, wish.cardinality, both_ways, wish.referential_integrity, wish.active
    )


def _folded(ref: TableRef) -> TableRef:
    return TableRef(ref.schema.casefold(), ref.table.casefold())


def _candidate(
    child: ModelTable, key: ForeignKey, by_ref: Mapping[TableRef, ModelTable], by_source: Mapping[TableRef, Table]
) -> _Candidate:
    parent = by_ref.get(_folded(_parent_ref(child, key)))
    if parent is None:
        raise _CannotBeRelatedError(f"it refers to {key.parent_table}, which isn't in the model")
    child_name, parent_name = _single_columns(key, by_source[_folded(parent.ref)])
    _require_another_table(child, parent)
    child_column, parent_column = child.column(child_name), parent.column(parent_name)
    if child_column is None or parent_column is None:
        missing = f"{child.ref}.{child_name}" if child_column is None else f"{parent.ref}.{parent_name}"
        raise _CannotBeRelatedError(f"its column {missing} isn't in the model")
    _require_equal_types(child_column, parent_column)
    return _Candidate(child, child_column, parent, parent_column, referential_integrity=key.rely)


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


def _require_another_table(child: ModelTable, parent: ModelTable) -> None:
    if parent is child:
        raise _CannotBeRelatedError("it refers to its own table, and a model can't relate a table to itself")


def _require_equal_types(child: ModelColumn, parent: ModelColumn) -> None:
    if child.type.family != parent.type.family:
        raise _CannotBeRelatedError(
            f"{child.source} is {child.type.family} and {parent.source} is {parent.type.family}; "
            "Direct Lake relates columns of equal types only"
        )


def _activated(candidates: Iterable[_Candidate]) -> Iterator[ModelRelationship]:
    """Make each relationship active, where it may be, unless filters would then have two ways, or a circle."""
    paths = FilterPaths()
    for one in candidates:
        made = _relationship(one)
        if not one.may_be_active:
            yield replace(made, is_active=False, reason="the spec says so")
            continue
        fault = paths.add(one.parent.name, one.child.name, both_ways=one.both_ways)
        yield replace(made, is_active=False, reason=fault) if fault else made


def _relationship(one: _Candidate) -> ModelRelationship:
    ends = (str(one.child.ref), one.child_column.source, str(one.parent.ref), one.parent_column.source)
    return ModelRelationship(
        name=stable_id("relationship", one.child.catalog, *ends),
        from_table=one.child.name,
        from_column=one.child_column.name,
        to_table=one.parent.name,
        to_column=one.parent_column.name,
        cardinality=one.cardinality,
        both_ways=one.both_ways,
        referential_integrity=one.referential_integrity,
    )
