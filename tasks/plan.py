"""The plan: what would be changed, and why. It writes nothing."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.render_markdown import counts_text


@step_task("Make the plan", minutes=60)
async def make_plan(session: Session) -> str:
    """Read the three clouds and compute the difference to the spec."""
    plan = await session.make_plan()
    if plan.blockers:
        return f"{len(plan.blockers)} prerequisites of the whole catalog failed"
    return f"{counts_text(plan.counts())}; {len(plan.left_out)} left out"
