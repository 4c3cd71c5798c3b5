"""Rights on the storage: role assignments and access control lists."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Assign ADLS roles and ACLs", minutes=120, writes_to={"azure"})
async def assign_storage_access(session: Session) -> str:
    """Let the identity that reads the storage do so: role assignment, ACLs on the folder and X on its parents."""
    return outcome_text(await session.apply(StepName.STORAGE_ACCESS))
