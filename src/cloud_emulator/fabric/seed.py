"""What a seed may say about Fabric: capacities, workspaces, connections, gateways, key vaults, tenant switches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import connections, credentials, tenant, workspaces
from cloud_emulator.fabric.connection_tests import check_parameters
from cloud_emulator.fabric.connection_types import CONNECTION_TYPES
from cloud_emulator.fabric.gateway_routes import GATEWAYS
from cloud_emulator.fabric.items import CAPACITIES
from cloud_emulator.fabric.permissions import WORKSPACES
from cloud_emulator.fabric.validation import Guid


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SeedCapacity(_Section):
    """A capacity."""

    id: Guid
    display_name: str
    sku: str = Field("F64", description="F2 … F2048, FT1 (trial), P1 …")
    region: str = Field("West Europe", description="Azure region by its display name.")
    state: Literal["Active", "Inactive"] = Field("Active", description="Inactive is a paused capacity.")
    admins: tuple[Guid, ...] = Field((), description="Object ids; the first owns a trial capacity.")
    contributors: tuple[Guid, ...] = Field((), description="Object ids of who may put workspaces on it.")


class SeedIdentity(_Section):
    """A workspace identity that is there from the start."""

    object_id: Guid
    app_id: Guid


class SeedRole(_Section):
    """A role of a principal, by object id."""

    principal: Guid
    role: str


class SeedWorkspaceRole(SeedRole):
    """A workspace role."""

    role: Literal["Admin", "Member", "Contributor", "Viewer"]


class SeedConnectionRole(SeedRole):
    """A role on a connection."""

    role: Literal["Owner", "UserWithReshare", "User"]


class SeedWorkspace(_Section):
    """A workspace."""

    id: Guid
    display_name: str
    description: str = ""
    type: Literal["Workspace", "Personal"] = "Workspace"
    capacity_id: Guid | None = None
    identity: SeedIdentity | None = None
    roles: tuple[SeedWorkspaceRole, ...] = ()


class SeedCredential(_Section):
    """How a seeded connection signs in. Secrets of a seed are made up, and no API answers them."""

    type: Literal["OAuth2", "ServicePrincipal", "Key", "SharedAccessSignature", "WorkspaceIdentity"]
    object_id: Guid | None = Field(None, description="OAuth2: the person who signed in.")
    tenant_id: Guid | None = Field(None, description="ServicePrincipal; the home tenant by default.")
    client_id: Guid | None = Field(None, description="ServicePrincipal: application id.")
    secret: str | None = Field(None, description="Client secret, access token, account key or signature.")


class SeedConnection(_Section):
    """A connection; it isn't tested."""

    id: Guid
    display_name: str
    type: Literal["AzureDatabricksWorkspace", "AzureDataLakeStorage", "AzureKeyVault"]
    parameters: dict[str, str]
    credential: SeedCredential
    gateway_id: Guid | None = Field(None, description="The virtual network gateway that it goes through.")
    roles: tuple[SeedConnectionRole, ...] = ()


class SeedGateway(_Section):
    """A virtual network data gateway."""

    id: Guid
    display_name: str
    capacity_id: Guid | None = None
    subscription_id: Guid
    resource_group: str
    virtual_network: str
    subnet: str
    users: tuple[Guid, ...] = Field((), description="Object ids of who may use it.")


class SeedKeyVault(_Section):
    """A key vault."""

    name: str
    secrets: dict[str, str] = Field(default_factory=dict, description="Current values by name.")
    readers: tuple[Guid, ...] = Field((), description="Object ids of who may read its secrets.")


class SeedStorageSecrets(_Section):
    """What a storage account accepts besides Entra."""

    account: str
    keys: tuple[str, ...] = ()
    shared_access_signatures: tuple[str, ...] = ()


class SeedTenantSettings(_Section):
    """Switches of the Fabric administrator."""

    service_principals_can_use_apis: bool = True
    service_principals_can_create_workspaces_and_connections: bool = True


class FabricSeed(_Section):
    """Fabric's part of a seed."""

    tenant_settings: SeedTenantSettings = SeedTenantSettings()
    capacities: tuple[SeedCapacity, ...] = ()
    workspaces: tuple[SeedWorkspace, ...] = ()
    key_vaults: tuple[SeedKeyVault, ...] = ()
    storage_secrets: tuple[SeedStorageSecrets, ...] = ()
    gateways: tuple[SeedGateway, ...] = ()
    connections: Annotated[tuple[SeedConnection, ...], Field(description="Connections that exist already.")] = ()


def load(cloud: Cloud, section: FabricSeed) -> None:
    """Puts a seed's section into the cloud; the principals that it names must be in the directory.

    Raises ``ValueError`` for a principal or capacity that isn't there.
    """
    _load_settings(cloud, section.tenant_settings)
    for capacity in section.capacities:
        _load_capacity(cloud, capacity)
    for workspace in section.workspaces:
        _load_workspace(cloud, workspace)
    for vault in section.key_vaults:
        secrets = {name: {"1": value} for name, value in vault.secrets.items()}
        document = {"name": vault.name, "secrets": secrets, "readers": list(vault.readers)}
        cloud.table(credentials.KEY_VAULTS)[vault.name.lower()] = document
    for account in section.storage_secrets:
        document = {"key": list(account.keys), "token": list(account.shared_access_signatures)}
        cloud.table(credentials.STORAGE_SECRETS)[account.account] = document
    for gateway in section.gateways:
        _load_gateway(cloud, gateway)
    for connection in section.connections:
        _load_connection(cloud, connection)


def _load_settings(cloud: Cloud, settings: SeedTenantSettings) -> None:
    table = cloud.table(tenant.SETTINGS)
    table[tenant.USE_APIS] = {"enabled": settings.service_principals_can_use_apis}
    table[tenant.CREATE] = {"enabled": settings.service_principals_can_create_workspaces_and_connections}


def _load_capacity(cloud: Cloud, seed: SeedCapacity) -> None:
    cloud.table(CAPACITIES)[seed.id] = {
        "id": seed.id,
        "displayName": seed.display_name,
        "sku": seed.sku,
        "region": seed.region,
        "state": seed.state,
        "admins": list(seed.admins),
        "contributors": list(seed.contributors),
        "owner": seed.admins[0] if seed.admins else None,
    }


def _load_workspace(cloud: Cloud, seed: SeedWorkspace) -> None:
    if seed.capacity_id is not None and seed.capacity_id not in cloud.table(CAPACITIES):
        raise ValueError(f"fabric.workspaces {seed.display_name!r}: there is no capacity {seed.capacity_id}")
    workspace = {
        "id": seed.id,
        "displayName": seed.display_name,
        "description": seed.description,
        "type": seed.type,
        "capacityId": seed.capacity_id,
        "workspaceIdentity": None,
    }
    cloud.table(WORKSPACES)[seed.id] = workspace
    if seed.identity is not None:
        workspaces.add_identity(cloud, workspace, seed.identity.object_id, seed.identity.app_id)
    for each in seed.roles:
        workspaces.add_role(cloud, seed.id, each.principal, _kind(cloud, each.principal), each.role)


def _kind(cloud: Cloud, object_id: str) -> str:
    principal = cloud.directory.by_object_id(object_id)
    if principal is None:
        raise ValueError(f"fabric: the directory has no principal with the object id {object_id}")
    return str(principal["type"])


def _load_gateway(cloud: Cloud, seed: SeedGateway) -> None:
    cloud.table(GATEWAYS)[seed.id] = {
        "id": seed.id,
        "type": "VirtualNetwork",
        "displayName": seed.display_name,
        "capacityId": seed.capacity_id,
        "virtualNetworkAzureResource": {
            "subscriptionId": seed.subscription_id,
            "resourceGroupName": seed.resource_group,
            "virtualNetworkName": seed.virtual_network,
            "subnetName": seed.subnet,
        },
        "inactivityMinutesBeforeSleep": 30,
        "numberOfMemberGateways": 1,
        "users": list(seed.users),
    }


def _load_connection(cloud: Cloud, seed: SeedConnection) -> None:
    kind = CONNECTION_TYPES[seed.type]
    if set(seed.parameters) != set(kind.parameters) or seed.credential.type not in kind.credential_types:
        raise ValueError(f"fabric.connections {seed.display_name!r}: parameters or credential don't fit {seed.type}")
    document: dict[str, Any] = {
        "id": seed.id,
        "displayName": seed.display_name,
        "connectivityType": "ShareableCloud" if seed.gateway_id is None else "VirtualNetworkGateway",
        "connectionDetails": {"type": seed.type, "path": check_parameters(seed.type, seed.parameters)},
        "privacyLevel": "Organizational",
        "credentialDetails": {
            "credentialType": seed.credential.type,
            "singleSignOnType": "None",
            "connectionEncryption": "NotEncrypted",
            "skipTestConnection": False,
        },
        "connectionRecency": {"createdDateTime": cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")},
        "parameters": dict(seed.parameters),
    }
    if seed.gateway_id is not None:
        document["gatewayId"] = seed.gateway_id
    cloud.table(connections.CONNECTIONS)[seed.id] = document
    cloud.table(credentials.CREDENTIALS)[seed.id] = _credential(cloud, seed.credential)
    for each in seed.roles:
        connections.assign(cloud, seed.id, each.principal, _kind(cloud, each.principal), each.role)


def _credential(cloud: Cloud, seed: SeedCredential) -> dict[str, Any]:
    """A credential as :mod:`credentials` keeps it."""
    fields = {
        "OAuth2": {"objectId": seed.object_id},
        "ServicePrincipal": {
            "tenantId": seed.tenant_id or cloud.directory.tenant_id,
            "servicePrincipalClientId": seed.client_id,
            "servicePrincipalSecret": seed.secret,
        },
        "Key": {"key": seed.secret},
        "SharedAccessSignature": {"token": seed.secret},
        "WorkspaceIdentity": {},
    }[seed.type]
    return {"credentialType": seed.type, **fields}
