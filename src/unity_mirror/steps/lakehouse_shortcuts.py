"""A lakehouse with OneLake shortcuts to the mirrored tables (S13).

A shortcut is ours when it stands where we would put it and leads to our mirrored catalog, and in a lakehouse that
carries our mark also when someone turned it to another place in OneLake. All others are other people's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unity_mirror.errors import PermissionDenied, SpecError, SpecProblem
from unity_mirror.models.fabric import Shortcut, ShortcutRequest
from unity_mirror.models.items import Lakehouse
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import Action, AfterApply, Change, LeftOut, Reason, StepName, StepPlan
from unity_mirror.plan.ownership import Mark, with_mark
from unity_mirror.plan.shortcuts import without_shortcut
from unity_mirror.spec import LakehouseSpec
from unity_mirror.steps import survey
from unity_mirror.steps.context import Context, Done, Found, Known
from unity_mirror.steps.lakehouses import (
    Held,
    House,
    Household,
    delete_shortcuts,
    held_shortcuts,
    household,
    key_of,
    our_shortcuts,
    read_house,
)
from unity_mirror.steps.mirror_reading import unseen
from unity_mirror.steps.record import owner_of, require_free_database

LAKEHOUSE = "Lakehouse"
SHORTCUT = "OneLake shortcut"
_POLICY = "CreateOrOverwrite"
"""Places that others hold were taken out when the plan was made."""
_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Work:
    """``wanted``: to be made or turned back. ``unwanted``: lead to tables that are no longer to be here."""

    workspace_id: str
    lakehouse: Lakehouse | None
    with_schemas: bool
    wanted: tuple[TableRef, ...]
    unwanted: tuple[Shortcut, ...] = ()


class LakehouseShortcuts:
    """Keeps one shortcut per selected table; touches no shortcut that leads elsewhere."""

    name = StepName.LAKEHOUSE_SHORTCUTS

    async def plan(self, context: Context, known: Known) -> Found:
        """The lakehouse, the shortcuts that are missing and, to be pruned, those that are too many."""
        spec = context.spec.lakehouse
        if spec is None:
            return await self._plan_removal(context, known)
        workspace = known.surveyed.workspace
        if spec.workspace is not None:
            workspace = await survey.find_workspace(context, spec.workspace, "lakehouse.workspace")
        selected = [ref for ref in known.mirrored if spec.selects(ref)]
        unfit = without_shortcut(selected)
        wanted = tuple(ref for ref in selected if ref not in unfit)
        whose = household(await owner_of(context), known.surveyed.workspace.id, workspace.id)
        lakehouse = whose.find(spec, await context.clients.fabric.lakehouses.list(workspace.id))
        if lakehouse is None:
            await require_free_database(context, workspace.id, spec.name, "lakehouse.name")
        with_schemas = spec.schemas if lakehouse is None else lakehouse.has_schemas
        _refuse_collisions(wanted, with_schemas)
        held = await held_shortcuts(context, workspace.id, lakehouse)
        ours = lakehouse is not None and whose.owns(lakehouse)
        missing, foreign = _compare(wanted, held, with_schemas, str(known.item), ours=ours)
        unwanted = _unwanted(wanted, held, with_schemas, str(known.item))
        deletions = tuple(_deletion(spec, each) for each in unwanted)
        changes = (
            *_lakehouse_changes(spec, lakehouse),
            *(self._change(spec, ref, held.get(key_of(ref.shortcut(with_schemas)))) for ref in missing),
            *(deletions if context.prune else ()),
        )
        facts = {
            "lakehouse": lakehouse.id if lakehouse else AfterApply(self.name, "id"),
            "lakehouse_workspace": workspace.id,
            "shortcuts": tuple(ref for ref in wanted if str(ref) not in {left.subject for left in foreign}),
        }
        work = _Work(workspace.id, lakehouse, with_schemas, tuple(missing), tuple(unwanted) if context.prune else ())
        prunable = () if context.prune else deletions
        left_out = (*unfit.values(), *foreign)
        return Found(StepPlan(self.name, changes, left_out=left_out, prunable=prunable), facts, work)

    async def _plan_removal(self, context: Context, known: Known) -> Found:
        """A lakehouse of ours that the spec has no more: only if all that is in it leads to our mirrored catalog."""
        if not context.prune or not isinstance(known.item, str):
            return Found(StepPlan(self.name))
        workspace_id, whose = known.surveyed.workspace.id, Household(await owner_of(context))
        marked = [each for each in await context.clients.fabric.lakehouses.list(workspace_id) if whose.owns(each)]
        try:
            houses = [await read_house(context, whose, workspace_id, each, known.item) for each in marked]
        except PermissionDenied as error:
            return Found(StepPlan(self.name, checks=(unseen(context, "No lakehouse of ours is left over", error),)))
        going = tuple(each for each in houses if each.shortcuts and not each.foreign)
        deletions = tuple(
            Change(self.name, Action.DELETE, LAKEHOUSE, each.item.display_name, "the spec has no lakehouse any more")
            for each in going
        )
        notes = tuple(_stays(each) for each in houses if each not in going)
        return Found(StepPlan(self.name, deletions, notes=notes), work=going)

    def _change(self, spec: LakehouseSpec, ref: TableRef, there: Shortcut | None) -> Change:
        after = {"path": ref.onelake_path}
        if there is None:
            return Change(self.name, Action.CREATE, SHORTCUT, f"{spec.name}/{ref}", "it isn't there", after=after)
        target = there.target.one_lake
        before = {"path": target.path, "item": target.item_id} if target else {}
        return Change(self.name, Action.UPDATE, SHORTCUT, f"{spec.name}/{ref}", "it leads elsewhere", before, after)

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Makes the lakehouse, then all shortcuts in one bulk operation, then takes out what is to be pruned."""
        spec = context.spec.lakehouse
        if spec is None:
            for house in found.work or ():
                await context.clients.fabric.lakehouses.delete(house.workspace_id, house.item.id)
            return Done()
        work: _Work = found.work
        lakehouses = context.clients.fabric.lakehouses
        lakehouse = work.lakehouse
        if lakehouse is None:
            description = with_mark("", await _mark(context, known, spec, work.workspace_id))
            lakehouse = await lakehouses.create(work.workspace_id, spec.name, description, enable_schemas=spec.schemas)
        elif lakehouse.display_name.lower() != spec.name.lower():
            await lakehouses.update(work.workspace_id, lakehouse.id, display_name=spec.name)
        failed = await _create_shortcuts(context, known, work, lakehouse.id)
        await delete_shortcuts(context, work.workspace_id, lakehouse.id, work.unwanted)
        names = {left.subject for left in failed}
        made = tuple(ref for ref in found.facts["shortcuts"] if str(ref) not in names)
        return Done({"lakehouse": lakehouse.id, "shortcuts": made}, failed)


async def _mark(context: Context, known: Known, spec: LakehouseSpec, workspace_id: str) -> Mark:
    whose = household(await owner_of(context), known.surveyed.workspace.id, workspace_id)
    return whose.owner.mark_on_top(known.made, spec.name, whose.serves)


def _stays(house: House) -> str:
    held = ", ".join(house.foreign[:_NAMED]) or "nothing that leads to this mirrored catalog"
    more = f" and {len(house.foreign) - _NAMED} more" if len(house.foreign) > _NAMED else ""
    return f"Lakehouse {house.item.display_name} is ours, and the spec has none; it stays, for it holds {held}{more}."


def _lakehouse_changes(spec: LakehouseSpec, lakehouse: Lakehouse | None) -> Iterable[Change]:
    if lakehouse is None:
        reason = "the workspace has no lakehouse of this name"
        yield Change(
            StepName.LAKEHOUSE_SHORTCUTS, Action.CREATE, LAKEHOUSE, spec.name, reason, after={"schemas": spec.schemas}
        )
    elif lakehouse.display_name.lower() != spec.name.lower():
        before, after = {"displayName": lakehouse.display_name}, {"displayName": spec.name}
        reason = "it is ours and was renamed"
        yield Change(StepName.LAKEHOUSE_SHORTCUTS, Action.UPDATE, LAKEHOUSE, spec.name, reason, before, after)


def _deletion(spec: LakehouseSpec, shortcut: Shortcut) -> Change:
    table = table_of(shortcut)
    reason = "its table is no longer mirrored, or no longer wanted here"
    return Change(StepName.LAKEHOUSE_SHORTCUTS, Action.DELETE, SHORTCUT, f"{spec.name}/{table}", reason)


def table_of(shortcut: Shortcut) -> str:
    """The table that a shortcut of ours leads to, as changes name it."""
    target = shortcut.target.one_lake
    return ".".join(target.path.strip("/").split("/")[1:]) if target else shortcut.name


def _compare(
    wanted: Sequence[TableRef], held: Held, with_schemas: bool, item_id: str, *, ours: bool
) -> tuple[list[TableRef], tuple[LeftOut, ...]]:
    """The shortcuts to make or to turn back, and those whose place something of others' holds."""
    missing: list[TableRef] = []
    foreign: list[LeftOut] = []
    for ref in wanted:
        there = held.get(key_of(ref.shortcut(with_schemas)))
        target = there.target.one_lake if there else None
        if there is None:
            missing.append(ref)
        elif target is not None and target.item_id.lower() == item_id.lower():
            missing += [ref] if target.path.strip("/") != ref.onelake_path else []
        elif target is not None and ours:
            missing.append(ref)
        else:
            detail = "Its place in the lakehouse holds a shortcut that leads to something else, which isn't ours."
            foreign.append(LeftOut(str(ref), Reason.NAME_COLLISION, detail))
    return missing, tuple(foreign)


def _unwanted(wanted: Sequence[TableRef], held: Held, with_schemas: bool, item_id: str) -> list[Shortcut]:
    kept = set(wanted)
    return [shortcut for ref, shortcut in sorted(our_shortcuts(held, with_schemas, item_id).items()) if ref not in kept]


def _refuse_collisions(wanted: Sequence[TableRef], with_schemas: bool) -> None:
    """Without schemas all tables sit in ``Tables``: same-named ones of two schemas would meet there."""
    places: dict[tuple[str, str], list[TableRef]] = {}
    for ref in wanted:
        path, name = key_of(ref.shortcut(with_schemas))
        places.setdefault((path, name.lower()), []).append(ref)
    collisions = [refs for refs in places.values() if len(refs) > 1]
    if collisions:
        names = "; ".join(" and ".join(map(str, refs)) for refs in collisions)
        hint = "use a lakehouse with schemas, or narrow lakehouse.tables"
        message = f"the lakehouse has no schemas, and these tables would have one name in it: {names}"
        raise SpecError([SpecProblem("lakehouse.tables", message, hint)])


async def _create_shortcuts(context: Context, known: Known, work: _Work, lakehouse_id: str) -> tuple[LeftOut, ...]:
    item, source = str(known.item), known.surveyed.workspace.id
    still_there = [ref for ref in work.wanted if ref in set(known.mirrored)]
    if not still_there:
        return ()
    requests = [
        ShortcutRequest.to_onelake(*ref.shortcut(work.with_schemas), source, item, ref.onelake_path)
        for ref in still_there
    ]
    results = await context.clients.fabric.shortcuts.bulk_create(work.workspace_id, lakehouse_id, requests, _POLICY)
    await context.progress(len(results), len(requests), "shortcuts")
    by_place = {key_of(ref.shortcut(work.with_schemas)): ref for ref in still_there}
    return tuple(
        LeftOut(
            str(by_place[result.request.place]),
            Reason.FAILED,
            f"{result.error.error_code}: {result.error.message}" if result.error else "the shortcut was not made",
        )
        for result in results
        if result.status != "Succeeded"
    )
