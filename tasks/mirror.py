"""The mirrored Azure Databricks catalog and its sync."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Mirror the catalog", minutes=120, writes_to={"fabric"})
async def mirror_catalog(session: Session) -> str:
    """Make or update the mirrored catalog and wait until its tables are in OneLake."""
    return outcome_text(await session.apply(StepName.MIRROR))
