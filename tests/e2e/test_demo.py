"""What a newcomer types: the stack goes up, the demo runs through Prefect, the plan is empty, everything stops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.processes import Process
from tests.coverage_rows import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    text: str
    seconds: float


def run(*command: str, environment: Mapping[str, str] | None = None) -> Said:
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=400,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{late}: {(late.output or b'').decode()}") from late
    return Said(done.returncode, done.stdout.decode(), time.monotonic() - started)


def local(command: str, data: Path) -> Said:
    return run(sys.executable, "-m", "deploy.local", command, "--data", str(data))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the stack; whatever still runs from it in the end is stopped."""
    folder = tmp_path_factory.mktemp("stack")
    yield folder
    local("down", folder)


def exported(text: str) -> dict[str, str]:
    """The variables of ``cloud-emulator env``."""
    lines = [line.removeprefix("export ") for line in text.splitlines() if line.startswith("export ")]
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


def demos(folder: Path) -> Iterator[Said]:
    """Demos from empty folders. On a busy machine it may take several until one is as quick as it is elsewhere."""
    for each in (folder, folder / "second", folder / "third"):
        said = local("demo", each)
        assert said.code == 0, said.text
        yield said


def test_the_demo_says_what_it_did_and_stops_what_it_started(data: Path) -> None:
    took: list[float] = []
    for said in demos(data):
        took.append(said.seconds)
        if said.seconds < 120:
            break
    assert min(took) < 120, took
    for wanted in (
        "Mirror",
        "Semantic model",
        "Tables mirrored (25)",
        "Who can read what, in Unity Catalog and in OneLake (3)",
        "Left out (",
        "orders.recent_sales",
        "/runs/flow-run/",
        "orders.fact_sales",
    ):
        assert wanted in said.text, wanted
    for unwanted in ("Traceback", "Warning", "WARNING", "Error"):
        assert unwanted not in said.text, unwanted
    assert "app.fabric.microsoft.com" in said.text
    assert not list(data.glob("*.json"))


def test_up_demo_plan_down(data: Path) -> None:
    up = local("up", data)
    assert up.code == 0, up.text
    assert "http://127.0.0.1" in up.text
    assert "Next, see what onboarding the sample catalog would change:" in up.text
    record = next(path for path in data.glob("*.json"))
    held = json.loads(record.read_text(encoding="utf-8"))
    assert f"localhost,{held['sql_port']}" in up.text
    running = [Process(**each) for each in held["processes"]]
    assert all(process.is_running() for process in running)
    try:
        demo = local("demo", data)
        assert demo.code == 0, demo.text
        env = run(
            str(BIN / "cloud-emulator"), "env", "--port", str(held["emulator_port"]), "--data", str(data / "cloud")
        )
        environment = exported(env.text)
        assert environment["UNITY_MIRROR_SQL_SERVER"] == f"localhost,{held['sql_port']}"
        planned = run(str(BIN / "unity-mirror"), "plan", "examples/sales.yaml", environment=environment)
        assert planned.code == 0, planned.text
        assert "Nothing to do" in planned.text
    finally:
        down = local("down", data)
    assert down.code == 0, down.text
    assert not any(process.is_running() for process in running)
