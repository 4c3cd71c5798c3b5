"""The benchmark's results: written after each part, and an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as command
from bench import faults, onboarding, results
from bench.faults import Cell, Column
from bench.onboarding import Run

PARTS = [(10, 0), (10, 100), (1_000, 0)]
CELLS: list[Cell] = [("hr", "reset after"), ("hr", "killed before"), ("sales", "killed before")]


def run(tables: int, latency: int) -> Run:
    return Run(**{each.name: 1 for each in fields(Run)} | {"tables": tables, "latency_ms": latency})


class Measuring:
    """Stands in for what takes minutes; ``interrupt_at`` is the part before which somebody presses Ctrl-C."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.interrupt_at: Any = None

    def cold_start(self, name: str) -> float:
        self.asked.append(name)
        return 0.1

    def runs(self, sizes: Collection[int], measured: Collection[tuple[int, int]]) -> Iterator[Run]:
        for part in self._wanted([each for each in PARTS if each[0] in sizes], measured):
            yield run(*part)

    def columns(self, wanted: Collection[str], *, measured: Collection[Cell]) -> Iterator[tuple[Cell, Column]]:
        for cell in self._wanted([each for each in CELLS if each[1] in wanted], measured):
            yield cell, {"POST connections": "=", "DELETE items/x (2)": "2"}

    def _wanted(self, parts: Collection[Any], measured: Collection[Any]) -> Iterator[Any]:
        for part in parts:
            if part not in measured:
                if part == self.interrupt_at:
                    raise KeyboardInterrupt
                self.asked.append(part)
                yield part


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Measuring:
    stand_in = Measuring()
    monkeypatch.setattr(onboarding, "cold_start", stand_in.cold_start)
    monkeypatch.setattr(onboarding, "measure", stand_in.runs)
    monkeypatch.setattr(faults, "columns", stand_in.columns)
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(results, "code", lambda: "abc")
    return stand_in


def bench(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, Any]:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    command.main()
    found: dict[str, Any] = json.loads(command.RESULTS.read_text(encoding="utf-8"))
    return found


def test_measures_all_prints_and_writes(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = bench(monkeypatch)
    assert measuring.asked == ["--help", "schema", *PARTS, *CELLS]
    assert [each["tables"] for each in found["cost"]["runs"]] == [10, 10, 1_000]
    assert found["faults"]["summary"] == "6 of 6 come to the undisturbed run's state, 3 without another run"
    assert found["faults"]["table"]["hr POST connections"] == {"killed before": "=", "reset after": "="}
    printed = capsys.readouterr().out
    assert "memory" in printed
    assert "6 of 6" in printed


@pytest.mark.parametrize("at", [PARTS[1], CELLS[1]])
def test_interrupted_it_goes_on_where_it_stopped(
    at: Any, measuring: Measuring, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring.interrupt_at = at
    with pytest.raises(SystemExit, match='go on with make bench BENCH="--resume"'):
        bench(monkeypatch)
    assert "memory" in capsys.readouterr().out
    before = list(measuring.asked)
    measuring.interrupt_at = None
    resumed = bench(monkeypatch, "--resume")
    assert measuring.asked == ["--help", "schema", *PARTS, *CELLS]
    assert before == measuring.asked[: len(before)]
    anew = bench(monkeypatch)
    assert (resumed["cost"], resumed["faults"]) == (anew["cost"], anew["faults"])


def test_an_emulator_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "no folder").write_text("")
    said = pytest.raises(RuntimeError, match=r"the emulator ended with [1-9]\d*: .*no folder")
    with said, onboarding.serving(tmp_path / "no folder", 0, {}):
        pass


def test_quick_leaves_faults_out(measuring: Measuring, monkeypatch: pytest.MonkeyPatch) -> None:
    bench(monkeypatch, "--quick")
    assert measuring.asked == ["--help", "schema", *PARTS, *CELLS[1:]]


def test_figures_of_other_code_are_not_mixed_with_todays(measuring: Measuring, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"no results\.json to go on with: measure anew"):
        bench(monkeypatch, "--resume")
    bench(monkeypatch)
    monkeypatch.setattr(results, "code", lambda: "def")
    with pytest.raises(SystemExit, match=r"of other code \(abc, this is def\)"):
        bench(monkeypatch, "--resume")
    assert len(measuring.asked) == 2 + len(PARTS) + len(CELLS)
