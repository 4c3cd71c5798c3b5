"""Workspaces, who holds which role in them, their identities; capacities."""

from collections.abc import Mapping
from typing import Any

from unity_mirror.clients.fabric.api import FabricApi, quoted
from unity_mirror.errors import NotFound
from unity_mirror.models.fabric import Capacity, Workspace, WorkspaceIdentity, WorkspaceRoleAssignment


class Workspaces:
    """https://learn.microsoft.com/rest/api/fabric/core/workspaces."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def get(self, workspace_id: str) -> Workspace:
        """Read one workspace, its identity included."""
        return await self._api.get(f"/workspaces/{quoted(workspace_id)}", "read the workspace", Workspace)

    async def role_assignments(self, workspace_id: str) -> list[WorkspaceRoleAssignment]:
        """List who holds which role."""
        path = f"/workspaces/{quoted(workspace_id)}/roleAssignments"
        return await self._api.list(path, "list the workspace's role assignments", WorkspaceRoleAssignment)

    async def add_role_assignment(
        self, workspace_id: str, principal_id: str, principal_type: str, role: str
    ) -> WorkspaceRoleAssignment:
        """Give a principal (by object id) a role: Admin, Member, Contributor or Viewer.

        Raises AlreadyExists when the principal holds a role there.
        """
        path = f"/workspaces/{quoted(workspace_id)}/roleAssignments"
        body = {"principal": {"id": principal_id, "type": principal_type}, "role": role}
        call = self._api.call("POST", path, f"make {principal_id} {role} of the workspace", json=body)

        async def found() -> WorkspaceRoleAssignment | None:
            held = await self.role_assignments(workspace_id)
            return next((a for a in held if a.principal.id == principal_id and a.role == role), None)

        return await self._api.create(call, found=found, read=WorkspaceRoleAssignment.model_validate)

    async def update_role_assignment(self, workspace_id: str, assignment_id: str, role: str) -> None:
        """Change a role that someone holds, which takes an Admin."""
        path = f"/workspaces/{quoted(workspace_id)}/roleAssignments/{quoted(assignment_id)}"
        await self._api.patch(path, "change a role in the workspace", WorkspaceRoleAssignment, {"role": role})

    async def delete_role_assignment(self, workspace_id: str, assignment_id: str) -> None:
        """Take a role away; one that isn't there is fine."""
        path = f"/workspaces/{quoted(workspace_id)}/roleAssignments/{quoted(assignment_id)}"
        try:
            await self._api.delete(path, "delete the workspace's role assignment")
        except NotFound:
            return

    async def deprovision_identity(self, workspace_id: str) -> None:
        """Take the workspace's identity away; rights that were given to it lead nowhere then."""
        path = f"/workspaces/{quoted(workspace_id)}/deprovisionIdentity"
        await self._api.run(path, "delete the workspace identity", wants_result=False)

    async def provision_identity(self, workspace_id: str) -> WorkspaceIdentity:
        """Create the workspace's identity and return it, from the answer or, where it has none, the workspace.

        A workspace has only one, so one that is there already, or comes while we look, is returned.
        """
        path = f"/workspaces/{quoted(workspace_id)}/provisionIdentity"
        call = self._api.call("POST", path, "create the workspace identity")

        async def found() -> WorkspaceIdentity | None:
            return (await self.get(workspace_id)).workspace_identity

        def read(result: Mapping[str, Any]) -> WorkspaceIdentity | None:
            return WorkspaceIdentity.model_validate(result) if result.get("servicePrincipalId") else None

        return await self._api.create(call, found=found, read=read, same=lambda _: True)

    async def list(self, *roles: str) -> list[Workspace]:
        """List the workspaces in which we, or a group of ours, have one of these roles, or any; without identities."""
        params = {"roles": ",".join(roles)} if roles else {}
        return await self._api.list("/workspaces", "list the workspaces", Workspace, params=params)


class Capacities:
    """https://learn.microsoft.com/rest/api/fabric/core/capacities."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def list(self) -> list[Capacity]:
        """List the capacities that we may use."""
        return await self._api.list("/capacities", "list the capacities", Capacity)
