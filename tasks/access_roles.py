"""OneLake data access roles, in step with Unity Catalog's grants."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Keep OneLake access roles", minutes=30, writes_to={"fabric"})
async def keep_access_roles(session: Session) -> str:
    """Make, change or empty the roles that grants in Unity Catalog call for; others' roles stay untouched."""
    return outcome_text(await session.apply(StepName.ACCESS_ROLES))
