"""The Azure part of a seed: subscriptions, resource groups, accounts, Databricks workspaces, role assignments."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_emulator.arm import state
from cloud_emulator.arm.builtin_roles import ROLES_BY_NAME
from cloud_emulator.arm.network_rules import NetworkAcls, written
from cloud_emulator.arm.role_routes import assignment_body
from cloud_emulator.core.cloud import Cloud

_NEWEST = "9999-12-31"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SubscriptionSeed(_Section):
    """A subscription."""

    subscription_id: str
    display_name: str


class ResourceGroupSeed(_Section):
    """A resource group."""

    subscription_id: str
    name: str
    location: str = "westeurope"


class _Resource(_Section):
    subscription_id: str
    resource_group: str
    name: str
    location: str = "westeurope"


class ResourceAccessRuleSeed(_Section):
    """A resource instance that the firewall lets in."""

    tenant_id: str
    resource_id: str


class NetworkRulesSeed(_Section):
    """A storage firewall."""

    default_action: Literal["Allow", "Deny"] = "Allow"
    bypass: str = "AzureServices"
    ip_rules: tuple[str, ...] = Field(default=(), description="Public IPv4 addresses or ranges.")
    ipv6_rules: tuple[str, ...] = ()
    virtual_network_rules: tuple[str, ...] = Field(default=(), description="Resource ids of subnets.")
    resource_access_rules: tuple[ResourceAccessRuleSeed, ...] = ()


class StorageAccountSeed(_Resource):
    """A storage account."""

    kind: str = "StorageV2"
    sku: str = "Standard_LRS"
    is_hns_enabled: bool = Field(True, description="Hierarchical namespace: Data Lake Storage Gen2.")
    public_network_access: Literal["Enabled", "Disabled", "SecuredByPerimeter"] = "Enabled"
    network_rules: NetworkRulesSeed = NetworkRulesSeed()
    tags: dict[str, str] = Field(default_factory=dict)


class PrivateEndpointSeed(_Section):
    """A private endpoint connection of a Databricks workspace."""

    name: str
    virtual_network: str | None = Field(
        None,
        description="Resource id of the virtual network that it is in; null: one where nobody is.",
    )
    group_ids: tuple[str, ...] = ("databricks_ui_api",)
    status: Literal["Approved", "Pending", "Rejected", "Disconnected"] = "Approved"


class DatabricksWorkspaceSeed(_Resource):
    """A Databricks workspace as an Azure resource."""

    host: str = Field(description="Such as adb-1234567890123456.7.azuredatabricks.net")
    workspace_id: int
    sku: str = "premium"
    public_network_access: Literal["Enabled", "Disabled"] = "Enabled"
    private_endpoints: tuple[PrivateEndpointSeed, ...] = ()


class RoleAssignmentSeed(_Section):
    """A role assignment."""

    scope: str
    principal_id: str = Field(description="Object id in the tenant.")
    role: str = Field(description="Name of a built-in role, such as Storage Blob Data Reader.")
    name: str | None = Field(None, description="A GUID; derived from the rest when absent.")


class ArmSeed(_Section):
    """Everything of Azure Resource Manager."""

    subscriptions: tuple[SubscriptionSeed, ...] = ()
    resource_groups: tuple[ResourceGroupSeed, ...] = ()
    storage_accounts: tuple[StorageAccountSeed, ...] = ()
    databricks_workspaces: tuple[DatabricksWorkspaceSeed, ...] = ()
    role_assignments: tuple[RoleAssignmentSeed, ...] = ()


def load(cloud: Cloud, section: ArmSeed) -> None:
    """Adds a section to a cloud. Raises ``ValueError`` for an unknown role or principal."""
    for subscription in section.subscriptions:
        _load_subscription(cloud, subscription)
    for group in section.resource_groups:
        group_id = f"/subscriptions/{group.subscription_id}/resourceGroups/{group.name}"
        state.table_of(cloud, "resourceGroups")[group_id.lower()] = {
            "id": group_id, "name": group.name, "type": "Microsoft.Resources/resourceGroups",
            "location": group.location, "properties": {"provisioningState": "Succeeded"},
        }  # fmt: skip
    for account in section.storage_accounts:
        state.table_of(cloud, "storageAccounts")[account.name] = _account(cloud, account)
    for workspace in section.databricks_workspaces:
        document = _workspace(cloud, workspace)
        state.table_of(cloud, "databricksWorkspaces")[document["id"].lower()] = document
        _load_private_endpoints(cloud, workspace, document["id"])
    for assignment in section.role_assignments:
        _load_assignment(cloud, assignment)


def _load_subscription(cloud: Cloud, seed: SubscriptionSeed) -> None:
    state.table_of(cloud, "subscriptions")[seed.subscription_id.lower()] = {
        "id": f"/subscriptions/{seed.subscription_id}",
        "subscriptionId": seed.subscription_id,
        "tenantId": cloud.directory.tenant_id,
        "displayName": seed.display_name,
        "state": "Enabled",
        "authorizationSource": "RoleBased",
    }


def _resource(seed: _Resource, kind: str, sku: str) -> dict[str, Any]:
    group = f"/subscriptions/{seed.subscription_id}/resourceGroups/{seed.resource_group}"
    return {
        "id": f"{group}/providers/{kind}/{seed.name}",
        "name": seed.name,
        "type": kind,
        "location": seed.location,
        "sku": {"name": sku},
    }


def _account(cloud: Cloud, seed: StorageAccountSeed) -> dict[str, Any]:
    rules = seed.network_rules
    acls = NetworkAcls.model_validate(
        {
            "defaultAction": rules.default_action,
            "bypass": rules.bypass,
            "ipRules": [{"value": each} for each in rules.ip_rules],
            "ipv6Rules": [{"value": each} for each in rules.ipv6_rules],
            "virtualNetworkRules": [{"id": each} for each in rules.virtual_network_rules],
            "resourceAccessRules": [
                {"tenantId": each.tenant_id, "resourceId": each.resource_id} for each in rules.resource_access_rules
            ],
        }
    )
    hosts = {what: f"https://{seed.name}.{what}.core.windows.net/" for what in ("blob", "dfs")}
    properties = {
        "provisioningState": "Succeeded", "isHnsEnabled": seed.is_hns_enabled, "creationTime": cloud.clock.iso(),
        "networkAcls": written(cloud, acls, _NEWEST), "publicNetworkAccess": seed.public_network_access,
        "allowBlobPublicAccess": False, "allowSharedKeyAccess": False, "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True, "primaryEndpoints": hosts, "primaryLocation": seed.location,
        "statusOfPrimary": "available",
    }  # fmt: skip
    document = _resource(seed, "Microsoft.Storage/storageAccounts", seed.sku)
    document["sku"]["tier"] = seed.sku.partition("_")[0]
    return {**document, "kind": seed.kind, "tags": seed.tags, "properties": properties}


def _workspace(cloud: Cloud, seed: DatabricksWorkspaceSeed) -> dict[str, Any]:
    document = _resource(seed, "Microsoft.Databricks/workspaces", seed.sku)
    managed = f"/subscriptions/{seed.subscription_id}/resourceGroups/databricks-rg-{seed.name}"
    group = f"/subscriptions/{seed.subscription_id}/resourceGroups/{seed.resource_group}"
    endpoints = [
        {
            "id": f"{document['id']}/privateEndpointConnections/{each.name}",
            "name": each.name,
            "type": "Microsoft.Databricks/workspaces/privateEndpointConnections",
            "properties": {
                "privateEndpoint": {"id": f"{group}/providers/Microsoft.Network/privateEndpoints/{each.name}"},
                "groupIds": list(each.group_ids),
                "privateLinkServiceConnectionState": {"status": each.status},
                "provisioningState": "Succeeded",
            },
        }
        for each in seed.private_endpoints
    ]
    properties = {
        "workspaceId": str(seed.workspace_id), "workspaceUrl": seed.host.lower(), "provisioningState": "Succeeded",
        "publicNetworkAccess": seed.public_network_access, "managedResourceGroupId": managed,
        "createdDateTime": cloud.clock.iso(), "privateEndpointConnections": endpoints,
    }  # fmt: skip
    return {**document, "properties": properties}


def _load_private_endpoints(cloud: Cloud, seed: DatabricksWorkspaceSeed, workspace_id: str) -> None:
    """In which networks the workspace can be reached; what ARM tells of the connections says nothing of them."""
    for each in seed.private_endpoints:
        state.table_of(cloud, "privateEndpoints")[f"{workspace_id}/{each.name}".lower()] = {
            "host": seed.host.lower(),
            "virtualNetwork": (each.virtual_network or "").lower(),
            "approved": each.status == "Approved" and "databricks_ui_api" in each.group_ids,
        }


def _load_assignment(cloud: Cloud, seed: RoleAssignmentSeed) -> None:
    principal = cloud.directory.by_object_id(seed.principal_id)
    if principal is None:
        raise ValueError(f"a role assignment at {seed.scope} names nobody: {seed.principal_id} (an application id?)")
    if seed.role not in ROLES_BY_NAME:
        raise ValueError(f"{seed.role!r} is not a built-in role that the emulator knows")
    role = ROLES_BY_NAME[seed.role]
    name = seed.name or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{seed.scope}|{seed.principal_id}|{role.guid}"))
    body = assignment_body(cloud, seed.scope, name, principal, role, None, "")
    state.put_assignment(cloud, body, effective_at=0.0)
