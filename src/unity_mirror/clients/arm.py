"""Azure Resource Manager: storage firewalls, role assignments, Databricks workspaces."""

from collections.abc import Mapping
from typing import Any, TypeVar

from unity_mirror.errors import NotFound
from unity_mirror.http.calls import Call
from unity_mirror.http.failures import ARM
from unity_mirror.http.paging import arm_pages, json_object
from unity_mirror.http.transport import Transport
from unity_mirror.models.arm import DatabricksWorkspace, Permission, RoleAssignment, StorageAccount
from unity_mirror.models.base import CloudModel

M = TypeVar("M", bound=CloudModel)
# Its networkAcls show ipv6Rules, which a write by an older version would drop (since when, isn't documented).
STORAGE_API_VERSION = "2025-06-01"
AUTHORIZATION_API_VERSION = "2022-04-01"
DATABRICKS_API_VERSION = "2024-05-01"


class ArmClient:
    """What we use of Azure Resource Manager. A ``resource_id`` or ``scope`` begins with /subscriptions/."""

    def __init__(self, transport: Transport, base_url: str, scope: str) -> None:
        self._transport = transport
        self._base_url = base_url
        self._scope = scope

    async def storage_account(self, resource_id: str) -> StorageAccount:
        """Read a storage account, its firewall included."""
        return await self._get(resource_id, STORAGE_API_VERSION, "read the storage account", StorageAccount)

    async def update_network_acls(self, resource_id: str, acls: Mapping[str, Any]) -> StorageAccount:
        """Write a storage account's whole firewall; what isn't in ``acls`` is gone."""
        body = {"properties": {"networkAcls": dict(acls)}}
        operation = "update the storage account's firewall"
        call = self._call("PATCH", resource_id, STORAGE_API_VERSION, operation, json=body)
        return StorageAccount.model_validate(json_object(call, await self._transport.send(call)))

    async def role_assignments(
        self, scope: str, principal_id: str, *, through_groups: bool = False
    ) -> list[RoleAssignment]:
        """List a principal's role assignments at, above and below a scope; those of its groups only when asked for."""
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        params = {"$filter": f"assignedTo('{principal_id}')" if through_groups else f"principalId eq '{principal_id}'"}
        call = self._call("GET", path, AUTHORIZATION_API_VERSION, "list the role assignments", params=params)
        found: list[RoleAssignment] = []
        async for page in arm_pages(self._transport, call):
            found.extend(RoleAssignment.model_validate(entry) for entry in page.get("value") or ())
        return found

    async def permissions(self, scope: str) -> list[Permission]:
        """List what the caller may do at a scope, by each of its roles there and above."""
        path = f"{scope}/providers/Microsoft.Authorization/permissions"
        call = self._call("GET", path, AUTHORIZATION_API_VERSION, "list our permissions")
        found: list[Permission] = []
        async for page in arm_pages(self._transport, call):
            found.extend(Permission.model_validate(entry) for entry in page.get("value") or ())
        return found

    async def create_role_assignment(
        self, scope: str, name: str, principal_id: str, role_definition_id: str, principal_type: str
    ) -> RoleAssignment:
        """Assign a role. ``name`` is a GUID of ours, so that doing it again changes nothing.

        ``role_definition_id`` may be the GUID alone. A principal made a moment ago, which Azure doesn't know
        everywhere yet, is waited for. Raises AlreadyExists when another name holds the same assignment.
        """
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        properties = {
            "roleDefinitionId": _role_definition(scope, role_definition_id),
            "principalId": principal_id,
            "principalType": principal_type,
        }
        operation = f"assign a role to {principal_id}"
        call = self._call("PUT", path, AUTHORIZATION_API_VERSION, operation, json={"properties": properties})
        return RoleAssignment.model_validate(json_object(call, await self._transport.send(call)))

    async def delete_role_assignment(self, scope: str, name: str) -> None:
        """Delete a role assignment; one that isn't there is fine."""
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        call = self._call("DELETE", path, AUTHORIZATION_API_VERSION, "delete the role assignment")
        try:
            await self._transport.send(call)
        except NotFound:
            return

    async def databricks_workspace(self, resource_id: str) -> DatabricksWorkspace:
        """Read a Databricks workspace, its private endpoints included."""
        return await self._get(
            resource_id, DATABRICKS_API_VERSION, "read the Databricks workspace", DatabricksWorkspace
        )

    async def _get(self, resource_id: str, api_version: str, operation: str, model: type[M]) -> M:
        call = self._call("GET", resource_id, api_version, operation)
        return model.model_validate(json_object(call, await self._transport.send(call)))

    def _call(
        self,
        method: str,
        path: str,
        api_version: str,
        operation: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Call:
        return Call(
            service=ARM,
            operation=operation,
            method=method,
            url=f"{self._base_url}{path}",
            scope=self._scope,
            params={"api-version": api_version, **(params or {})},
            json=json,
        )


def _role_definition(scope: str, role_definition_id: str) -> str:
    if "/" in role_definition_id:
        return role_definition_id
    subscription = "/".join(scope.split("/")[:3])
    return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_definition_id}"
