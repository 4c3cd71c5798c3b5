"""Runs in processes of their own, under a real worker: what they print holds no secret, and how they end is told once,
also when they are cancelled or killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.events.schemas.events import ReceivedEvent
from prefect.states import Cancelling

from flows.onboard_catalog import onboard_catalog
from tasks.fleet import load_fleet
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.prefect_api import told
from tests.flows.searching import found, in_database, in_folder
from tests.flows.test_secrets import CONNECTION, answers
from tests.flows.waiting import waited
from unity_mirror.spec import load_spec, members

POOL = "processes"
HELD_UP = ["Assign ADLS roles and ACLs", "Enable trusted workspace access"]
"""The steps that write to Azure, side by side; the cloud doesn't answer them."""
SECONDS = 240.0
"""For the start of a worker and of three processes by it, on a loaded machine."""


async def _run_of(spec: dict[str, Any]) -> FlowRun:
    async with get_client() as client:
        deployment = await client.create_deployment(
            flow_id=await client.create_flow(onboard_catalog),
            name=f"process-{spec['catalog']}",
            work_pool_name=POOL,
            entrypoint="flows/onboard_catalog.py:onboard_catalog",
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(EXAMPLES.parent)}}],
        )
        return await client.create_flow_run_from_deployment(deployment, parameters={"spec": spec})


def _worker(server: PrefectServer, cloud: SampleCloud, log: Path) -> subprocess.Popen[bytes]:
    """A worker that takes the runs that wait, and ends with the last of them."""
    secrets = {name: value for name, value in cloud.environment.items() if name.endswith("_DATABRICKS_SECRET")}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(server.home),
        "PREFECT_HOME": str(server.home),
        "PREFECT_API_URL": server.api,
        "PREFECT_API_AUTH_STRING": server.auth,
        "UNITY_MIRROR_CLOUDS_BLOCK": "processes",
        "DO_NOT_TRACK": "1",
        **secrets,
    }
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--run-once"]
    with log.open("wb") as out:
        return subprocess.Popen(argv, env=environment, cwd=server.home, stdout=out, stderr=subprocess.STDOUT)


async def _at_step(run: FlowRun) -> None:
    """Until the run is in the midst of its steps, and Prefect has recorded that."""
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))

    async def steps() -> dict[str, str | None]:
        async with get_client() as client:
            tasks = await client.read_task_runs(flow_run_filter=of_run)
        return {each.name.rpartition("-")[0]: each.state_name for each in tasks}

    def held_up(found: dict[str, str | None]) -> bool:
        return {name for name, state in found.items() if state == "Running"} == set(HELD_UP)

    await waited(f"{run.name} is held up", steps, held_up, seconds=SECONDS)


def _engine(run: FlowRun) -> int:
    """The process in which the flow itself runs: of those that know the run, the one that started no other."""
    known = {}
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"PREFECT__FLOW_RUN_ID={run.id}".encode() in (each / "environ").read_bytes():
                known[int(each.name)] = int((each / "stat").read_text().rpartition(")")[2].split()[1])
    last = set(known) - set(known.values())
    assert len(last) == 1, known
    return last.pop()


async def _ended(worker: subprocess.Popen[bytes]) -> None:
    async def code() -> int | None:
        return worker.poll()

    await waited("the worker has ended", code, lambda found: found is not None, seconds=SECONDS)


async def test_a_run_that_fails_is_cancelled_or_killed_is_told_once_and_prints_no_secret(
    cloud: SampleCloud, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    await cloud.block.save("processes", overwrite=True)
    hr = yaml.safe_load((EXAMPLES / "hr.yaml").read_text())
    sales = load_spec(EXAMPLES / "sales.yaml").model_dump(mode="json", exclude_unset=True)
    (logistics,) = [each.spec for each in members(load_fleet(str(EXAMPLES / "fleet.yaml")), ["logistics"])]
    assert logistics
    secret = cloud.environment["HR_DATABRICKS_SECRET"]
    unanswered = [{"service": "arm", "method": method, "action": "hang"} for method in ("PUT", "PATCH")]
    cloud.strike(answers(400, secret, **CONNECTION), *unanswered)
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)
    failing, cancelled, killed = [
        await _run_of(spec) for spec in (hr, sales, logistics.model_dump(mode="json", exclude_unset=True))
    ]
    log = tmp_path / "worker.log"
    worker = _worker(prefect_server, cloud, log)
    try:
        await asyncio.gather(_at_step(cancelled), _at_step(killed))
        async with get_client() as client:
            await client.set_flow_run_state(cancelled.id, Cancelling(message="Stopped by Ada."), force=True)
        os.kill(_engine(killed), signal.SIGKILL)
        await _ended(worker)
    except AssertionError as error:
        error.add_note(log.read_text())
        raise
    finally:
        worker.kill()
        worker.wait()
        cloud.strike()
    endings = {run.id: await _how(run.id) for run in (failing, cancelled, killed)}
    printed = log.read_text()
    assert endings[failing.id] == [("hr", "failed", ["Create the connections"])], printed
    for run, catalog, ending in ((cancelled, "sales", "cancelled"), (killed, "logistics", "crashed")):
        ((told_catalog, told_ending, steps),) = endings[run.id]
        assert (told_catalog, told_ending) == (catalog, ending), printed
        assert steps == sorted(HELD_UP), printed
    assert printed.count("refused: ***;") >= 2
    places = [*in_database(prefect_server.database), *in_folder(prefect_server.home), *in_folder(tmp_path)]
    secrets = {name: value for name, value in cloud.environment.items() if name.endswith("_SECRET")}
    assert found(secrets, places) == []


async def _how(run_id: UUID) -> list[tuple[str, str, list[str]]]:
    events: Sequence[ReceivedEvent] = await told(run_id)
    return [(each.payload["catalog"], each.payload["ending"], each.payload["step"].split(", ")) for each in events]
