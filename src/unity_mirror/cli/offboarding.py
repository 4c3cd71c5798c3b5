"""``offboard``."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from unity_mirror.cli.documents import failure_document, plan_document
from unity_mirror.cli.session import DONE, FAILED, Session
from unity_mirror.cli.text import show_failure, show_plan
from unity_mirror.errors import UnityMirrorError
from unity_mirror.spec import Member
from unity_mirror.steps.context import Context, Reads
from unity_mirror.steps.offboard import Offboarding, apply_offboarding, plan_offboarding


async def run_offboard(session: Session) -> int:
    """Shows what goes, asks, removes it; of a fleet each catalog by itself, one after the other."""
    context_for = session.context_for()
    planned: list[tuple[Context, Offboarding]] = []
    failures: list[tuple[str, UnityMirrorError]] = []
    for member in await session.members():
        try:
            planned.append(await _planned(session, context_for(_spec_of(member), Reads())))
        except UnityMirrorError as error:
            _failed(session, member.name, error, failures)
    if any(each.plan.changes for _, each in planned):
        session.require_consent("Remove all this?")
    for context, offboarding in planned:
        try:
            await apply_offboarding(context, offboarding)
        except UnityMirrorError as error:
            _failed(session, context.spec.catalog, error, failures)
        else:
            _say_removed(session, offboarding)
    return session.finish(_document(session, planned, failures), FAILED if failures else DONE)


def _say_removed(session: Session, offboarding: Offboarding) -> None:
    plan = offboarding.plan
    if plan.changes:
        session.output.console.print(f"[green]{escape(plan.catalog)} is offboarded: {len(plan.changes)} removed.[/]")


def _spec_of(member: Member) -> Any:
    if member.spec is None:
        raise member.error or UnityMirrorError("the catalog has no spec", where=member.name)
    return member.spec


async def _planned(session: Session, context: Context) -> tuple[Context, Offboarding]:
    offboarding = await plan_offboarding(context, keep_lakehouse=session.options.keep_lakehouse)
    show_plan(session.output.console, offboarding.plan, verb="Offboarding", nothing="nothing of ours is there")
    return context, offboarding


def _failed(session: Session, name: str, error: UnityMirrorError, failures: list[tuple[str, UnityMirrorError]]) -> None:
    """One catalog's failure is the command's; of several, the others go on."""
    if session.source.is_single:
        raise error
    show_failure(session.output.console, name, error)
    failures.append((name, error))


def _document(
    session: Session, planned: list[tuple[Context, Offboarding]], failures: list[tuple[str, UnityMirrorError]]
) -> dict[str, Any]:
    if session.source.is_single:
        return plan_document(planned[0][1].plan)
    failed = {name for name, _ in failures}
    done = [plan_document(each.plan) for context, each in planned if context.spec.catalog not in failed]
    return {"catalogs": [*done, *({"catalog": name, **failure_document(error)} for name, error in failures)]}
