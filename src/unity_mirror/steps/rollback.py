"""Undoes what one run made, as its plan says, with the means of offboarding; nothing that was there before it."""

from __future__ import annotations

from collections.abc import Collection

from unity_mirror.plan.model import Action, Change, Plan
from unity_mirror.plan.ownership import Made, Memory, Spared, read_mark, with_mark
from unity_mirror.steps.context import Context
from unity_mirror.steps.offboard import apply_offboarding, plan_offboarding
from unity_mirror.steps.offboard.planning import Offboarding
from unity_mirror.steps.record import RECORD, owner_of
from unity_mirror.steps.storage_access import ROLE


async def roll_back(context: Context, plan: Plan) -> list[str]:
    """Removes what the plan was to make, as far as it is there, and answers what was removed."""
    made = {(each.kind, each.name.lower()) for each in plan.changes if each.action is Action.CREATE or each.makes}
    kinds = {kind for kind, _ in made}

    def permits(change: Change) -> bool:
        """Role assignments are known by the name that we derive, so that their kind suffices."""
        by_kind = change.kind == RECORD or (change.kind == ROLE and ROLE in kinds)
        return by_kind or (change.kind, change.name.lower()) in made

    context.reads.forget()
    offboarding = await plan_offboarding(context, permits=permits)
    await apply_offboarding(context, offboarding)
    await _correct_mark(context, plan, offboarding)
    deleted = [each for each in offboarding.plan.changes if each.action is Action.DELETE and each.kind != RECORD]
    return [f"{each.kind} {each.name}" for each in deleted]


async def _correct_mark(context: Context, plan: Plan, offboarding: Offboarding) -> None:
    """An item that was there before the run no longer says that we made what was undone."""
    removal = offboarding.removal
    item, mark = removal.reading.item, read_mark(removal.reading.item.description if removal.reading.item else "")
    undone = {change.makes for change in plan.changes if change.makes}
    if item is None or mark is None or removal.delete_item or not mark.made & undone:
        return
    kept = (await owner_of(context)).mark(_kept(mark.made, undone), context.spec.item_name)
    text = with_mark(item.description, kept)
    workspace_id = removal.reading.workspace.id
    await context.clients.fabric.mirrored_catalogs.update(workspace_id, item.id, description=text)


def _kept(made: frozenset[Memory], undone: Collection[Made]) -> frozenset[Memory]:
    """What is still ours; what of a folder's tree isn't needs no memory once our entry there is undone."""
    return frozenset(
        each for each in made if each not in undone and not (isinstance(each, Spared) and Made.ACL in undone)
    )
