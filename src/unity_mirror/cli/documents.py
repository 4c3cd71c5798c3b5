"""Plans, results and failures as JSON documents. Nothing in them is secret: plans never hold secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from unity_mirror.errors import CloudError, PrerequisiteFailed, SpecError, UnityMirrorError
from unity_mirror.plan.model import AfterApply, Change, Check, DataTable, LeftOut, Plan, Remedy, StepPlan
from unity_mirror.steps.runner import Result


def plan_document(plan: Plan) -> dict[str, Any]:
    """A whole plan; a value known only after apply is ``{"after_apply": "<step>.<field>"}``."""
    return {
        "catalog": plan.catalog,
        "workspace": plan.workspace,
        "steps": [step_document(step) for step in plan],
        "left_out": [_left_out(left) for left in plan.left_out],
        "would_prune": [_change(change) for change in plan.prunable],
        "counts": plan.counts(),
    }


def step_document(step: StepPlan) -> dict[str, Any]:
    """One step's part of a plan."""
    return {
        "step": step.step.value,
        "changes": [_change(change) for change in step.changes],
        "checks": checks_document(step.checks),
        "notes": list(step.notes),
        "tables": tables_document(step.tables),
        **_picture(step),
    }


def _picture(step: StepPlan) -> dict[str, str]:
    """A picture as an SVG document, of steps that draw one."""
    return {"picture": step.picture} if step.picture else {}


def tables_document(tables: Iterable[DataTable]) -> list[dict[str, Any]]:
    """Tables of the report, such as tables by engines."""
    return [{"title": each.title, "columns": each.columns, "rows": each.rows} for each in tables]


def checks_document(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """Checks with their evidence and remedies."""
    return [
        {
            "id": check.id,
            "title": check.title,
            "scope": {"kind": check.scope.kind.value, "name": check.scope.name},
            "outcome": check.outcome.value,
            "evidence": check.evidence,
            "remedy": _remedy(check.remedy),
            "repaired_by_apply": check.repaired_by_apply,
        }
        for check in checks
    ]


def result_document(result: Result) -> dict[str, Any]:
    """What applying brought."""
    return {
        "catalog": result.plan.catalog,
        "workspace": result.plan.workspace,
        "steps": [
            {
                "step": step.step.value,
                "changes": [_change(change) for change in step.plan.changes],
                "seconds": round(step.seconds, 3),
                "notes": [*step.plan.notes, *step.done.notes],
                "tables": tables_document((*step.plan.tables, *step.done.tables)),
                **_picture(step.plan),
            }
            for step in result.steps
        ],
        "mirrored": [str(ref) for ref in result.known.mirrored],
        "left_out": [_left_out(left) for left in result.left_out],
        "verification": checks_document(result.verification.checks),
        "items": {
            "mirrored_catalog": result.known.item,
            "sql_endpoint": result.known.sql_endpoint,
            "lakehouse": result.known.lakehouse,
            "semantic_model": result.known.semantic_model,
        },
    }


def failure_document(error: UnityMirrorError) -> dict[str, Any]:
    """An error: kind, message, and by kind the problems with their paths, the service's code, or the failed checks."""
    document: dict[str, Any] = {
        "error": type(error).__name__,
        "message": error.message,
        "where": error.where,
        "why": error.why,
        "remedy": error.remedy,
    }
    if isinstance(error, SpecError):
        document["problems"] = [
            {"path": each.path, "line": each.line, "file": each.file, "message": each.message, "hint": each.hint}
            for each in error.problems
        ]
    if isinstance(error, CloudError):
        document |= {
            "service": error.service,
            "status": error.status,
            "code": error.code,
            "request_id": error.request_id,
        }
    if isinstance(error, PrerequisiteFailed):
        document["checks"] = checks_document(check for check in error.checks if isinstance(check, Check))
    return document


def _change(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "reason": change.reason,
        "before": _values(change.before),
        "after": _values(change.after),
        "remedy": _remedy(change.remedy),
    }


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    return {"after_apply": f"{value.step}.{value.field}"} if isinstance(value, AfterApply) else value


def _left_out(left: LeftOut) -> dict[str, Any]:
    return {
        "subject": left.subject,
        "reason": left.reason.name.lower(),
        "detail": left.detail,
        "remedy": _remedy(left.remedy),
    }


def _remedy(remedy: Remedy | None) -> dict[str, Any] | None:
    if remedy is None:
        return None
    calls = [
        {
            "service": call.service,
            "method": call.method,
            "url": call.url,
            "headers": dict(call.headers),
            "body": call.body,
        }
        for call in remedy.calls
    ]
    return {"text": remedy.text, "commands": list(remedy.commands), "calls": calls}
