"""The Direct Lake semantic model over the mirrored tables."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Build the semantic model", minutes=60, writes_to={"fabric"})
async def build_semantic_model(session: Session) -> str:
    """Make or update the semantic model and frame it, so that it shows data."""
    return outcome_text(await session.apply(StepName.SEMANTIC_MODEL))
