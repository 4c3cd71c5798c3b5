"""Automations of Prefect that find runs whose machine is gone; they hold for any server, not only the local one.

``python -m deploy.local.automations`` saves them in the server at PREFECT_API_URL. That a crashed onboarding or
offboarding is started again is a trigger of its deployment (prefect.yaml).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from prefect import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import EventTrigger, ResourceSpecification
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, Posture

from flows.events import WAITING
from tasks.lease_holder import LOST, NEVER_BEGAN

SILENCE = timedelta(seconds=90)
"""Three heartbeats that didn't come."""
BEGINNING = timedelta(minutes=5)
"""From a worker's taking a run to the run's begin; a container's image may have to be fetched meanwhile."""
_ENDS = (
    "Completed",
    "Failed",
    "Crashed",
    "Cancelled",
    "Cancelling",
    "Paused",
    "Suspended",
    "Rejected",
    "Scheduled",
    "AwaitingConcurrencySlot",
    "AwaitingRetry",
)
_TAG = "prefect.tag.unity-mirror"
_FORMER = ("unity-mirror: start crashed runs again",)
"""Automations that we saved once; beside the deployment's trigger they would start what crashed twice."""


def mark_silent_runs(silence: timedelta = SILENCE) -> AutomationCore:
    """A run that stops to give signs of life is Crashed: nobody is left to say so, neither its process nor its worker.

    It doesn't change a run that has ended by then, as Prefect refuses to mark such a run as crashed; and one that waits
    for approval says so itself, after its last heartbeat.
    """
    return _marking(
        "unity-mirror: a run without heartbeat has crashed",
        "Marks a run as Crashed when its heartbeat stops.",
        after=("heartbeat",),
        expect=("heartbeat", *_ENDS),
        other=(WAITING,),
        within=silence,
        message=LOST,
    )


def mark_runs_that_never_began(beginning: timedelta = BEGINNING) -> AutomationCore:
    """A run that a worker took and never began is Crashed: the worker has died in between, and no other takes it."""
    return _marking(
        "unity-mirror: a run that never began has crashed",
        "Marks a run as Crashed when a worker took it and it doesn't begin.",
        after=("Pending", "Submitting"),
        expect=("Running", *_ENDS),
        within=beginning,
        message=NEVER_BEGAN,
    )


def _marking(
    name: str,
    description: str,
    *,
    after: Iterable[str],
    expect: Iterable[str],
    other: Iterable[str] = (),
    within: timedelta,
    message: str,
) -> AutomationCore:
    """``after`` and ``expect`` are Prefect's events of flow runs, ``other`` are expected as well."""
    return AutomationCore(
        name=name,
        description=description,
        trigger=EventTrigger(
            after={f"prefect.flow-run.{each}" for each in after},
            expect={*(f"prefect.flow-run.{each}" for each in expect), *other},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification({"prefect.resource.id": _TAG, "prefect.resource.role": "tag"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=message)],
    )


def save() -> None:
    """Save them; those of the same name are replaced, and those that we used to save are deleted."""
    with get_client(sync_client=True) as client:
        for former in (each for name in _FORMER for each in client.read_automations_by_name(name)):
            client.delete_automation(former.id)
        for wanted in (mark_silent_runs(), mark_runs_that_never_began()):
            held = client.read_automations_by_name(wanted.name)
            if held:
                client.update_automation(held[0].id, wanted)
            else:
                client.create_automation(wanted)


if __name__ == "__main__":
    save()
