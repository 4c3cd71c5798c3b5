"""Names for what we want among what is there: people's names stay, and no two objects get the same.

A name of ours can be taken: people made a measure that a friendly column name would repeat, or gave a column of ours
the name of one that comes later. Then ours keeps the name it has, or gets a number. It also keeps the name by which
something that people made refers to it: renamed, a role, a hierarchy or a relationship of theirs would lead nowhere.
Our measures say the names that their columns have in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from unity_mirror.plan.tmdl.dax import with_names
from unity_mirror.plan.tmdl.merging import (
    Among,
    Merger,
    find,
    is_foreign,
    is_ours,
    label,
    mentioned,
    rewritten,
    with_properties,
)
from unity_mirror.plan.tmdl.names import column_reference, free, split_reference
from unity_mirror.plan.tmdl.tmdl import COLUMN_REFERENCES, EXPRESSION, TmdlObject, written

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
    tables = _final(roots, Among(item for item in there if item.kind == "table"), frozenset(), merger, None)
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
        held = Among(child for child in match.children if child.kind in _NAMED) if match else Among()
        own = [child for child in table.children if child.kind in _NAMED]
        names = _final(own, held, measures, merger, match or table)
        columns |= {(table.name, child.name): names[id(child)] for child in own if child.kind == "column"}
        in_dax = _Renaming(table, tables[id(table)], names)
        fits[id(table)] = _renamed(table, match, tables[id(table)], {id(c): find(c, held) for c in own}, names, in_dax)
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
    final = {
        id(item): match.name for item in wanted if (match := matches[id(item)]) and _is_kept(item, match, merger, owner)
    }
    matched = {id(match) for match in matches.values() if match is not None}
    taken = {item.name.casefold() for item in there if _stays(item, matched, merger)}
    taken |= {name.casefold() for name in final.values()}
    open_ones = [item for item in wanted if id(item) not in final]
    for item in open_ones:
        if item.name.casefold() not in _closed(item, taken, measures):
            final[id(item)] = item.name
            taken.add(item.name.casefold())
    for item in (one for one in open_ones if id(one) not in final):
        match = matches[id(item)]
        name = free(match.name if match else item.name, _closed(item, taken, measures))
        merger.outcome.conflicts.append(f"{label(item, owner)} is called {name!r}: its name is taken")
        final[id(item)] = name
        taken.add(name.casefold())
    return final


def _closed(item: TmdlObject, taken: Iterable[str], measures: frozenset[str]) -> set[str]:
    """The names that an object can't have; measures mustn't share theirs with one of any other table."""
    return {*taken, *measures} if item.kind == "measure" else set(taken)


def _is_kept(item: TmdlObject, match: TmdlObject, merger: Merger, owner: TmdlObject | None) -> bool:
    """Whether what is there keeps its name: people gave it, or what they made refers to it."""
    if not _still_ours(match):
        return True
    if match.name == item.name or not mentioned(match.name, merger.foreign_text):
        return False
    why = "something that others made refers to it by the name it has"
    merger.outcome.conflicts.append(f"{label(match, owner)} isn't called {item.name!r}: {why}")
    return True


def _still_ours(match: TmdlObject) -> bool:
    """Whether it is ours and has the name that we gave it."""
    return is_ours(match) and (written(match) or {}).get("name", match.name) == match.name


def _stays(item: TmdlObject, matched: Iterable[int], merger: Merger) -> bool:
    """Whether what is there keeps its name: others' objects do, and ours that aren't wanted but can't go."""
    if id(item) in matched:
        return False
    return is_foreign(item) or bool(merger.why_it_stays(item))


class _Renaming:
    """The measures of a table in the names that it and its members have in the end."""

    def __init__(self, table: TmdlObject, name: str, names: Mapping[int, str]) -> None:
        finals = {(child.kind, child.name): names[id(child)] for child in table.children if id(child) in names}
        self._tables = {table.name: name}
        self._columns = {(table.name, old): new for (kind, old), new in finals.items() if kind == "column"}
        self._measures = {old: new for (kind, old), new in finals.items() if kind == "measure"}

    def __call__(self, measure: TmdlObject, held: TmdlObject | None) -> TmdlObject:
        """The measure; one of a table that stays says what people made it say, in the names that they see."""
        text = measure.properties.get(EXPRESSION)
        theirs = held is not None and rewritten(held) and held.properties.get(EXPRESSION) == text
        if measure.kind != "measure" or text is None or theirs:
            return measure
        renamed = with_names(text, self._tables, self._columns, self._measures)
        return measure if renamed == text else with_properties(measure, {EXPRESSION: renamed})


def _renamed(
    table: TmdlObject,
    match: TmdlObject | None,
    name: str,
    held: Mapping[int, TmdlObject | None],
    names: Mapping[int, str],
    in_dax: _Renaming,
) -> TmdlObject:
    """The table and its children under their final names; where people chose it, the wish stays for the comparison."""

    def child_of(child: TmdlObject) -> TmdlObject:
        there = held.get(id(child))
        final = names.get(id(child), child.name)
        said = in_dax(child, there)
        if final == child.name or (there is not None and not _still_ours(there)):
            return said
        return with_properties(replace(said, name=final), {})

    renamed = tuple(map(child_of, table.children))
    own = table.name if match is not None and not _still_ours(match) else name
    if own == table.name and all(a is b for a, b in zip(renamed, table.children, strict=True)):
        return table
    return with_properties(replace(table, name=own, children=renamed), {})
