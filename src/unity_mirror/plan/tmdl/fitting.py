"""Names for what we want among what is there: people's names stay, and no two objects get the same.

A name of ours can be taken: people made a measure that a friendly column name would repeat, or gave a column of ours
the name of one that comes later. Then ours keeps the name it has, or gets a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from unity_mirror.plan.tmdl.merging import Merger, find, is_foreign, is_ours, label, with_properties
from unity_mirror.plan.tmdl.names import column_reference, split_reference
from unity_mirror.plan.tmdl.tmdl import COLUMN_REFERENCES, TmdlObject, written

_NAMED = frozenset({"column", "measure", "hierarchy"})
"""Objects of a table that share one space of names."""


@dataclass(frozen=True)
class Names:
    """What our objects are called after merging, by the names that we wanted for them."""

    tables: Mapping[str, str]
    columns: Mapping[tuple[str, str], str]

    def translate(self, relationship: TmdlObject) -> TmdlObject:
        """The relationship with its ends called as they are called then."""
        ends: dict[str, str] = {}
        for key in COLUMN_REFERENCES:
            table, column = split_reference(relationship.properties[key])
            ends[key] = column_reference(self.tables.get(table, table), self.columns.get((table, column), column))
        return with_properties(relationship, ends)


def fitted(
    wanted: Mapping[str, Sequence[TmdlObject]], there: Sequence[TmdlObject], merger: Merger
) -> tuple[dict[str, list[TmdlObject]], Names]:
    """The wanted objects, by file, under names that are free; and what they are called in the end."""
    roots = [item for items in wanted.values() for item in items if item.kind == "table"]
    tables = _final(roots, [item for item in there if item.kind == "table"], frozenset(), merger, None)
    measures = frozenset(
        child.name.casefold()
        for table in there
        for child in table.children
        if child.kind == "measure" and is_foreign(child)
    )
    columns: dict[tuple[str, str], str] = {}
    fits: dict[int, TmdlObject] = {}
    for table in roots:
        match = find(table, there)
        held = [child for child in match.children if child.kind in _NAMED] if match else []
        own = [child for child in table.children if child.kind in _NAMED]
        names = _final(own, held, measures, merger, table)
        columns |= {(table.name, child.name): names[id(child)] for child in own if child.kind == "column"}
        fits[id(table)] = _renamed(table, match, tables[id(table)], {id(c): (c, find(c, held)) for c in own}, names)
    files = {path: [fits.get(id(item), item) for item in items] for path, items in wanted.items()}
    return files, Names({table.name: tables[id(table)] for table in roots}, columns)


def _final(
    wanted: Sequence[TmdlObject],
    there: Sequence[TmdlObject],
    measures: frozenset[str],
    merger: Merger,
    owner: TmdlObject | None,
) -> dict[int, str]:
    """The name of each wanted object after merging, by identity."""
    matches = {id(item): find(item, there) for item in wanted}
    final = {id(item): match.name for item in wanted if (match := matches[id(item)]) and not _still_ours(match)}
    matched = {id(match) for match in matches.values() if match is not None}
    taken = {item.name.casefold() for item in there if _stays(item, matched, merger)}
    taken |= {name.casefold() for name in final.values()}
    open_ones = [item for item in wanted if id(item) not in final]
    for item in open_ones:
        if item.name.casefold() not in _closed(item, taken, measures):
            final[id(item)] = item.name
    taken |= {name.casefold() for name in final.values()}
    for item in (one for one in open_ones if id(one) not in final):
        match = matches[id(item)]
        name = _free(match.name if match else item.name, _closed(item, taken, measures))
        merger.outcome.conflicts.append(f"{label(item, owner)} is called {name!r}: its name is taken")
        final[id(item)] = name
        taken.add(name.casefold())
    return final


def _closed(item: TmdlObject, taken: Iterable[str], measures: frozenset[str]) -> set[str]:
    """The names that an object can't have; measures mustn't share theirs with one of any other table."""
    return {*taken, *measures} if item.kind == "measure" else set(taken)


def _still_ours(match: TmdlObject) -> bool:
    """Whether it is ours and has the name that we gave it."""
    return is_ours(match) and (written(match) or {}).get("name", match.name) == match.name


def _stays(item: TmdlObject, matched: Iterable[int], merger: Merger) -> bool:
    """Whether what is there keeps its name: others' objects do, and ours that aren't wanted but can't go."""
    if id(item) in matched:
        return False
    return is_foreign(item) or bool(merger.why_it_stays(item))


def _free(name: str, closed: Iterable[str]) -> str:
    wish, number = name, 1
    while name.casefold() in closed:
        number += 1
        name = f"{wish} ({number})"
    return name


def _renamed(
    table: TmdlObject,
    match: TmdlObject | None,
    name: str,
    children: Mapping[int, tuple[TmdlObject, TmdlObject | None]],
    names: Mapping[int, str],
) -> TmdlObject:
    """The table and its children under their final names; where people chose it, the wish stays for the comparison."""

    def child_of(child: TmdlObject) -> TmdlObject:
        _, held = children.get(id(child), (child, None))
        final = names.get(id(child), child.name)
        if final == child.name or (held is not None and not _still_ours(held)):
            return child
        return with_properties(replace(child, name=final), {})

    renamed = tuple(map(child_of, table.children))
    own = table.name if match is not None and not _still_ours(match) else name
    if own == table.name and all(a is b for a, b in zip(renamed, table.children, strict=True)):
        return table
    return with_properties(replace(table, name=own, children=renamed), {})
