"""Contoso's Azure subscription: storage accounts with their firewalls, Databricks workspaces, role assignments."""

from __future__ import annotations

from cloud_emulator.arm.seed import (
    ArmSeed,
    DatabricksWorkspaceSeed,
    NetworkRulesSeed,
    ResourceAccessRuleSeed,
    ResourceGroupSeed,
    RoleAssignmentSeed,
    StorageAccountSeed,
    SubscriptionSeed,
)
from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.seeds.contoso.catalogs import HR_HOST, SALES_HOST
from cloud_emulator.seeds.contoso.identities import (
    ACCESS_CONNECTOR,
    PLATFORM,
    RUNNER,
    SALES_ANALYSTS,
    TENANT,
    App,
    Team,
)

SUBSCRIPTION = "5b1f0000-0000-4000-8000-000000000001"
GROUP = "contoso-data"
LAKE, HR_ACCOUNT, OTHER_ACCOUNT = "contosolake", "contosohr", "contosoother"
_SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
_GROUP_ID = f"{_SUBSCRIPTION_ID}/resourceGroups/{GROUP}"
ACCESS_CONNECTOR_ID = f"{_GROUP_ID}/providers/Microsoft.Databricks/accessConnectors/contoso-unity"
_SUBNET_ID = f"{_GROUP_ID}/providers/Microsoft.Network/virtualNetworks/contoso-hub/subnets/databricks"
_OFFICE, _OFFICE_V6 = "198.51.100.0/24", "2001:db8:51::/48"


def account_id(name: str) -> str:
    """The resource id of a storage account."""
    return f"{_GROUP_ID}/providers/Microsoft.Storage/storageAccounts/{name}"


def section() -> ArmSeed:
    """Everything of Azure Resource Manager."""
    return ArmSeed(
        subscriptions=(SubscriptionSeed(subscription_id=SUBSCRIPTION, display_name="Contoso Data"),),
        resource_groups=(ResourceGroupSeed(subscription_id=SUBSCRIPTION, name=GROUP),),
        storage_accounts=(_account(LAKE, _lake_rules()), _account(HR_ACCOUNT), _account(OTHER_ACCOUNT)),
        databricks_workspaces=(
            _workspace("contoso-sales", SALES_HOST, 1234567890123456),
            _workspace("contoso-hr", HR_HOST, 2234567890123456),
        ),
        role_assignments=(*_runner_roles(), *_other_roles()),
    )


def _account(name: str, rules: NetworkRulesSeed | None = None) -> StorageAccountSeed:
    return StorageAccountSeed(
        subscription_id=SUBSCRIPTION,
        resource_group=GROUP,
        name=name,
        network_rules=rules or NetworkRulesSeed(),
        tags={"owner": "data-platform"},
    )


def _lake_rules() -> NetworkRulesSeed:
    """Closed, but for the machine that runs unity-mirror and what others need: rules that must survive us."""
    return NetworkRulesSeed(
        default_action="Deny",
        bypass="None",
        ip_rules=(_OFFICE, Behaviour().client_address),
        ipv6_rules=(_OFFICE_V6,),
        virtual_network_rules=(_SUBNET_ID,),
        resource_access_rules=(ResourceAccessRuleSeed(tenant_id=TENANT, resource_id=ACCESS_CONNECTOR_ID),),
    )


def _workspace(name: str, host: str, workspace_id: int) -> DatabricksWorkspaceSeed:
    return DatabricksWorkspaceSeed(
        subscription_id=SUBSCRIPTION, resource_group=GROUP, name=name, host=host, workspace_id=workspace_id
    )


def _role(scope: str, principal: App | Team, role: str) -> RoleAssignmentSeed:
    return RoleAssignmentSeed(scope=scope, principal_id=principal.object_id, role=role)


def _runner_roles() -> tuple[RoleAssignmentSeed, ...]:
    """See resources, write the lake's network rules, assign roles there, set its access control lists."""
    lake = account_id(LAKE)
    return (
        _role(_SUBSCRIPTION_ID, RUNNER, "Reader"),
        _role(lake, RUNNER, "Storage Account Contributor"),
        _role(lake, RUNNER, "Role Based Access Control Administrator"),
        _role(lake, RUNNER, "Storage Blob Data Owner"),
    )


def _other_roles() -> tuple[RoleAssignmentSeed, ...]:
    connectors = (
        _role(account_id(name), ACCESS_CONNECTOR, "Storage Blob Data Contributor")
        for name in (LAKE, HR_ACCOUNT, OTHER_ACCOUNT)
    )
    return (
        _role(_SUBSCRIPTION_ID, PLATFORM, "Owner"),
        _role(account_id(LAKE), PLATFORM, "Storage Blob Data Owner"),
        _role(
            f"{account_id(LAKE)}/blobServices/default/containers/exports", SALES_ANALYSTS, "Storage Blob Data Reader"
        ),
        *connectors,
    )
