"""What people deleted of ours stays deleted: measures, columns and relationships that we wrote and that are gone.

Tables come back: which ones a model has is the spec's to say. To know what we wrote, tables and the model carry an
annotation with the short ids of their members; without it (it can be deleted too) everything wanted is made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from unity_mirror.plan.tmdl.merging import Among, Merger, find, label
from unity_mirror.plan.tmdl.names import split_reference
from unity_mirror.plan.tmdl.tmdl import COLUMN_REFERENCES, MEMBERS, TmdlObject, member_id, members, with_members

Files = Mapping[str, Sequence[TmdlObject]]


def without_deleted(
    wanted: Files, there: Sequence[TmdlObject], merger: Merger
) -> tuple[dict[str, list[TmdlObject]], list[TmdlObject]]:
    """The wanted objects, by file, without what people deleted; and the relationships that can't be without it."""
    gone: set[tuple[str, str]] = set()

    def table(item: TmdlObject) -> TmdlObject:
        match = find(item, there)
        held = Among(match.children) if match else Among()
        lost = [child for child in item.children if match and _deleted(child, match, held)]
        _tell(lost, item, merger)
        gone.update((item.name, child.name) for child in lost)
        return replace(item, children=tuple(child for child in item.children if child not in lost)) if lost else item

    tables = {path: [table(item) if item.kind == "table" else item for item in items] for path, items in wanted.items()}
    model = next((item for item in there if item.kind == "model"), None)
    stranded = [item for items in tables.values() for item in items if _hangs_on(item, gone)]
    lost = [item for items in tables.values() for item in items if model and _deleted(item, model, there)]
    _tell((item for item in lost if item not in stranded), None, merger)
    return {
        path: [each for each in items if each not in [*stranded, *lost]] for path, items in tables.items()
    }, stranded


def _tell(lost: Iterable[TmdlObject], owner: TmdlObject | None, merger: Merger) -> None:
    merger.outcome.conflicts += [f"{label(item, owner)} was deleted in the model; it stays out" for item in lost]


def remembering(wanted: Files, unmade: Iterable[TmdlObject]) -> dict[str, list[TmdlObject]]:
    """The wanted objects, with those taken off the model's record that can't be made: nobody deleted them."""
    never = frozenset(filter(None, map(member_id, unmade)))
    return {path: [_off_record(item, never) for item in items] for path, items in wanted.items()}


def _off_record(item: TmdlObject, never: frozenset[str]) -> TmdlObject:
    if item.kind != "model" or not never & members(item):
        return item
    bare = replace(item, children=tuple(child for child in item.children if child.name != MEMBERS))
    return with_members(bare, sorted(members(item) - never))


def _deleted(item: TmdlObject, owner: TmdlObject, beside: Sequence[TmdlObject]) -> bool:
    """Whether it was a member of what is there, and isn't any more."""
    known = member_id(item)
    return known is not None and find(item, beside) is None and known in members(owner)


def _hangs_on(item: TmdlObject, gone: set[tuple[str, str]]) -> bool:
    ends = (split_reference(item.properties.get(key, "")) for key in COLUMN_REFERENCES)
    return item.kind == "relationship" and any(end in gone for end in ends)
