"""Automations of Prefect that keep runs going; they hold for any server, not only the local one.

``python -m deploy.local.automations`` saves them in the server at PREFECT_API_URL.
"""

from __future__ import annotations

from datetime import timedelta

from prefect import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import EventTrigger, ResourceSpecification
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, Posture

SILENCE = timedelta(seconds=90)
"""Three heartbeats that didn't come."""
_ENDS = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended", "Rejected", "Scheduled")
_TAG = "prefect.tag.unity-mirror"


def mark_silent_runs() -> AutomationCore:
    """A run that stops to give signs of life is Crashed: its process was killed, or its machine is gone."""
    return AutomationCore(
        name="unity-mirror: a run without heartbeat has crashed",
        description="Marks a run as Crashed when its heartbeat stops.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{name}" for name in _ENDS)},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification({"prefect.resource.id": _TAG, "prefect.resource.role": "tag"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, name="Crashed", message="No sign of life: its process or machine is gone."
            )
        ],
    )


def start_crashed_runs_again() -> AutomationCore:
    """A crashed run is started again: no catalog is lost with its process. The flow says when that is often enough."""
    return AutomationCore(
        name="unity-mirror: start crashed runs again",
        description="Schedules a crashed run again; it reads what is there and does what is left.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification({"prefect.resource.id": _TAG, "prefect.resource.role": "tag"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="Started again after a crash.")
        ],
    )


def save() -> None:
    """Save them; those of the same name are replaced."""
    with get_client(sync_client=True) as client:
        for wanted in (mark_silent_runs(), start_crashed_runs_again()):
            held = client.read_automations_by_name(wanted.name)
            if held:
                client.update_automation(held[0].id, wanted)
            else:
                client.create_automation(wanted)


if __name__ == "__main__":
    save()
