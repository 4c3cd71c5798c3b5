"""Keeps a fleet in order: finds what differs from the specs and repairs it, or only reports it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.events import tell_of_catalog
from flows.outcomes import AlreadyTold, failed, failed_of, finished, tell_ending
from flows.parameters import CloudsBlock, FleetFile, Mode
from tasks.fleet import (
    CatalogOutcome,
    FleetSession,
    Turn,
    find_catalogs,
    open_fleet,
    outcomes_of,
    plan_catalogs,
    reconcile_catalog,
)
from tasks.options import idle, state_of
from unity_mirror.errors import UnityMirrorError

AT_ONCE = 8


@flow(
    name="reconcile-fleet",
    flow_run_name="{mode} drift of {fleet}",
    description="Compare every catalog of a fleet with its spec, and repair or report what differs.",
    persist_result=False,
    on_failure=[tell_ending],
    on_crashed=[tell_ending],
    on_cancellation=[tell_ending],
)
async def reconcile_fleet(fleet: FleetFile, mode: Mode = "report", clouds: CloudsBlock = None) -> State[Any]:
    """Go through all catalogs in one process. A catalog that fails doesn't stop the others; one that another run is at
    work on is left to that run.

    Args:
        fleet: The fleet's spec: a file, from the repository's root on the worker.
        mode: report: only say what differs from the specs. repair: put it right.
        clouds: Block that says which clouds, and who signs in. Left out: the worker's environment says so.
    """
    try:
        async with open_fleet(clouds, fleet) as session:
            for task in (find_catalogs, plan_catalogs):
                await finished(task, session)
            outcomes = await _all_turns(session, repair=mode == "repair")
            metastore_id = await session.metastore_id()
    except UnityMirrorError as error:
        return failed(error)
    await acreate_table_artifact(
        [each.row for each in outcomes], key="fleet-summary", description=f"Catalogs of {fleet}, {mode}"
    )
    await asyncio.gather(*(_tell(each, metastore_id, mode) for each in outcomes))
    return _ended(outcomes)


async def _all_turns(session: FleetSession, *, repair: bool) -> list[CatalogOutcome]:
    turns = [Turn(session, run, repair=repair) for run in session.runs]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(turn: Turn) -> None:
        task = reconcile_catalog.with_options(name=f"Reconcile {turn.run.name}")
        if not turn.writes:
            task = idle(task)
        async with gate:
            state = await state_of(task, turn)
        if turn.outcome is None:
            turn.broken_off(state.message or "")

    await asyncio.gather(*(one(turn) for turn in turns))
    return outcomes_of(turns)


async def _tell(outcome: CatalogOutcome, metastore_id: str, mode: str) -> None:
    payload = {"changes": outcome.changes, "message": outcome.what, "remedy": outcome.remedy, "mode": mode}
    if outcome.ending in ("drifted", "repaired"):
        drift = {**payload, "repaired": outcome.ending == "repaired"}
        await tell_of_catalog("drifted", outcome.catalog, metastore_id, drift)
    elif outcome.ending == "failed":
        failure = {**payload, "ending": "failed", "step": outcome.step}
        await tell_of_catalog("failed", outcome.catalog, metastore_id, failure)


def _ended(outcomes: Sequence[CatalogOutcome]) -> State[Any]:
    counts = {ending: sum(each.ending == ending for each in outcomes) for ending in _ENDINGS}
    message = f"{len(outcomes)} catalogs: " + ", ".join(
        f"{count} {ending}" for ending, count in counts.items() if count
    )
    wrong = [f"{each.catalog}: {each.what}" for each in outcomes if each.ending == "failed"]
    if not wrong:
        return Completed(message=message)
    return failed_of(AlreadyTold("\n".join([message, *wrong])))


_ENDINGS = ("in order", "repaired", "drifted", "busy", "failed")
