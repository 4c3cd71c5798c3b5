"""A picture of a semantic model as SVG: tables with their keys, relationships with cardinality.

Facts stand at the left, what they refer to further right, layer by layer; tables without relationships below. Each
foreign key also names the table that it refers to, so that crossing lines don't have to be followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from unity_mirror.plan.diagram_layout import Box, arrange
from unity_mirror.plan.tmdl.model import Cardinality, ModelColumn, ModelDefinition, ModelRelationship, ModelTable

ROW, HEADER, PADDING = 20, 44, 10
_CHAR = 7.4
"""Width of an average character at 13 px; wide scripts count twice. ``_SCALE`` is for the other sizes."""
_SCALE = {"s": 0.84, "t": 1.2}
_LEAST, _MOST = 150, 330
_TITLE = 46
_SIGNS: Mapping[Cardinality, tuple[str, str]] = {
    "many_to_one": ("*", "1"),
    "one_to_one": ("1", "1"),
    "many_to_many": ("*", "*"),
}
_STYLE = """
.model text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1b1f24}
.model .title{font-size:18px;font-weight:600}.model .t{font-weight:600;font-size:14px}
.model .s{fill:#656d76;font-size:11px}.model .k{fill:#656d76;font-size:10px;font-weight:600}
.model .n{font-weight:700;font-size:15px;fill:#0b57a4;paint-order:stroke;stroke:#fff;stroke-width:4px}
.model .i .n{fill:#7a828c}.model .b{fill:#fff;stroke:#8a939e}.model .h{fill:#e8f0fa}.model .d .h{fill:#e6f4ea}
.model .e{fill:none;stroke:#0b57a4;stroke-width:1.5;opacity:.75}
.model .r:hover .e{stroke-width:3.5;opacity:1}
.model .i .e{stroke:#9aa4ae;stroke-dasharray:6 4}.model .a{fill:#0b57a4}.model .i .a{fill:#9aa4ae}
"""
"""Selectors begin with ``.model``: in a page of HTML they would hold for all of it."""


@dataclass(frozen=True)
class _Row:
    """A key of a table: its kind (PK, FK, or DT: the dates that mark a date table), its name, and what it refers to."""

    kind: str
    column: str
    text: str


def diagram(definition: ModelDefinition, title: str) -> str:
    """The SVG document."""
    rows = {table.name: _rows(table, definition.relationships) for table in definition.tables}
    sizes = {table.name: _size(table, rows[table.name]) for table in definition.tables}
    links = [(one.from_table, one.to_table) for one in definition.relationships]
    placed = arrange(sizes, links, top=_TITLE)
    width = max([box.right for box in placed.values()], default=0) + 24
    height = max([box.bottom for box in placed.values()], default=_TITLE) + 24
    lines = [_line(one, placed, rows) for one in definition.relationships]
    boxes = [_box(table, placed[table.name], rows[table.name]) for table in definition.tables]
    area = f'width="{width:.0f}" height="{height:.0f}"'
    kind = 'class="model" role="img" xmlns="http://www.w3.org/2000/svg"'
    return "\n".join(
        [
            f'<svg {kind} {area} viewBox="0 0 {width:.0f} {height:.0f}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{len(boxes)} tables and {len(lines)} relationships</desc>",
            f"<style>{_STYLE}</style>",
            f'<rect {area} fill="#fff"/>',
            f'<text class="title" x="24" y="30">{escape(title)}</text>',
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _rows(table: ModelTable, relationships: Iterable[ModelRelationship]) -> tuple[_Row, ...]:
    """Keys only: what identifies a row, and what relationships use."""
    refers: dict[str, list[str]] = {}
    used: set[str] = set()
    for one in relationships:
        if one.from_table == table.name:
            refers.setdefault(one.from_column, []).append(one.to_table)
        if one.to_table == table.name:
            used.add(one.to_column)
    return tuple(
        _row(column, refers.get(column.name, ()), is_date=column.name == table.date_column)
        for column in table.columns
        if column.is_key or column.name in used or column.name in refers
    )


def _row(column: ModelColumn, refers: Sequence[str], *, is_date: bool) -> _Row:
    kind = "FK" if refers else "DT" if is_date else "PK"
    target = f" → {', '.join(dict.fromkeys(refers))}" if refers else ""
    return _Row(kind, column.name, column.name + target)


def _size(table: ModelTable, rows: Sequence[_Row]) -> tuple[float, float]:
    longest = max(
        [_width(table.name) * _SCALE["t"], *(_width(row.text) + 26 for row in rows), _width(_rest(table, rows))]
    )
    return min(max(longest + 2 * PADDING + 1, _LEAST), _MOST), HEADER + ROW * (len(rows) + 1) + 4


def _width(text: str) -> float:
    return sum(2 if ord(char) > 0x2E7F else 1 for char in text) * _CHAR


def _rest(table: ModelTable, rows: Sequence[_Row]) -> str:
    others = len(table.columns) - len(rows)
    said = [f"{'and ' if rows else ''}{_counted(others, 'more column' if rows else 'column')}"] if others else []
    return ", ".join([*said, *([_counted(len(table.measures), "measure")] if table.measures else [])])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _box(table: ModelTable, box: Box, rows: Sequence[_Row]) -> str:
    kind = ' class="d"' if table.date_column else ""
    parts = [
        f"<g{kind}><title>{escape(f'{table.name} ({table.ref})')}</title>",
        _rectangle("b", box.x, box.y, box.width, box.height),
        _rectangle("h", box.x + 1, box.y + 1, box.width - 2, HEADER - 6),
        _text(box, 18, table.name, "t"),
        _text(box, 33, f"{table.ref.schema}{' · date table' if table.date_column else ''}", "s"),
        *_row_texts(box, rows),
        _text(box, _row_y(len(rows)), _rest(table, rows), "s"),
        "</g>",
    ]
    return "".join(parts)


def _rectangle(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="5"/>'


def _row_texts(box: Box, rows: Sequence[_Row]) -> Iterator[str]:
    for place, row in enumerate(rows):
        yield _text(box, _row_y(place), row.kind, "k")
        yield _text(box, _row_y(place), row.text, "", indent=26)


def _row_y(place: int) -> float:
    return HEADER + ROW * place + 12


def _text(box: Box, below: float, text: str, kind: str, indent: float = 0) -> str:
    """A line of text in a box, shortened where it would leave it."""
    room = int((box.width - 2 * PADDING - indent) / (_CHAR * _SCALE.get(kind, 1)))
    shown = text if len(text) <= room else f"{text[: max(room - 1, 1)]}…"
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{box.x + PADDING + indent:.0f}" y="{box.y + below:.0f}">{escape(shown)}</text>'


def _line(one: ModelRelationship, placed: Mapping[str, Box], rows: Mapping[str, Sequence[_Row]]) -> str:
    """A curve from the many side's row to the one side's, with cardinalities, and an arrow where filters flow to."""
    start_box, end_box = placed[one.from_table], placed[one.to_table]
    start_y = _anchor(start_box, rows[one.from_table], one.from_column)
    end_y = _anchor(end_box, rows[one.to_table], one.to_column)
    rightward = end_box.x >= start_box.right
    leftward = end_box.right <= start_box.x
    start_x, start_turn = (start_box.x, -1) if leftward else (start_box.right, 1)
    end_x, end_turn = (end_box.x, -1) if rightward else (end_box.right, 1)
    bow = max(abs(end_x - start_x) / 2, 40)
    path = (
        f"M{start_x:.0f},{start_y:.0f} C{start_x + start_turn * bow:.0f},{start_y:.0f} "
        f"{end_x + end_turn * bow:.0f},{end_y:.0f} {end_x:.0f},{end_y:.0f}"
    )
    many, single = _SIGNS[one.cardinality]
    arrows = _arrow(start_x, start_y, start_turn) + (_arrow(end_x, end_y, end_turn) if one.both_ways else "")
    active = "" if one.is_active else f" (not active: {one.reason})"
    return (
        f'<g class="{"r" if one.is_active else "r i"}"><title>{escape(f"{one}{active}")}</title>'
        f'<path class="e" d="{path}"/>{arrows}'
        f'<text class="n" text-anchor="middle" x="{start_x + start_turn * 20:.0f}" y="{start_y - 5:.0f}">{many}</text>'
        f'<text class="n" text-anchor="middle" x="{end_x + end_turn * 20:.0f}" y="{end_y - 5:.0f}">{single}</text></g>'
    )


def _arrow(x: float, y: float, turn: int) -> str:
    """A head that points into the box at ``x``."""
    base = x + turn * 9
    return f'<path class="a" d="M{x:.0f},{y:.0f} L{base:.0f},{y - 4:.0f} L{base:.0f},{y + 4:.0f} Z"/>'


def _anchor(box: Box, rows: Sequence[_Row], column: str) -> float:
    place = next((place for place, row in enumerate(rows) if row.column == column), 0)
    return box.y + _row_y(place) - 4
