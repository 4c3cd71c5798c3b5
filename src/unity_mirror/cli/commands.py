"""What each command does."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from unity_mirror.cli.documents import checks_document, plan_document, result_document, step_document
from unity_mirror.cli.output import Output
from unity_mirror.cli.text import show_checks, show_plan, show_result, show_verification
from unity_mirror.clouds import Clouds, connect
from unity_mirror.errors import UnityMirrorError
from unity_mirror.plan.model import Outcome, Plan, Remedy, StepName
from unity_mirror.settings import Settings
from unity_mirror.spec import CatalogSpec, load_spec
from unity_mirror.steps.context import Context, Known
from unity_mirror.steps.runner import all_steps, apply_plan, make_plan, require_prerequisites
from unity_mirror.steps.verification import verify

DONE, FAILED, PENDING = 0, 1, 2


def run(options: argparse.Namespace, output: Output) -> int:
    """Runs the command and returns its exit code. Raises what the library raises."""
    settings = Settings.from_environment(os.environ)
    spec = load_spec(options.spec, options.overlay, options.set, os.environ)
    return asyncio.run(_run(options, output, settings, spec))


async def _run(options: argparse.Namespace, output: Output, settings: Settings, spec: CatalogSpec) -> int:
    async with connect(settings) as clouds:
        context = _context(clouds, spec, prune=getattr(options, "prune", False))
        match options.command:
            case "plan":
                return await _plan(context, output, options.remedies)
            case "apply":
                return await _apply(context, output, yes=options.yes)
            case "verify":
                return await _verify(context, output)
            case _:
                return await _doctor(context, output)


def _context(clouds: Clouds, spec: CatalogSpec, *, prune: bool) -> Context:
    deadline = clouds.settings.timeouts.operation
    return Context(spec, clouds.clients, clouds.secrets, deadline_seconds=deadline, prune=prune)


async def _plan(context: Context, output: Output, remedies: Path | None) -> int:
    plan = (await make_plan(context)).plan
    show_plan(output.console, plan)
    output.document(plan_document(plan))
    if remedies is not None:
        _write_remedies(remedies, plan)
    if plan.blockers:
        return FAILED
    return PENDING if plan.changes else DONE


async def _apply(context: Context, output: Output, *, yes: bool) -> int:
    planned = await make_plan(context)
    show_plan(output.console, planned.plan)
    require_prerequisites(planned.plan)
    if planned.plan.changes and not _agreed(output, yes=yes):
        return FAILED
    result = await apply_plan(context, planned)
    show_result(output.console, result)
    output.document(result_document(result))
    failed = any(check.outcome is not Outcome.PASSED for check in result.verification.checks)
    return FAILED if failed else DONE


def _agreed(output: Output, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UnityMirrorError(
            "nothing was applied",
            why="there is no terminal to ask at",
            remedy="Add --yes to apply without being asked.",
        )
    if output.ask("Apply these changes?"):
        return True
    output.console.print("Nothing was applied.")
    return False


async def _verify(context: Context, output: Output) -> int:
    planned = await make_plan(context)
    plan, known = planned.plan, planned.known
    verification = await verify(context, known)
    show_verification(output.console, verification)
    if plan.changes:
        output.console.print(f"[yellow]{len(plan.changes)} changes are pending: see unity-mirror plan.[/]")
    document = {"pending": len(plan.changes), "verification": step_document(verification)}
    output.document(document)
    failed = any(check.outcome is not Outcome.PASSED for check in verification.checks)
    return FAILED if failed or plan.changes or plan.blockers else DONE


async def _doctor(context: Context, output: Output) -> int:
    found = await all_steps()[StepName.PREREQUISITES].plan(context, Known())
    show_checks(output.console, found.plan.checks)
    output.document({"checks": checks_document(found.plan.checks)})
    passed = all(check.outcome is Outcome.PASSED for check in found.plan.checks)
    return DONE if passed else FAILED


def _write_remedies(path: Path, plan: Plan) -> None:
    """One shell or SQL command a line, each under a comment that says what it is for."""
    lines: list[str] = []
    for title, remedy in _remedies(plan):
        lines += [f"# {title}", f"# {remedy.text}", *remedy.commands, ""]
    try:
        path.write_text("\n".join(lines), encoding="utf-8")
    except OSError as error:
        raise UnityMirrorError("the remedies could not be written", where=str(path), why=str(error)) from error


def _remedies(plan: Plan) -> Iterable[tuple[str, Remedy]]:
    for check in plan.checks:
        if check.outcome is not Outcome.PASSED and check.remedy is not None:
            yield f"{check.title} ({check.scope}): {check.evidence}", check.remedy
    for change in plan.changes:
        if change.remedy is not None:
            yield f"{change.kind} {change.name}: {change.reason}", change.remedy
