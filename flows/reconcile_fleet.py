"""Keeps a fleet in order: finds what differs from the specs and repairs it, or only reports it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from flows.events import emit_catalog_event
from flows.parameters import CloudsBlock, FleetFile
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
from tasks.options import explain, state_of
from unity_mirror.errors import UnityMirrorError

AT_ONCE = 8
Mode = Annotated[
    Literal["repair", "report"],
    Field(title="Drift is", description="repair: put right what differs from the specs. report: only say what it is."),
]


@flow(
    name="reconcile-fleet",
    flow_run_name="{mode} drift of {fleet}",
    description="Compare every catalog of a fleet with its spec, and repair or report what differs.",
    persist_result=False,
)
async def reconcile_fleet(fleet: FleetFile, mode: Mode = "report", clouds: CloudsBlock = None) -> State[Any]:
    """Go through all catalogs in one process. A catalog that fails doesn't stop the others; one that another run is at
    work on is left to that run.

    Args:
        fleet: The fleet's spec: a file, from the repository's root on the worker.
        mode: Whether what differs is repaired or only reported.
        clouds: Which clouds, and who signs in. When left out, the worker's environment says so.
    """
    try:
        async with open_fleet(clouds, fleet) as session:
            for task in (find_catalogs, plan_catalogs):
                await (await state_of(task, session)).aresult()
            outcomes = await _all_turns(session, repair=mode == "repair")
            metastore_id = await session.metastore_id()
    except UnityMirrorError as error:
        return Failed(message=explain(error), data=error)
    await acreate_table_artifact(
        [each.row for each in outcomes], key="fleet-summary", description=f"Catalogs of {fleet}, {mode}"
    )
    _tell(outcomes, metastore_id, mode)
    return _ended(outcomes)


async def _all_turns(session: FleetSession, *, repair: bool) -> list[CatalogOutcome]:
    turns = [Turn(session, run, repair=repair) for run in session.runs]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(turn: Turn) -> None:
        task = reconcile_catalog.with_options(name=f"Reconcile {turn.run.name}")
        async with gate:
            await state_of(task, turn)

    await asyncio.gather(*(one(turn) for turn in turns))
    return outcomes_of(turns)


def _tell(outcomes: Sequence[CatalogOutcome], metastore_id: str, mode: str) -> None:
    for each in outcomes:
        payload = {"changes": each.changes, "message": each.what, "mode": mode, "repaired": each.ending == "repaired"}
        if each.ending in ("drifted", "repaired"):
            emit_catalog_event("drifted", each.catalog, metastore_id, payload)
        elif each.ending == "failed":
            emit_catalog_event("failed", each.catalog, metastore_id, payload)


def _ended(outcomes: Sequence[CatalogOutcome]) -> State[Any]:
    counts = {ending: sum(each.ending == ending for each in outcomes) for ending in _ENDINGS}
    message = f"{len(outcomes)} catalogs: " + ", ".join(
        f"{count} {ending}" for ending, count in counts.items() if count
    )
    failed = [f"{each.catalog}: {each.what}" for each in outcomes if each.ending == "failed"]
    return Failed(message="\n".join([message, *failed])) if failed else Completed(message=message)


_ENDINGS = ("in order", "repaired", "drifted", "busy", "failed")
