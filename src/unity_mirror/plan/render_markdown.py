"""Plans and results as Markdown, for Prefect's artifacts and wherever else Markdown is read. Pure: no clock, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unity_mirror.plan.model import Action, Change, Check, DataTable, LeftOut, Outcome, Plan, Remedy, StepName, StepPlan

NOTHING = "nothing to do"
_PAST = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
_OUTCOMES = {Outcome.PASSED: "passed", Outcome.FAILED: "**failed**", Outcome.UNKNOWN: "**unknown**"}
_NAMES_SHOWN = 3
_LONG_WORD = 24
_BREAK = "\u200b"  # zero-width space
_BREAKS = re.compile(r"[/,:;=&?._](?=.)|[^\W_]{16}(?=[^\W_])")
"""After what a long word may be broken: its signs and, where it has none for long, as in an id, so many letters."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of one step: ``plan`` is what was applied; the others are what that brought."""

    plan: StepPlan
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    tables: tuple[DataTable, ...] = ()


def plan_markdown(plan: Plan) -> str:
    """The whole plan: what stops it, what changes and why, the checks, and what is left out."""
    parts = [
        f"# Plan for catalog {escaped(plan.catalog)}",
        f"Fabric workspace: {escaped(plan.workspace)}. {counts_text(plan.counts())}.",
        _blockers(plan.blockers),
        _section("Changes", changes_table(plan.changes)),
        _section("Would be deleted with prune", prunable_table(plan.prunable)),
        _section("Checks", checks_table(plan.checks)),
        _section("Left out", table(left_out_rows(plan.left_out))),
        _section("Remarks", _bullets(note for step in plan for note in step.notes)),
        *(_section(each.title, data_table(each)) for each in plan.tables),
    ]
    return _joined(parts)


def counts_text(counts: Mapping[str, int]) -> str:
    """``3 to create, 1 to update``; zeros left out."""
    some = [f"{number} to {action}" for action, number in counts.items() if number]
    return ", ".join(some).capitalize() if some else NOTHING.capitalize()


def done_text(changes: Sequence[Change]) -> str:
    """What was changed, in the past tense: one thing by its name, several of a kind counted."""
    kinds: dict[tuple[Action, str], list[str]] = {}
    for change in changes:
        kinds.setdefault((change.action, change.kind), []).append(change.name)
    return "; ".join(f"{_PAST[action]} {_named(kind, names)}" for (action, kind), names in kinds.items()) or NOTHING


def outcome_text(outcome: StepOutcome) -> str:
    """What a step did; of steps that only look, what they found."""
    found = checks_text(outcome.plan.checks) if outcome.plan.checks else ""
    if outcome.plan.step is StepName.VERIFICATION:
        return found or NOTHING
    done = done_text(outcome.plan.changes)
    return f"{found}; {done}" if found and outcome.plan.step is StepName.PREREQUISITES else done


def checks_text(checks: Sequence[Check]) -> str:
    """``12 checks passed``, or how many passed, failed and could not be made."""
    numbers = {outcome: sum(check.outcome is outcome for check in checks) for outcome in Outcome}
    if numbers[Outcome.PASSED] == len(checks):
        return f"{len(checks)} checks passed" if len(checks) != 1 else "1 check passed"
    return "checks: " + ", ".join(f"{number} {outcome}" for outcome, number in numbers.items() if number)


def outcome_rows(outcomes: Iterable[StepOutcome]) -> list[dict[str, str]]:
    """One row for each step, for a table artifact."""
    return [
        {
            "Step": outcome.plan.step.label,
            "What it did": outcome_text(outcome),
            "Seconds": f"{outcome.seconds:.1f}",
            "Remarks": " ".join((*outcome.plan.notes, *outcome.notes)),
        }
        for outcome in outcomes
    ]


def left_out_rows(left_out: Iterable[LeftOut]) -> list[dict[str, str]]:
    """One row for each schema or table that is left out, for a table artifact."""
    return [
        {
            "What": left.subject,
            "Why": left.reason.value,
            "Detail": left.detail,
            "What to do": remedy_text(left.remedy),
        }
        for left in left_out
    ]


def check_rows(checks: Iterable[Check]) -> list[dict[str, str]]:
    """One row for each check, for a table artifact."""
    return [
        {
            "Check": check.title,
            "About": str(check.scope),
            "Outcome": check.outcome.value,
            "Evidence": check.evidence,
            "What to do": "" if check.outcome is Outcome.PASSED else remedy_text(check.remedy),
        }
        for check in checks
    ]


def remedy_text(remedy: Remedy | None) -> str:
    """A remedy in one line: the sentence, then the commands."""
    return " ".join((remedy.text, *remedy.commands)) if remedy else ""


def failed_checks_text(checks: Iterable[Check]) -> str:
    """Plain lines for a state's message: what failed, on what evidence, and what to do."""
    return "\n".join(_failed_check(check) for check in checks)


def changes_table(changes: Sequence[Change]) -> str:
    """The changes with reason and values, grouped by step in the order given."""
    rows = [
        {
            "Step": change.step.label,
            "Change": f"{change.action.value} {change.kind}",
            "Name": _breakable(change.name),
            "Why": _breakable(change.reason),
            "Values": _breakable(_values(change)),
        }
        for change in changes
    ]
    return table(rows) or "Nothing to do: the clouds already hold what the spec asks for."


def prunable_table(changes: Sequence[Change]) -> str:
    """The deletions that aren't made, because pruning wasn't asked for."""
    return table([{"What": each.kind, "Name": each.name, "Why": each.reason} for each in changes])


def checks_table(checks: Sequence[Check]) -> str:
    """The checks; those that did not pass come first, with their remedy."""
    order = sorted(checks, key=lambda check: check.outcome is Outcome.PASSED)
    rows = [
        {**row, "Outcome": _OUTCOMES[check.outcome], "Evidence": _breakable(row["Evidence"])}
        for row, check in zip(check_rows(order), order, strict=True)
    ]
    return table(rows)


def data_table(data: DataTable) -> str:
    """A table of the report, such as tables by engines."""
    return table(data_rows(data))


def data_rows(data: DataTable) -> list[dict[str, str]]:
    """Its rows, for a table artifact."""
    return [dict(zip(data.columns, row, strict=True)) for row in data.rows]


def data_tables(tables: Iterable[DataTable]) -> str:
    """Several tables of the report, each under its title."""
    return _joined(_section(each.title, data_table(each)) for each in tables)


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """A Markdown table; empty for no rows. Columns that are empty in every row are left out."""
    columns = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    lines = [
        _line(columns),
        _line("---" for _ in columns),
        *(_line(_cell(row[name]) for name in columns) for row in rows),
    ]
    return "\n".join(lines) if rows else ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text of the clouds must not break the table; what we wrote in bold stays bold."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())


def _breakable(text: str) -> str:
    """Text whose long words, such as URLs and ACLs, may be broken: else they push a table out of its page.

    For what is only read: a command to be copied must not hold such breaks.
    """
    broken = rf"\g<0>{_BREAK}"
    return " ".join(_BREAKS.sub(broken, word) if len(word) > _LONG_WORD else word for word in text.split(" "))


def escaped(text: str) -> str:
    """Text of the clouds within Markdown."""
    return _cell(text).replace("*", "\\*").replace("_", "\\_")


def _named(kind: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{kind} {names[0]}"
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"{len(names)} {kind}s ({', '.join(names[:_NAMES_SHOWN])}{more})"


def _values(change: Change) -> str:
    """``field: before → after``; a field that only one side has is shown with that side's value."""
    names = dict.fromkeys((*change.before, *change.after))
    return ", ".join(f"{name}: {_difference(change, name)}" for name in names)


def _difference(change: Change, name: str) -> str:
    sides = [_value(side[name]) for side in (change.before, change.after) if name in side]
    return " → ".join(dict.fromkeys(sides))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _blockers(checks: Sequence[Check]) -> str:
    if not checks:
        return ""
    return _joined(["## What stops it", "Nothing will be written until these are put right:", *map(_blocker, checks)])


def _blocker(check: Check) -> str:
    lines = [f"**{escaped(check.title)}** ({escaped(str(check.scope))}): {escaped(check.evidence)}"]
    if check.remedy:
        lines.append(f"What to do: {escaped(check.remedy.text)}")
        lines += [f"```\n{command}\n```" for command in check.remedy.commands]
    return "\n\n".join(lines)


def _failed_check(check: Check) -> str:
    remedy = remedy_text(check.remedy)
    return f"{check.title} ({check.scope}): {check.evidence}" + (f" What to do: {remedy}" if remedy else "")


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escaped(line)}" for line in lines)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)
