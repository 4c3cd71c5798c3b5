"""What would change in a semantic model, and its definition with the change made and all that others made kept."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from unity_mirror.plan.tmdl.activating import beside_theirs
from unity_mirror.plan.tmdl.deleting import remembering, without_deleted
from unity_mirror.plan.tmdl.fitting import Names, fitted
from unity_mirror.plan.tmdl.merging import Among, Merger, Outcome, find, is_foreign, is_ours, label, rewritten
from unity_mirror.plan.tmdl.names import split_reference
from unity_mirror.plan.tmdl.parsing import parse_part
from unity_mirror.plan.tmdl.tmdl import (
    COLUMN_REFERENCES,
    DESCRIPTION,
    EXPRESSION,
    OURS,
    TmdlObject,
    canonical,
    recorded,
    render,
    without_strangers,
    written,
)

MODEL = "definition/model.tmdl"
_SINGLE = ("model", "database")
_REFERENCE = "ref table"
Files = dict[str, list[TmdlObject]]


@dataclass(frozen=True)
class ModelDiff:
    """The difference between the definition wanted and the one there.

    ``edited``: what others changed on objects of ours; it stays. ``foreign``: objects that others made; they stay.
    ``conflicts``: what couldn't be done as wanted. ``parts``: the whole definition to send; as it is, if equal.
    """

    parts: Mapping[str, str]
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether there is nothing to send."""
        return not (self.added or self.changed or self.removed)

    def __str__(self) -> str:
        groups = {"add": self.added, "change": self.changed, "remove": self.removed}
        lines = [f"{verb} {subject}" for verb, subjects in groups.items() for subject in subjects]
        return "\n".join(lines) or "no difference"


@dataclass
class _Definition:
    files: Files
    others: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, parts: Mapping[str, str]) -> _Definition:
        tmdl = {path: text for path, text in parts.items() if path.lower().endswith(".tmdl")}
        others = {path: text for path, text in parts.items() if path not in tmdl}
        files = {path: list(map(without_strangers, parse_part(text, path))) for path, text in sorted(tmdl.items())}
        return cls(files, others)

    def objects(self) -> Iterator[TmdlObject]:
        for items in self.files.values():
            yield from (item for item in items if item.kind != _REFERENCE)


def compare(wanted: Mapping[str, str], there: Mapping[str, str]) -> ModelDiff:
    """Compare definitions (path to text of each part). Raises UnityMirrorError when a part there can't be read.

    Objects are matched by lineage tag, else by name, whichever file they stand in: the service has files its own way.
    """
    want, have = _Definition.parse(wanted), _Definition.parse(there)
    merger = Merger("\n".join(_foreign_text(have.objects())))
    there_now = Among(have.objects())
    wanted_still, stranded = without_deleted(want.files, there_now, merger)
    files, names = fitted(wanted_still, there_now, merger)
    files = _possible(files, there_now, merger, names, stranded)
    files = _merged_files(replace(want, files=files), have, merger)
    outcome = merger.outcome
    texts = {path: _text(path, items, have, there) for path, items in files.items() if items}
    parts = {**want.others, **have.others, **texts}
    if not (outcome.added or outcome.changed or outcome.removed):
        parts = dict(there)
    return _diff(parts, outcome, _foreign(have.objects()))


def _diff(parts: Mapping[str, str], outcome: Outcome, foreign: Iterable[str]) -> ModelDiff:
    return ModelDiff(
        parts=parts,
        added=tuple(outcome.added),
        changed=tuple(outcome.changed),
        removed=tuple(outcome.removed),
        edited=tuple(outcome.edited),
        foreign=tuple(foreign),
        conflicts=tuple(outcome.conflicts),
    )


def _possible(
    files: Files, there: Sequence[TmdlObject], merger: Merger, names: Names, stranded: Iterable[TmdlObject]
) -> Files:
    """The wanted objects without relationships that can't be made, those called as their ends are called in the end."""
    translated = {
        path: [names.translate(item) if item.kind == "relationship" else item for item in items]
        for path, items in files.items()
    }
    new = (item for items in translated.values() for item in items if find(item, there) is None)
    unmade = {id(item): item for item in new if not _may_add(item, there, names, merger)}
    kept = {path: [item for item in items if id(item) not in unmade] for path, items in translated.items()}
    return remembering(beside_theirs(kept, there, merger), [*unmade.values(), *stranded])


def _merged_files(want: _Definition, have: _Definition, merger: Merger) -> Files:
    there = Among(have.objects())
    merged: dict[int, TmdlObject] = {}
    added: Files = {}
    for path, items in want.files.items():
        for wanted in items:
            match = find(wanted, there)
            if match is not None:
                merged[id(match)] = _merge_root(wanted, match, merger)
            elif wanted.kind != _REFERENCE:
                added.setdefault(path, []).append(wanted)
                merger.outcome.added.append(label(wanted))
    gone = _gone([item for item in there if id(item) not in merged], there, merged, merger)
    files = {
        path: [merged.get(id(item), item) for item in items if id(item) not in gone]
        for path, items in have.files.items()
    }
    for path, items in added.items():
        files[_free_path(path, items, files)] = [*files.get(_free_path(path, items, files), []), *items]
    return _with_references(files, have)


def _merge_root(wanted: TmdlObject, there: TmdlObject, merger: Merger) -> TmdlObject:
    if is_ours(there) or there.kind in _SINGLE:
        return merger.merge(wanted, there)
    merger.outcome.conflicts.append(f"{label(there)} is there and isn't ours; it stays as it is")
    return there


def _may_add(wanted: TmdlObject, there: Iterable[TmdlObject], names: Names, merger: Merger) -> bool:
    """Whether a new object fits: a relationship mustn't repeat one that others made, nor hang on a table of theirs."""
    if wanted.kind != "relationship":
        return True
    ends = _ends(wanted)
    if any(_ends(item) == ends for item in there if item.kind == "relationship" and is_foreign(item)):
        return False
    theirs = {item.name for item in there if item.kind == "table" and is_foreign(item)} & set(names.tables.values())
    blocked = sorted(theirs & {table for table, _ in (split_reference(end) for end in ends)})
    if blocked:
        merger.outcome.conflicts.append(f"{label(wanted)} isn't made: the table {blocked[0]} isn't ours")
    return not blocked


def _ends(relationship: TmdlObject) -> frozenset[str]:
    return frozenset(canonical(key, relationship.properties.get(key, "")).casefold() for key in COLUMN_REFERENCES)


def _gone(
    unwanted: Iterable[TmdlObject], there: Iterable[TmdlObject], merged: Mapping[int, TmdlObject], merger: Merger
) -> set[int]:
    """What of ours is no longer wanted and can go, by identity: relationships last, for they hang on what stays."""
    candidates = [item for item in unwanted if item.kind not in _SINGLE and is_ours(item)]
    relationships = [item for item in candidates if item.kind == "relationship"]
    gone = {id(item) for item in candidates if item.kind != "relationship" and merger.may_remove(item)}
    staying = {item.name for item in candidates if item.kind == "table" and id(item) not in gone}
    columns = {
        (table.name, column.name)
        for table in (merged.get(id(item), item) for item in there if item.kind == "table" and id(item) not in gone)
        for column in table.children
        if column.kind == "column"
    }
    return gone | {id(item) for item in relationships if _relationship_goes(item, staying, columns, merger)}


def _relationship_goes(
    item: TmdlObject, staying: Container[str], columns: Container[tuple[str, str]], merger: Merger
) -> bool:
    """It stays where others changed it, or where a table stays on which they built, as long as its ends are there."""
    ends = [split_reference(item.properties.get(key, "")) for key in COLUMN_REFERENCES]
    why = ""
    if any(table in staying for table, _ in ends):
        why = "so does its table"
    elif (base := written(item)) and recorded(item) != base:
        why = "others changed it"
    if why and all(end in columns for end in ends):
        merger.outcome.conflicts.append(f"{label(item)} is no longer wanted, but stays: {why}")
        return False
    merger.outcome.removed.append(label(item))
    return True


def _free_path(path: str, items: Iterable[TmdlObject], files: Mapping[str, object]) -> str:
    """Where new objects go: each table has a file of its own, the other kinds share theirs."""
    if all(item.kind != "table" for item in items):
        return path
    stem, number = path.removesuffix(".tmdl"), 1
    taken = {one.casefold() for one in files}
    while path.casefold() in taken:
        number += 1
        path = f"{stem}-{number}.tmdl"
    return path


def _with_references(files: Files, have: _Definition) -> Files:
    """Let the model's file refer to the tables that there are: those in their order, new ones at the end."""
    tables = [item.name for items in files.values() for item in items if item.kind == "table"]
    before = [item.name for items in have.files.values() for item in items if item.kind == "table"]
    path = next((path for path, items in files.items() if any(item.kind == "model" for item in items)), None)
    if path is None or tables == before:
        return files
    listed = [item for item in files[path] if item.kind == _REFERENCE and item.name in tables]
    new = [TmdlObject(_REFERENCE, name) for name in tables if name not in {item.name for item in listed}]
    rest = [item for item in files[path] if item.kind != _REFERENCE]
    return {**files, path: [*rest, *listed, *new]}


def _text(path: str, items: list[TmdlObject], have: _Definition, there: Mapping[str, str]) -> str:
    before = have.files.get(path)
    if before is not None and len(before) == len(items) and all(a is b for a, b in zip(items, before, strict=True)):
        return there[path]
    return "\n".join(render(replace(item, raw=item.raw)) for item in items)


def _foreign(items: Iterable[TmdlObject]) -> Iterator[str]:
    for item in items:
        if item.kind in _SINGLE or is_ours(item):
            yield from (label(child, item) for child in item.children if is_foreign(child))
        else:
            yield label(item)


def _foreign_text(items: Iterable[TmdlObject]) -> Iterator[str]:
    """The text of all that others wrote, also in what they added to objects of ours."""
    for item in items:
        base = written(item)
        if base is None and item.kind not in _SINGLE:
            yield "\n".join(line for line in item.raw if OURS not in line) or " ".join(item.properties.values())
            continue
        own = {*(base or {}), DESCRIPTION, EXPRESSION}
        yield from (value for key, value in item.properties.items() if key not in own)
        if rewritten(item):
            yield item.properties[EXPRESSION]
        yield from _foreign_text(child for child in item.children if child.kind not in ("partition", "annotation"))
