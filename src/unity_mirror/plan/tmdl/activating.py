"""Relationships as ways along which filters flow, and which of ours are active beside those that people made.

Fabric refuses a model in which two active ways lead from one table to another. So people's relationships come first,
and ours as they set them; then those that are active there; another that would open a second way is made inactive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from unity_mirror.plan.tmdl.filter_paths import FilterPaths
from unity_mirror.plan.tmdl.merging import Merger, find, is_foreign, label, with_properties
from unity_mirror.plan.tmdl.names import split_reference
from unity_mirror.plan.tmdl.tmdl import COLUMN_REFERENCES, TmdlObject, digest, written

Files = Mapping[str, Sequence[TmdlObject]]
_ACTIVE, _DIRECTION = "isActive", "crossFilteringBehavior"


def tables_of(relationship: TmdlObject) -> tuple[str, ...]:
    """The tables at its ends, the many side first."""
    return tuple(split_reference(relationship.properties.get(key, ""))[0] for key in COLUMN_REFERENCES)


def is_active(relationship: TmdlObject) -> bool:
    """Whether filters flow along it."""
    return relationship.properties.get(_ACTIVE, "true") != "false"


def inactive(relationship: TmdlObject) -> TmdlObject:
    """The relationship, of which filters make no use."""
    return with_properties(relationship, {_ACTIVE: "false"})


def add_way(paths: FilterPaths, relationship: TmdlObject) -> str:
    """Let filters flow along it as well. Returns why that can't be; empty when it can."""
    many, one = tables_of(relationship)
    return paths.add(one, many, both_ways=relationship.properties.get(_DIRECTION) == "bothDirections")


def beside_theirs(wanted: Files, there: Sequence[TmdlObject], merger: Merger) -> dict[str, list[TmdlObject]]:
    """The wanted objects, by file, with those relationships inactive that would open a second way beside people's."""
    theirs = [each for each in there if each.kind == "relationship" and is_foreign(each) and is_active(each)]
    ours = [(each, find(each, there)) for items in wanted.values() for each in items if each.kind == "relationship"]
    set_by_people = [(each, match) for each, match in ours if match is not None and _was_set(match)]
    if not theirs and not set_by_people:
        return {path: list(items) for path, items in wanted.items()}
    paths = FilterPaths()
    fixed = [*theirs, *(_as_set(each, match) for each, match in set_by_people)]
    for each in filter(is_active, fixed):
        add_way(paths, each)
    done = {id(each) for each, _ in set_by_people}
    free = [(each, match) for each, match in ours if id(each) not in done]
    free.sort(key=lambda two: two[1] is None or not is_active(two[1]))
    second = dict(_second_ways(paths, (each for each, _ in free)))
    merger.outcome.conflicts += [f"{label(each)} isn't active: {why}" for each, why in second.values()]
    return {path: [inactive(each) if id(each) in second else each for each in items] for path, items in wanted.items()}


def _second_ways(
    paths: FilterPaths, relationships: Iterable[TmdlObject]
) -> Iterator[tuple[int, tuple[TmdlObject, str]]]:
    """The active ones that there is no room for, by identity, with the reason."""
    for each in filter(is_active, relationships):
        fault = add_way(paths, each)
        if fault:
            yield id(each), (each, fault)


def _was_set(match: TmdlObject) -> bool:
    return any(_changed(match, key) for key in (_ACTIVE, _DIRECTION))


def _as_set(wanted: TmdlObject, match: TmdlObject) -> TmdlObject:
    """The relationship with what people set on it."""
    values = {key: match.properties.get(key, "") for key in (_ACTIVE, _DIRECTION) if _changed(match, key)}
    return with_properties(wanted, values)


def _changed(match: TmdlObject, key: str) -> bool:
    """Whether people changed a property of one of ours."""
    base, now = written(match), match.properties.get(key)
    return base is not None and (None if now is None else digest(key, now)) != base.get(key)
