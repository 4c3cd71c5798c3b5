"""Rights on the storage for whoever the storage connection signs in as (S18, S21).

Account or container: Storage Blob Data Reader there. Folder: read and execute on the folder and all that is in it,
execute on the container's root and every folder above. Trusted access by container or folder also needs Storage Blob
Delegator on the account (trusted workspace access documentation). The folder's own entry is written last: where it
stands, the tree below is done, so that an interrupted run is continued and a finished one costs no more than reading
the folders above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unity_mirror.errors import FirewallDenied, PermissionDenied, PreconditionFailed
from unity_mirror.models.storage import AclProgress, PathEntry, StorageUrl
from unity_mirror.plan.acl import READ, TRAVERSE, AclGrant, grant
from unity_mirror.plan.model import (
    Action,
    AfterApply,
    Change,
    Check,
    Outcome,
    Remedy,
    Scope,
    ScopeKind,
    StepName,
    StepPlan,
)
from unity_mirror.plan.ownership import Made, role_assignment_name
from unity_mirror.spec import SasAuth, StorageSpec
from unity_mirror.steps import remedies
from unity_mirror.steps.context import Context, Done, Found, Known, side_by_side

ACL = "Storage ACL"
ROLE = "Azure role assignment"
DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
DELEGATOR = "db58b8e5-c6ad-4a2a-8342-4190687cbf4a"
_ROLES = {DATA_READER: "Storage Blob Data Reader", DELEGATOR: "Storage Blob Delegator"}
_RACES = 5


@dataclass(frozen=True, slots=True)
class _RoleGrant:
    scope: str
    role_id: str


class StorageAccess:
    """Gives the storage connection's principal what it needs to read, and nothing else to anyone."""

    name = StepName.STORAGE_ACCESS

    async def plan(self, context: Context, known: Known) -> Found:
        """Missing role assignments and ACL entries."""
        storage = context.spec.storage
        principal = known.storage_principal
        if storage is None or isinstance(storage.auth, SasAuth):
            return Found(StepPlan(self.name))
        if principal is None:
            return Found(StepPlan(self.name, checks=(_unknown_principal(context),)))
        roles = await self._missing_roles(context, storage, principal)
        acls, checks = await self._missing_acls(context, known, storage, principal)
        return Found(StepPlan(self.name, (*roles, *acls), checks), work=principal)

    async def _missing_roles(self, context: Context, storage: StorageSpec, principal: str | AfterApply) -> list[Change]:
        wanted = _wanted_roles(storage)
        if storage.resource_id is None or not wanted:
            return []
        if isinstance(principal, AfterApply):
            return [_role_change(each, principal) for each in wanted]
        held = await context.clients.arm.role_assignments(storage.resource_id, principal)
        return [
            _role_change(each, principal)
            for each in wanted
            if not any(found.role_id == each.role_id and _covers(found.scope, each.scope) for found in held)
        ]

    async def _missing_acls(
        self, context: Context, known: Known, storage: StorageSpec, principal: str | AfterApply
    ) -> tuple[list[Change], tuple[Check, ...]]:
        place = storage.location
        if not place.folder or not known.surveyed.storage_reachable:
            return [], ()
        paths = (*place.parents(), place.folder)
        if isinstance(principal, AfterApply):
            return [_acl_change(place, path, None, principal) for path in paths], ()
        try:
            grants = await side_by_side(_read_grant(context, place, path, principal) for path in paths)
        except (PermissionDenied, FirewallDenied) as error:
            return [], (_acl_check(context, place, Outcome.UNKNOWN, str(error), None),)
        refused = [
            check for path, found in zip(paths, grants, strict=True) if (check := _refusal(context, place, path, found))
        ]
        changes = [
            _acl_change(place, path, found, principal)
            for path, found in zip(paths, grants, strict=True)
            if found.is_needed
        ]
        return ([] if refused else changes), tuple(refused)

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Role assignments first, then the folders above, the tree, and the folder itself last."""
        del known
        storage = context.spec.storage
        if storage is None or not found.plan.changes:
            return Done()
        principal = str(found.work)
        missing = {change.name for change in found.plan.changes if change.kind == ROLE}
        for each in _wanted_roles(storage):
            if _role_name(each) in missing:
                await _assign(context, each, principal)
        acls = {change.name for change in found.plan.changes if change.kind == ACL}
        if not acls:
            return Done()
        await _grant_folders(context, storage.location, principal, acls)
        return Done()


def _wanted_roles(storage: StorageSpec) -> list[_RoleGrant]:
    place, account = storage.location, storage.resource_id or ""
    roles = []
    if not place.container:
        roles.append(_RoleGrant(account, DATA_READER))
    elif not place.folder:
        roles.append(_RoleGrant(f"{account}/blobServices/default/containers/{place.container}", DATA_READER))
    if storage.trusted_access and place.container:
        roles.append(_RoleGrant(account, DELEGATOR))
    return roles


def _covers(held_scope: str, wanted_scope: str) -> bool:
    return f"{wanted_scope.lower()}/".startswith(held_scope.lower().rstrip("/") + "/")


def _role_name(each: _RoleGrant) -> str:
    return f"{_ROLES[each.role_id]} on {each.scope.rsplit('/', 1)[-1]}"


def _role_change(each: _RoleGrant, principal: str | AfterApply) -> Change:
    remedy = (
        None
        if isinstance(principal, AfterApply)
        else remedies.assign_role(each.scope, principal, each.role_id, _ROLES[each.role_id])
    )
    return Change(
        StepName.STORAGE_ACCESS,
        Action.CREATE,
        ROLE,
        _role_name(each),
        "the storage connection's principal doesn't hold it",
        after={"scope": each.scope, "role": _ROLES[each.role_id], "principal": principal},
        remedy=remedy,
    )


async def _assign(context: Context, each: _RoleGrant, principal: str) -> None:
    name = role_assignment_name(each.scope, principal, each.role_id)
    await context.clients.arm.create_role_assignment(each.scope, name, principal, each.role_id, "ServicePrincipal")


async def _read_grant(context: Context, place: StorageUrl, path: str, principal: str) -> AclGrant:
    held = await context.clients.storage.access_control(place.account, place.container, path)
    is_folder = path == place.folder
    return grant(held.acl, principal, READ if is_folder else TRAVERSE, inherited=is_folder)


def _acl_name(place: StorageUrl, path: str) -> str:
    return f"{place.account}/{place.container}/{path}"


def _acl_change(place: StorageUrl, path: str, found: AclGrant | None, principal: str | AfterApply) -> Change:
    is_folder = path == place.folder
    remedy = None
    if found is not None:
        entries = f"user:{principal}:{READ},default:user:{principal}:{READ}"
        remedy = remedies.set_acl(place, path, found.after, str(principal), entries, recursive=is_folder)
    return Change(
        StepName.STORAGE_ACCESS,
        Action.UPDATE,
        ACL,
        _acl_name(place, path),
        "read and list the folder and all below it" if is_folder else "pass through on the way to the folder",
        {"acl": str(found.before)} if found else {},
        {"acl": str(found.after)} if found else {"entry": f"user:{principal}:{READ if is_folder else TRAVERSE}"},
        remedy,
        Made.ACL,
    )


def _refusal(context: Context, place: StorageUrl, path: str, found: AclGrant) -> Check | None:
    """Why an ACL must not be changed: it would give others rights, or the list is full."""
    if found.gains:
        evidence = f"{_acl_name(place, path)}: widening the mask would give others rights: {'; '.join(found.gains)}"
    elif found.full:
        evidence = f"{_acl_name(place, path)} would hold more than 28 named entries"
    else:
        return None
    remedy = Remedy(
        "Use a group that already has access, put the connection's URL on another folder, or clean the list up: "
        "entries that the mask hides should be removed by whoever made them."
    )
    return _acl_check(context, place, Outcome.FAILED, evidence, remedy)


def _acl_check(context: Context, place: StorageUrl, outcome: Outcome, evidence: str, remedy: Remedy | None) -> Check:
    title = f"ACLs of {place} can be extended"
    return Check("storage_acl", title, Scope(ScopeKind.CATALOG, context.spec.catalog), outcome, evidence, remedy)


def _unknown_principal(context: Context) -> Check:
    remedy = Remedy("Give storage.auth.object_id: the object id under Enterprise applications, not the application id.")
    evidence = "the object id of the storage connection's principal isn't known"
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    return Check("storage_principal", "Storage rights can be checked", scope, Outcome.UNKNOWN, evidence, remedy)


async def _grant_folders(context: Context, place: StorageUrl, principal: str, needed: set[str]) -> None:
    above = [path for path in place.parents() if _acl_name(place, path) in needed]
    await side_by_side(_grant_one(context, place, path, principal) for path in above)
    if _acl_name(place, place.folder) in needed:
        await _grant_tree(context, place, principal)
        await _grant_one(context, place, place.folder, principal)


async def _grant_one(context: Context, place: StorageUrl, path: str, principal: str) -> None:
    """One path, guarded by its ETag; when someone else was faster it is read and merged again."""
    storage = context.clients.storage
    for attempt in range(_RACES):
        held = await storage.access_control(place.account, place.container, path)
        is_folder = path == place.folder
        found = grant(held.acl, principal, READ if is_folder else TRAVERSE, inherited=is_folder)
        if not found.is_needed:
            return
        if found.gains or found.full:
            raise PermissionDenied(
                "the ACL changed since the plan was made, and extending it now would give others rights",
                where=_acl_name(place, path),
                remedy="Make a new plan.",
            )
        try:
            await storage.set_access_control(place.account, place.container, path, found.after, held.etag)
        except PreconditionFailed:
            if attempt == _RACES - 1:
                raise
        else:
            return


async def _grant_tree(context: Context, place: StorageUrl, principal: str) -> None:
    """Everything below the folder, its children side by side."""
    children = await context.clients.storage.list_paths(place.account, place.container, place.folder)
    done = 0

    async def one(child: PathEntry) -> None:
        nonlocal done
        await _grant_below(context, place, child, principal)
        done += 1
        await context.progress(done, len(children), "folders")

    await side_by_side(one(child) for child in children)


async def _grant_below(context: Context, place: StorageUrl, child: PathEntry, principal: str) -> None:
    entries = f"user:{principal}:{READ}"
    if child.is_directory:
        entries += f",default:user:{principal}:{READ}"
    failed: list[str] = []
    continuation: str | None = None
    while True:
        progress: AclProgress = await context.clients.storage.modify_acl_recursive(
            place.account, place.container, child.name, entries, continuation
        )
        failed += progress.failed_paths
        continuation = progress.continuation
        if continuation is None:
            break
    if failed:
        raise _incomplete(place, failed)


def _incomplete(place: StorageUrl, failed: Sequence[str]) -> PermissionDenied:
    return PermissionDenied(
        f"{len(failed)} paths could not be given the entry, among them {', '.join(failed[:5])}",
        where=str(place),
        remedy="Run as Storage Blob Data Owner, or have the owner of these paths run the remedy's command.",
    )
