"""The local stack where things go wrong: two of them at once, and one that doesn't come up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.coverage_rows import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1000)]


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


def _start(command: str, data: Path) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "deploy.local", command, "--data", str(data)]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _end(process: subprocess.Popen[str]) -> Said:
    with process:
        try:
            out, err = process.communicate(timeout=400)
        except subprocess.TimeoutExpired as late:
            process.send_signal(signal.SIGINT)  # at which it stops what it has started
            raise AssertionError(f"{late}: {process.communicate()}") from late
    return Said(process.returncode, out, err)


def _left_running(data: Path) -> list[str]:
    """Command lines of processes that know the folder, by their arguments or their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if str(data).encode() in command + environment and process.name != str(os.getpid()):
            found.append(command.replace(b"\0", b" ").decode())
    return found


_TOLD = (
    "The connecting principal has EXTERNAL USE SCHEMA (schema staging): failed",
    "workspace-testers is known in Entra ID (catalog sales): unknown",
)
"""What people should know of the sample catalog."""


def _is_noise(line: str) -> bool:
    """What people shouldn't have to see."""
    told = any(each in line for each in _TOLD)
    return not told and any(word in line for word in ("Traceback", "Warning", "WARN"))


def test_two_demos_at_once_each_onboard_their_own_catalog_and_leave_nothing_running(tmp_path: Path) -> None:
    folders = (tmp_path / "one", tmp_path / "two")
    ended = [_end(each) for each in [_start("demo", folder) for folder in folders]]
    for folder, said in zip(folders, ended, strict=True):
        assert (said.code, said.err) == (0, ""), said.out
        assert "created Mirrored Azure Databricks catalog sales" in said.out
        text = said.out + (folder / "logs" / "worker.log").read_text()
        assert [line for line in text.splitlines() if _is_noise(line)] == []
        assert _left_running(folder) == []


def test_what_does_not_come_up_is_told_with_its_log_and_the_rest_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "cloud").mkdir()
    (tmp_path / "cloud" / "state.sqlite").write_text("not a database " * 100)
    said = _end(_start("up", tmp_path))
    assert said.code == 1
    assert "the emulated cloud ended at once" in said.err
    assert str(tmp_path / "logs" / "emulator.log") in said.err
    assert "Traceback" not in said.err
    assert _left_running(tmp_path) == []
