"""What the identity that runs unity-mirror needs itself, on each API: the least for what the spec asks (see
docs/permissions.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from unity_mirror.errors import CloudError
from unity_mirror.models.arm import Permission
from unity_mirror.models.fabric import Workspace
from unity_mirror.models.identity import Identity
from unity_mirror.models.unity_catalog import same_privilege
from unity_mirror.plan.model import AfterApply, Check, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.spec import CatalogSpec, ExistingAuth, SasAuth, WorkspaceIdentityAuth
from unity_mirror.steps import remedies
from unity_mirror.steps.connections import TENANT_SWITCH, wanted_connections
from unity_mirror.steps.context import Context, Known, side_by_side
from unity_mirror.steps.principals import our_name
from unity_mirror.steps.secrets import secret_checks

READ_ACCOUNT = "Microsoft.Storage/storageAccounts/read"
WRITE_ACCOUNT = "Microsoft.Storage/storageAccounts/write"
ASSIGN_ROLES = "Microsoft.Authorization/roleAssignments/write"
SET_ACLS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/modifyPermissions/action"
_RANKS = ("Viewer", "Contributor", "Member", "Admin")
_ROLE_FOR = {
    READ_ACCOUNT: "Reader",
    WRITE_ACCOUNT: "Storage Account Contributor",
    ASSIGN_ROLES: "Role Based Access Control Administrator",
    SET_ACLS: "Storage Blob Data Owner",
}


@dataclass(frozen=True, slots=True)
class _Subject:
    """One check of our own rights."""

    id: str
    title: str


async def runner_checks(context: Context, known: Known) -> tuple[Check, ...]:
    """Whether we may do what the spec asks of us, and what to do where not. Reads only."""
    us = await context.clients.whoami()
    found = await side_by_side(
        [
            _fabric_role(context, known, us),
            _catalog_rights(context, us),
            _azure_rights(context, us),
            _tenant_switch(context, known, us),
        ]
    )
    return (*(check for part in found for check in part), *secret_checks(context, known))


async def _fabric_role(context: Context, known: Known, us: Identity) -> list[Check]:
    """Contributor makes items; Member also gives roles and data access roles; Admin also makes the identity."""
    workspace = known.surveyed.workspace
    needed = _needed_role(context.spec, workspace)
    subject = _Subject("runner_fabric_role", f"We are {needed} of the Fabric workspace")
    remedy = Remedy(
        f"A workspace admin gives {us.object_id} the role {needed} on {workspace.display_name!r} (Manage access)."
    )
    enough = _RANKS[_RANKS.index(needed) :]
    try:
        found = await context.clients.fabric.workspaces.list(*enough)
    except CloudError as error:
        return [_check(context, subject, Outcome.UNKNOWN, str(error), remedy)]
    if any(each.id == workspace.id for each in found):
        return [_check(context, subject, Outcome.PASSED, f"we, or a group of ours, are {' or '.join(enough)}")]
    evidence = f"neither we nor a group of ours are {' or '.join(enough)}"
    return [_check(context, subject, Outcome.FAILED, evidence, remedy)]


def _needed_role(spec: CatalogSpec, workspace: Workspace) -> str:
    """Admins make the workspace's identity; where it is there, that isn't needed any more."""
    by_identity = spec.storage is not None and isinstance(spec.storage.auth, WorkspaceIdentityAuth)
    if by_identity and workspace.workspace_identity is None:
        return "Admin"
    return "Member" if spec.access is not None else "Contributor"


async def _catalog_rights(context: Context, us: Identity) -> list[Check]:
    """MANAGE on the catalog shows all of it, and whom what is granted; it reads no data."""
    spec = context.spec
    client = context.clients.unity_catalog(spec.databricks.workspace)
    subject = _Subject("runner_catalog", "We see the whole catalog and everyone's grants on it")
    name = await our_name(context) or us.app_id
    remedy = remedies.grant(spec, "CATALOG", spec.catalog, name or remedies.US, "MANAGE", calls=bool(name))
    try:
        owner = (await client.catalog(spec.catalog)).owner
        held = await client.effective_privileges("CATALOG", spec.catalog, name) if name else []
    except CloudError as error:
        return [_check(context, subject, Outcome.UNKNOWN, str(error), remedy)]
    if owner == name or any(same_privilege(each.privilege, "MANAGE") for each in held):
        return [_check(context, subject, Outcome.PASSED, "we own it or hold MANAGE on it")]
    evidence = f"we hold no MANAGE of our own and don't own it ({owner} does); a group's doesn't show"
    return [_check(context, subject, Outcome.UNKNOWN, evidence, remedy)]


async def _azure_rights(context: Context, us: Identity) -> list[Check]:
    """What Azure Resource Manager says that we may do on the storage account."""
    storage = context.spec.storage
    if storage is None or storage.resource_id is None:
        return []
    needed = [READ_ACCOUNT]
    needed += [WRITE_ACCOUNT, ASSIGN_ROLES] if storage.trusted_access else []
    needed += [ASSIGN_ROLES] if not storage.location.folder or storage.used_outside_item else []
    needed += [SET_ACLS] if storage.location.folder and not isinstance(storage.auth, SasAuth) else []
    place = storage.location
    container = f"{storage.resource_id}/blobServices/default/containers/{place.container}"
    try:
        permissions = await context.clients.arm.permissions(storage.resource_id)
        # Whoever sets access control lists needs the right for the container only.
        on_container = await context.clients.arm.permissions(container) if SET_ACLS in needed else []
    except CloudError as error:
        subject = _Subject("runner_azure", "Our rights on the storage account are known")
        remedy = _role(context, us, storage.resource_id, READ_ACCOUNT)
        return [_check(context, subject, Outcome.UNKNOWN, str(error), remedy)]
    places = dict.fromkeys(needed, (storage.resource_id, permissions)) | (
        {SET_ACLS: (container, on_container)} if SET_ACLS in needed else {}
    )
    return [
        _azure_right(context, action, held, _role(context, us, scope, action))
        for action, (scope, held) in places.items()
    ]


def _role(context: Context, us: Identity, scope: str, action: str) -> Remedy:
    return remedies.give_us_role(scope, us, _ROLE_FOR[action], remedies.cloud_for(context))


def _azure_right(context: Context, action: str, permissions: Sequence[Permission], remedy: Remedy) -> Check:
    subject = _Subject("runner_azure", f"We have {action} on the storage account")
    if any(_permits(each, action) for each in permissions):
        return _check(context, subject, Outcome.PASSED, "a role of ours holds it")
    return _check(context, subject, Outcome.FAILED, "no role of ours holds it", remedy)


def _permits(held: Permission, action: str) -> bool:
    data = action == SET_ACLS
    given, taken = (held.data_actions, held.not_data_actions) if data else (held.actions, held.not_actions)
    wanted = action.lower()
    return any(fnmatchcase(wanted, each.lower()) for each in given) and not any(
        fnmatchcase(wanted, each.lower()) for each in taken
    )


async def _tenant_switch(context: Context, known: Known, us: Identity) -> list[Check]:
    """Whether service principals may make connections is a tenant setting, which only Fabric's administrators see."""
    missing = [
        wanted.name
        for wanted in wanted_connections(context)
        if isinstance(getattr(known, wanted.fact), AfterApply) and not isinstance(wanted.auth, ExistingAuth)
    ]
    if not missing or not us.app_id:
        return []
    subject = _Subject("tenant_setting", "Service principals may create connections")
    evidence = f"no API tells us; {', '.join(missing)} still has to be made, which shows it"
    return [_check(context, subject, Outcome.UNKNOWN, evidence, Remedy(TENANT_SWITCH))]


def _check(context: Context, subject: _Subject, outcome: Outcome, evidence: str, remedy: Remedy | None = None) -> Check:
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    return Check(subject.id, subject.title, scope, outcome, evidence, remedy)
