"""Verification: does what was made work? Each table and shortcut is read through OneLake as its users will read it.

When a read fails, the access steps are looked at again, so that the report names what is missing and its remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from unity_mirror.errors import CloudError, UnityMirrorError
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import AfterApply, Change, Check, Outcome, Scope, ScopeKind, StepName, StepPlan
from unity_mirror.steps.context import Context, Found, Known, side_by_side
from unity_mirror.steps.identity import Identity
from unity_mirror.steps.mirror import shown_tables
from unity_mirror.steps.patience import until_readable
from unity_mirror.steps.prerequisites import Prerequisites
from unity_mirror.steps.storage_access import StorageAccess
from unity_mirror.steps.trusted_access import TrustedAccess

_LOG = "_delta_log"


async def verify(context: Context, known: Known) -> StepPlan:
    """Checks of the item, its tables, the shortcuts, the SQL endpoint and the model's last framing; writes nothing."""
    if known.item is None or isinstance(known.item, AfterApply):
        check = _check(context, "item", "The mirrored catalog is there", Outcome.FAILED, "it has not been made yet")
        return StepPlan(StepName.VERIFICATION, checks=(check,))
    await until_readable(context, known, str(known.item), known.mirrored)
    groups = await side_by_side(
        [_item(context, known), _tables(context, known), _shortcuts(context, known), _model(context, known)]
    )
    checks = tuple(check for group in groups for check in group)
    if any(check.outcome is Outcome.FAILED and check.id in _READS for check in checks):
        checks += await _diagnose(context, known)
    return StepPlan(StepName.VERIFICATION, checks=checks)


_READS = ("table_readable", "shortcut_readable")


async def _item(context: Context, known: Known) -> list[Check]:
    item = await context.clients.fabric.mirrored_catalogs.get(known.surveyed.workspace.id, str(known.item))
    details = item.properties.sync_details
    status = details.status if details else "unknown"
    error = f": {details.error_info.error_message}" if details and details.error_info else ""
    synced = Outcome.PASSED if status == "Success" else Outcome.FAILED
    endpoint = item.properties.sql_endpoint_properties
    ready = bool(endpoint and endpoint.id)
    return [
        _check(context, "sync", "The last sync succeeded", synced, f"status {status}{error}"),
        _check(
            context,
            "sql_endpoint",
            "The SQL analytics endpoint is ready",
            Outcome.PASSED if ready else Outcome.FAILED,
            f"endpoint {endpoint.id}" if endpoint and ready else "no endpoint yet",
        ),
    ]


async def _tables(context: Context, known: Known) -> list[Check]:
    workspace_id, item_id = known.surveyed.workspace.id, str(known.item)
    shown = await shown_tables(context, workspace_id, item_id)
    missing = [ref for ref in known.surveyed.selection.refs if ref not in shown]
    listed = _check(
        context,
        "tables_listed",
        "Every selected table is in OneLake",
        Outcome.FAILED if missing else Outcome.PASSED,
        f"missing: {_some(missing)}" if missing else f"{len(shown)} tables",
    )
    wanted = sorted(ref for ref in shown if context.spec.select.selects(ref))
    return [listed, *await _read_all(context, workspace_id, item_id, wanted, "table_readable")]


async def _shortcuts(context: Context, known: Known) -> list[Check]:
    if known.lakehouse is None or isinstance(known.lakehouse, AfterApply) or known.lakehouse_workspace is None:
        return []
    return await _read_all(context, known.lakehouse_workspace, known.lakehouse, known.shortcuts, "shortcut_readable")


async def _read_all(
    context: Context, workspace_id: str, item_id: str, refs: Sequence[TableRef], check_id: str
) -> list[Check]:
    done = 0

    async def one(ref: TableRef) -> Check:
        nonlocal done
        found = await _read_table(context, workspace_id, item_id, ref, check_id)
        done += 1
        await context.progress(done, len(refs), "tables read")
        return found

    return await side_by_side(one(ref) for ref in refs)


async def _read_table(context: Context, workspace_id: str, item_id: str, ref: TableRef, check_id: str) -> Check:
    """Reads the newest file of the Delta log, which every engine needs first."""
    what = "table" if check_id == "table_readable" else "lakehouse shortcut"
    title = f"The {what} can be read through OneLake"
    scope = Scope(ScopeKind.TABLE, str(ref))
    onelake = context.clients.onelake
    try:
        log = await onelake.list_paths(workspace_id, item_id, f"{ref.onelake_path}/{_LOG}")
        files = sorted(each.name for each in log if each.name.endswith(".json"))
        if not files:
            return Check(check_id, title, scope, Outcome.FAILED, "its Delta log holds no commit")
        content = await onelake.read(workspace_id, item_id, f"{ref.onelake_path}/{_LOG}/{files[-1].rsplit('/', 1)[-1]}")
    except CloudError as error:
        return Check(check_id, title, scope, Outcome.FAILED, str(error))
    return Check(check_id, title, scope, Outcome.PASSED, f"{files[-1].rsplit('/', 1)[-1]}, {len(content)} bytes")


async def _model(context: Context, known: Known) -> list[Check]:
    if known.semantic_model is None or isinstance(known.semantic_model, AfterApply):
        return []
    title = "The semantic model's last framing succeeded"
    try:
        refreshes = await context.clients.powerbi.refreshes(known.surveyed.workspace.id, known.semantic_model)
    except CloudError as error:
        return [_check(context, "framing", title, Outcome.UNKNOWN, str(error))]
    if not refreshes:
        return [_check(context, "framing", title, Outcome.FAILED, "it was never framed")]
    last = refreshes[0]
    outcome = Outcome.PASSED if last.status == "Completed" else Outcome.FAILED
    return [_check(context, "framing", title, outcome, f"{last.status} {last.why}".strip())]


async def _diagnose(context: Context, known: Known) -> tuple[Check, ...]:
    """What the access steps would still have to do or can't see: that is what is missing."""
    context.reads.forget()
    found: list[Check] = []
    current = known
    for step in (Prerequisites(), Identity(), StorageAccess(), TrustedAccess()):
        try:
            part: Found = await step.plan(context, current)
        except UnityMirrorError as error:
            found.append(_check(context, f"missing_{step.name}", step.name.label, Outcome.UNKNOWN, str(error)))
            continue
        facts = {name: value for name, value in part.facts.items() if name != "survey"}
        current = replace(current, **facts)
        found += [check for check in part.plan.checks if check.outcome is not Outcome.PASSED]
        found += _missing(context, part.plan.changes)
    return tuple(found)


def _missing(context: Context, changes: Iterable[Change]) -> list[Check]:
    return [
        Check(
            f"missing_{change.step}",
            f"{change.kind}: {change.name}",
            Scope(ScopeKind.CATALOG, context.spec.catalog),
            Outcome.FAILED,
            change.reason,
            change.remedy,
        )
        for change in changes
    ]


def _check(context: Context, check_id: str, title: str, outcome: Outcome, evidence: str) -> Check:
    return Check(check_id, title, Scope(ScopeKind.CATALOG, context.spec.catalog), outcome, evidence)


def _some(refs: Sequence[TableRef]) -> str:
    return ", ".join(map(str, refs[:5])) + (f" and {len(refs) - 5} more" if len(refs) > 5 else "")
