"""Verification: what was made is read as its users will read it."""

from __future__ import annotations

from tasks.options import step_task
from tasks.session import Session
from unity_mirror.plan.render_markdown import checks_text


@step_task("Verify", minutes=60)
async def verify_catalog(session: Session) -> str:
    """Read each table and shortcut through OneLake and look at the sync, the SQL endpoint and the model's framing."""
    found = await session.verify()
    return checks_text(found.checks)
