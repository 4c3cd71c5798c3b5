"""The SQL analytics endpoint of the mirrored catalog."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.model import StepName
from unity_mirror.plan.render_markdown import outcome_text


@step_task("Prepare the SQL analytics endpoint", minutes=60, writes_to={"fabric"})
async def prepare_sql_endpoint(session: Session) -> str:
    """Wait for the SQL analytics endpoint and refresh its metadata."""
    return outcome_text(await session.apply(StepName.SQL_ENDPOINT))
