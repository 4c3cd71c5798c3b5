"""``bench/results.json``: what has been measured, written after each part, so that an interrupted run can go on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import faults, onboarding
from bench.faults import Cell, Column
from bench.onboarding import Run

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Results:
    """The parts: runs by size and latency, cold starts, and columns of the table of faults."""

    path: Path
    machine: Mapping[str, Any]
    minutes_before: float = 0.0
    starts: dict[str, float] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    columns: dict[Cell, Column] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)

    @classmethod
    def resumed(cls, path: Path) -> Results:
        """What an earlier run has measured. Raises ``ValueError`` where there is none, or it measured other code."""
        if not path.exists():
            raise ValueError(f"there is no {path.name} to go on with")
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["machine"].get("code") != code():
            raise ValueError(f"{path.name} is of other code ({held['machine'].get('code')}, this is {code()})")
        cost, table = held.get("cost", {}), held.get("faults", {}).get("table", {})
        runs = [Run(**each) for each in cost.get("runs", [])]
        starts = cost.get("cold_start_seconds", {})
        return cls(path, held["machine"], held["minutes"], starts, runs, faults.columns_of(table))

    @property
    def measured(self) -> set[tuple[int, int]]:
        """Sizes and latencies that are through."""
        return {(run.tables, run.latency_ms) for run in self.runs}

    def write(self) -> None:
        """What there is so far."""
        table = faults.table_of(self.columns)
        minutes = self.minutes_before + (time.monotonic() - self.begun) / 60
        document = {
            "machine": self.machine,
            "minutes": round(minutes, 1),
            "cost": onboarding.document(self.runs, self.starts),
            "faults": {"summary": faults.summary(table), "table": table},
        }
        self.path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def lines(self) -> list[str]:
        """The tables, as far as they go."""
        table = faults.table_of(self.columns)
        return [
            *(onboarding.lines(self.runs, self.starts) if self.runs else []),
            *(faults.lines(table) if table else []),
        ]


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_at_the_start": round(os.getloadavg()[0], 1),
        "code": code(),
    }


def code() -> str:
    """The commit that is measured; empty outside a repository."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
