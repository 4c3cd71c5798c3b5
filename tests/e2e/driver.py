"""What tests of running stacks share: Prefect's API, the emulator's control plane, and processes to be killed."""

from __future__ import annotations

import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx

from deploy.local.automations import mark_runs_that_never_began, mark_silent_runs
from deploy.local.layout import Layout
from deploy.local.processes import Process
from deploy.local.runs import patiently
from deploy.local.supervision import Stack, launch, load

FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
METASTORE = "77770000-0000-4000-8000-00000000c0de"
DISCOVERED = "unity-mirror.catalog.discovered"
CHANGED = "unity-mirror.metastore.changed"
T = TypeVar("T")
_SAID = 2000
"""Characters of each log that are shown."""


@dataclass
class Driver:
    """A stack that is up."""

    layout: Layout
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def stack(self) -> Stack:
        """What runs, as it is recorded."""
        found = load(self.layout)
        assert found is not None
        return found

    def until(self, what: str, look: Callable[[], T | Literal[False] | None], seconds: float = 180) -> T:
        """What ``look`` finds, once it finds something. The bounds are wide, for loaded machines; who waits in vain is
        shown all runs and what the processes said last."""
        deadline = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < deadline, f"{what}: nothing within {seconds:.0f} s\n{self._seen()}"
            time.sleep(0.3)
        return found

    def _seen(self) -> str:
        runs: list[dict[str, Any]] = self.api("POST", "/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
        states = (f"{run['name']} ({run['id']}): {run['state_name']}: {run['state']['message']}" for run in runs)
        logs = sorted(self.layout.logs.glob("*.log"))
        said = (f"{path}:\n{path.read_text(errors='replace')[-_SAID:]}" for path in logs)
        return "\n".join([*states, *said])

    def process(self, name: str) -> Process:
        """The last one that was started under a name."""
        return next(each for each in reversed(self.stack.processes) if each.name == name)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """An answer of Prefect's API; as Prefect's own client, it asks again while no replica is there."""

        def send() -> httpx.Response:
            url = f"{self.stack.prefect}/api{path}"
            try:
                answer = httpx.request(method, url, json=body, auth=self.auth, trust_env=False, timeout=60)
            except httpx.TransportError as broken:
                if method != "GET" and not path.endswith("/filter"):
                    raise
                return httpx.Response(httpx.codes.SERVICE_UNAVAILABLE, text=repr(broken))
            if answer.status_code == httpx.codes.BAD_GATEWAY:
                answer.status_code = httpx.codes.SERVICE_UNAVAILABLE
            return answer

        answer = patiently(send)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/deployments/name/{name}/{name}")
        return found

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """All runs of a deployment, the oldest first."""
        wanted = {"deployments": {"name": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found: list[dict[str, Any]] = self.api("POST", "/flow_runs/filter", wanted)
        return sorted(found, key=lambda run: str(run["created"]))

    def onboardings(self, catalog: str) -> list[dict[str, Any]]:
        """The runs that are to onboard a catalog."""
        return [run for run in self.runs("onboard-catalog") if run["parameters"]["spec"]["catalog"] == catalog]

    def run(self, name: str, parameters: dict[str, Any], state: str = "SCHEDULED") -> dict[str, Any]:
        path = f"/deployments/{self.deployment(name)['id']}/create_flow_run"
        created: dict[str, Any] = self.api("POST", path, {"parameters": parameters, "state": {"type": state}})
        return created

    def ended(self, run_id: str, seconds: float = 300) -> dict[str, Any]:
        return self.reached(run_id, FINAL, seconds)

    def reached(self, run_id: str, states: frozenset[str], seconds: float = 180) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            run: dict[str, Any] = self.api("GET", f"/flow_runs/{run_id}")
            return run if run["state_type"] in states else None

        return self.until(f"flow run {run_id} is {'/'.join(sorted(states))}", look, seconds)

    def post_event(self, event_id: str, name: str, resource: str, payload: dict[str, Any]) -> None:
        """The call of docs/operations.md."""
        event = {
            "id": event_id,
            "event": name,
            "occurred": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "resource": {"prefect.resource.id": resource},
            "payload": payload,
        }
        self.api("POST", "/events", [event])

    def discovered(self, event_id: str, spec: dict[str, Any]) -> None:
        """Tell of a catalog, as the watch does."""
        self.post_event(event_id, DISCOVERED, f"unity-catalog.{METASTORE}.{spec['catalog']}", {"spec": spec})

    def schedule_every_minute(self, name: str, parameters: dict[str, Any]) -> Callable[[], None]:
        """Turn on a schedule of a deployment; gives what turns it off again."""
        path = f"/deployments/{self.deployment(name)['id']}/schedules"
        cron = {"cron": "* * * * *", "timezone": "UTC"}
        schedule = {"schedule": cron, "active": True, "parameters": parameters}
        made = self.api("POST", path, [schedule])
        return lambda: self.api("DELETE", f"{path}/{made[0]['id']}")

    def shorten(self, silence: timedelta, beginning: timedelta) -> None:
        """Have the automations that find dead runs wait no longer than that."""
        for wanted in (mark_silent_runs(silence), mark_runs_that_never_began(beginning)):
            named = {"automations": {"name": {"any_": [wanted.name]}}}
            (found,) = self.api("POST", "/automations/filter", named)
            body = wanted.model_dump(mode="json", exclude={"owner_resource"})
            self.api("PUT", f"/automations/{found['id']}", body)

    def emulator(self, method: str, path: str, body: Any = None) -> Any:
        """The emulator's control plane."""
        trusted = ssl.create_default_context(cafile=self.layout.cloud / "tls" / "ca.pem")
        url = f"{self.stack.emulator}/_emulator{path}"
        answer = httpx.request(method, url, json=body, verify=trusted, trust_env=False, timeout=60)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def writes(self) -> list[dict[str, Any]]:
        return [each for each in self.emulator("GET", "/requests") if each["effect"] == "write"]

    def struck(self, index: int = 0) -> int:
        """How many requests one of the emulator's faults has struck."""
        found: int = self.emulator("GET", "/faults")[index]["struck"]
        return found

    def start_again(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        """Start what was killed, under another name, as a supervisor would."""
        launch(self.layout, self.stack, name, command, environment)


def flow_process(run_id: str) -> int | None:
    """The process of a flow run: the one that has the run's id in its environment."""
    wanted = f"PREFECT__FLOW_RUN_ID={run_id}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    return None


def command_and_environment(pid: int) -> tuple[list[str], dict[str, str]]:
    """How a process was started."""
    folder = Path(f"/proc/{pid}")
    pairs = (line.partition("=") for line in _parts(folder / "environ"))
    return list(_parts(folder / "cmdline")), {name: value for name, _, value in pairs}


def parent(pid: int) -> int:
    """The process that started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def kill(pid: int) -> float:
    """Kill a process, as the kernel does when memory is short; gives the time."""
    os.kill(pid, signal.SIGKILL)
    return time.time()


def _parts(path: Path) -> Iterator[str]:
    return (part.decode() for part in path.read_bytes().split(b"\0") if part)
