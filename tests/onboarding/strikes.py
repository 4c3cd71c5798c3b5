"""Each write of an onboarding struck by a fault, then the run started again: does it come to the undisturbed state?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.faults import FaultRule
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.services import mounts
from tests.contract.world import settings
from tests.onboarding.states import State, differences, timeless
from tests.onboarding.world import ROOT, World, example
from unity_mirror.clouds import connect
from unity_mirror.errors import UnityMirrorError
from unity_mirror.steps.context import Context
from unity_mirror.steps.runner import apply_plan, make_plan

KILLS = ("killed before", "killed after")
LOST = ("reset before", "reset after")
STATUSES = ("429", "500 before", "500 after", "503 before", "503 after")
OPERATIONS = ("operation failed before", "operation failed after", "operation forgotten")
FAULTS = (*KILLS, *LOST, *STATUSES, *OPERATIONS)
_READS = ("/oauth2/", "/getDefinition", "/effective-permissions")


class Killed(BaseException):
    """The process is no more."""


def is_write(request: httpx.Request) -> bool:
    """Whether a request changes something; the emulator's log says the same, which a test holds."""
    return request.method not in ("GET", "HEAD") and not any(each in request.url.path for each in _READS)


@dataclass
class Striker(httpx.AsyncBaseTransport):
    """Stands before the emulator and strikes the write at ``position`` (from 0) once."""

    world: World
    fault: str = ""
    position: int = -1
    writes: list[str] = field(default_factory=list)
    dead: bool = False

    def __post_init__(self) -> None:
        self._wire = httpx.ASGITransport(app=Emulator(self.world.cloud, mounts()))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forwards, or strikes."""
        if self.dead:
            raise Killed
        struck = False
        if is_write(request):
            struck = len(self.writes) == self.position
            self.writes.append(f"{request.method} {request.url.path}")
        return await self._strike(request) if struck else await self._wire.handle_async_request(request)

    async def _strike(self, request: httpx.Request) -> httpx.Response:
        what, _, when = self.fault.rpartition(" ")
        if what in ("killed", "reset"):
            return await self._lose(request, what, when)
        self.world.cloud.faults.set([_rule(self.fault)])
        response = await self._wire.handle_async_request(request)
        self.world.cloud.faults.set([])
        return response

    async def _lose(self, request: httpx.Request, what: str, when: str) -> httpx.Response:
        if when == "after":
            await self._wire.handle_async_request(request)
        if what == "killed":
            self.dead = True
            raise Killed
        raise httpx.ReadError("connection reset", request=request)


def _rule(fault: str) -> FaultRule:
    if fault == "operation forgotten":
        return FaultRule(action="forget_operation", times=1)
    if fault.startswith("operation failed"):
        return FaultRule.model_validate({"action": "fail_operation", "when": fault.rpartition(" ")[2], "times": 1})
    status, _, when = fault.partition(" ")
    headers = {"Retry-After": "1"} if status == "429" else {}
    rule = {"action": "status", "status": int(status), "when": when or "before", "headers": headers, "times": 1}
    return FaultRule.model_validate(rule)


async def run(world: World, striker: Striker, name: str = "sales") -> str:
    """One process: plans and applies. Answers how it ended: done, failed, or killed."""
    configured = settings(ROOT, **identities.environment())
    try:
        async with connect(configured, clock=world.time, wire=striker) as clouds:
            context = Context(example(name), clouds.clients, clouds.secrets)
            await apply_plan(context, await make_plan(context))
    except UnityMirrorError as error:
        return f"failed: {error}"
    except Killed:
        return "killed"
    return "done"


async def undisturbed(world: World) -> tuple[State, Sequence[str]]:
    """The state that every run has to come to, and its writes in order."""
    world.cloud.reset()
    striker = Striker(world)
    assert await run(world, striker) == "done"
    return await settled(world), striker.writes


async def settled(world: World) -> State:
    """The state once nothing moves any more, without times."""
    for _ in range(3):
        await world.time.sleep(60)
        with world.cloud.store.transaction():
            world.cloud.jobs.run_due(world.cloud)
    state: State = timeless(world.dump())
    return state


async def struck(world: World, fault: str, position: int, goal: State) -> Mapping[str, Any]:
    """What is different after the write at ``position`` was struck and the run, if need be, started again."""
    world.cloud.reset()
    first = await run(world, Striker(world, fault, position))
    last = first
    for _ in range(2):
        if last == "done":
            break
        await world.time.sleep(60)
        last = await run(world, Striker(world))
    moved: dict[str, Any] = dict(differences(goal, await settled(world)))
    return moved if last == "done" else {"the second run": (last, first), **moved}


@contextmanager
def no_faults(world: World) -> Iterator[None]:
    """Leaves the cloud without any."""
    yield
    world.cloud.faults.set([])
