"""Trusted workspace access: the storage firewall's rule for the Fabric workspace."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Enable trusted workspace access", minutes=30, writes_to={"azure"})
async def enable_trusted_access(session: Session) -> str:
    """Admit the Fabric workspace through the storage account's firewall."""
    return outcome_text(await session.apply(StepName.TRUSTED_ACCESS))
