"""Tables of ours that a model should no longer show: without pruning they stay, as they are, with their relationships.

A relationship of these that would open a second active path beside the wanted ones becomes inactive: such a model
would be refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.tmdl.activating import add_way, inactive, is_active, tables_of
from unity_mirror.plan.tmdl.filter_paths import FilterPaths
from unity_mirror.plan.tmdl.merging import Among, find, is_ours, with_properties
from unity_mirror.plan.tmdl.names import column_reference, split_reference
from unity_mirror.plan.tmdl.parsing import parse_part
from unity_mirror.plan.tmdl.shown import sources
from unity_mirror.plan.tmdl.tmdl import COLUMN_REFERENCES, TmdlObject, render, without_strangers, written

Parts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """The definition wanted, with what stays; and which tables those are, with what they show."""

    parts: Parts
    tables: Mapping[str, frozenset[TableRef]]


def keep_tables(wanted: Parts, there: Parts, only: Collection[TableRef] | None = None) -> Kept:
    """Takes our tables that aren't wanted any more, or those that show one of ``only``, into the definition wanted."""
    want, have = Among(_objects(wanted)), Among(_objects(there))
    matched = {id(match) for each in want if (match := find(each, have)) is not None}
    tables = [each for each in have if each.kind == "table" and id(each) not in matched and written(each) is not None]
    tables = [each for each in tables if only is None or not set(only).isdisjoint(sources(each))]
    if not tables:
        return Kept(wanted, {})
    relationships = list(_relationships_of(tables, want, have))
    parts = dict(wanted)
    for number, table in enumerate(tables):
        parts[f"definition/tables/kept-{number}.tmdl"] = render(_own(table))
    fitting = [_own(each) for each in _without_second_paths(want, relationships)]
    if fitting:
        parts["definition/relationships-kept.tmdl"] = "\n".join(map(render, fitting))
    return Kept(parts, {each.name: frozenset(sources(each)) for each in tables})


def _objects(parts: Parts) -> Iterator[TmdlObject]:
    for path, text in sorted(parts.items()):
        if path.lower().endswith(".tmdl"):
            yield from map(without_strangers, parse_part(text, path))


def _relationships_of(
    tables: Sequence[TmdlObject], want: Sequence[TmdlObject], have: Sequence[TmdlObject]
) -> Iterator[TmdlObject]:
    """Our relationships of the tables that stay, unless the column goes that they lead to in another table."""
    names = frozenset(each.name for each in tables)
    for each in (one for one in have if one.kind == "relationship" and is_ours(one)):
        if names & set(tables_of(each)) and find(each, want) is None:
            ends = {key: _as_wanted(each.properties.get(key, ""), names, want, have) for key in COLUMN_REFERENCES}
            if all(ends.values()):
                yield with_properties(each, ends)


def _as_wanted(reference: str, staying: Collection[str], want: Sequence[TmdlObject], have: Sequence[TmdlObject]) -> str:
    """A column as the wanted definition calls it; empty when it is in neither that nor in a table that stays."""
    table_name, column_name = split_reference(reference)
    if table_name in staying:
        return reference
    for table in (each for each in have if each.kind == "table" and each.name == table_name):
        column = next((each for each in table.children if each.kind == "column" and each.name == column_name), None)
        wanted = find(table, want)
        named = find(column, wanted.children) if column and wanted else None
        return column_reference(wanted.name, named.name) if wanted and named else ""
    return ""


def _own(item: TmdlObject) -> TmdlObject:
    """What is ours of an object of ours; what others put into it stays where it is anyway."""
    return replace(item, children=tuple(_own(child) for child in item.children if is_ours(child)), raw=())


def _without_second_paths(wanted: Sequence[TmdlObject], kept: Iterable[TmdlObject]) -> Iterator[TmdlObject]:
    paths = FilterPaths()
    for each in wanted:
        if each.kind == "relationship" and is_active(each):
            add_way(paths, each)
    for each in kept:
        second = is_active(each) and add_way(paths, each)
        yield inactive(each) if second else each
