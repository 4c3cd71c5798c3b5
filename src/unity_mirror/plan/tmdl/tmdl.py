"""TMDL as a tree of objects, and its text: tabs indent, ``///`` describes, flags that are set stand alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from unity_mirror.plan.tmdl.names import column_reference, printable, quote, split_reference

WRITTEN = "UnityMirror_Written"
"""Annotation on each object of ours: the values we wrote last, as JSON. What differs was changed by someone else."""
OURS = "UnityMirror_"
"""How the names of all annotations begin that we write."""
MEMBERS = "UnityMirror_Members"
"""Annotation on tables and the model: the short ids of the members that we wrote. Of these, what is gone was deleted
by someone else."""
CONNECTION = "UnityMirror_Connection"
"""Annotation on the shared expression: the connection to which we bound the model; nothing else tells it."""
DESCRIPTION = "description"
EXPRESSION = "="
COLUMN_REFERENCES = ("fromColumn", "toColumn")
_FLAGS = frozenset({"isHidden", "isKey", "isActive"})
_WRITTEN_KEY, _MEMBERS_KEY = (("annotation", name.casefold()) for name in (WRITTEN, MEMBERS))
_LONGEST_VALUE = 64
_ID_LENGTH = 8
_MEMBERS_OF_TABLES = frozenset({"column", "measure"})


@dataclass(frozen=True)
class TmdlObject:
    """An object (table, column, relationship, ...). ``properties`` maps names to text as TMDL writes it.

    Two of them are written otherwise: ``description`` (the lines above it) and ``=`` (the expression after its name).
    ``raw`` holds the lines that it was read from; while it is there, they are written again as they were.
    """

    kind: str
    name: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    children: tuple[TmdlObject, ...] = ()
    raw: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from its siblings; names don't differ by case alone."""
        return self.kind, self.name.casefold()


def canonical(key: str, value: str) -> str:
    """A property's value without the freedom that TMDL leaves in writing it: quotes, and blanks in expressions."""
    if key in COLUMN_REFERENCES:
        return column_reference(*split_reference(value))
    if key in (DESCRIPTION, EXPRESSION):
        return " ".join(value.split())
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('""', '"')
    return value


def digest(key: str, value: str) -> str:
    """A value as the annotation keeps it: itself when short, else its hash."""
    plain = canonical(key, value)
    return plain if len(plain) <= _LONGEST_VALUE else f"sha256:{sha256(plain.encode()).hexdigest()[:24]}"


def marked(item: TmdlObject) -> TmdlObject:
    """The object with our annotation on it, which records its properties and its name; a table's records its members
    too."""
    text = json.dumps(recorded(item), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    annotation = TmdlObject("annotation", WRITTEN, {EXPRESSION: text})
    whole = TmdlObject(item.kind, item.name, item.properties, (*item.children, annotation))
    if item.kind != "table" or any(child.key == _MEMBERS_KEY for child in item.children):
        return whole
    return with_members(whole, filter(None, map(member_id, item.children)))


def with_members(item: TmdlObject, ids: Iterable[str]) -> TmdlObject:
    """The object with a record of the members that we write into it."""
    text = json.dumps(list(ids), separators=(",", ":"))
    return replace(item, children=(*item.children, TmdlObject("annotation", MEMBERS, {EXPRESSION: text})))


def also_recording(item: TmdlObject, ids: Sequence[str]) -> TmdlObject:
    """The record of members with further ones; any other object as it is."""
    if item.key != _MEMBERS_KEY or not ids:
        return item
    own = _listed(item)
    text = json.dumps([*own, *(each for each in ids if each not in own)], separators=(",", ":"))
    return TmdlObject("annotation", MEMBERS, {EXPRESSION: text})


def member_id(item: TmdlObject) -> str | None:
    """The short id of a column, measure or relationship: by what names it for good, not by what it is called."""
    if item.kind == "relationship":
        return item.name[:_ID_LENGTH]
    tag = item.properties.get("lineageTag")
    return tag[:_ID_LENGTH] if tag and item.kind in _MEMBERS_OF_TABLES else None


def members(item: TmdlObject) -> frozenset[str]:
    """The short ids of the members that we wrote into an object, by our annotation."""
    return frozenset(each for child in item.children if child.key == _MEMBERS_KEY for each in _listed(child))


def _listed(record: TmdlObject) -> list[str]:
    try:
        held = json.loads(record.properties.get(EXPRESSION, ""))
    except ValueError:
        return []
    return list(map(str, held)) if isinstance(held, list) else []


def without_strangers(table: TmdlObject) -> TmdlObject:
    """A table in which nothing passes for ours that people put there: a measure of ours from another table, or a copy.
    Those carry our annotation, but they aren't among the members that we recorded.
    """
    known = members(table)
    if table.kind != "table" or not known:
        return table
    children = tuple(_theirs(each) if _strange(each, known) else each for each in table.children)
    return table if children == table.children else replace(table, children=children)


def _strange(item: TmdlObject, known: frozenset[str]) -> bool:
    return item.kind in _MEMBERS_OF_TABLES and member_id(item) not in known and written(item) is not None


def _theirs(item: TmdlObject) -> TmdlObject:
    """The object without our annotation, still written as it was."""
    return replace(item, children=tuple(each for each in item.children if not is_mark(each)))


def is_mark(item: TmdlObject) -> bool:
    """Whether it is one of the annotations in which we record what we wrote."""
    return item.key in (_WRITTEN_KEY, _MEMBERS_KEY)


def recorded(item: TmdlObject) -> dict[str, str]:
    """What the annotation of an object that we write says: each property's value, and the name."""
    return {"name": item.name, **{key: digest(key, value) for key, value in item.properties.items()}}


def written(item: TmdlObject) -> dict[str, str] | None:
    """What our annotation says that we wrote; None when the object isn't ours."""
    text = next((one.properties.get(EXPRESSION, "") for one in item.children if one.key == _WRITTEN_KEY), None)
    if text is None:
        return None
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {}


def text_value(value: str) -> str:
    """A text as the value of a property: in double quotes where it would be read otherwise."""
    if value != value.strip() or value.startswith(('"', "'", "`")) or not value:
        return '"' + value.replace('"', '""') + '"'
    return value


def render(item: TmdlObject, depth: int = 0) -> str:
    """The object's text, ending in a line break."""
    return "\n".join(_lines(item, depth)) + "\n"


def _lines(item: TmdlObject, depth: int) -> Iterator[str]:
    if item.raw:
        yield from item.raw
        return
    indent = "\t" * depth
    if DESCRIPTION in item.properties:
        yield from (f"{indent}/// {line}".rstrip() for line in item.properties[DESCRIPTION].split("\n"))
    yield from _header(item, depth)
    for key, value in item.properties.items():
        if key not in (DESCRIPTION, EXPRESSION):
            yield f"{indent}\t{key}" if key in _FLAGS and value == "true" else f"{indent}\t{key}: {value}"
    for child in item.children:
        if child.kind != "source":
            yield ""
        yield from _lines(child, depth if item.kind == "model" else depth + 1)


def _header(item: TmdlObject, depth: int) -> Iterator[str]:
    indent = "\t" * depth
    header = f"{indent}{item.kind} {quote(item.name)}" if item.name else f"{indent}{item.kind}"
    expression = item.properties.get(EXPRESSION)
    if expression is None:
        yield header
    elif "\n" not in expression:
        yield f"{header} = {expression}"
    else:
        yield f"{header} ="
        yield from (f"{indent}\t\t{line}" for line in expression.split("\n"))


def description(comment: str | None) -> dict[str, str]:
    """A comment as a description, one line of it to a line; nothing when there is none."""
    text = "\n".join(printable(line).rstrip() for line in (comment or "").splitlines()).strip()
    return {DESCRIPTION: text} if text else {}
