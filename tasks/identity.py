"""The workspace identity, with which Fabric reaches storage behind a firewall."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Provision the workspace identity", minutes=45, writes_to={"fabric"})
async def provision_identity(session: Session) -> str:
    """Provision the Fabric workspace's identity, where the spec needs one."""
    return outcome_text(await session.apply(StepName.IDENTITY))
