"""``plan``, ``apply`` and ``verify``, of one catalog or of many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from rich.markup import escape

from unity_mirror.cli.documents import failure_document, plan_document, result_document, step_document
from unity_mirror.cli.files import write
from unity_mirror.cli.session import DONE, FAILED, PENDING, Session
from unity_mirror.cli.text import show_fleet, show_plan, show_result, show_verification
from unity_mirror.errors import PlanOutgrown
from unity_mirror.plan.model import Outcome, Plan, Remedy, StepName
from unity_mirror.plan.saved import moved, save
from unity_mirror.steps.fleet import CatalogRun, apply_fleet, plan_fleet, verify_fleet
from unity_mirror.steps.runner import require_prerequisites
from unity_mirror.steps.verification import Depth

_RIGHTS = (StepName.IDENTITY, StepName.STORAGE_ACCESS, StepName.TRUSTED_ACCESS)
_SHOWN = 5
"""Differences that a message names; what else changed is in the new plan."""


_IN_FULL = "Each catalog's plan in full: plan with --report DIR or --json, or its own spec."


async def run_plan(session: Session) -> int:
    """Shows the plan; 2 when changes are pending."""
    runs = await _planned(session)
    _show_plans(session, runs)
    plans = [run.planned.plan for run in runs if run.planned]
    if session.options.remedies is not None:
        write(session.options.remedies, _remedy_lines(plans))
    failed = any(run.failed for run in runs)
    if session.options.out is not None:
        _save(session, runs)
    code = FAILED if failed else PENDING if any(run.pending for run in runs) else DONE
    return session.finish(_documents(session, runs, _plan_part), code)


async def run_apply(session: Session) -> int:
    """Plans, asks, applies, verifies."""
    runs = await _planned(session)
    _show_plans(session, runs)
    if session.source.is_single:
        session.so_far = _plan_part(runs[0])
    if session.source.is_single and runs[0].planned:
        require_prerequisites(runs[0].planned.plan)
    if any(run.pending for run in runs if not run.failed):
        session.require_consent("Apply these changes?")
    runs = await apply_fleet(runs)
    _raise_single(session, runs)
    for run in runs:
        if run.result is not None and session.source.is_single:
            show_result(session.output.console, run.result)
    if not session.source.is_single:
        show_fleet(session.output.console, runs)
    code = FAILED if any(run.failed for run in runs) else DONE
    return session.finish(_documents(session, runs, _result_part), code)


async def run_verify(session: Session) -> int:
    """Looks whether everything works; 1 when something doesn't or changes are pending."""
    depth = Depth.FRESH_READ_ONLY if session.options.read_only else Depth.FRESH
    runs = await verify_fleet(await _planned(session), depth)
    _raise_single(session, runs)
    console = session.output.console
    for run in runs:
        if run.verification is not None and session.source.is_single:
            show_verification(console, run.verification)
    if not session.source.is_single:
        show_fleet(console, runs)
    pending = sum(run.pending for run in runs)
    if pending:
        console.print(f"[yellow]{pending} changes are pending: see unity-mirror plan.[/]")
    code = FAILED if pending or any(run.failed for run in runs) else DONE
    return session.finish(_documents(session, runs, _verify_part), code)


async def _planned(session: Session) -> list[CatalogRun]:
    """The plans. A saved plan's run fails where the difference isn't the approved one any more."""
    saved = {member.name: each for member, each in zip(session.source.members, session.source.saved, strict=False)}
    context_for = session.context_for({name: each.prune for name, each in saved.items()})
    runs = await plan_fleet(await session.members(), context_for)
    if saved:
        runs = [_checked(run, moved(saved[run.name], run.planned.plan)) if run.planned else run for run in runs]
    _raise_single(session, runs)
    return runs


def _checked(run: CatalogRun, differences: Sequence[str]) -> CatalogRun:
    if not differences:
        return run
    rest = len(differences) - _SHOWN
    why = "; ".join(differences[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
    remedy = "Make a new plan and look at it."
    error = PlanOutgrown("things changed since the plan was saved", where=run.name, why=why, remedy=remedy)
    return replace(run, error=error)


def _raise_single(session: Session, runs: Sequence[CatalogRun]) -> None:
    """One catalog's failure is the command's."""
    if session.source.is_single and runs and runs[0].error is not None:
        session.so_far = _plan_part(runs[0])
        raise runs[0].error


def _show_plans(session: Session, runs: Sequence[CatalogRun]) -> None:
    if session.source.is_single:
        for run in runs:
            if run.planned is not None:
                show_plan(session.output.console, run.planned.plan)
    else:
        show_fleet(session.output.console, runs)
        session.output.console.print(f"[dim]{_IN_FULL}[/]")


def _documents(session: Session, runs: Sequence[CatalogRun], part: Any) -> dict[str, Any]:
    found = [_document(run, part) for run in runs]
    if session.source.is_single:
        return found[0]
    failed = sum(run.failed for run in runs)
    return {"catalogs": found, "counts": {"catalogs": len(runs), "failed": failed}}


def _document(run: CatalogRun, part: Any) -> dict[str, Any]:
    if run.error is not None:
        return {"catalog": run.name, **failure_document(run.error)}
    document: dict[str, Any] = part(run)
    return document


def _plan_part(run: CatalogRun) -> dict[str, Any]:
    return plan_document(run.planned.plan) if run.planned else {"catalog": run.name}


def _result_part(run: CatalogRun) -> dict[str, Any]:
    return result_document(run.result) if run.result else _plan_part(run)


def _verify_part(run: CatalogRun) -> dict[str, Any]:
    verification = step_document(run.verification) if run.verification else None
    return {"catalog": run.name, "pending": run.pending, "verification": verification}


def _save(session: Session, runs: Sequence[CatalogRun]) -> None:
    """Only what can be applied is saved."""
    usable = [(run.context.spec, run.planned.plan) for run in runs if run.context and run.planned and not run.failed]
    document = save(usable, prune=session.options.prune)
    write(session.options.out, [json.dumps(document, indent=2)])
    session.output.console.print(f"Saved {len(usable)} of {len(runs)} plans to {escape(str(session.options.out))}.")


def _remedy_lines(plans: Iterable[Plan]) -> Iterable[str]:
    """One shell or SQL command a line, each under a comment that says what it is for."""
    for plan in plans:
        for title, remedy in _remedies(plan):
            about = f"{title}\n{remedy.text}".splitlines()
            yield from (*(f"# {line}" for line in about), *remedy.commands, "")
        later = [f"{each.kind} {each.name}" for each in plan.changes if each.step in _RIGHTS and each.remedy is None]
        if later:
            yield f"# Plan again after these, for what needs an id that they make: {'; '.join(later)}"


def _remedies(plan: Plan) -> Iterable[tuple[str, Remedy]]:
    for check in plan.checks:
        if check.outcome is not Outcome.PASSED and check.remedy is not None:
            yield f"{check.title} ({check.scope}): {check.evidence}", check.remedy
    for change in plan.changes:
        if change.remedy is not None:
            yield f"{change.kind} {change.name}: {change.reason}", change.remedy
