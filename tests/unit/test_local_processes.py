"""Processes of the local stack: stopped wholly, and never another process that took the number."""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.layout import Layout, clean_environment, free_port, prefect_environment, worker_environment
from deploy.local.processes import StackError, run, start, stop

_WITH_CHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("up", flush=True)
time.sleep(60)
"""


def test_a_process_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "parent.log"
    process = start("parent", [sys.executable, "-u", "-c", _WITH_CHILD], clean_environment(), log)
    assert process.is_running()
    _until_it_says(log, "up")
    stop(process)
    assert not process.is_running()
    stop(process)


def _until_it_says(log: Path, word: str) -> None:
    deadline = time.monotonic() + 20
    while word not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_that_took_the_number_is_left_alone(tmp_path: Path) -> None:
    process = start("it", ["sleep", "60"], clean_environment(), tmp_path / "it.log")
    try:
        stop(replace(process, born="earlier"))
        assert process.is_running()
    finally:
        stop(process)


def test_a_failing_program_is_told_with_its_last_words_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    with pytest.raises(StackError, match=r"setting up failed; its log, .*it\.log, ends with: no such luck$"):
        run(
            "setting up", [sys.executable, "-c", "raise SystemExit('no such luck')"], clean_environment(), tmp_path, log
        )


def test_a_taken_port_gives_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]


def test_the_worker_gets_the_specs_secrets_and_nobody_elses_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "someone's own")
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example")
    emulated = {
        "AZURE_CLIENT_SECRET": "emulated",
        "SALES_DATABRICKS_SECRET": "sales",
        "SSL_CERT_FILE": "ca.pem",
        "UNITY_MIRROR_ARM_URL": "https://x",
    }
    layout = Layout(tmp_path, tmp_path)
    found = worker_environment(layout, prefect_environment(layout, 4711), emulated)
    assert "AZURE_CLIENT_SECRET" not in found
    assert "UNITY_MIRROR_ARM_URL" not in found
    assert found["SSL_CERT_FILE"] == "ca.pem", "the SQL driver's only way to know whom to trust"
    assert (found["SALES_DATABRICKS_SECRET"], found["PREFECT_API_URL"]) == ("sales", "http://127.0.0.1:4711/api")
