"""``rotate-secret``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from unity_mirror.cli.session import DONE, Session
from unity_mirror.errors import UnityMirrorError
from unity_mirror.steps.context import Reads
from unity_mirror.steps.rotation import rotate_secrets


async def run_rotate_secret(session: Session) -> int:
    """Asks, then writes the secrets that the environment holds now into the connections that are there."""
    session.require_consent("Replace the secrets of these connections?")
    context_for, done = session.context_for(), list[dict[str, Any]]()
    for member in await session.members():
        if member.spec is None:
            raise member.error or UnityMirrorError("the catalog has no spec", where=member.name)
        for each in await rotate_secrets(context_for(member.spec, Reads())):
            session.output.console.print(f"{each.name}: new {each.credential} credential, tested by Fabric")
            done.append(asdict(each))
    if not done:
        session.output.console.print("No connection with a secret of the spec's is there yet: apply makes them.")
    return session.finish({"rotated": done}, DONE)
