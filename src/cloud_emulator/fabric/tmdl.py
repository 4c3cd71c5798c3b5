"""A small reader of TMDL, the text form of tabular models.

Tabs indent, an object is ``type name``, its properties are ``key: value``, what follows ``=`` is its default property
and may go on two levels deeper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_NAME = r"(?:'(?:[^']|'')*'|[^\s'=:.]+)"
_PROPERTY = re.compile(r"(\w+)\s*:\s*(.*)")
_OBJECT = re.compile(rf"(\w+)(?:\s+({_NAME}))?\s*(?:(=)\s*(.*))?")
_REFERENCE = re.compile(rf"ref\s+(\w+)\s+({_NAME})")
_COLUMN = re.compile(rf"({_NAME})\.({_NAME})")

FENCE = "```"
NAMELESS = frozenset(
    {
        "database", "model", "source", "dataAccessOptions", "calculationGroup", "refreshPolicy", "linguisticMetadata",
        "kpi", "translations",
    }
)  # fmt: skip
"""Objects that may stand without a name (a model may have one)."""


class TmdlError(ValueError):
    """Text that is not TMDL, or not a model; ``place`` is file and line."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


@dataclass(slots=True)
class Node:
    """An object: its keyword, name and default value (after ``=``), its properties and the objects in it."""

    kind: str
    name: str
    place: str
    default: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    def of(self, kind: str) -> Iterator[Node]:
        """The child objects of one kind."""
        return (child for child in self.children if child.kind == kind)


@dataclass(frozen=True, slots=True)
class _Line:
    depth: int
    text: str
    place: str
    before_blank: bool


def read(text: str, path: str) -> list[Node]:
    """The objects of one file. Raises :class:`TmdlError`."""
    return _Reader(text, path).read()


def unquote(name: str) -> str:
    """A name without its quotes."""
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def column_reference(value: str, place: str) -> tuple[str, str]:
    """Table and column of a reference such as ``sales.'Order Date'``. Raises :class:`TmdlError`."""
    match = _COLUMN.fullmatch(value)
    if match is None:
        raise TmdlError(place, f"{value!r} does not refer to a column (table.column)")
    return unquote(match[1]), unquote(match[2])


class _Reader:
    def __init__(self, text: str, path: str) -> None:
        self._lines = list(_split(text, path))
        self._next = 0

    def read(self) -> list[Node]:
        root = Node("", "", "")
        self._read_children(root, 0)
        if root.properties:
            raise TmdlError(self._lines[0].place, f"the property {min(root.properties)!r} belongs to no object")
        return root.children

    def _read_children(self, parent: Node, depth: int) -> None:
        while self._next < len(self._lines):
            line = self._lines[self._next]
            if line.depth < depth:
                return
            if line.depth > depth:
                raise TmdlError(line.place, "unexpected indentation")
            self._next += 1
            self._read_line(parent, line)

    def _read_line(self, parent: Node, line: _Line) -> None:
        if line.text.startswith(" "):
            raise TmdlError(line.place, "indent with tabs, not with blanks")
        if line.text.startswith("///"):
            if line.before_blank:
                raise TmdlError(line.place, "a description stands right above what it describes")
            return
        if (reference := _REFERENCE.fullmatch(line.text)) is not None:
            parent.children.append(Node("ref", unquote(reference[2]), line.place, reference[1]))
        elif (found := _PROPERTY.fullmatch(line.text)) is not None:
            self._set(parent, found[1], unquote_text(found[2]), line)
        elif (found := _OBJECT.fullmatch(line.text)) is not None:
            self._read_object(parent, line, found)
        else:
            raise TmdlError(line.place, f"{line.text!r} is neither an object nor a property")

    def _read_object(self, parent: Node, line: _Line, found: re.Match[str]) -> None:
        if found[2] is None and found[3] is None and found[1] not in NAMELESS:
            self._set(parent, found[1], "true", line)
            return
        node = Node(found[1], unquote(found[2] or ""), line.place)
        if found[3] is not None:
            node.default = self._expression(line, found[4])
        parent.children.append(node)
        self._read_children(node, line.depth + 1)

    def _set(self, parent: Node, key: str, value: str, line: _Line) -> None:
        if key in parent.properties:
            raise TmdlError(line.place, f"the property {key!r} stands there twice")
        if any(child.name for child in parent.children):
            raise TmdlError(line.place, f"the property {key!r} stands behind an object")
        if not value:
            raise TmdlError(line.place, f"the property {key!r} has no value")
        parent.properties[key] = value

    def _expression(self, line: _Line, first: str) -> str:
        """What follows ``=``: the rest of the line, or the lines that are two levels deeper or stand between fences."""
        if first and first != FENCE:
            return first
        lines: list[str] = []
        least = line.depth + 2 if first else 0
        while self._next < len(self._lines) and self._lines[self._next].depth > line.depth + 1:
            found = self._lines[self._next]
            least = least or found.depth
            if found.depth < least:
                raise TmdlError(found.place, "unexpected indentation")
            lines.append(found.text)
            self._next += 1
        lines = [each for each in lines if each != FENCE]
        if not lines:
            raise TmdlError(line.place, "an expression is expected after '='")
        return "\n".join(lines)


def unquote_text(value: str) -> str:
    """A property's value without the double quotes that it may stand in."""
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        return value[1:-1].replace('""', '"')
    return value


def _split(text: str, path: str) -> Iterator[_Line]:
    lines = text.removeprefix("\ufeff").splitlines()
    for number, raw in enumerate(lines, 1):
        content = raw.lstrip("\t")
        if not content.strip():
            continue
        before_blank = number == len(lines) or not lines[number].strip()
        yield _Line(len(raw) - len(content), content.rstrip(), f"{path}:{number}", before_blank)


def check_vocabulary(node: Node, known: Mapping[str, tuple[frozenset[str], frozenset[str]]]) -> None:
    """Refuses properties and objects that a kind of object doesn't have.

    ``known`` gives, by kind, its properties and the kinds of its children; a kind that it lacks is not looked into.
    Raises :class:`TmdlError`.
    """
    if node.kind not in known:
        return
    properties, children = known[node.kind]
    for key in node.properties:
        if key not in properties:
            raise TmdlError(node.place, f"unsupported property: {key!r} is not a property of a {node.kind}")
    for child in node.children:
        if child.kind not in children:
            raise TmdlError(child.place, f"unsupported object: a {node.kind} holds no {child.kind!r}")
        check_vocabulary(child, known)
