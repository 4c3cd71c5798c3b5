"""Starts and stops the local stack: the emulated cloud, a Prefect server, the deployments and a worker."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from cloud_emulator.environment import variables
from deploy.local import processes
from deploy.local.layout import (
    EMULATOR_PORT,
    HOST,
    PREFECT_PORT,
    Layout,
    clean_environment,
    free_port,
    prefect_api,
    prefect_environment,
    prefect_home,
    worker_environment,
)
from deploy.local.prefect_names import WORK_POOL
from deploy.local.processes import Process, StackError, last_words

SEED = "contoso"
_START_SECONDS = 120.0
_POLL = 0.25
Say = Callable[[str], None]


class PortLostError(StackError):
    """A port that was free is in use by now."""


@dataclass(frozen=True)
class Stack:
    """What runs, and where."""

    emulator_port: int
    prefect_port: int
    processes: tuple[Process, ...] = ()

    @property
    def prefect(self) -> str:
        """Address of Prefect's UI."""
        return f"http://{HOST}:{self.prefect_port}"

    @property
    def emulator(self) -> str:
        """Address of the emulated cloud."""
        return f"https://localhost:{self.emulator_port}"

    def is_running(self) -> bool:
        """Whether all of it runs."""
        return bool(self.processes) and all(process.is_running() for process in self.processes)


def load(layout: Layout) -> Stack | None:
    """The stack that was started here and not stopped since, whether or not its processes still run."""
    try:
        held = json.loads(layout.record.read_text())
    except (OSError, ValueError):
        return None
    return Stack(held["emulator_port"], held["prefect_port"], tuple(Process(**each) for each in held["processes"]))


def up(layout: Layout, say: Say) -> Stack:
    """Start everything. Raises StackError when something doesn't come up; what was started is stopped then."""
    down(layout)
    try:
        return _start_all(layout, Stack(free_port(EMULATOR_PORT), free_port(PREFECT_PORT)), say)
    except PortLostError:
        # Somebody else took one between our looking and our listening, such as a second stack just like this.
        return _start_all(layout, Stack(free_port(0), free_port(0)), say)


def _start_all(layout: Layout, stack: Stack, say: Say) -> Stack:
    try:
        say("starting the emulated cloud and Prefect's server")
        stack = _start(layout, stack, "emulator")
        stack = _start(layout, stack, "prefect-server")
        emulated = _wait_for_emulator(layout, stack)
        _wait_for_prefect(layout, stack)
        say("saving the blocks and the deployments")
        _prepare_prefect(layout, stack, emulated)
        stack = _start(layout, stack, "worker", emulated)
    except BaseException:
        down(layout)
        raise
    return stack


def down(layout: Layout) -> bool:
    """Stop what was recorded, in reverse order; tells whether anything ran. Raises StackError for what won't stop."""
    stack = load(layout)
    if stack is None:
        return False
    ran = [process for process in reversed(stack.processes) if process.is_running()]
    for process in ran:
        processes.stop(process)
    layout.record.unlink(missing_ok=True)
    return bool(ran)


def _start(layout: Layout, stack: Stack, name: str, emulated: Mapping[str, str] | None = None) -> Stack:
    """Start one process and record it at once, so that it can be stopped whatever comes next."""
    commands = {
        "emulator": [
            *(layout.program("cloud-emulator"), "serve", "--port", str(stack.emulator_port)),
            *("--data", str(layout.cloud), "--seed", SEED),
        ],
        "prefect-server": [layout.program("prefect"), "server", "start"],
        "worker": [layout.program("prefect"), "worker", "start", "--pool", WORK_POOL, "--name", "local"],
    }
    environments = {
        "emulator": clean_environment(),
        "prefect-server": prefect_environment(layout, stack.prefect_port),
        "worker": worker_environment(layout, stack.prefect_port, emulated or {}),
    }
    started = processes.start(name, commands[name], environments[name], layout.log(name))
    stack = replace(stack, processes=(*stack.processes, started))
    layout.record.write_text(json.dumps(asdict(stack), indent=2))
    return stack


def _prepare_prefect(layout: Layout, stack: Stack, emulated: Mapping[str, str]) -> None:
    environment = prefect_environment(layout, stack.prefect_port)
    setup = [layout.program("python"), "-m", "deploy.local.prefect_setup"]
    processes.run("saving the blocks", setup, {**environment, **emulated}, layout.root, layout.log("prefect-setup"))
    deploy = [layout.program("prefect"), "--no-prompt", "deploy", "--all"]
    processes.run("saving the deployments", deploy, environment, layout.root, layout.log("prefect-deploy"))


def _wait_for_emulator(layout: Layout, stack: Stack) -> dict[str, str]:
    """The variables that lead to the cloud, once it answers: until then, asking for them would disturb its seeding.

    An emulator that isn't ours has a certificate of another authority.
    """
    authority = layout.cloud / "tls" / "ca.pem"

    def ready() -> bool:
        return authority.exists() and _answer(f"{stack.emulator}/_emulator/health", authority) is not None

    _wait("the emulated cloud", stack.processes[0], ready)
    return variables(layout.cloud, stack.emulator_port)


def _wait_for_prefect(layout: Layout, stack: Stack) -> None:
    """A server that isn't ours has another home."""
    url = f"{prefect_api(stack.prefect_port)}/admin/settings"
    home = str(prefect_home(layout))
    _wait("Prefect's server", stack.processes[1], lambda: (_answer(url) or {}).get("home") == home)


def _answer(url: str, authority: Path | None = None) -> dict[str, Any] | None:
    """A JSON object; None where there is no good answer."""
    try:
        trusted = ssl.create_default_context(cafile=authority) if authority else False
        answer = httpx.get(url, verify=trusted, trust_env=False, timeout=5)
        found: dict[str, Any] = answer.json()
    except (httpx.HTTPError, OSError, ValueError):
        return None
    return found if answer.is_success else None


def _wait(what: str, process: Process, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if not process.is_running():
            words = last_words(Path(process.log))
            kind = PortLostError if "in use" in words else StackError
            raise kind(f"{what} ended at once: {words} Its log is {process.log}")
        if time.monotonic() > deadline:
            raise StackError(f"{what} didn't come up within {_START_SECONDS:.0f} s. Its log is {process.log}")
        time.sleep(_POLL)
