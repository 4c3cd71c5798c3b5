"""Verification: does what was made work? Each table and shortcut is read through OneLake as its users will read it.

When a read fails, the access steps are looked at again, so that the report names what is missing and its remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from unity_mirror.clients.delta import commit_time
from unity_mirror.errors import CloudError, UnityMirrorError
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.models.power_bi import Refresh
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import AfterApply, Change, Check, Outcome, Scope, ScopeKind, StepName, StepPlan
from unity_mirror.steps.context import Context, Found, Known, side_by_side, together
from unity_mirror.steps.data_checks import look_at_data
from unity_mirror.steps.freshness import look_at_freshness
from unity_mirror.steps.identity import Identity
from unity_mirror.steps.mirror_reading import shown_tables
from unity_mirror.steps.mirror_unlisted import gone_tables
from unity_mirror.steps.patience import until_readable
from unity_mirror.steps.policies import covered
from unity_mirror.steps.prerequisites import Prerequisites
from unity_mirror.steps.storage_access import StorageAccess
from unity_mirror.steps.trusted_access import TrustedAccess

_LOG = "_delta_log"


class Depth(StrEnum):
    """How much is looked at."""

    WORKS = "works"
    """What was made is there and can be read: after a run."""
    FRESH = "fresh"
    """Also whether the last commits have arrived, for which the SQL endpoint is asked to refresh its metadata."""
    FRESH_READ_ONLY = "fresh, reading only"
    """The same without the SQL endpoint."""


async def verify(context: Context, known: Known, depth: Depth = Depth.WORKS) -> StepPlan:
    """Checks of the item, its tables, the shortcuts, the SQL endpoint and the model; writes nothing (see ``Depth``)."""
    if known.item is None or isinstance(known.item, AfterApply):
        return StepPlan(StepName.VERIFICATION, checks=await _not_there(context, known))
    await until_readable(context, known, str(known.item), known.mirrored)
    async with together() as group:
        reading_item = group.create_task(_read_item(context, known))
        reading_tables = group.create_task(_tables(context, known))
        reading_shortcuts = group.create_task(_shortcuts(context, known))
        reading_model = group.create_task(_model(context, known))
    item, tables, model = reading_item.result(), reading_tables.result(), reading_model.result()
    checks = (*_item(context, item), *tables.checks, *reading_shortcuts.result().checks, *model.checks)
    if any(check.outcome is Outcome.FAILED and check.id in _READS for check in checks):
        checks += await _diagnose(context, known)
    if depth is Depth.WORKS:
        return StepPlan(StepName.VERIFICATION, checks=checks)
    read_only = depth is Depth.FRESH_READ_ONLY
    fresh = await look_at_freshness(context, known, item, tables.commits, model.refreshes, read_only=read_only)
    data = await look_at_data(context, known, item)
    found, tables_told = (*checks, *fresh.checks, *data.checks), (*fresh.tables, *data.tables)
    return StepPlan(StepName.VERIFICATION, checks=found, notes=fresh.notes, tables=tables_told)


async def _not_there(context: Context, known: Known) -> tuple[Check, ...]:
    """No item is known: there is none, or a prerequisite of the whole catalog failed and none was looked for."""
    blockers = tuple(check for check in (await Prerequisites().plan(context, known)).plan.checks if check.blocks)
    evidence = "what it needs failed, so it wasn't looked for" if blockers else "it has not been made yet"
    return (_check(context, "item", "The mirrored catalog is there", Outcome.FAILED, evidence), *blockers)


_READS = ("table_readable", "shortcut_readable")


async def _read_item(context: Context, known: Known) -> MirroredCatalog:
    return await context.clients.fabric.mirrored_catalogs.get(known.surveyed.workspace.id, str(known.item))


def _item(context: Context, item: MirroredCatalog) -> list[Check]:
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


@dataclass(frozen=True, slots=True)
class _Tables:
    """Checks of tables that were read, and their last commits."""

    checks: tuple[Check, ...] = ()
    commits: Mapping[TableRef, datetime] = field(default_factory=dict)


async def _tables(context: Context, known: Known) -> _Tables:
    workspace_id, item_id = known.surveyed.workspace.id, str(known.item)
    shown = await shown_tables(context, workspace_id, item_id)
    wanted = sorted(ref for ref in shown if context.spec.select.selects(ref))
    read = await _read_all(context, workspace_id, item_id, wanted, "table_readable")
    return replace(read, checks=(await _listed(context, known, shown), *read.checks))


async def _listed(context: Context, known: Known, shown: frozenset[TableRef]) -> Check:
    """Unity Catalog's list against OneLake's, both ways. What perhaps can't be read is missed only once Fabric shows
    that the connection sees it."""
    selection = known.surveyed.selection
    expected = (ref for ref in selection.refs if ref not in selection.uncertain or ref in known.mirrored)
    missing = [ref for ref in expected if ref not in shown]
    guarded = await covered(context, missing, tables=True)
    missing = [ref for ref in missing if ref not in guarded]
    gone = await gone_tables(context, known, shown)
    unwanted = sorted(ref for ref in shown - frozenset(gone) if not context.spec.select.selects(ref))
    found = {
        "missing in OneLake": missing,
        "in OneLake, and no longer to be mirrored from Unity Catalog": gone,
        "in OneLake, and not selected by the spec": unwanted,
    }
    wrong = "; ".join(f"{what}: {_some(refs)}" for what, refs in found.items() if refs)
    title = "OneLake shows the tables that Unity Catalog has and the spec selects"
    outcome = Outcome.FAILED if wrong else Outcome.PASSED
    return _check(context, "tables_listed", title, outcome, wrong or f"{len(shown)} tables")


async def _shortcuts(context: Context, known: Known) -> _Tables:
    if known.lakehouse is None or isinstance(known.lakehouse, AfterApply) or known.lakehouse_workspace is None:
        return _Tables()
    return await _read_all(context, known.lakehouse_workspace, known.lakehouse, known.shortcuts, "shortcut_readable")


async def _read_all(
    context: Context, workspace_id: str, item_id: str, refs: Sequence[TableRef], check_id: str
) -> _Tables:
    done = 0

    async def one(ref: TableRef) -> tuple[Check, datetime | None]:
        nonlocal done
        found = await _read_table(context, workspace_id, item_id, ref, check_id)
        done += 1
        await context.progress(done, len(refs), "tables read")
        return found

    found = await side_by_side(one(ref) for ref in refs)
    commits = {ref: committed for ref, (_, committed) in zip(refs, found, strict=True) if committed is not None}
    return _Tables(tuple(check for check, _ in found), commits)


async def _read_table(
    context: Context, workspace_id: str, item_id: str, ref: TableRef, check_id: str
) -> tuple[Check, datetime | None]:
    """Reads the newest file of the Delta log, which every engine needs first, and answers when it was committed."""
    what = "table" if check_id == "table_readable" else "lakehouse shortcut"
    title = f"The {what} can be read through OneLake"
    scope = Scope(ScopeKind.TABLE, str(ref))
    onelake = context.clients.onelake
    try:
        log = await onelake.list_paths(workspace_id, item_id, f"{ref.onelake_path}/{_LOG}")
        newest = max((each for each in log if each.name.endswith(".json")), key=lambda each: each.name, default=None)
        if newest is None:
            return Check(check_id, title, scope, Outcome.FAILED, "its Delta log holds no commit"), None
        name = newest.name.rsplit("/", 1)[-1]
        content = await onelake.read(workspace_id, item_id, f"{ref.onelake_path}/{_LOG}/{name}")
    except CloudError as error:
        return Check(check_id, title, scope, Outcome.FAILED, str(error)), None
    passed = Check(check_id, title, scope, Outcome.PASSED, f"{name}, {len(content)} bytes")
    return passed, commit_time(content, newest.last_modified)


@dataclass(frozen=True, slots=True)
class _Model:
    """Checks of the semantic model, and its refreshes, newest first."""

    checks: tuple[Check, ...] = ()
    refreshes: tuple[Refresh, ...] = ()


async def _model(context: Context, known: Known) -> _Model:
    """The last refresh that has ended; one that runs says nothing yet."""
    if known.semantic_model is None or isinstance(known.semantic_model, AfterApply):
        return _Model()
    title = "The semantic model's last framing succeeded"
    try:
        refreshes = await context.clients.powerbi.refreshes(known.surveyed.workspace.id, known.semantic_model)
    except CloudError as error:
        return _Model((_check(context, "framing", title, Outcome.UNKNOWN, str(error)),))
    last = next((each for each in refreshes if not each.is_running), None)
    if last is None:
        why = "its first framing runs" if refreshes else "it was never framed"
        return _Model((_check(context, "framing", title, Outcome.FAILED, why),), tuple(refreshes))
    outcome = Outcome.PASSED if last.status == "Completed" else Outcome.FAILED
    evidence = f"{last.status} {last.end_time or last.start_time or ''} {last.why}".strip()
    return _Model((_check(context, "framing", title, outcome, evidence),), tuple(refreshes))


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
