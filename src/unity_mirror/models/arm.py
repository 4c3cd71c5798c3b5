"""What Azure Resource Manager holds: storage accounts, role assignments, Databricks workspaces."""

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from unity_mirror.models.base import ArmModel, CamelModel


class ResourceAccessRule(CamelModel):
    """A resource instance rule: a resource that the storage firewall admits, wherever it calls from."""

    tenant_id: str
    resource_id: str

    def same(self, other: "ResourceAccessRule") -> bool:
        """Tell whether both admit the same resource; ARM ids are compared without case."""
        same_tenant = self.tenant_id.lower() == other.tenant_id.lower()
        return same_tenant and self.resource_id.lower() == other.resource_id.lower()


class NetworkAcls(CamelModel):
    """A storage firewall: the mapping exactly as ARM gave it, and typed views of what we look at.

    ARM has no ETag for it: a change is read, merged, written whole and read again, and must echo what others put there.
    """

    raw: dict[str, Any] = Field(default_factory=dict)
    default_action: str = "Allow"
    bypass: str | None = None
    resource_access_rules: tuple[ResourceAccessRule, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _keep_raw(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "raw" not in data:
            return {**data, "raw": copy.deepcopy(dict(data))}
        return data

    def admits(self, rule: ResourceAccessRule) -> bool:
        """Tell whether the rule is there already."""
        return any(rule.same(held) for held in self.resource_access_rules)

    def with_rule(self, rule: ResourceAccessRule) -> dict[str, Any]:
        """Return the whole mapping to write with the rule added last, everything else echoed as it was."""
        merged = copy.deepcopy(self.raw)
        merged.setdefault("defaultAction", self.default_action)
        if not self.admits(rule):
            rules = [*(merged.get("resourceAccessRules") or []), rule.model_dump(by_alias=True)]
            merged["resourceAccessRules"] = rules
        return merged

    def without_rule(self, rule: ResourceAccessRule) -> dict[str, Any]:
        """Return the whole mapping to write with the rule taken out, everything else echoed as it was."""
        merged = copy.deepcopy(self.raw)
        if self.admits(rule):
            rules = merged["resourceAccessRules"]
            kept = [held for held in rules if not rule.same(ResourceAccessRule.model_validate(held))]
            merged["resourceAccessRules"] = kept
        return merged


class StorageAccount(ArmModel):
    """A storage account. ``public_network_access``: Enabled, Disabled, SecuredByPerimeter."""

    id: str
    name: str
    location: str = ""
    kind: str = ""
    is_hns_enabled: bool = False
    public_network_access: str = "Enabled"
    network_acls: NetworkAcls = Field(default_factory=NetworkAcls)


class RoleAssignment(ArmModel):
    """A role assignment. ``name`` is its GUID; ``principal_id`` an Entra object id."""

    name: str
    id: str = ""
    principal_id: str
    role_definition_id: str
    scope: str = ""
    principal_type: str | None = None

    @property
    def role_id(self) -> str:
        """Return the role definition's GUID, in lower case."""
        return self.role_definition_id.rsplit("/", 1)[-1].lower()


class Permission(ArmModel):
    """What one role assignment lets its holder do at a scope; patterns with ``*``."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


class PrivateEndpointConnection(ArmModel):
    """A private endpoint of a Databricks workspace; ``status`` e.g. Approved, Pending, Rejected."""

    name: str = ""
    id: str = ""
    group_ids: tuple[str, ...] = ()
    status: str = ""

    @model_validator(mode="before")
    @classmethod
    def _lift_status(cls, data: Any) -> Any:
        properties = data.get("properties") if isinstance(data, Mapping) else None
        state = properties.get("privateLinkServiceConnectionState") if isinstance(properties, Mapping) else None
        return {**data, "status": state.get("status", "")} if isinstance(state, Mapping) else data


class DatabricksWorkspace(ArmModel):
    """A Databricks workspace as an Azure resource. ``sku`` e.g. premium, standard."""

    id: str
    name: str
    location: str = ""
    sku: str = ""
    public_network_access: str = "Enabled"
    workspace_url: str = ""
    workspace_id: str = ""
    private_endpoint_connections: tuple[PrivateEndpointConnection, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _flatten_sku(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("sku"), Mapping):
            return {**data, "sku": data["sku"].get("name", "")}
        return data
