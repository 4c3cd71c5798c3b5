"""Fabric's connections to Databricks and, behind a firewall, to the storage."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Create the connections", minutes=30, writes_to={"fabric"})
async def create_connections(session: Session) -> str:
    """Create the connections that are missing; Fabric tests each when it is made."""
    return outcome_text(await session.apply(StepName.CONNECTIONS))
