"""Plans and results as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from unity_mirror.cli.tables import show_tables
from unity_mirror.errors import UnexpectedError, UnityMirrorError
from unity_mirror.plan.model import (
    Action,
    AfterApply,
    Change,
    Check,
    LeftOut,
    Outcome,
    Plan,
    Remedy,
    StepPlan,
)
from unity_mirror.plan.render_markdown import done_text
from unity_mirror.steps.fleet import CatalogRun
from unity_mirror.steps.runner import Result

_SIGNS = {Action.CREATE: "[green]+[/]", Action.UPDATE: "[yellow]~[/]", Action.DELETE: "[red]-[/]"}
_OUTCOMES = {Outcome.PASSED: "[green]✓[/]", Outcome.FAILED: "[red]✗[/]", Outcome.UNKNOWN: "[yellow]?[/]"}
_MANY = 4


_AS_WANTED = "everything is as the spec says"


def show_plan(console: Console, plan: Plan, verb: str = "Plan for", nothing: str = _AS_WANTED) -> None:
    """The plan, step by step, then what is left out, then the counts; ``nothing`` is why there may be none."""
    console.print(f"[bold]{verb} catalog {escape(plan.catalog)} in workspace {escape(plan.workspace)}[/]\n")
    for step in plan:
        _show_step(console, step)
    show_left_out(console, plan.left_out)
    console.print(summary(plan, nothing))


def summary(plan: Plan, nothing: str = _AS_WANTED) -> str:
    """The last line of a plan."""
    if plan.blockers:
        return f"[red]Nothing can be applied: {_count(len(plan.blockers), 'prerequisite')} of the catalog failed.[/]"
    kept = len(plan.prunable)
    more = f" [dim]--prune would do {kept} more.[/]" if kept else ""
    if not plan.changes:
        return f"[green]Nothing to do: {nothing}.[/]{more}"
    counts = plan.counts()
    return f"[bold]{counts['create']} to create, {counts['update']} to update, {counts['delete']} to delete.[/]{more}"


def _show_step(console: Console, step: StepPlan) -> None:
    checks = [check for check in step.checks if check.outcome is not Outcome.PASSED]
    passed = len(step.checks) - len(checks)
    if not (step.checks or step.changes or step.notes or step.prunable):
        return
    console.print(f"[bold]{step.step.label}[/]")
    if passed:
        console.print(f"  {_OUTCOMES[Outcome.PASSED]} {_count(passed, 'check')} passed")
    show_checks(console, checks)
    for (action, kind), group in groupby(step.changes, key=lambda change: (change.action, change.kind)):
        _show_changes(console, action, kind, list(group))
    _show_prunable(console, step.prunable)
    for note in step.notes:
        console.print(f"  [dim]note: {escape(note)}[/]")
    show_tables(console, step.tables)
    console.print()


def _show_prunable(console: Console, prunable: Sequence[Change]) -> None:
    """What stays: of many of a kind the first few."""
    for (action, kind), group in groupby(prunable, key=lambda change: (change.action, change.kind)):
        names = [each.name for each in group]
        more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
        what = f"{escape(kind)} {escape(', '.join(names[:_MANY]))}{more}"
        console.print(f"  [dim]would be {action}d with --prune: {what}[/]")


def show_checks(console: Console, checks: Iterable[Check]) -> None:
    """Checks with evidence and remedy."""
    for check in checks:
        fixed = " [dim](apply repairs it)[/]" if check.repaired_by_apply else ""
        scope = f" [dim]({escape(str(check.scope))})[/]" if check.scope.name else ""
        console.print(f"  {_OUTCOMES[check.outcome]} {escape(check.title)}{scope}{fixed}")
        if check.outcome is not Outcome.PASSED:
            console.print(f"      {escape(check.evidence)}")
            _show_remedy(console, check.remedy)


def _show_remedy(console: Console, remedy: Remedy | None) -> None:
    if remedy is None:
        return
    console.print(f"      [cyan]What to do:[/] {escape(remedy.text)}")
    for command in remedy.commands:
        console.print(f"        [cyan]{escape(command)}[/]")


def _show_changes(console: Console, action: Action, kind: str, changes: Sequence[Change]) -> None:
    if len(changes) > _MANY:
        names = ", ".join(change.name for change in changes[:_MANY])
        console.print(f"  {_SIGNS[action]} {escape(_count(len(changes), kind))}: {escape(names)}, …")
        console.print(f"      [dim]because {escape(changes[0].reason)}[/]")
        return
    for change in changes:
        console.print(f"  {_SIGNS[action]} {escape(kind)} [bold]{escape(change.name)}[/]")
        console.print(f"      [dim]because {escape(change.reason)}[/]")
        for line in _values(change):
            console.print(f"      {line}")


def _values(change: Change) -> Iterable[str]:
    for name in dict.fromkeys((*change.before, *change.after)):
        yield f"{name}: {_difference(change, name)}"


def _difference(change: Change, name: str) -> str:
    """``before → after``; of long lists what came and what went; of a value that only one side has, that."""
    before, after = change.before.get(name), change.after.get(name)
    if name not in change.before or name not in change.after:
        return _value(after if name in change.after else before)
    if isinstance(before, str) and isinstance(after, str) and "," in before and "," in after:
        old, new = before.split(","), after.split(",")
        came = [f"[green]+{escape(each)}[/]" for each in new if each not in old]
        went = [f"[red]-{escape(each)}[/]" for each in old if each not in new]
        return "  ".join((*came, *went))
    return f"{_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    if isinstance(value, AfterApply):
        return "[dim](known after apply)[/]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return escape(", ".join(map(str, value))) or "none"
    return escape(str(value))


def show_fleet(console: Console, runs: Sequence[CatalogRun]) -> None:
    """One line for each catalog, then each failure in full, then the counts."""
    if not runs:
        console.print("[yellow]The fleet lists no catalog, and none that we may see is one that it discovers.[/]")
    for run in runs:
        sign = _OUTCOMES[Outcome.FAILED if run.failed else Outcome.PASSED]
        console.print(f"  {sign} [bold]{escape(run.name)}[/]  {_state(run)}")
    console.print()
    for run in runs:
        if run.error is not None:
            show_failure(console, run.name, run.error)
        if run.planned is not None:
            show_checks(console, run.planned.plan.blockers)
        if run.verification is not None:
            show_checks(console, [each for each in run.verification.checks if each.outcome is not Outcome.PASSED])
    failed = sum(run.failed for run in runs)
    text = f"{_count(len(runs), 'catalog')}: {len(runs) - failed} right, {failed} failed."
    console.print(f"[{'red' if failed else 'green'}]{text}[/]")


def _state(run: CatalogRun) -> str:
    if run.error is not None:
        return "[red]failed[/]"
    if run.result is not None:
        return _counted(run.result.plan, "d") or "nothing to do"
    if run.planned is None:
        return ""
    if run.planned.plan.blockers:
        return "[red]prerequisites failed[/]"
    return _counted(run.planned.plan, "") or "nothing to do"


def _counted(plan: Plan, ending: str) -> str:
    verb = "" if ending else "to "
    return ", ".join(f"{number} {verb}{action}{ending}" for action, number in plan.counts().items() if number)


def show_failure(console: Console, name: str, error: UnityMirrorError) -> None:
    """Why a catalog failed."""
    console.print(f"  {_OUTCOMES[Outcome.FAILED]} [bold]{escape(name)}[/]: {escape(str(error))}")
    if isinstance(error, UnexpectedError):
        console.print(escape(error.trace))


def show_left_out(console: Console, left_out: Sequence[LeftOut]) -> None:
    """What won't appear, and why."""
    if not left_out:
        return
    table = Table(title="Left out", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("table or schema", "why", "detail"):
        table.add_column(heading, header_style="dim", overflow="fold")
    for left in left_out:
        table.add_row(escape(left.subject), left.reason.value, f"[dim]{escape(left.detail)}[/]")
    console.print(table)
    console.print()


def show_result(console: Console, result: Result) -> None:
    """What each step did, what is left out, and whether it works."""
    table = Table(title="Steps", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("step", "what it did", "seconds"):
        table.add_column(heading, header_style="dim", overflow="fold")
    for step in result.steps:
        did = escape(done_text(step.plan.changes))
        table.add_row(step.step.label, did, f"{step.seconds:.1f}" if step.seconds else "")
    console.print(table)
    console.print()
    for step in result.steps:
        for note in step.done.notes:
            console.print(f"[dim]note: {escape(note)}[/]")
        show_tables(console, step.done.tables)
    show_left_out(console, [left for step in result.steps for left in step.done.left_out])
    show_verification(console, result.verification)


def show_verification(console: Console, verification: StepPlan) -> None:
    """The checks that didn't pass, or that all did."""
    failed = [check for check in verification.checks if check.outcome is not Outcome.PASSED]
    passed = len(verification.checks) - len(failed)
    console.print(f"[bold]Verification[/]: {passed} of {_count(len(verification.checks), 'check')} passed")
    show_checks(console, failed)
    for note in verification.notes:
        console.print(f"[dim]note: {escape(note)}[/]")
    show_tables(console, verification.tables)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
