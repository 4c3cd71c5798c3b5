"""What a stack of processes consists of. What runs is written down at once: so it can be stopped, whatever comes."""

from __future__ import annotations

import json
import signal
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from deploy.local import processes
from deploy.local.layout import HOST, Layout, prefect_api, prefect_home
from deploy.local.processes import Process, StackError, last_words

_START_SECONDS = 120.0
_POLL = 0.25
Say = Callable[[str], None]


class PortLostError(StackError):
    """A port that was free is in use by now."""


@dataclass(frozen=True)
class Stack:
    """What runs, and where. Without a port for them, the SQL analytics endpoints aren't served."""

    emulator_port: int
    prefect_port: int
    processes: tuple[Process, ...] = ()
    sql_port: int = 0

    @property
    def prefect(self) -> str:
        """Address of Prefect's UI."""
        return f"http://{HOST}:{self.prefect_port}"

    @property
    def emulator(self) -> str:
        """Address of the emulated cloud."""
        return f"https://localhost:{self.emulator_port}"

    @property
    def ended(self) -> list[Process]:
        """What has ended of it, though nobody asked it to."""
        return [process for process in self.processes if not process.is_running()]

    def is_running(self) -> bool:
        """Whether all of it runs."""
        return bool(self.processes) and not self.ended


def load(layout: Layout) -> Stack | None:
    """The stack that was started here and not stopped since, whether or not its processes still run."""
    try:
        held = json.loads(layout.record.read_text())
    except (OSError, ValueError):
        return None
    return Stack(**{**held, "processes": tuple(Process(**each) for each in held["processes"])})


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


def launch(
    layout: Layout,
    stack: Stack,
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Stack:
    """Start one process and record it at once, so that it can be stopped whatever comes next."""
    started = processes.start(name, command, environment, layout.log(name), stop_signal)
    stack = replace(stack, processes=(*stack.processes, started))
    layout.record.write_text(json.dumps(asdict(stack), indent=2))
    return stack


def answer(url: str, authority: Path | None = None, auth: tuple[str, str] | None = None) -> dict[str, Any] | None:
    """A JSON object; None where there is no good answer."""
    try:
        trusted = ssl.create_default_context(cafile=authority) if authority else False
        response = httpx.get(url, verify=trusted, auth=auth, trust_env=False, timeout=5)
        found: dict[str, Any] = response.json()
    except (httpx.HTTPError, OSError, ValueError):
        return None
    return found if response.is_success else None


def is_our_prefect(layout: Layout, port: int, auth: tuple[str, str] | None = None) -> bool:
    """Whether Prefect answers there, and it is ours: a server that isn't has another home."""
    found = answer(f"{prefect_api(port)}/admin/settings", auth=auth)
    return found is not None and found.get("home") == str(prefect_home(layout))


def wait_until(what: str, process: Process, ready: Callable[[], bool]) -> None:
    """Wait for a process to be ready. Raises StackError when it ends or takes too long, PortLostError when it ended
    since somebody else has its port."""
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if not process.is_running():
            log = Path(process.log)
            kind = PortLostError if "in use" in log.read_text(errors="replace") else StackError
            raise kind(f"{what} ended at once; {last_words(log)}")
        if time.monotonic() > deadline:
            raise StackError(f"{what} didn't come up within {_START_SECONDS:.0f} s; {last_words(Path(process.log))}")
        time.sleep(_POLL)
