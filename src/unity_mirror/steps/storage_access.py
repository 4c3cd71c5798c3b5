"""Rights on the storage for whoever the storage connection signs in as (S18, S21).

Account or container: Storage Blob Data Reader there. Folder: read and execute on the folder and all that is in it,
execute on the container's root and every folder above. Trusted access by container or folder, and use outside the item,
also need Storage Blob Delegator on the account, unless a data role is held there (trusted workspace access
documentation). Roles that the principal's groups hold count as its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from unity_mirror.errors import AlreadyExists, FirewallDenied, PermissionDenied
from unity_mirror.models.arm import RoleAssignment
from unity_mirror.models.azure_clouds import AzureCloud
from unity_mirror.models.storage import StorageUrl
from unity_mirror.plan.acl import NAMED_LIMIT, READ, TRAVERSE
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
from unity_mirror.plan.ownership import Made, Memory, Spared, acl_above, role_assignment_name
from unity_mirror.spec import SasAuth, StorageSpec
from unity_mirror.steps import remedies
from unity_mirror.steps.context import Context, Done, Found, Known
from unity_mirror.steps.record import recorded
from unity_mirror.steps.storage_acls import AclReading, PathGrant, read_acls, write_acls

ACL = "Storage ACL"
ROLE = "Azure role assignment"
DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
DELEGATOR = "db58b8e5-c6ad-4a2a-8342-4190687cbf4a"
_READERS = frozenset({DATA_READER, DATA_CONTRIBUTOR, DATA_OWNER})
_ROLES = {DATA_READER: "Storage Blob Data Reader", DELEGATOR: "Storage Blob Delegator"}
_SHOWN = 5
_REMEDIED = 50
_NOBODY = "00000000-0000-0000-0000-000000000001"
"""Stands for an identity that is still to be made: whether its entry fits doesn't depend on its id."""


@dataclass(frozen=True, slots=True)
class _RoleGrant:
    scope: str
    role_id: str


@dataclass(frozen=True, slots=True)
class _Acls:
    changes: tuple[Change, ...] = ()
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    reading: AclReading | None = None
    spared: frozenset[Spared] = frozenset()


@dataclass(frozen=True, slots=True)
class _Work:
    principal: str
    roles: tuple[_RoleGrant, ...]
    acls: AclReading | None


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
        cloud = remedies.cloud_for(context)
        held, roles, unseen = await _missing_roles(context, storage, principal)
        acls = await self._missing_acls(context, known, storage, principal, held)
        changes = (*(_role_change(each, principal, cloud) for each in roles), *acls.changes)
        work = _Work(str(principal), roles, acls.reading)
        plan = StepPlan(self.name, changes, (*unseen, *acls.checks), notes=acls.notes)
        return Found(plan, {"made": acls.spared}, work)

    async def _missing_acls(
        self,
        context: Context,
        known: Known,
        storage: StorageSpec,
        principal: str | AfterApply,
        held: Sequence[RoleAssignment],
    ) -> _Acls:
        place = storage.location
        if not place.folder or _reads_by_role(storage, held):
            return _Acls()
        if not known.surveyed.storage_reachable:
            return _Acls(checks=(_unseen(context, place, principal),))
        try:
            made = known.made | await recorded(context, known.surveyed.workspace.id)
            whom = _NOBODY if isinstance(principal, AfterApply) else principal
            reading = await read_acls(context, place, whom, ours=Made.ACL in made)
        except (PermissionDenied, FirewallDenied) as error:
            return _Acls(checks=(_acl_check(context, place, Outcome.UNKNOWN, str(error), None),))
        if reading.faults:
            return _Acls(checks=(_refusal(context, place, reading.faults),))
        needed = [each for each in (*reading.above, reading.folder) if each.grant.is_needed]
        changes = tuple(_acl_change(place, each, principal, len(reading.all)) for each in needed)
        changes += _lost_change(place, reading.lost, str(principal)) if reading.lost else ()
        spared = frozenset(each for each in made if isinstance(each, Spared))
        if Made.ACL not in made and not isinstance(principal, AfterApply):
            spared = reading.spared(place, principal)
        return _Acls(changes, notes=_nearly_full(place, reading), reading=reading, spared=spared)

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Role assignments first, then the folders above, the tree, and the folder itself last."""
        del known
        storage = context.spec.storage
        if storage is None or not found.plan.changes:
            return Done()
        work: _Work = found.work
        for each in work.roles:
            await _assign(context, each, work.principal)
        if work.acls is not None and any(change.kind == ACL for change in found.plan.changes):
            await write_acls(context, storage.location, work.principal, work.acls)
        return Done({"rights_changed": True})


def has_begun_below(context: Context, found: Found, made: Collection[Memory]) -> bool:
    """Whether below the folder, whose own entry is written last, are entries that weren't there before the run that
    noted these."""
    work, storage = found.work, context.spec.storage
    if not isinstance(work, _Work) or work.acls is None or storage is None:
        return False
    return work.acls.spared(storage.location, work.principal) != {each for each in made if isinstance(each, Spared)}


async def _missing_roles(
    context: Context, storage: StorageSpec, principal: str | AfterApply
) -> tuple[tuple[RoleAssignment, ...], tuple[_RoleGrant, ...], tuple[Check, ...]]:
    """What is held, what is to be given, and, where we may not look, the check that says so."""
    try:
        held = await _held_roles(context, storage, principal)
    except PermissionDenied as error:
        return (), (), _roles_unseen(context, storage, principal, str(error))
    return held, tuple(each for each in _wanted_roles(storage, held) if not _is_held(each, held)), ()


async def _held_roles(
    context: Context, storage: StorageSpec, principal: str | AfterApply
) -> tuple[RoleAssignment, ...]:
    """The roles that the principal or a group of its holds on the account, above or below it."""
    if storage.resource_id is None or isinstance(principal, AfterApply):
        return ()
    scope = storage.resource_id
    found = await context.reads.once(
        ("role assignments", scope.lower(), principal),
        lambda: context.clients.arm.role_assignments(scope, principal, through_groups=True),
    )
    return tuple(found)


def _roles_unseen(context: Context, storage: StorageSpec, principal: str | AfterApply, why: str) -> tuple[Check, ...]:
    """Which roles are held can't be looked up: unknown, with the commands that give those that it takes."""
    cloud = remedies.cloud_for(context)
    wanted = [] if isinstance(principal, AfterApply) else _wanted_roles(storage, ())
    given = [
        remedies.assign_role(each.scope, str(principal), each.role_id, _ROLES[each.role_id], cloud) for each in wanted
    ]
    remedy = Remedy(
        "An owner of the storage account gives the identity that runs unity-mirror the role Reader on it"
        + (", or gives the roles themselves:" if given else "."),
        tuple(dict.fromkeys(command for each in given for command in each.commands)),
        tuple(call for each in given for call in each.calls),
    )
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    return (Check("storage_roles", "Roles on the storage can be checked", scope, Outcome.UNKNOWN, why, remedy),)


def _wanted_roles(storage: StorageSpec, held: Sequence[RoleAssignment]) -> list[_RoleGrant]:
    place, account = storage.location, storage.resource_id
    if account is None:
        return []
    roles = []
    if not place.container:
        roles.append(_RoleGrant(account, DATA_READER))
    elif not place.folder:
        roles.append(_RoleGrant(_container_scope(account, place), DATA_READER))
    delegates = (storage.trusted_access or storage.used_outside_item) and place.container
    if delegates and not _has_any(held, _READERS, account):
        roles.append(_RoleGrant(account, DELEGATOR))
    return roles


def _container_scope(account: str, place: StorageUrl) -> str:
    return f"{account}/blobServices/default/containers/{place.container}"


def _is_held(each: _RoleGrant, held: Sequence[RoleAssignment]) -> bool:
    """Whether the role, or one that holds more, is there at the scope or above it."""
    return _has_any(held, _READERS if each.role_id == DATA_READER else frozenset({each.role_id}), each.scope)


def _reads_by_role(storage: StorageSpec, held: Sequence[RoleAssignment]) -> bool:
    """Whether a data role lets the principal read the container, so that ACLs aren't asked."""
    account = storage.resource_id
    return account is not None and _has_any(held, _READERS, _container_scope(account, storage.location))


def _has_any(held: Sequence[RoleAssignment], role_ids: frozenset[str], scope: str) -> bool:
    return any(each.role_id in role_ids and _covers(each.scope, scope) for each in held)


def _covers(held_scope: str, wanted_scope: str) -> bool:
    return f"{wanted_scope.lower()}/".startswith(held_scope.lower().rstrip("/") + "/")


def _role_name(each: _RoleGrant) -> str:
    return f"{_ROLES[each.role_id]} on {each.scope.rsplit('/', 1)[-1]}"


def _role_change(each: _RoleGrant, principal: str | AfterApply, cloud: AzureCloud) -> Change:
    remedy = (
        None
        if isinstance(principal, AfterApply)
        else remedies.assign_role(each.scope, principal, each.role_id, _ROLES[each.role_id], cloud)
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
    """A second run finds the first one's name; whoever was faster under another name did the same."""
    name = role_assignment_name(each.scope, principal, each.role_id)
    try:
        await context.clients.arm.create_role_assignment(each.scope, name, principal, each.role_id, "ServicePrincipal")
    except AlreadyExists:
        return


def _acl_name(place: StorageUrl, path: str) -> str:
    return f"{place.account}/{place.container}/{path}"


def _acl_change(place: StorageUrl, found: PathGrant, principal: str | AfterApply, paths: int) -> Change:
    path, known = found.path, not isinstance(principal, AfterApply)
    is_folder = path == place.folder
    remedy = None
    if known:
        entries = f"user:{principal}:{READ},default:user:{principal}:{READ}"
        remedy = remedies.set_acl(place, path, found.grant.after, str(principal), entries, recursive=is_folder)
    shown = (
        {"acl": str(found.grant.after)} if known else {"entry": f"user:{principal}:{READ if is_folder else TRAVERSE}"}
    )
    return Change(
        StepName.STORAGE_ACCESS,
        Action.UPDATE,
        ACL,
        _acl_name(place, path),
        "read and list the folder and all below it" if is_folder else "pass through on the way to the folder",
        {"acl": str(found.grant.before)},
        {**shown, **({"paths": paths} if is_folder else {})},
        remedy,
        Made.ACL if is_folder else acl_above(path),
    )


def _lost_change(place: StorageUrl, lost: Sequence[PathGrant], principal: str) -> tuple[Change, ...]:
    """One change for all paths below the folder, which holds its entry."""
    shown = [each.path for each in lost[:_SHOWN]]
    found = [
        remedies.set_acl(place, each.path, each.grant.after, principal, "", recursive=False)
        for each in lost[:_REMEDIED]
    ]
    commands = tuple(command for each in found for command in each.commands)
    remedy = Remedy(
        "Set these access control lists, or run apply.", commands, tuple(call for each in found for call in each.calls)
    )
    reason = "the folder's entry is ours, and paths below it lost theirs"
    after = {"paths": len(lost), "among": shown}
    name = f"{_acl_name(place, place.folder)}/*"
    return (Change(StepName.STORAGE_ACCESS, Action.UPDATE, ACL, name, reason, {}, after, remedy),)


def _refusal(context: Context, place: StorageUrl, faults: Sequence[PathGrant]) -> Check:
    """Why ACLs must not be changed: it would give others rights, or a list is full."""
    shown = "; ".join(f"{_acl_name(place, each.path)}: {each.fault}" for each in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more paths" if len(faults) > _SHOWN else ""
    remedy = Remedy(
        "Use a group that already has access, put the connection's URL on another folder, or clean the lists up: "
        "entries that the mask hides should be removed by whoever made them."
    )
    return _acl_check(context, place, Outcome.FAILED, shown + more, remedy)


def _nearly_full(place: StorageUrl, reading: AclReading) -> tuple[str, ...]:
    """Lists that hold few more named entries: said before they run out."""
    found = [each for each in reading.all if each.grant.nearly_full]
    return tuple(
        f"{_acl_name(place, each.path)} will hold {each.grant.named} of {NAMED_LIMIT} named ACL entries: give access "
        "to groups rather than to single principals."
        for each in found[:_SHOWN]
    )


def _acl_check(context: Context, place: StorageUrl, outcome: Outcome, evidence: str, remedy: Remedy | None) -> Check:
    title = f"ACLs of {place} can be extended"
    return Check("storage_acl", title, Scope(ScopeKind.CATALOG, context.spec.catalog), outcome, evidence, remedy)


def _unseen(context: Context, place: StorageUrl, principal: str | AfterApply) -> Check:
    evidence = "this machine doesn't reach the storage account, so its ACLs can be neither read nor written from here"
    if isinstance(principal, AfterApply):
        remedy = remedies.grant_folder(place, "<object id of the workspace identity>")
    else:
        remedy = remedies.grant_folder(place, principal)
    return _acl_check(context, place, Outcome.UNKNOWN, evidence, remedy)


def _unknown_principal(context: Context) -> Check:
    remedy = Remedy("Give storage.auth.object_id: the object id under Enterprise applications, not the application id.")
    evidence = "the object id of the storage connection's principal isn't known"
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    return Check("storage_principal", "Storage rights can be checked", scope, Outcome.UNKNOWN, evidence, remedy)
