"""Contoso's Fabric: capacities, workspaces, and connections that belong to other people."""

from __future__ import annotations

from cloud_emulator.fabric.seed import (
    FabricSeed,
    SeedCapacity,
    SeedConnection,
    SeedConnectionRole,
    SeedCredential,
    SeedTenantSettings,
    SeedWorkspace,
    SeedWorkspaceRole,
)
from cloud_emulator.seeds.contoso.azure import LAKE
from cloud_emulator.seeds.contoso.catalogs import SALES_HOST
from cloud_emulator.seeds.contoso.identities import (
    ANALYST,
    HR_PARTNERS,
    PARTNER,
    PLATFORM,
    RUNNER,
    SALES_ANALYSTS,
    STEWARD,
    App,
    Person,
    Team,
)

CAPACITY = "55550000-0000-4000-8000-00000000cf64"
TRIAL_CAPACITY = "55550000-0000-4000-8000-00000000cf01"
SALES_WORKSPACE = "55550000-0000-4000-8000-00000000f001"
PEOPLE_WORKSPACE = "55550000-0000-4000-8000-00000000f002"
SANDBOX_WORKSPACE = "55550000-0000-4000-8000-00000000f003"
_ANALYSTS_CONNECTION = "55550000-0000-4000-8000-00000000ac01"
_STEWARDS_CONNECTION = "55550000-0000-4000-8000-00000000ac02"


def section() -> FabricSeed:
    """Everything of Fabric but the items."""
    return FabricSeed(
        tenant_settings=SeedTenantSettings(
            service_principals_can_use_apis=True, service_principals_can_create_workspaces_and_connections=True
        ),
        capacities=(
            SeedCapacity(
                id=CAPACITY,
                display_name="contoso-f64",
                sku="F64",
                admins=(STEWARD.object_id,),
                contributors=(RUNNER.object_id,),
            ),
            SeedCapacity(id=TRIAL_CAPACITY, display_name="Analyst's trial", sku="FT1", admins=(ANALYST.object_id,)),
        ),
        workspaces=(
            _workspace(
                SALES_WORKSPACE, "Sales Analytics", CAPACITY, (ANALYST, "Contributor"), (SALES_ANALYSTS, "Viewer")
            ),
            _workspace(PEOPLE_WORKSPACE, "People Analytics", CAPACITY, (PARTNER, "Member"), (HR_PARTNERS, "Viewer")),
            SeedWorkspace(
                id=SANDBOX_WORKSPACE,
                display_name="Sales Analytics Sandbox",
                capacity_id=TRIAL_CAPACITY,
                roles=(_role(ANALYST, "Admin"),),
            ),
        ),
        connections=_connections(),
    )


def _workspace(
    workspace_id: str, name: str, capacity_id: str, *roles: tuple[App | Person | Team, str]
) -> SeedWorkspace:
    """A workspace that the runner administers beside the platform team."""
    everyone: tuple[tuple[App | Person | Team, str], ...] = (
        (STEWARD, "Admin"),
        (PLATFORM, "Admin"),
        (RUNNER, "Admin"),
        *roles,
    )
    return SeedWorkspace(
        id=workspace_id,
        display_name=name,
        capacity_id=capacity_id,
        roles=tuple(_role(principal, role) for principal, role in everyone),
    )


def _role(principal: App | Person | Team, role: str) -> SeedWorkspaceRole:
    return SeedWorkspaceRole.model_validate({"principal": principal.object_id, "role": role})


def _connections() -> tuple[SeedConnection, ...]:
    """Two connections to the very same places, by people's own accounts, that nobody shared with the runner."""
    return (
        SeedConnection(
            id=_ANALYSTS_CONNECTION,
            display_name="The analyst's Databricks",
            type="AzureDatabricksWorkspace",
            parameters={"url": f"https://{SALES_HOST}"},
            credential=SeedCredential(type="OAuth2", object_id=ANALYST.object_id),
            roles=(SeedConnectionRole(principal=ANALYST.object_id, role="Owner"),),
        ),
        SeedConnection(
            id=_STEWARDS_CONNECTION,
            display_name="Lake exports",
            type="AzureDataLakeStorage",
            parameters={"server": f"https://{LAKE}.dfs.core.windows.net", "path": "exports"},
            credential=SeedCredential(type="OAuth2", object_id=STEWARD.object_id),
            roles=(SeedConnectionRole(principal=STEWARD.object_id, role="Owner"),),
        ),
    )
