"""The workspace identity: provisioned when the storage connection signs in with it, and made Contributor (S16)."""

from __future__ import annotations

from typing import Any

from unity_mirror.errors import CredentialError, PermissionDenied, SpecError, SpecProblem
from unity_mirror.models.fabric import Workspace, WorkspaceIdentity, WorkspaceRoleAssignment
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
from unity_mirror.plan.ownership import Made
from unity_mirror.spec import ExistingAuth, KeyVaultSecret, ServicePrincipalAuth, WorkspaceIdentityAuth
from unity_mirror.steps import remedies, survey
from unity_mirror.steps.context import Context, Done, Found, Known
from unity_mirror.steps.record import recorded

IDENTITY = "Fabric workspace identity"
ROLE = "Fabric workspace role"
_WRITES = frozenset({"Admin", "Member", "Contributor"})
_CONTRIBUTES = "The workspace's identity is Contributor on its workspace"
_WHY = "trusted access works only for an identity that is Contributor on its workspace"


class Identity:
    """Who the storage connection will be to Azure: found out here, and made if it is the workspace's own identity."""

    name = StepName.IDENTITY

    async def plan(self, context: Context, known: Known) -> Found:
        """Nothing to do for a principal of the spec's; otherwise the identity and its role."""
        storage = context.spec.storage
        if storage is None:
            return Found(StepPlan(self.name))
        if not isinstance(storage.auth, WorkspaceIdentityAuth):
            return Found(StepPlan(self.name), {"storage_principal": await principal_of(context, storage.auth)})
        return await self._plan_workspace_identity(context, known.surveyed.workspace.id)

    async def _plan_workspace_identity(self, context: Context, workspace_id: str) -> Found:
        workspace = await survey.read_workspace(context, workspace_id)
        identity = workspace.workspace_identity
        if identity is None:
            principal = AfterApply(self.name, "service_principal_id")
            changes = (self._provision(context, workspace), self._contribute(context, workspace, principal))
            return Found(StepPlan(self.name, changes), {"storage_principal": principal})
        facts = {"storage_principal": identity.service_principal_id}
        try:
            roles = await survey.read_workspace_roles(context, workspace.id)
        except PermissionDenied:
            return Found(StepPlan(self.name, checks=(_role_unseen(context, workspace, identity),)), facts)
        held = _role_of(roles, identity.service_principal_id)
        if held is None:
            return Found(
                StepPlan(self.name, (self._contribute(context, workspace, identity.service_principal_id),)), facts
            )
        if held.role in _WRITES:
            return Found(StepPlan(self.name), facts)
        return Found(await self._plan_higher_role(context, workspace, held), facts, held)

    async def _plan_higher_role(
        self, context: Context, workspace: Workspace, held: WorkspaceRoleAssignment
    ) -> StepPlan:
        """A role of ours that somebody lowered is raised again; one that others gave is theirs to raise."""
        cloud = remedies.cloud_for(context)
        remedy = remedies.add_contributor(workspace.id, held.principal.id, cloud, held.id)
        if Made.IDENTITY_ROLE not in await recorded(context, workspace.id):
            return StepPlan(self.name, checks=(_role_too_low(context, held, remedy),))
        change = Change(
            self.name,
            Action.UPDATE,
            ROLE,
            _role_name(workspace),
            _WHY,
            {"role": held.role},
            {"role": "Contributor"},
            remedy,
        )
        return StepPlan(self.name, (change,))

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Provisions, then adds the role."""
        workspace_id = known.surveyed.workspace.id
        principal: Any = found.facts.get("storage_principal")
        for change in found.plan.changes:
            if change.kind == IDENTITY:
                identity = await context.clients.fabric.workspaces.provision_identity(workspace_id)
                principal = identity.service_principal_id
            elif isinstance(found.work, WorkspaceRoleAssignment):
                await context.clients.fabric.workspaces.update_role_assignment(
                    workspace_id, found.work.id, "Contributor"
                )
            else:
                await context.clients.fabric.workspaces.add_role_assignment(
                    workspace_id, principal, "ServicePrincipal", "Contributor"
                )
        changed = {"rights_changed": True} if found.plan.changes else {}
        return Done({"storage_principal": principal, **changed})

    def _provision(self, context: Context, workspace: Workspace) -> Change:
        return Change(
            self.name,
            Action.CREATE,
            IDENTITY,
            workspace.display_name,
            "the storage connection signs in with the workspace's identity, and it has none",
            after={"workspace": workspace.id},
            remedy=remedies.provision_identity(workspace.id, remedies.cloud_for(context)),
            makes=Made.IDENTITY,
        )

    def _contribute(self, context: Context, workspace: Workspace, principal: str | AfterApply) -> Change:
        known = not isinstance(principal, AfterApply)
        cloud = remedies.cloud_for(context)
        remedy = remedies.add_contributor(workspace.id, str(principal), cloud) if known else None
        return Change(
            self.name,
            Action.CREATE,
            ROLE,
            _role_name(workspace),
            _WHY,
            after={"principal": principal, "role": "Contributor"},
            remedy=remedy,
            makes=Made.IDENTITY_ROLE,
        )


def _role_name(workspace: Workspace) -> str:
    return f"{workspace.display_name}: workspace identity as Contributor"


def _role_too_low(context: Context, held: WorkspaceRoleAssignment, remedy: Remedy) -> Check:
    return Check(
        "workspace_identity_role",
        _CONTRIBUTES,
        Scope(ScopeKind.CATALOG, context.spec.catalog),
        Outcome.FAILED,
        f"it is {held.role}, by a role that we didn't give, and {_WHY}",
        remedy,
    )


def _role_unseen(context: Context, workspace: Workspace, identity: WorkspaceIdentity) -> Check:
    """Someone else made the identity, and whether it holds its role is shown to Members only."""
    return Check(
        "workspace_identity_role",
        _CONTRIBUTES,
        Scope(ScopeKind.CATALOG, context.spec.catalog),
        Outcome.UNKNOWN,
        "the identity that runs unity-mirror may not list the workspace's roles, which Members may",
        remedies.add_contributor(workspace.id, identity.service_principal_id, remedies.cloud_for(context)),
    )


async def principal_of(context: Context, auth: Any) -> str | None:
    """The object id of the storage connection's principal: the spec's, else what a token of its own says.

    Azure's roles and ACLs take it, not the application id. ``None`` where the secret isn't ours to read. Raises
    ``SpecError`` when the spec says another one than the token.
    """
    if isinstance(auth, ExistingAuth):
        return auth.object_id
    if not isinstance(auth, ServicePrincipalAuth):
        return getattr(auth, "object_id", None)
    told = await context.reads.once(("object id", auth.client_id), lambda: _from_its_token(context, auth))
    if told is not None and auth.object_id not in (None, told.lower()):
        message = f"the object id of application {auth.client_id} is {told}, as its token says, not {auth.object_id}"
        raise SpecError([SpecProblem("storage.auth.object_id", message, "leave it out: it is found")])
    return told or auth.object_id


async def _from_its_token(context: Context, auth: ServicePrincipalAuth) -> str | None:
    us = await context.clients.whoami()
    if us.app_id.lower() == auth.client_id:
        return us.object_id
    if isinstance(auth.secret, KeyVaultSecret):
        return None
    try:
        secret = context.secrets.resolve(auth.secret)
        return (await context.clients.identity_of(auth.tenant_id, auth.client_id, secret)).object_id
    except CredentialError:
        return None


def _role_of(roles: list[WorkspaceRoleAssignment], principal_id: str) -> WorkspaceRoleAssignment | None:
    return next((each for each in roles if each.principal.id.lower() == principal_id.lower()), None)
