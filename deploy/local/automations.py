"""The automation of Prefect that finds runs whose machine is gone; it holds for any server, not only the local one.

``python -m deploy.local.automations`` saves it in the server at PREFECT_API_URL. That a crashed onboarding is started
again is a trigger of its deployment (prefect.yaml).
"""

from __future__ import annotations

from datetime import timedelta

from prefect import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import EventTrigger, ResourceSpecification
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, Posture

from tasks.lease_holder import LOST

SILENCE = timedelta(seconds=90)
"""Three heartbeats that didn't come."""
_ENDS = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended", "Rejected", "Scheduled")
_TAG = "prefect.tag.unity-mirror"
_FORMER = ("unity-mirror: start crashed runs again",)
"""Automations that we saved once; beside the deployment's trigger they would start what crashed twice."""


def mark_silent_runs(silence: timedelta = SILENCE) -> AutomationCore:
    """A run that stops to give signs of life is Crashed: nobody is left to say so, neither its process nor its worker.

    It doesn't change a run that has ended by then, as Prefect refuses to mark such a run as crashed.
    """
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
            within=silence,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=LOST)],
    )


def save() -> None:
    """Save it; one of the same name is replaced, and those that we used to save are deleted."""
    wanted = mark_silent_runs()
    with get_client(sync_client=True) as client:
        for former in (each for name in _FORMER for each in client.read_automations_by_name(name)):
            client.delete_automation(former.id)
        held = client.read_automations_by_name(wanted.name)
        if held:
            client.update_automation(held[0].id, wanted)
        else:
            client.create_automation(wanted)


if __name__ == "__main__":
    save()
