"""Carries an offboarding out, so that a run which is killed halfway can be started again.

What rests on the mirrored catalog goes first. Before the catalog itself goes, and its mark with it, the record says
what is still to be removed; the record goes last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import ParamSpec

from unity_mirror.errors import NotFound, PermissionDenied, PreconditionFailed
from unity_mirror.models.storage import AclProgress, StorageUrl
from unity_mirror.plan.acl import revoke
from unity_mirror.plan.ownership import EVERYTHING_BELOW, Made, Memory, Spared, is_spared, read_mark, with_mark
from unity_mirror.steps.context import Context, side_by_side
from unity_mirror.steps.lakehouses import delete_shortcuts
from unity_mirror.steps.offboard.planning import Emptying, Offboarding, Removal
from unity_mirror.steps.offboard.reading import Other
from unity_mirror.steps.record import remove_record, write_record

P = ParamSpec("P")
_RACES = 5
_AT_ONCE = 500


async def apply_offboarding(context: Context, offboarding: Offboarding) -> None:
    """Removes what the plan says. Raises what a removal raises; running again goes on from there."""
    if not offboarding.plan.changes:
        return
    removal = offboarding.removal
    workspace_id = removal.reading.workspace.id
    fabric = context.clients.fabric
    await side_by_side(_gone(fabric.semantic_models.delete, workspace_id, model.item.id) for model in removal.models)
    for emptying in removal.houses:
        await _empty_house(context, emptying)
    await _hand_over(context, removal)
    leaves = removal.delete_item or removal.reading.item is None
    if removal.reading.made and leaves:
        await write_record(context, workspace_id, removal.reading.made)
    if removal.delete_item and removal.reading.item is not None:
        await _gone(fabric.mirrored_catalogs.delete, workspace_id, removal.reading.item.id)
    await side_by_side(_gone(fabric.connections.delete, each.id) for each in removal.connections)
    await _take_rights(context, removal)
    if removal.workspace_role is not None:
        await fabric.workspaces.delete_role_assignment(workspace_id, removal.workspace_role.id)
    if removal.identity:
        await fabric.workspaces.deprovision_identity(workspace_id)
    context.reads.forget()
    if leaves or removal.reading.is_ours:
        await remove_record(context, workspace_id)


async def _gone(remove: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Removes what may be gone by now."""
    with suppress(NotFound):
        await remove(*args, **kwargs)


async def _empty_house(context: Context, emptying: Emptying) -> None:
    lakehouses, house = context.clients.fabric.lakehouses, emptying.house
    if emptying.whole:
        await _gone(lakehouses.delete, house.workspace_id, house.item.id)
        return
    await delete_shortcuts(context, house.workspace_id, house.item.id, emptying.shortcuts)
    mark = read_mark(house.item.description)
    if mark is not None and mark.made:
        text = with_mark(house.item.description, replace(mark, made=frozenset()))
        await lakehouses.update(house.workspace_id, house.item.id, description=text)


async def _hand_over(context: Context, removal: Removal) -> None:
    """Lets other catalogs of ours remember what they still need and will have to remove one day."""
    heirs: dict[str, Other] = {other.item.id: other for other in removal.heirs.values()}
    for item_id, heir in heirs.items():
        mark = read_mark(heir.item.description)
        if mark is None:
            continue
        inherited: set[Memory] = {made for made, other in removal.heirs.items() if other.item.id == item_id}
        if Made.ACL in inherited:
            inherited |= {each for each in removal.reading.made if isinstance(each, Spared)}
        text = with_mark(heir.item.description, replace(mark, made=mark.made | inherited))
        await context.clients.fabric.mirrored_catalogs.update(heir.workspace_id, item_id, description=text)


async def _take_rights(context: Context, removal: Removal) -> None:
    storage = context.spec.storage
    if storage is None:
        return
    arm = context.clients.arm
    if removal.rule is not None and storage.resource_id is not None:
        account = await arm.storage_account(storage.resource_id)
        if account.network_acls.admits(removal.rule):
            await arm.update_network_acls(storage.resource_id, account.network_acls.without_rule(removal.rule))
    await side_by_side(arm.delete_role_assignment(role.scope, role.name) for role in removal.roles)
    for path in sorted(removal.acls, key=len, reverse=True):
        if path == storage.location.folder:
            await _gone(_revoke_below, context, removal, storage.location)
        await _gone(_revoke, context, storage.location, path, removal.principal)


async def _revoke_below(context: Context, removal: Removal, place: StorageUrl) -> None:
    """The folder's tree: in few requests, but path by path where somebody's entries from before us are among them."""
    memories = removal.reading.made
    if EVERYTHING_BELOW in memories:
        return
    if not any(isinstance(each, Spared) for each in memories):
        await _revoke_tree(context, place, removal.principal)
        return
    listed = await context.clients.storage.list_paths(place.account, place.container, place.folder, recursive=True)
    where = f"{place.account}/{place.container}"
    ours = [entry.name for entry in listed if not is_spared(f"{where}/{entry.name}", memories)]
    for start in range(0, len(ours), _AT_ONCE):
        await side_by_side(
            _gone(_revoke, context, place, path, removal.principal) for path in ours[start : start + _AT_ONCE]
        )


async def _revoke(context: Context, place: StorageUrl, path: str, principal: str) -> None:
    """The single list, guarded by its ETag."""
    storage = context.clients.storage
    for attempt in range(_RACES):
        held = await storage.access_control(place.account, place.container, path)
        after = revoke(held.acl, principal)
        if after == held.acl:
            return
        try:
            await storage.set_access_control(place.account, place.container, path, after, held.etag)
        except PreconditionFailed:
            if attempt == _RACES - 1:
                raise
        else:
            return


async def _revoke_tree(context: Context, place: StorageUrl, principal: str) -> None:
    entries = f"user:{principal},default:user:{principal}"
    continuation: str | None = None
    failed: list[str] = []
    while True:
        progress: AclProgress = await context.clients.storage.remove_acl_recursive(
            place.account, place.container, place.folder, entries, continuation
        )
        failed += progress.failed_paths
        continuation = progress.continuation
        if continuation is None:
            break
    if failed:
        raise PermissionDenied(
            f"{len(failed)} paths still hold the entry, among them {', '.join(failed[:5])}",
            where=str(place),
            remedy="Run as Storage Blob Data Owner, or have the owner of these paths remove it.",
        )
