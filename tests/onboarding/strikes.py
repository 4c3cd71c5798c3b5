"""Each write of an onboarding struck by a fault, then the run started again: does it come to the undisturbed state?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.faults import FaultRule
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.seeds.contoso.databricks import METASTORE
from cloud_emulator.seeds.contoso.identities import SALES_ANALYSTS
from cloud_emulator.services import mounts
from tests.contract.world import SharedTime, settings
from tests.onboarding.states import State, differences, timeless
from tests.onboarding.world import ROOT, World, example, sample_cloud
from unity_mirror.clouds import connect
from unity_mirror.errors import UnityMirrorError
from unity_mirror.spec import CatalogSpec, ConnectionShare
from unity_mirror.steps.context import Context
from unity_mirror.steps.runner import apply_plan, make_plan

KILLS = ("killed before", "killed after")
LOST = ("reset before", "reset after")
STATUSES = ("429", "500 before", "500 after", "503 before", "503 after")
OPERATIONS = ("operation failed before", "operation failed after", "operation forgotten")
FAULTS = (*KILLS, *LOST, *STATUSES, *OPERATIONS)
RESTARTS = 3
"""How often a run that failed is started again. One that was killed has to be through with the first."""
_READS = ("/oauth2/", "/getDefinition", "/effective-permissions")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def onboardings() -> Mapping[str, CatalogSpec]:
    """The onboardings whose writes are struck: one with storage behind a firewall and with all that a spec can ask for
    on top, and one with storage that Unity Catalog lends access to."""
    sales = example("sales")
    connection = sales.databricks.connection
    shared = connection.model_copy(update={"share": (ConnectionShare(id=SALES_ANALYSTS.object_id),)})
    databricks = sales.databricks.model_copy(update={"connection": shared})
    return {
        "sales": sales.model_copy(update={"databricks": databricks}),
        "hr": example("hr", **{"prerequisites.fix": "[external_data_access]"}),
    }


def prepared(folder: Path, time: SharedTime) -> World:
    """The sample cloud, but access to the metastore from outside is off, and ours to turn on."""
    world = World(sample_cloud(folder, time), time)
    with world.cloud.store.transaction():
        table = world.cloud.table("unity_catalog.metastores")
        table[METASTORE] = {**table[METASTORE], "owner": identities.RUNNER.app_id, "external_access_enabled": False}
    world.cloud.save_seed()
    return world


class Killed(BaseException):
    """The process is no more."""


def is_write(request: httpx.Request) -> bool:
    """Whether a request changes something; the emulator's log says the same, which a test holds."""
    return request.method not in ("GET", "HEAD") and not any(each in request.url.path for each in _READS)


def masked(write: str) -> str:
    """A write without the ids that the cloud gave, which differ between runs."""
    return _GUID.sub("*", write)


@dataclass
class Striker(httpx.AsyncBaseTransport):
    """Stands before the emulator and strikes the write at ``position`` (from 0) once."""

    world: World
    fault: str = ""
    position: int = -1
    writes: list[str] = field(default_factory=list)
    operations: set[int] = field(default_factory=set)
    """Which of the writes started a long-running operation."""
    dead: bool = False

    def __post_init__(self) -> None:
        self._wire = httpx.ASGITransport(app=Emulator(self.world.cloud, mounts()))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forwards, or strikes."""
        if self.dead:
            raise Killed
        if not is_write(request):
            return await self._wire.handle_async_request(request)
        number = len(self.writes)
        self.writes.append(f"{request.method} {request.url.path}")
        if number == self.position:
            return await self._strike(request)
        response = await self._wire.handle_async_request(request)
        if "x-ms-operation-id" in response.headers:
            self.operations.add(number)
        return response

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


async def run(world: World, striker: Striker, spec: CatalogSpec) -> str:
    """One process: plans and applies. Answers how it ended: done, failed, or killed."""
    configured = settings(ROOT, **identities.environment())
    try:
        async with connect(configured, clock=world.time, wire=striker) as clouds:
            context = Context(spec, clouds.clients, clouds.secrets)
            await apply_plan(context, await make_plan(context))
    except UnityMirrorError as error:
        return f"failed: {error}"
    except Killed:
        return "killed"
    return "done"


@dataclass(frozen=True)
class Goal:
    """An undisturbed run: whose, the state that every other has to come to, and its writes in order."""

    spec: CatalogSpec
    state: State
    writes: Sequence[str]
    operations: frozenset[int] = frozenset()

    def can_strike(self, fault: str, position: int) -> bool:
        """Whether the fault means anything to that write: only an operation can fail later or be forgotten."""
        return fault not in OPERATIONS or position in self.operations


async def undisturbed(world: World, spec: CatalogSpec) -> Goal:
    """Onboards without any fault."""
    world.cloud.reset()
    striker = Striker(world)
    ended = await run(world, striker, spec)
    if ended != "done":
        raise RuntimeError(f"the undisturbed run {ended}")
    return Goal(spec, await settled(world), striker.writes, frozenset(striker.operations))


async def settled(world: World) -> State:
    """The state once nothing moves any more, without times."""
    for _ in range(3):
        await world.time.sleep(60)
        with world.cloud.store.transaction():
            world.cloud.jobs.run_due(world.cloud)
    state: State = timeless(world.dump())
    return state


@dataclass(frozen=True)
class Outcome:
    """What became of a struck onboarding: how many runs it took, and at which paths the end differs from the goal."""

    runs: int
    moved: Mapping[str, Any]


async def strike(world: World, goal: Goal, fault: str, position: int) -> Outcome:
    """Strikes the write at ``position``. Who is killed starts again at once, who failed a minute later."""
    world.cloud.reset()
    striker = Striker(world, fault, position)
    ends = [await run(world, striker, goal.spec)]
    _same_write(goal, striker, position)
    while ends[-1] != "done" and len(ends) <= (1 if ends[0] == "killed" else RESTARTS):
        if ends[-1] != "killed":
            await world.time.sleep(60)
        ends.append(await run(world, Striker(world), goal.spec))
    moved: dict[str, Any] = dict(differences(goal.state, await settled(world)))
    return Outcome(len(ends), moved if ends[-1] == "done" else {"the last run": tuple(ends), **moved})


def _same_write(goal: Goal, striker: Striker, position: int) -> None:
    """Steps side by side might write in another order; then it wouldn't be the write that the table names."""
    hit, meant = masked(striker.writes[position]), masked(goal.writes[position])
    if hit != meant:
        raise RuntimeError(f"the fault struck {hit}, not {meant}")
