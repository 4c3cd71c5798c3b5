"""Tables of the report as a terminal shows them: a grid, or a paragraph a row where a grid would be too wide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from unity_mirror.plan.model import DataTable

_GRID = 6
"""Columns that fit side by side into 80 to 120 characters."""


def show_tables(console: Console, tables: Iterable[DataTable]) -> None:
    """The rows worth attention, and how many others there are. JSON and Markdown have all."""
    for data in tables:
        if data.remarkable:
            show = _show_grid if len(data.columns) <= _GRID else _show_paragraphs
            show(console, data)
        plain = len(data.rows) - len(data.remarkable)
        if plain and not data.quiet:
            which = f"{plain} other" if data.remarkable else f"{data.title}: {plain}"
            what = f"{data.columns[0].lower()}{'s'[: plain > 1]}"
            console.print(f"  [dim]{escape(which)} {escape(what)}: nothing to say[/]")


def _show_grid(console: Console, data: DataTable) -> None:
    table = Table(title=escape(data.title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in data.columns:
        table.add_column(escape(heading), header_style="dim", overflow="fold")
    for place in sorted(data.remarkable):
        table.add_row(*map(escape, data.rows[place]))
    console.print(table)


def _show_paragraphs(console: Console, data: DataTable) -> None:
    console.print(f"  [bold]{escape(data.title)}[/]")
    for place in sorted(data.remarkable):
        first, *others = data.rows[place]
        console.print(f"  {escape(first)}")
        for line in _lines(data.columns[1:], others):
            console.print(f"      [dim]{escape(line)}[/]")


def _lines(headings: Iterable[str], values: Iterable[str]) -> Iterator[str]:
    """Headings that say the same in one line, ``no: Direct Lake, KQL``; what only one says after its heading."""
    same: dict[str, list[str]] = {}
    for heading, value in zip(headings, values, strict=True):
        same.setdefault(value, []).append(heading)
    for value, names in same.items():
        if value:
            yield f"{value}: {', '.join(names)}" if len(names) > 1 else f"{names[0]}: {value}"
