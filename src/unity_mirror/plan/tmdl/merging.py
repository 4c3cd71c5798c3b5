"""Three-way merge of one object: what we wrote last (the annotation), what is there, what we want.

Whoever alone changed a value wins. When both did, ours stays where the model would break without it (types, sources,
ends of a relationship) and theirs where it is a matter of taste; either way it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from unity_mirror.plan.tmdl.tmdl import (
    EXPRESSION,
    OURS,
    WRITTEN,
    TmdlObject,
    also_recording,
    digest,
    is_mark,
    marked,
    member_id,
    members,
    recorded,
    written,
)

_TASTE = frozenset({"name", "description", "formatString", "summarizeBy", "isHidden", "isActive", "culture"})
_FOR_GOOD = frozenset({"collation"})
"""What a model is made with; the service doesn't let it be changed."""
_OUR_STRUCTURE = frozenset({"partition", "source"})
"""Objects without an annotation of their own that belong to ours."""


@dataclass
class Outcome:
    """What merging found, in people's words."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def is_ours(item: TmdlObject) -> bool:
    """Whether we made the object: it has our annotation, or it is a part of ours that can't have one."""
    if item.kind == "annotation":
        return item.name.startswith(OURS)
    return item.kind in _OUR_STRUCTURE or written(item) is not None


def label(item: TmdlObject, owner: TmdlObject | None = None) -> str:
    """How people know the object."""
    if item.kind == "relationship":
        return f"relationship {item.properties.get('fromColumn', '?')} -> {item.properties.get('toColumn', '?')}"
    inside = f" of {owner.kind} {owner.name}" if owner is not None and owner.kind != "model" else ""
    return f"{item.kind} {item.name}".rstrip() + inside


class Among(tuple[TmdlObject, ...]):
    """Objects, of which ``find`` finds one without looking at all: worth it where several are looked for."""

    @cached_property
    def by_tag(self) -> Mapping[tuple[str, str], TmdlObject]:
        """By kind and lineage tag."""
        tagged = ((item.kind, item.properties.get("lineageTag"), item) for item in reversed(self))
        return {(kind, tag): item for kind, tag, item in tagged if tag is not None}

    @cached_property
    def by_key(self) -> Mapping[tuple[str, str], Sequence[TmdlObject]]:
        """By kind and name."""
        found: dict[tuple[str, str], list[TmdlObject]] = {}
        for item in self:
            found.setdefault(item.key, []).append(item)
        return found


def find(wanted: TmdlObject, among: Iterable[TmdlObject]) -> TmdlObject | None:
    """The object that is the wanted one: by lineage tag (it survives renaming), else by name."""
    objects = among if isinstance(among, Among) else Among(among)
    tag = wanted.properties.get("lineageTag")
    if tag is not None and (tagged := objects.by_tag.get((wanted.kind, tag))) is not None:
        return tagged
    named = next((item for item in objects.by_key.get(wanted.key, ()) if not _is_another(item, tag)), None)
    if named is None and wanted.kind in _OUR_STRUCTURE:
        same_kind = [item for item in objects if item.kind == wanted.kind]
        return same_kind[0] if len(same_kind) == 1 else None
    return named


def _is_another(item: TmdlObject, tag: str | None) -> bool:
    """Whether an object of ours only has the name that is wanted: its tag says that it is made from something else."""
    held = item.properties.get("lineageTag")
    return tag is not None and held is not None and held != tag and written(item) is not None


def with_properties(item: TmdlObject, properties: Mapping[str, str]) -> TmdlObject:
    """A wanted object with other values, and the annotation to match."""
    bare = tuple(child for child in item.children if child.name != WRITTEN)
    return marked(replace(item, properties={**item.properties, **properties}, children=bare))


@dataclass(frozen=True)
class Merger:
    """Merges objects; ``foreign_text`` is all that others wrote, so that nothing they refer to is removed."""

    foreign_text: str
    outcome: Outcome = field(default_factory=Outcome)

    def merge(self, wanted: TmdlObject, there: TmdlObject, owner: TmdlObject | None = None) -> TmdlObject:
        """The object as it should be. When nothing changes it is ``there`` itself."""
        subject = label(there, owner)
        base = written(there)
        if base is None:
            base = {key: value for key, value in recorded(there).items() if key in {"name", *wanted.properties}}
        ours, theirs = {"name": wanted.name, **wanted.properties}, {"name": there.name, **there.properties}
        values: dict[str, str] = {}
        for key in dict.fromkeys([*theirs, *ours]):
            value = self._value(f"{subject}: {key}", key, (base.get(key), ours.get(key), theirs.get(key)))
            if value is not None:
                values[key] = value
        name = values.pop("name", there.name)
        merged = TmdlObject(there.kind, name, values, tuple(self._children(wanted, there)))
        if _same(merged, there):
            return there
        if recorded(merged) != recorded(there):
            self.outcome.changed.append(label(merged, owner))
        return merged

    def _value(self, subject: str, key: str, values: tuple[str | None, str | None, str | None]) -> str | None:
        """One property's value; the first of the three is what we wrote last, as the annotation keeps it."""
        base, ours, theirs = values
        ours_now = None if ours is None else digest(key, ours)
        theirs_now = None if theirs is None else digest(key, theirs)
        if theirs_now == ours_now or key in _FOR_GOOD:
            return theirs
        if ours_now == base:
            if base is not None:
                self.outcome.edited.append(subject)
            return theirs
        if theirs_now == base:
            return ours
        kept, value = ("theirs", theirs) if key in _TASTE else ("ours", ours)
        self.outcome.conflicts.append(f"{subject} was changed in the model and by its source; {kept} stays")
        return value

    def _children(self, wanted: TmdlObject, there: TmdlObject) -> list[TmdlObject]:
        among = Among(there.children)
        found = [(child, find(child, among)) for child in wanted.children]
        wanted_of = {id(match): child for child, match in found if match is not None}
        kept = [one for child in there.children for one in self._child(child, wanted_of.get(id(child)), there)]
        new = [child for child, match in found if match is None]
        self.outcome.added += [label(child, there) for child in new if not is_mark(child)]
        recorded_before = members(there)
        staying = [known for each in kept if (known := member_id(each)) in recorded_before]
        return [*(also_recording(each, staying) for each in kept), *new]

    def _child(self, child: TmdlObject, wanted: TmdlObject | None, owner: TmdlObject) -> Sequence[TmdlObject]:
        if is_mark(child):
            return [wanted or child]
        if not is_ours(child):
            if wanted is not None:
                self.outcome.conflicts.append(f"{label(child, owner)} is there and isn't ours; it stays as it is")
            return [child]
        if wanted is not None:
            return [self.merge(wanted, child, owner)]
        return [] if self.may_remove(child, owner) else [child]

    def may_remove(self, item: TmdlObject, owner: TmdlObject | None = None) -> bool:
        """Whether an object of ours that is no longer wanted can go; it can't while what others made needs it."""
        why = self.why_it_stays(item)
        if why:
            self.outcome.conflicts.append(f"{label(item, owner)} is no longer wanted, but stays: {why}")
        else:
            self.outcome.removed.append(label(item, owner))
        return not why

    def why_it_stays(self, item: TmdlObject) -> str:
        """Why an object of ours can't go; empty when it can."""
        if rewritten(item):
            return "others changed what it says"
        holds = [label(child) for child in item.children if is_foreign(child)]
        if holds:
            return f"it holds {', '.join(holds)}"
        return "something that others made refers to it" if mentioned(item.name, self.foreign_text) else ""


def rewritten(item: TmdlObject) -> bool:
    """Whether it is a measure of ours to which others gave another expression: that is their work now."""
    base, now = written(item), item.properties.get(EXPRESSION)
    if item.kind != "measure" or not base or now is None:
        return False
    return digest(EXPRESSION, now) != base.get(EXPRESSION)


def is_foreign(item: TmdlObject) -> bool:
    """Whether others made the object; their annotations and settings on objects of ours don't count."""
    return item.kind not in ("annotation", "extendedProperty", "changedProperty") and not is_ours(item)


def mentioned(name: str, text: str) -> bool:
    """Whether a text holds a name as a whole word, as TMDL or DAX writes it: within quotes, brackets or neither."""
    spellings = {name, name.replace("'", "''"), name.replace("]", "]]")}
    return any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text, re.IGNORECASE) for each in spellings)


def _same(left: TmdlObject, right: TmdlObject) -> bool:
    """Whether two objects are equal, but for how they are written and for our record of their properties."""
    if left is right or left.name == WRITTEN:
        return left is right or right.name == WRITTEN
    if left.kind != right.kind or recorded(left) != recorded(right) or len(left.children) != len(right.children):
        return False
    return all(_same(one, other) for one, other in zip(left.children, right.children, strict=True))
