"""The mirrored Azure Databricks catalog: made, kept as the spec wants it, synced, compared with OneLake.

Readiness is ``syncDetails.status``, not ``mirrorStatus``. The item's table shortcuts aren't in ``/shortcuts``: OneLake
under ``Tables/<schema>/<table>`` lists them (S7 to S11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unity_mirror.errors import (
    SpecError,
    SpecProblem,
)
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.definition import comparable, follows_new_tables, mirror_definition
from unity_mirror.plan.model import (
    Action,
    AfterApply,
    Change,
    LeftOut,
    Reason,
    StepName,
    StepPlan,
)
from unity_mirror.plan.ownership import Made, Mark, Owner, read_mark, with_mark
from unity_mirror.steps.context import Context, Done, Found, Known, together
from unity_mirror.steps.discovery import seen_by_connection
from unity_mirror.steps.mirror_reading import as_shown, read_actual, shown_tables
from unity_mirror.steps.mirror_sync import succeeded, wait_for_sync, wait_until_idle
from unity_mirror.steps.mirror_unlisted import gone_tables, hidden_notes, hidden_schemas, some_of
from unity_mirror.steps.patience import until_readable
from unity_mirror.steps.policies import covered
from unity_mirror.steps.record import (
    find_item,
    find_record,
    list_mirrored,
    owner_of,
    recorded,
    remove_record,
    require_free_database,
)

ITEM = "Mirrored Azure Databricks catalog"
SYNC = "Catalog sync"
MARK = "description mark"
SHORTCUT_LIMIT = 10_000
_UNSEEN = "The Databricks connection doesn't see it: whoever it signs in as lacks USE or SELECT."


@dataclass(frozen=True, slots=True)
class _Work:
    """What applying needs: the item that is there, its mark, and the definition wanted (with ids still to come)."""

    item: MirroredCatalog | None
    mark: Mark
    definition: Mapping[str, Any]


class Mirror:
    """Makes or updates the mirrored catalog and waits for its sync."""

    name = StepName.MIRROR

    async def plan(self, context: Context, known: Known) -> Found:
        """The item to make, or what differs from what is there."""
        _require_room(context, known)
        workspace_id = known.surveyed.workspace.id
        async with together() as group:
            listing = group.create_task(list_mirrored(context, workspace_id))
            recording = group.create_task(find_record(context, workspace_id))
        owner = await owner_of(context)
        item, record = find_item(owner, context.spec.item_name, listing.result()), recording.result()
        known = replace(known, made=known.made | await recorded(context, workspace_id))
        if item is None:
            return await self._plan_creation(context, known, owner)
        return await self._plan_update(context, known, owner, item, has_record=record is not None)

    async def _plan_creation(self, context: Context, known: Known, owner: Owner) -> Found:
        await require_free_database(context, known.surveyed.workspace.id, context.spec.item_name, "fabric.item_name")
        guarded = await covered(context, known.surveyed.selection.refs, tables=False)
        selected = tuple(ref for ref in known.surveyed.selection.refs if ref not in guarded)
        after = {"catalog": context.spec.catalog, "tables": len(selected), "autoSync": context.spec.auto_sync}
        reason = "the workspace has no mirrored catalog of this name"
        change = Change(self.name, Action.CREATE, ITEM, context.spec.item_name, reason, after=after)
        notes = (follows_new_tables(context.spec),)
        plan = StepPlan(self.name, (change,), left_out=tuple(guarded.values()), notes=notes)
        facts = {
            "item": AfterApply(self.name, "id"),
            "sql_endpoint": AfterApply(self.name, "sql_endpoint"),
            "mirrored": selected,
            "mirror_changes": True,
            "made": known.made,
        }
        mark = owner.mark(known.made, context.spec.item_name)
        return Found(plan, facts, _Work(None, mark, _definition(context, known, None)))

    async def _plan_update(
        self, context: Context, known: Known, owner: Owner, item: MirroredCatalog, *, has_record: bool
    ) -> Found:
        workspace_id = known.surveyed.workspace.id
        actual = await read_actual(context, workspace_id, item)
        current = as_shown(item) if actual.definition is None else actual.definition
        shown = frozenset(known.surveyed.selection.refs) if actual.shown is None else actual.shown
        wanted = _definition(context, known, current, await hidden_schemas(context, known, current))
        held_mark = read_mark(item.description) if owner.owns(item.description) else None
        made = known.made | (held_mark.made if held_mark else frozenset())
        unseen = frozenset({"schemas"}) if actual.definition is None else frozenset[str]()
        differences = _differences(comparable(current), comparable(wanted), unseen)
        _refuse_what_cannot_change(item, differences, held_mark)
        was_there = isinstance(known.storage_connection, str) and not known.made_storage_connection
        if "storageConnectionId" in differences and was_there:
            made |= {Made.CONNECTION_STORAGE_THEIRS} if Made.CONNECTION_STORAGE in made else frozenset()
        mark = owner.mark(made, context.spec.item_name)
        changes = self._item_changes(context, item, differences, is_ours=held_mark is not None)
        if held_mark is not None and (held_mark != mark or has_record):
            after = {"made": sorted(mark.made)}
            changes.append(Change(self.name, Action.UPDATE, ITEM, MARK, "records what was made", {}, after))
        missing, never = await _missing(context, known, shown)
        gone = await gone_tables(context, known, shown)
        changes += _sync_changes(item, missing, gone)
        facts = {
            "item": item.id,
            "sql_endpoint": _endpoint_of(item) or AfterApply(self.name, "sql_endpoint"),
            "mirrored": tuple(ref for ref in _wanted(context, known, shown, gone) if ref not in never),
            "mirror_changes": any(change.name != MARK for change in changes),
            "made": mark.made,
        }
        notes = hidden_notes(known, shown - set(gone))
        plan = StepPlan(self.name, tuple(changes), actual.checks, left_out=tuple(never.values()), notes=notes)
        return Found(plan, facts, _Work(item, mark, wanted))

    def _item_changes(
        self,
        context: Context,
        item: MirroredCatalog,
        differences: Mapping[str, tuple[Any, Any]],
        *,
        is_ours: bool,
    ) -> list[Change]:
        """What differs. An item of others' was found by its name, so that this can differ in its letters' case only."""
        before = {name: pair[0] for name, pair in differences.items()}
        after = {name: pair[1] for name, pair in differences.items()}
        if is_ours and item.display_name != context.spec.item_name:
            before["displayName"], after["displayName"] = item.display_name, context.spec.item_name
        if not after:
            return []
        reason = f"{', '.join(after)} differs from the spec"
        return [Change(self.name, Action.UPDATE, ITEM, context.spec.item_name, reason, before, after)]

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Creates or updates, waits for the sync, and compares OneLake with what was selected."""
        work: _Work = found.work
        workspace_id = known.surveyed.workspace.id
        if work.item is None:
            item = await wait_for_sync(context, workspace_id, await _create(context, workspace_id, work))
        else:
            item = await _update(context, workspace_id, work.item, work, found.plan)
        await _keep_auto_sync(context, workspace_id, item)
        if (await owner_of(context)).owns(item.description):
            await remove_record(context, workspace_id)
        shown = await shown_tables(context, workspace_id, item.id)
        selected = known.surveyed.selection.refs
        missing = [ref for ref in selected if ref not in shown]
        guarded = await covered(context, missing, tables=True)
        gone = await gone_tables(context, known, shown)
        facts: dict[str, Any] = {
            "item": item.id,
            "sql_endpoint": _endpoint_of(item),
            "endpoint": item.properties.sql_endpoint_properties if _endpoint_of(item) else None,
            "synced": True,
            "mirrored": tuple(ref for ref in _wanted(context, known, shown, gone) if ref in shown),
        }
        await until_readable(context, known, item.id, facts["mirrored"])
        if count := len(facts["mirrored"]):
            await context.progress(count, count, "tables mirrored")
        planned = {left.subject for left in found.plan.left_out}
        fell_out = (guarded.get(ref) or _not_mirrored(ref) for ref in missing if str(ref) not in planned)
        return Done(facts, tuple(fell_out))


async def _missing(
    context: Context, known: Known, shown: frozenset[TableRef]
) -> tuple[list[TableRef], dict[TableRef, LeftOut]]:
    """Selected tables that OneLake doesn't show, and those of them that it never will, with the reason.

    Where Unity Catalog doesn't tell what the connection's principal may read, Fabric is asked what the connection sees.
    """
    selection = known.surveyed.selection
    missing = [ref for ref in selection.refs if ref not in shown]
    never = await covered(context, missing, tables=True)
    unsure = [ref for ref in missing if ref in selection.uncertain and ref not in never]
    connection = known.databricks_connection
    if unsure and isinstance(connection, str):
        seen = await seen_by_connection(context, known.surveyed.workspace.id, connection, unsure)
        unseen = (ref for ref in unsure if ref not in seen)
        never |= {ref: LeftOut(str(ref), Reason.NO_PRIVILEGE, _UNSEEN) for ref in unseen}
    return [ref for ref in missing if ref not in never], never


def _sync_changes(item: MirroredCatalog, missing: Sequence[TableRef], gone: Sequence[TableRef]) -> list[Change]:
    """A sync, when OneLake doesn't show what Unity Catalog holds."""
    if not (missing or gone):
        return []
    found = {"not mirrored yet": missing, "no longer to be mirrored": gone}
    reason = "; ".join(f"{what}: {some_of(refs)}" for what, refs in found.items() if refs)
    after = {name: len(refs) for name, refs in (("tables to come", missing), ("tables to go", gone)) if refs}
    return [Change(StepName.MIRROR, Action.UPDATE, SYNC, item.display_name, reason, {}, after)]


def _require_room(context: Context, known: Known) -> None:
    """Raises ``SpecError`` when more tables are selected than an item can hold shortcuts (mirroring limitations)."""
    count = len(known.surveyed.selection.refs)
    if count > SHORTCUT_LIMIT:
        message = (
            f"{count:,} tables of {context.spec.catalog} are selected; a mirrored catalog holds {SHORTCUT_LIMIT:,}"
        )
        hint = "select fewer, or mirror the catalog's schemas by several specs, each in a Fabric workspace of its own"
        raise SpecError([SpecProblem("select", message, hint)])


def _definition(
    context: Context, known: Known, current: Mapping[str, Any] | None, hidden: frozenset[str] = frozenset()
) -> dict[str, Any]:
    storage = known.storage_connection
    connection = str(known.databricks_connection)
    schemas = known.surveyed.schemas
    place = None if storage is None else str(storage)
    return mirror_definition(context.spec, schemas, connection, place, current, hidden)


def _wanted(
    context: Context, known: Known, shown: frozenset[TableRef], gone: Sequence[TableRef]
) -> tuple[TableRef, ...]:
    """What is selected, and what is mirrored already and only lost a privilege: that is reported, not taken away."""
    kept = {ref for ref in shown if context.spec.select.selects(ref)} - set(gone)
    return tuple(sorted(kept | set(known.surveyed.selection.refs)))


def _differences(
    held: Mapping[str, Any], wanted: Mapping[str, Any], unseen: frozenset[str]
) -> dict[str, tuple[Any, Any]]:
    return {name: (held[name], wanted[name]) for name in wanted if name not in unseen and held[name] != wanted[name]}


def _refuse_what_cannot_change(
    item: MirroredCatalog, differences: Mapping[str, tuple[Any, Any]], mark: Mark | None
) -> None:
    """Fabric never changes an item's catalog or Databricks connection, and we never change an item that isn't ours."""
    if "catalogName" in differences:
        message = (
            f"a mirrored catalog {item.display_name!r} is there already, and mirrors {differences['catalogName'][0]!r}"
        )
    elif "databricksWorkspaceConnectionId" in differences:
        message = (
            f"the mirrored catalog {item.display_name!r} uses another Databricks connection, which can't be changed"
        )
    elif differences and mark is None:
        changed = ", ".join(differences)
        message = f"a mirrored catalog {item.display_name!r} is there already, isn't ours, and differs in {changed}"
    else:
        return
    hint = "give fabric.item_name another name, or make the spec say what the item has"
    raise SpecError([SpecProblem("fabric.item_name", message, hint)])


async def _create(context: Context, workspace_id: str, work: _Work) -> MirroredCatalog:
    return await context.clients.fabric.mirrored_catalogs.create(
        workspace_id, context.spec.item_name, with_mark("", work.mark), work.definition
    )


async def _update(
    context: Context, workspace_id: str, item: MirroredCatalog, work: _Work, plan: StepPlan
) -> MirroredCatalog:
    """Waits for a running sync first, because Fabric refuses changes meanwhile; returns once the new one is through.

    Raises ``OperationFailed`` when the new one failed; how an older one ended doesn't matter.
    """
    catalogs = context.clients.fabric.mirrored_catalogs
    before = await wait_until_idle(context, workspace_id, item.id)
    kinds = {MARK if change.name == MARK else change.kind for change in plan.changes}
    if kinds & {ITEM, MARK}:
        marked = (await owner_of(context)).owns(item.description)
        description = with_mark(item.description, work.mark) if marked else item.description
        if (item.display_name, item.description) != (context.spec.item_name, description):
            await catalogs.update(workspace_id, item.id, display_name=context.spec.item_name, description=description)
    if ITEM in kinds:
        await catalogs.update_definition(workspace_id, item.id, work.definition)
        before = await wait_until_idle(context, workspace_id, item.id)
    if not kinds & {ITEM, SYNC}:
        return before
    await catalogs.refresh(workspace_id, item.id)
    return succeeded(await wait_until_idle(context, workspace_id, item.id, after=before))


async def _keep_auto_sync(context: Context, workspace_id: str, item: MirroredCatalog) -> None:
    """Automatic sync is read back after creation, because what a definition says of it isn't always kept."""
    wanted = "Enabled" if context.spec.auto_sync else "Disabled"
    if item.properties.auto_sync and item.properties.auto_sync != wanted:
        await context.clients.fabric.mirrored_catalogs.update(workspace_id, item.id, auto_sync=wanted)


def _endpoint_of(item: MirroredCatalog) -> str | None:
    properties = item.properties.sql_endpoint_properties
    return properties.id if properties and properties.id else None


def _not_mirrored(ref: TableRef) -> LeftOut:
    return LeftOut(str(ref), Reason.NOT_MIRRORED, "Fabric synced the catalog and made no shortcut for it.")
