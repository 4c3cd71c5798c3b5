"""Ways in, against a real server and worker: an event from outside, a schedule, and a run that asks for approval."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import yaml

from deploy.local.layout import Layout
from deploy.local.processes import Process
from deploy.local.runs import patiently
from tests.coverage_rows import ROOT

pytestmark = pytest.mark.e2e
EVENT = "unity-mirror.catalog.discovered"
METASTORE = "77770000-0000-4000-8000-00000000c0de"
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""


@dataclass
class Stack:
    """The stack that is up, over Prefect's REST API."""

    layout: Layout
    processes: dict[str, Process]
    ui: str
    emulator: str

    def api(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.ui}/api{path}"
        answer = patiently(lambda: httpx.request(method, url, json=body, trust_env=False, timeout=30))
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        wanted = {"deployments": {"name": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found: list[dict[str, Any]] = self.api("POST", "/flow_runs/filter", wanted)
        return found

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/deployments/name/{name}/{name}")
        return found

    def run(self, name: str, parameters: dict[str, Any]) -> str:
        created = self.api(
            "POST", f"/deployments/{self.deployment(name)['id']}/create_flow_run", {"parameters": parameters}
        )
        return str(created["id"])

    def ended(self, run_id: str, seconds: float = 90) -> dict[str, Any]:
        return self.reached(run_id, FINAL, seconds)

    def reached(self, run_id: str, states: set[str], seconds: float = 90) -> dict[str, Any]:
        found: dict[str, Any] = until(
            lambda: next(
                (run for run in [self.api("GET", f"/flow_runs/{run_id}")] if run["state_type"] in states), None
            ),
            seconds,
        )
        return found

    def writes(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.emulator}/_emulator/requests", verify=False, trust_env=False, timeout=30)  # noqa: S501
        return [each for each in answer.json() if each["effect"] == "write"]


def until(look: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(0.3)
    return found


def local(command: str, data: Path) -> str:
    argv = [sys.executable, "-m", "deploy.local", command, "--data", str(data)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data = tmp_path_factory.mktemp("ways")
    local("up", data)
    try:
        held = json.loads((data / "stack.json").read_text())
        processes = {each["name"]: Process(**each) for each in held["processes"]}
        yield Stack(
            Layout(ROOT, data),
            processes,
            f"http://127.0.0.1:{held['prefect_port']}",
            f"https://localhost:{held['emulator_port']}",
        )
    finally:
        local("down", data)


def hr() -> dict[str, Any]:
    held: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "hr.yaml").read_text())
    return held


def post_event(stack: Stack, event_id: str, name: str, payload: dict[str, Any]) -> None:
    """The call of docs/operations.md."""
    event = {
        "id": event_id,
        "event": name,
        "occurred": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "resource": {"prefect.resource.id": f"unity-catalog.{METASTORE}.hr"},
        "payload": payload,
    }
    stack.api("POST", "/events", [event])


def test_an_event_from_outside_onboards_a_catalog_and_again_does_nothing(stack: Stack) -> None:
    event_id = str(uuid4())
    post_event(stack, event_id, EVENT, {"spec": hr()})
    run = until(lambda: next(iter(stack.runs("onboard-catalog")), None), 30)
    assert stack.ended(run["id"], 120)["state_type"] == "COMPLETED"
    before = stack.writes()
    made = [each for each in before if each["method"] == "POST" and "mirroredAzureDatabricksCatalogs" in each["path"]]
    assert len(made) == 1

    post_event(stack, event_id, EVENT, {"spec": hr()})
    again = stack.run("onboard-catalog", {"spec": hr(), "event_id": event_id})
    second = stack.ended(again)
    assert event_id in second["state"]["message"]
    assert second["total_run_time"] < 5
    assert stack.writes() == before


def test_a_schedule_fires_and_what_it_finds_is_onboarded(stack: Stack) -> None:
    deployment = stack.deployment("watch-metastore")
    assert [each["active"] for each in deployment["schedules"]] == [False], "the local stack waits to be told"
    schedule = {"schedule": {"cron": "* * * * *", "timezone": "UTC"}, "active": True}
    made = stack.api("POST", f"/deployments/{deployment['id']}/schedules", [schedule])
    run = until(lambda: next((each for each in stack.runs("watch-metastore") if each["auto_scheduled"]), None), 90)
    ended = stack.ended(run["id"], 120)
    stack.api("DELETE", f"/deployments/{deployment['id']}/schedules/{made[0]['id']}")
    assert ended["state"]["message"] == "1 catalogs, 1 new: logistics", ended["state"]
    onboarding = until(
        lambda: next((each for each in stack.runs("onboard-catalog") if "logistics" in each["name"]), None), 60
    )
    assert stack.ended(onboarding["id"])["state_type"] == "COMPLETED"


def test_a_rejected_offboarding_and_no_secret_anywhere(stack: Stack) -> None:
    before = stack.writes()
    run_id = stack.run("offboard-catalog", {"spec": hr()})
    stack.reached(run_id, {"PAUSED"})
    stack.api("POST", f"/flow_runs/{run_id}/resume", {"run_input": {"decision": "reject", "reason": "No."}})
    ended = stack.ended(run_id)
    assert (ended["state_type"], ended["state"]["name"]) == ("CANCELLED", "Rejected")
    assert stack.writes() == before
    assert _planted(stack) == []


def _planted(stack: Stack) -> list[str]:
    """Secrets of the emulated cloud, plain or coded, in what Prefect keeps and in all logs."""
    program, port = Path(sys.executable).parent / "cloud-emulator", stack.emulator.rpartition(":")[2]
    argv = [str(program), "env", "--port", port, "--data", str(stack.layout.cloud)]
    written = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    lines = [line.removeprefix("export ").partition("=") for line in written.splitlines() if "_SECRET=" in line]
    secrets = {value.strip("'") for _, _, value in lines}
    assert secrets
    coded = {form for each in secrets for form in (each, quote(each, safe=""), b64encode(each.encode()).decode())}
    folders = (stack.layout.data / "prefect", stack.layout.logs)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [f"{path.name}" for path in files if any(form.encode() in path.read_bytes() for form in coded)]
