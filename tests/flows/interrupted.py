"""Runs of each flow, of which some request to Prefect is struck: does each end as if nothing had been?

What starts a run, answers it and looks at it asks the server itself; only the run's own requests are struck.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import yaml
from prefect import Flow, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, VariableFilter, VariableFilterTags
from prefect.client.schemas.objects import Artifact, FlowRun, StateType
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter
from prefect.events.schemas.events import ReceivedEvent
from prefect.exceptions import ObjectNotFound

from flows.announcing import DISCOVERED, Known, read_known, remember
from flows.offboard_catalog import offboard_catalog
from flows.onboard_catalog import onboard_catalog
from flows.reconcile_fleet import reconcile_fleet
from flows.watch_metastore import watch_metastore
from tasks import lease_holder
from tasks.lease import limit_name
from tests.flows.carrier import Carrier, carrier
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.deployed import deployed
from tests.flows.prefect_api import told
from tests.flows.unreliable import Fault, Rule, Unreliable, masked, nothing, unreliable
from tests.onboarding.states import differences, timeless

METASTORE = "77770000-0000-4000-8000-00000000c0de"
SPEC: dict[str, Any] = yaml.safe_load((EXAMPLES / "hr.yaml").read_text())
LIMIT = limit_name("hr")
BLOCK = "interrupted"
_BOOKKEEPING = ("operations", "jobs")
"""Of the cloud's own work, which has times in it."""


@dataclass(frozen=True)
class Ending:
    """What a run leaves behind."""

    state: tuple[str, str, str]
    cloud: Mapping[str, Any]
    events: Sequence[tuple[str, str, str]]
    """Of catalogs and fleets: what happened to what, and how it ended."""
    artifacts: Counter[tuple[str, str, str]]
    locked: Sequence[str]
    """Variables that tell of a lease, and slots that are taken, although the run is over: not those from before it."""
    known: Mapping[str, bool]
    """The catalogs that were told of, and whether they were there."""

    def differs(self, goal: Ending) -> list[str]:
        """What is not as in an undisturbed run."""
        doubled = self.artifacts - goal.artifacts
        found = {
            "state": self.state != goal.state and self.state,
            "cloud": differences(goal.cloud, self.cloud),
            "events": self.events != goal.events and self.events,
            "artifacts lost": goal.artifacts - self.artifacts,
            "artifacts made up": {each for each in doubled if each not in goal.artifacts},
            "still locked": self.locked,
            "known catalogs": self.known != goal.known and self.known,
        }
        return [f"{what}: {shown}" for what, shown in found.items() if shown]

    def doubled(self, goal: Ending) -> int:
        """How many artifacts there are twice, which nobody can prevent: Prefect takes each for a new one."""
        return (self.artifacts - goal.artifacts).total()


@dataclass
class Stage:
    """Where runs are carried out: a cloud, and a process that reaches Prefect's server through a proxy."""

    cloud: SampleCloud
    proxy: Unreliable
    carrier: Carrier
    folder: Path

    async def run(self, flow: Flow[..., Any], rule: Rule, **parameters: Any) -> FlowRun:
        """A deployment's run, carried out; and carried on with the answer when it asks for approval."""
        async with get_client() as client, self._expiring():
            run = await client.create_flow_run_from_deployment(await _deployment(flow), parameters=parameters)
            self.proxy.begin(rule)
            await self.carrier.carry_out(flow.name, run.id)
            if (await client.read_flow_run(run.id)).state_type == StateType.PAUSED:
                await _approve(run.id)
                await self.carrier.carry_out(flow.name, run.id)
            self.proxy.rule = nothing
            return await client.read_flow_run(run.id)

    @asynccontextmanager
    async def _expiring(self) -> AsyncIterator[None]:
        """Leases whose ids nobody has learnt expire soon: this session's server doesn't take them back, and it would be
        a minute until it did."""

        async def expire() -> None:
            async with get_client() as client:
                while True:
                    for lease in re.findall(rb'"lease_id":"([0-9a-f-]{36})"', b"".join(self.proxy.lost)):
                        await client.release_concurrency_slots_with_lease(UUID(lease.decode()))
                    await asyncio.sleep(0.3)

        expiry = asyncio.create_task(expire())
        yield
        expiry.cancel()


@contextmanager
def staged(server: PrefectServer, cloud: SampleCloud, folder: Path) -> Iterator[Stage]:
    """The stage, until the block ends. Answers of the proxy's own ask to be called again at once, to save time."""
    secrets = {name: value for name, value in cloud.environment.items() if name.endswith("_DATABRICKS_SECRET")}
    with unreliable(server.api, retry_after=0) as proxy:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "HOME": str(folder),
            "PREFECT_HOME": str(folder),
            "PREFECT_API_URL": proxy.url,
            "PREFECT_API_AUTH_STRING": server.auth,
            "PREFECT_DEFAULT_RESULT_STORAGE_BLOCK": "local-file-system/results",
            "UNITY_MIRROR_CLOUDS_BLOCK": BLOCK,
            "DO_NOT_TRACK": "1",
            **secrets,
        }
        with carrier(environment, folder / "carrier.log") as process:
            yield Stage(cloud, proxy, process, folder)


Scenario = Callable[[Stage, Rule], Awaitable[FlowRun]]


async def onboarded(stage: Stage, rule: Rule) -> FlowRun:
    """An onboarding that an event asks for."""
    return await stage.run(onboard_catalog, rule, spec=SPEC, event_id=str(uuid4()))


async def refused(stage: Stage, rule: Rule) -> FlowRun:
    """An onboarding that fails, which a hook tells."""
    stage.cloud.forbid_external_access()
    return await stage.run(onboard_catalog, rule, spec=SPEC)


async def watched(stage: Stage, rule: Rule) -> FlowRun:
    """A look for catalogs, of which one is new."""
    return await stage.run(watch_metastore, rule, fleet=str(EXAMPLES / "fleet.yaml"))


async def repaired(stage: Stage, rule: Rule) -> FlowRun:
    """A fleet of two catalogs: one is repaired, one can't be."""
    file = stage.folder / "fleet.yaml"
    fleet = yaml.safe_load((EXAMPLES / "fleet.yaml").read_text())
    catalogs = [SPEC, {"catalog": "no_such_catalog"}]
    file.write_text(yaml.safe_dump({**fleet, "catalogs": catalogs, "discover": None, "overrides": {}}))
    return await stage.run(reconcile_fleet, rule, fleet=str(file), mode="repair")


async def offboarded(stage: Stage, rule: Rule) -> FlowRun:
    """An offboarding up to its approval, and after it."""
    await stage.run(onboard_catalog, nothing, spec=SPEC)
    return await stage.run(offboard_catalog, rule, spec=SPEC)


SCENARIOS: Mapping[str, Scenario] = {
    "onboard-catalog": onboarded,
    "onboard-catalog that fails": refused,
    "watch-metastore": watched,
    "reconcile-fleet": repaired,
    "offboard-catalog": offboarded,
}


def at_each_write(*faults: Fault) -> Rule:
    """Each write is struck by these faults, one after the other, as it is sent again."""
    return lambda request: faults[request.again] if request.writes and request.again < len(faults) else None


def at_one(write: str, fault: Fault) -> Rule:
    """One write is struck, once."""
    return lambda request: fault if not request.again and str(request) == write else None


async def _forget() -> None:
    """Lets all catalogs, and the limit, appear anew; catalogs more often than ever before, else events were known."""
    names = {"logistics", *await read_known(METASTORE)}
    await remember(METASTORE, [Known(name, int(time.time() * 1000), there=False) for name in names])
    async with get_client() as client:
        with suppress(ObjectNotFound):
            await client.delete_global_concurrency_limit_by_name(LIMIT)


async def played(stage: Stage, scenario: Scenario, rule: Rule) -> Ending:
    """One run, from the cloud as it was seeded, and what it leaves."""
    stage.cloud.reset()
    await stage.cloud.block.save(BLOCK, overwrite=True)
    await _forget()
    locked, begun = await _locked(), datetime.now(UTC)
    ending = await _left(stage, await scenario(stage, rule), begun)
    return replace(ending, locked=[each for each in ending.locked if each not in locked])


async def _left(stage: Stage, run: FlowRun, begun: datetime) -> Ending:
    assert run.state
    events = [*await told(run.id), *await _discovered(begun)]
    async with get_client() as client:
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        artifacts = await client.read_artifacts(artifact_filter=mine, limit=200)
    return Ending(
        state=(run.state.type.value, run.state.name or "", masked(run.state.message or "")),
        cloud={
            name: table for name, table in timeless(stage.cloud.state()).items() if name not in ("operations", "jobs")
        },
        events=sorted((each.event, masked(each.resource.id), str(each.payload.get("ending", ""))) for each in events),
        artifacts=Counter(_shown(each) for each in artifacts),
        locked=await _locked(),
        known={name: each.there for name, each in (await read_known(METASTORE)).items()},
    )


def _shown(artifact: Artifact) -> tuple[str, str, str]:
    """What tells an artifact from others. How far a progress artifact had got when it was made differs between runs."""
    description = masked(artifact.description or "")
    if artifact.type == "progress":
        description = description.partition(":")[0]
    return artifact.type or "", artifact.key or "", description


async def _discovered(since: datetime) -> Sequence[ReceivedEvent]:
    """What was told of new catalogs; no run is named there."""
    occurred = EventOccurredFilter.model_validate({"since": since})
    wanted = EventFilter(event=EventNameFilter(name=[DISCOVERED]), occurred=occurred)
    async with get_client() as client:
        return (await client.read_events(wanted, limit=50)).events


async def _locked() -> list[str]:
    async with get_client() as client:
        tags = VariableFilter(tags=VariableFilterTags(all_=[lease_holder.TAG]))
        body = {"variables": tags.model_dump(mode="json")}
        variables = (await client.request("POST", "/variables/filter", json=body)).json()
        try:
            taken = (await client.read_global_concurrency_limit_by_name(LIMIT)).active_slots
        except ObjectNotFound:
            taken = 0
    return [*(each["name"] for each in variables), *([f"{taken} slots of {LIMIT}"] if taken else [])]


async def _deployment(flow: Flow[..., Any]) -> UUID:
    async with get_client() as client:
        try:
            return (await client.read_deployment_by_name(f"{flow.name}/{BLOCK}")).id
        except ObjectNotFound:
            return await deployed(flow, BLOCK)


async def _approve(run_id: UUID) -> None:
    async with get_client() as client:
        answer = {"decision": "approve", "reason": "Replaced by hr2."}
        result = await client.resume_flow_run(run_id, run_input=answer)
    assert result.status.value == "ACCEPT", result
