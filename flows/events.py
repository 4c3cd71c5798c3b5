"""Events that tell others what became of a catalog, for Prefect automations.

They are posted and waited for: Prefect's own queue of events dies with its process, and a run may be at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.events import Event
from prefect.events.schemas.events import RelatedResource, Resource
from prefect.logging.loggers import flow_run_logger
from prefect.utilities.urls import url_for

Happening = Literal["onboarded", "drifted", "failed", "offboarded", "rejected"]
NAMESPACE = UUID("0b0e6ad8-5d0b-5f0c-9a39-6f6c1a1f8f52")
WAITING = "unity-mirror.run.waiting"
_NO_METASTORE = "unknown"
_LAST_HEARTBEAT = timedelta(seconds=0.5)
"""After its suspension a process tells none that is later; a run that is resumed takes longer to begin."""


def resource_id(metastore_id: str | None, catalog: str) -> str:
    """The catalog as a Prefect resource: ``unity-catalog.<metastore id>.<catalog>``."""
    return f"unity-catalog.{metastore_id or _NO_METASTORE}.{catalog}"


def this_run() -> FlowRun:
    """The flow run that we are in. Raises RuntimeError outside of one."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("there is no flow run here")
    return context.flow_run


async def tell_of_catalog(
    happening: Happening, catalog: str, metastore_id: str | None, payload: Mapping[str, Any], run: FlowRun | None = None
) -> None:
    """Tell ``unity-mirror.catalog.<happening>``, of this run or the one given."""
    name = f"unity-mirror.catalog.{happening}"
    await _tell(name, resource_id(metastore_id, catalog), catalog, {"catalog": catalog, **payload}, run or this_run())


async def tell_of_fleet(fleet: str, payload: Mapping[str, Any], run: FlowRun) -> None:
    """Tell ``unity-mirror.fleet.failed``: what stopped the run of a whole fleet, so that no catalog can tell it."""
    await _tell("unity-mirror.fleet.failed", f"unity-mirror.fleet.{fleet}", fleet, {"fleet": fleet, **payload}, run)


async def tell_of_waiting(catalog: str) -> None:
    """Tell ``unity-mirror.run.waiting``, of this run, which has just suspended itself until a person answers.

    It occurs a little later than now. The process still lives for a moment, and a heartbeat told in it would have the
    automation that finds dead runs (deploy/local/automations.py) wait for a next one: what ends that has to occur
    after the heartbeat, and before the run can be resumed.
    """
    run = this_run()
    payload = {"catalog": catalog, "message": "It waits for a person to approve or reject its plan."}
    later = datetime.now(UTC) + _LAST_HEARTBEAT
    await _tell(WAITING, f"prefect.flow-run.{run.id}", run.name, payload, run, later)


async def _tell(
    name: str, resource: str, shown: str, payload: Mapping[str, Any], run: FlowRun, occurred: datetime | None = None
) -> None:
    """Post one event. Its id follows from what happened, so a repeat is the same event and is kept once.

    Telling is no part of the work: when it fails, the log says so, and the run ends as it would.
    """
    ending = payload.get("ending", "")
    event = Event(
        id=uuid5(NAMESPACE, f"{name} {resource} {run.id} {run.run_count} {ending}".strip()),
        event=name,
        occurred=occurred or datetime.now(UTC),
        resource=Resource({"prefect.resource.id": resource, "prefect.resource.name": shown}),
        related=_related(run),
        payload={**payload, "flow_run_id": str(run.id), "flow_run": run.name, "link": url_for("flow-run", run.id)},
    )
    try:
        async with get_client() as client:
            (await client.request("POST", "/events", json=[event.model_dump(mode="json")])).raise_for_status()
    except Exception:  # noqa: BLE001  (whatever it is)
        flow_run_logger(run).exception("The event %s of %s could not be told.", name, shown)


def _related(run: FlowRun) -> list[RelatedResource]:
    """As Prefect relates its own events: the run, its deployment, and its tags."""
    named = [("flow-run", str(run.id)), *([("deployment", str(run.deployment_id))] if run.deployment_id else [])]
    named += [("tag", tag) for tag in sorted(run.tags)]
    return [
        RelatedResource({"prefect.resource.id": f"prefect.{role}.{what}", "prefect.resource.role": role})
        for role, what in named
    ]
