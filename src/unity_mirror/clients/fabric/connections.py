"""Connections: types, creation, roles. https://learn.microsoft.com/rest/api/fabric/core/connections."""

from collections.abc import Mapping
from typing import Any

from unity_mirror.clients.fabric.api import FabricApi, quoted
from unity_mirror.models.fabric import Connection, ConnectionRoleAssignment, SupportedConnectionType


class Connections:
    """Connections and who may use them. A body with credentials is sent and never kept."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def supported_types(self, gateway_id: str | None = None) -> list[SupportedConnectionType]:
        """List what each type of connection needs, through a gateway if one is given.

        All creation methods are asked for: without that, Databricks isn't among them.
        """
        params = {"showAllCreationMethods": "true", **({"gatewayId": gateway_id} if gateway_id else {})}
        path, operation = "/connections/supportedConnectionTypes", "list the supported connection types"
        return await self._api.list(path, operation, SupportedConnectionType, params=params)

    async def get(self, connection_id: str) -> Connection:
        """Read one connection."""
        return await self._api.get(f"/connections/{quoted(connection_id)}", "read the connection", Connection)

    async def create(self, body: Mapping[str, Any]) -> Connection:
        """Create a connection; Fabric tests it, so it must be able to sign in.

        Raises AlreadyExists for a name in use and InvalidRequest for credentials that don't work. After a doubtful
        attempt the connection is looked for by its name, which is unique.
        """
        name = body["displayName"]
        call = self._api.call("POST", "/connections", f"create the connection {name!r}", json=body)

        async def found() -> Connection | None:
            return next((held for held in await self.list() if held.display_name == name), None)

        return await self._api.create(call, found=found, read=Connection.model_validate)

    async def update(self, connection_id: str, body: Mapping[str, Any]) -> Connection:
        """Change a connection; the body names its connectivityType and what changes."""
        return await self._api.patch(f"/connections/{quoted(connection_id)}", "update the connection", Connection, body)

    async def delete(self, connection_id: str) -> None:
        """Delete a connection."""
        await self._api.delete(f"/connections/{quoted(connection_id)}", "delete the connection")

    async def role_assignments(self, connection_id: str) -> list[ConnectionRoleAssignment]:
        """List who holds which role."""
        path = f"/connections/{quoted(connection_id)}/roleAssignments"
        return await self._api.list(path, "list the connection's role assignments", ConnectionRoleAssignment)

    async def add_role_assignment(
        self, connection_id: str, principal_id: str, principal_type: str, role: str
    ) -> ConnectionRoleAssignment:
        """Give a principal (by object id) a role: Owner, User or UserWithReshare."""
        path = f"/connections/{quoted(connection_id)}/roleAssignments"
        body = {"principal": {"id": principal_id, "type": principal_type}, "role": role}
        call = self._api.call("POST", path, f"make {principal_id} {role} of the connection", json=body)

        async def found() -> ConnectionRoleAssignment | None:
            held = await self.role_assignments(connection_id)
            return next((a for a in held if a.principal.id == principal_id and a.role == role), None)

        return await self._api.create(call, found=found, read=ConnectionRoleAssignment.model_validate)

    async def update_role_assignment(self, connection_id: str, assignment_id: str, role: str) -> None:
        """Change a role that someone holds."""
        path = f"/connections/{quoted(connection_id)}/roleAssignments/{quoted(assignment_id)}"
        await self._api.patch(path, "change a role on the connection", ConnectionRoleAssignment, {"role": role})

    async def list(self) -> list[Connection]:
        """List the connections that we hold a role on."""
        return await self._api.list("/connections", "list the connections", Connection)
