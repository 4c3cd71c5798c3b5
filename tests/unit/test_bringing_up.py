"""The local stack, as far as it can be looked at without starting it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local.layout import Layout, ui_folder
from deploy.local.processes import Process, start, stop
from deploy.local.show import brought_up, show_addresses
from deploy.local.supervision import Say, Stack
from deploy.local.ui import LOGO, POLICY, dress
from tests.coverage_rows import ROOT

FRESH = Stack(8443, 4200)
Record = Callable[..., tuple[Layout, Stack]]


class Terminal:
    """What the command says, and whether it started anything."""

    def __init__(self) -> None:
        self.started = False
        self._console = Console(file=StringIO(), width=200)

    def bring_up(self, layout: Layout) -> Stack:
        return brought_up(self._console, layout, self._start)

    def _start(self, layout: Layout, say: Say) -> Stack:
        self.started = True
        return FRESH

    def text(self) -> str:
        return self._console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Writes down a stack of these processes, as if they had been started here."""

    def write(*processes: Process) -> tuple[Layout, Stack]:
        layout, stack = Layout(ROOT, tmp_path), Stack(1, 2, processes)
        layout.record.write_text(json.dumps(asdict(stack)))
        return layout, stack

    return write


@pytest.fixture
def sleeping(tmp_path: Path) -> Iterator[Process]:
    process = start("sleeping", ["sleep", "60"], dict(os.environ), tmp_path / "sleeping.log")
    yield process
    stop(process)


def gone(name: str, log: Path) -> Process:
    log.write_text("starting\nno space left on device\n\nAn exception occurred.\n")
    return Process(name, os.getpid(), "another one", str(log))


def test_what_is_up_is_left_as_it_is(record: Record, sleeping: Process) -> None:
    layout, stack = record(sleeping)
    terminal = Terminal()
    assert (terminal.bring_up(layout), terminal.started, terminal.text()) == (stack, False, "")


def test_of_what_is_up_in_part_it_is_told_what_ended_and_how(record: Record, sleeping: Process, tmp_path: Path) -> None:
    layout, _ = record(sleeping, gone("redis", tmp_path / "redis.log"))
    terminal = Terminal()
    assert (terminal.bring_up(layout), terminal.started) == (FRESH, True)
    log = tmp_path / "redis.log"
    assert f"redis has ended; its log, {log}, ends with: no space left on device\n" in terminal.text()
    assert "sleeping" not in terminal.text()


def test_after_a_restart_of_the_machine_nothing_is_told_of_what_ended(record: Record, tmp_path: Path) -> None:
    layout, _ = record(gone("redis", tmp_path / "redis.log"))
    terminal = Terminal()
    assert (terminal.bring_up(layout), terminal.started, terminal.text()) == (FRESH, True, "")


def test_ports_that_are_not_the_usual_ones_are_pointed_out() -> None:
    shown = []
    for stack in (Stack(8443, 4200), Stack(40001, 4200), Stack(40001, 40002)):
        console = Console(file=StringIO(), width=200)
        show_addresses(console, stack, "sign in")
        shown.append(console.file.getvalue().partition("taken: ")[2])  # type: ignore[attr-defined]
    assert shown == ["", "8443)\n", "4200, 8443)\n"]


def test_the_pages_of_the_ui_get_the_logo_and_ask_nobody_else_however_often_they_are_dressed(tmp_path: Path) -> None:
    layout = Layout(ROOT, tmp_path)
    pages = [ui_folder(layout) / version / "index.html" for version in ("v1", "v2")]
    for page in pages:
        page.parent.mkdir(parents=True)
        page.write_text("<html><head><title>Prefect</title></head></html>")
    for _ in range(2):
        dress(layout)
    assert (ui_folder(layout) / "v1" / LOGO).read_bytes().startswith(b"<svg")
    assert [page.read_text().count(POLICY) for page in pages] == [1, 1]
