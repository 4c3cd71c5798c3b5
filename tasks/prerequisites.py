"""The prerequisites: what must hold before anything is written."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Validate prerequisites", minutes=30, writes_to={"databricks"})
async def validate_prerequisites(session: Session) -> str:
    """Stop here if something of the whole catalog is missing, with the remedy; repair what the spec lets us repair."""
    session.require_prerequisites()
    return outcome_text(await session.apply(StepName.PREREQUISITES))
