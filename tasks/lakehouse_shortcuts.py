"""The lakehouse and its OneLake shortcuts to the mirrored tables."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Create lakehouse shortcuts", minutes=60, writes_to={"fabric"})
async def create_lakehouse_shortcuts(session: Session) -> str:
    """Make the lakehouse and one shortcut for each selected table."""
    return outcome_text(await session.apply(StepName.LAKEHOUSE_SHORTCUTS))
