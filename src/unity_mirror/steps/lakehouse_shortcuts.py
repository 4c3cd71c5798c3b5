"""A lakehouse with OneLake shortcuts to the mirrored tables (S13)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.models.fabric import Shortcut, ShortcutRequest
from unity_mirror.models.items import Lakehouse
from unity_mirror.models.table_ref import ShortcutPlace, TableRef
from unity_mirror.plan.model import Action, AfterApply, Change, LeftOut, Reason, StepName, StepPlan
from unity_mirror.plan.ownership import mark_of, with_mark
from unity_mirror.spec import LakehouseSpec
from unity_mirror.steps import survey
from unity_mirror.steps.context import Context, Done, Found, Known

LAKEHOUSE = "Lakehouse"
SHORTCUT = "OneLake shortcut"
_POLICY = "CreateOrOverwrite"
"""Places that others hold were taken out when the plan was made."""


@dataclass(frozen=True, slots=True)
class _Work:
    workspace_id: str
    lakehouse: Lakehouse | None
    with_schemas: bool
    wanted: tuple[TableRef, ...]


class LakehouseShortcuts:
    """Keeps one shortcut per selected table; touches no shortcut that leads elsewhere."""

    name = StepName.LAKEHOUSE_SHORTCUTS

    async def plan(self, context: Context, known: Known) -> Found:
        """The lakehouse and the shortcuts that are missing."""
        spec = context.spec.lakehouse
        if spec is None:
            return Found(StepPlan(self.name))
        workspace = known.surveyed.workspace
        if spec.workspace is not None:
            workspace = await survey.find_workspace(context, spec.workspace, "lakehouse.workspace")
        wanted = tuple(ref for ref in known.mirrored if spec.selects(ref))
        listed = await context.clients.fabric.lakehouses.list(workspace.id)
        lakehouse = next((each for each in listed if each.display_name.lower() == spec.name.lower()), None)
        with_schemas = spec.schemas if lakehouse is None else lakehouse.has_schemas
        _refuse_collisions(wanted, with_schemas)
        held = await self._held(context, workspace.id, lakehouse)
        missing, foreign = _compare(wanted, held, with_schemas, known)
        plan = StepPlan(self.name, tuple(self._changes(spec, lakehouse, missing, held, with_schemas)), left_out=foreign)
        facts = {
            "lakehouse": lakehouse.id if lakehouse else AfterApply(self.name, "id"),
            "lakehouse_workspace": workspace.id,
            "shortcuts": tuple(ref for ref in wanted if str(ref) not in {left.subject for left in foreign}),
        }
        return Found(plan, facts, _Work(workspace.id, lakehouse, with_schemas, tuple(missing)))

    async def _held(
        self, context: Context, workspace_id: str, lakehouse: Lakehouse | None
    ) -> dict[tuple[str, str], Shortcut]:
        if lakehouse is None:
            return {}
        listed = await context.clients.fabric.shortcuts.list(workspace_id, lakehouse.id)
        return {each.place: each for each in listed}

    def _changes(
        self,
        spec: LakehouseSpec,
        lakehouse: Lakehouse | None,
        missing: Sequence[TableRef],
        held: dict[tuple[str, str], Shortcut],
        with_schemas: bool,
    ) -> Iterable[Change]:
        if lakehouse is None:
            reason = "the workspace has no lakehouse of this name"
            yield Change(self.name, Action.CREATE, LAKEHOUSE, spec.name, reason, after={"schemas": spec.schemas})
        for ref in missing:
            there = held.get(_key(ref.shortcut(with_schemas)))
            action, reason = (Action.UPDATE, "it leads elsewhere") if there else (Action.CREATE, "it isn't there")
            yield Change(self.name, action, SHORTCUT, f"{spec.name}/{ref}", reason, after={"path": ref.onelake_path})

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Makes the lakehouse, then all shortcuts in one bulk operation."""
        spec = context.spec.lakehouse
        if spec is None:
            return Done()
        work: _Work = found.work
        lakehouse = work.lakehouse
        if lakehouse is None:
            description = with_mark("", mark_of(context.spec.catalog))
            lakehouse = await context.clients.fabric.lakehouses.create(
                work.workspace_id, spec.name, description, enable_schemas=spec.schemas
            )
        failed = await _create_shortcuts(context, known, work, lakehouse.id)
        names = {left.subject for left in failed}
        made = tuple(ref for ref in found.facts["shortcuts"] if str(ref) not in names)
        return Done({"lakehouse": lakehouse.id, "shortcuts": made}, failed)


def _key(place: ShortcutPlace) -> tuple[str, str]:
    return place.path.strip("/"), place.name


def _compare(
    wanted: Sequence[TableRef], held: dict[tuple[str, str], Shortcut], with_schemas: bool, known: Known
) -> tuple[list[TableRef], tuple[LeftOut, ...]]:
    """The shortcuts to make or to turn back, and those whose place something of others' holds."""
    missing: list[TableRef] = []
    foreign: list[LeftOut] = []
    for ref in wanted:
        there = held.get(_key(ref.shortcut(with_schemas)))
        target = there.target.one_lake if there else None
        if there is None:
            missing.append(ref)
        elif target is None or target.item_id.lower() != str(known.item).lower():
            detail = "Its place in the lakehouse holds a shortcut that leads to something else, which isn't ours."
            foreign.append(LeftOut(str(ref), Reason.NAME_COLLISION, detail))
        elif target.path.strip("/") != ref.onelake_path:
            missing.append(ref)
    return missing, tuple(foreign)


def _refuse_collisions(wanted: Sequence[TableRef], with_schemas: bool) -> None:
    """Without schemas all tables sit in ``Tables``: same-named ones of two schemas would meet there."""
    places: dict[tuple[str, str], list[TableRef]] = {}
    for ref in wanted:
        path, name = _key(ref.shortcut(with_schemas))
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
    by_place = {ref.shortcut(work.with_schemas): ref for ref in still_there}
    return tuple(
        LeftOut(
            str(by_place[ShortcutPlace(result.request.path, result.request.name)]),
            Reason.FAILED,
            f"{result.error.error_code}: {result.error.message}" if result.error else "the shortcut was not made",
        )
        for result in results
        if result.status != "Succeeded"
    )
