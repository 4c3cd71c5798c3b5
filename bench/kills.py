"""Real kills: the emulator ends the command line's process with SIGKILL at one of its writes; then it starts again.

So that a table of some dozens of kills takes minutes, time runs faster for both sides (their clocks, not their work),
and each process is forked from one that has the library imported already.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import re
import signal
import ssl
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.environment import variables
from cloud_emulator.services import mounts
from tests.emulator.served import Address, running
from tests.onboarding.states import State, differences, timeless
from tests.onboarding.strikes import masked
from tests.onboarding.world import World
from unity_mirror import clouds
from unity_mirror.cli import main as command_line
from unity_mirror.spec import CatalogSpec

RATE = 10.0
"""Seconds of both sides' clocks in one second."""
_PRELOADED = ("bench.kills", "unity_mirror.cli.commands", "azure.identity.aio", "azure.storage.filedatalake.aio")
_LONGEST = 240.0


@dataclass(frozen=True)
class FastTime:
    """A clock that runs faster than the machine's; two with the same start show the same time in two processes."""

    start: float = field(default_factory=time.time)

    def wall(self) -> float:
        """Seconds since 1970, as it shows them."""
        return self.start + (time.time() - self.start) * RATE

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self.wall(), UTC)

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic() * RATE

    async def sleep(self, seconds: float) -> None:
        """Waits as long as these seconds take."""
        await asyncio.sleep(max(0.0, seconds) / RATE)


@dataclass
class Kills:
    """One served cloud, and processes that onboard one spec on it."""

    cloud: Cloud
    address: Address
    spec: Path
    clock: FastTime

    def __post_init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(_PRELOADED))
        self._trusted = ssl.create_default_context(cafile=self.address.authority)
        port = int(self.address.url.rpartition(":")[2])
        self._environment = {"SSL_CERT_FILE": self.address.authority, **variables(self.cloud.folder, port)}

    def onboard(self, rule: Mapping[str, Any] | None = None) -> int | None:
        """Runs ``unity-mirror apply`` in a process of its own, with a rule for its end; answers its exit code."""
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self._environment, ["apply", str(self.spec), "--yes"], self.clock)
        process = self._context.Process(target=_command, args=arguments)
        process.start()
        self.control("PUT", "faults", [{**rule, "pid": process.pid}] if rule else [])
        ours.send("go")
        process.join(_LONGEST)
        if process.is_alive():
            process.kill()
            process.join()
        return process.exitcode

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Asks the emulator's control plane."""
        request = urllib.request.Request(  # noqa: S310  # the address is ours
            f"{self.address.url}/_emulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=self._trusted) as answer:  # noqa: S310
            return json.load(answer)

    def settled(self) -> State:
        """The state once nothing moves any more, without times."""
        for _ in range(3):
            self.control("POST", "clock", {"advance_seconds": 60})
        dump = World(self.cloud, self.clock).dump()  # type: ignore[arg-type]
        state: State = timeless(dump)
        return state

    def writes(self) -> list[str]:
        """The writes since the last reset, in order."""
        logged = self.control("GET", "requests")
        return [f"{each['method']} {each['path']}" for each in logged if each["effect"] == "write"]


def _command(pipe: Connection, environment: Mapping[str, str], arguments: Sequence[str], clock: FastTime) -> None:
    """The process: the command line itself, its clock the fast one, its words thrown away unless it fails."""
    pipe.recv()
    os.environ.update(environment)
    setattr(clouds, "SystemClock", lambda: clock)  # noqa: B010  # the command line has no option for it
    sys.stdout = sys.stderr = words = StringIO()
    try:
        command_line(arguments)
    except SystemExit as ended:
        if ended.code and sys.__stderr__:
            sys.__stderr__.write(words.getvalue())
        raise


def column(folder: Path, spec: CatalogSpec, fault: str) -> Mapping[str, str]:
    """By write, how the onboarding ended when its process was killed there."""
    from bench.faults import labels

    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of each connection that a kill cuts
    clock = FastTime()
    cloud = open_cloud(folder, wall=clock.wall)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file, running(cloud, mounts()) as address:
        json.dump(spec.model_dump(mode="json", exclude_none=True), file)
        file.flush()
        kills = Kills(cloud, address, Path(file.name), clock)
        kills.control("POST", "reset")
        if kills.onboard() != 0:
            raise RuntimeError("the undisturbed run failed")
        writes, goal = kills.writes(), kills.settled()
        found = {label: _cell(kills, goal, writes, fault, position) for position, label in enumerate(labels(writes))}
    cloud.close()
    return found


def _cell(kills: Kills, goal: State, writes: Sequence[str], fault: str, position: int) -> str:
    from bench.faults import mark

    kills.control("POST", "reset")
    ended = kills.onboard(rule_for(writes, position, fault.rpartition(" ")[2]))
    struck = kills.control("GET", "faults")[0]["struck"]
    if (ended, struck) != (-signal.SIGKILL, 1):
        raise RuntimeError(f"{fault} {writes[position]}: not killed, but {ended}, struck {struck}")
    again = kills.onboard()
    moved = dict(differences(goal, kills.settled()))
    if again != 0 or moved:
        sys.stderr.write(f"{fault} {writes[position]}: the next run ended with {again}: {moved}\n")
    return mark(2, bool(again != 0 or moved))


def rule_for(writes: Sequence[str], position: int, when: str) -> dict[str, Any]:
    """The fault rule that kills at a write: by method and path without ids, and the how-manieth of these it is."""
    shapes = [masked(write) for write in writes]
    method, _, path = shapes[position].partition(" ")
    pattern = "^" + re.escape(path).replace(re.escape("*"), "[0-9a-f-]{36}") + "$"
    nth = Counter(shapes[: position + 1])[shapes[position]]
    return {"action": "kill", "method": method, "path": pattern, "when": when, "nth": nth}
