"""What Fabric's core API holds: workspaces, capacities, connections, shortcuts, OneLake roles, operations."""

from typing import Any

from pydantic import Field

from unity_mirror.models.base import CamelModel


class WorkspaceIdentity(CamelModel):
    """A workspace's own service principal. Role assignments take ``service_principal_id`` (the object id)."""

    application_id: str
    service_principal_id: str


class Workspace(CamelModel):
    """A workspace. Lists leave ``workspace_identity`` out; a single read has it. ``type`` Personal is My workspace."""

    id: str
    display_name: str
    description: str = ""
    type: str = "Workspace"
    capacity_id: str | None = None
    capacity_region: str | None = None
    workspace_identity: WorkspaceIdentity | None = None


class Capacity(CamelModel):
    """A capacity: ``sku`` e.g. F64, FT1 (trial), P1; ``state`` Active or Inactive."""

    id: str
    display_name: str
    sku: str
    region: str = ""
    state: str = ""


class Principal(CamelModel):
    """Someone in Entra, by object id. ``type``: User, Group, ServicePrincipal, ServicePrincipalProfile, ..."""

    id: str
    type: str
    display_name: str | None = None


class WorkspaceRoleAssignment(CamelModel):
    """Who holds which role in a workspace: Admin, Member, Contributor, Viewer."""

    id: str
    principal: Principal
    role: str


class ConnectionRoleAssignment(CamelModel):
    """Who holds which role on a connection: Owner, User, UserWithReshare."""

    id: str
    principal: Principal
    role: str


class ConnectionDetails(CamelModel):
    """A connection's type and, joined in one string, its parameters."""

    type: str = ""
    path: str


class CredentialDetails(CamelModel):
    """How a connection signs in; never the secret, which no API returns."""

    credential_type: str = ""
    single_sign_on_type: str | None = None
    connection_encryption: str | None = None
    skip_test_connection: bool | None = None


class Connection(CamelModel):
    """A connection. ``connectivity_type`` e.g. ShareableCloud, PersonalCloud, VirtualNetworkGateway."""

    id: str
    display_name: str | None = None
    connectivity_type: str
    connection_details: ConnectionDetails
    credential_details: CredentialDetails | None = None
    privacy_level: str | None = None
    gateway_id: str | None = None


class VirtualNetworkResource(CamelModel):
    """Where a virtual network gateway is in Azure."""

    resource_group_name: str = ""
    virtual_network_name: str = ""
    subnet_name: str = ""


class Gateway(CamelModel):
    """A data gateway; ``type`` VirtualNetwork (on ``capacity_id``), OnPremises, OnPremisesPersonal, ..."""

    id: str
    type: str
    display_name: str = ""
    capacity_id: str | None = None
    virtual_network_azure_resource: VirtualNetworkResource | None = None

    @property
    def network(self) -> str:
        """The virtual network that it is in, in words; empty when that isn't told."""
        place = self.virtual_network_azure_resource
        return f"{place.virtual_network_name} (resource group {place.resource_group_name})" if place else ""


class ConnectionCreationParameter(CamelModel):
    """One parameter of a creation method; ``data_type`` e.g. Text."""

    name: str
    data_type: str = "Text"
    required: bool = False
    allowed_values: tuple[str, ...] = ()


class ConnectionCreationMethod(CamelModel):
    """A way to create a connection of some type."""

    name: str
    parameters: tuple[ConnectionCreationParameter, ...] = ()


class SupportedConnectionType(CamelModel):
    """What Fabric says it needs to create a connection of a type."""

    type: str
    creation_methods: tuple[ConnectionCreationMethod, ...] = ()
    supported_credential_types: tuple[str, ...] = ()
    supported_connection_encryption_types: tuple[str, ...] = ()
    supports_skip_test_connection: bool = False


class ErrorInfo(CamelModel):
    """An error inside an otherwise successful answer: ``error_code`` and ``message``."""

    error_code: str = ""
    message: str = ""
    request_id: str | None = None
    is_retriable: bool = False


class OneLakeTarget(CamelModel):
    """A folder in OneLake that a shortcut points at; ``path`` e.g. Tables/schema/table."""

    workspace_id: str
    item_id: str
    path: str
    connection_id: str | None = None


class AdlsTarget(CamelModel):
    """A folder of a storage account that a shortcut points at; ``location`` is the account's URL."""

    location: str
    subpath: str = ""
    connection_id: str


class ShortcutTarget(CamelModel):
    """What a shortcut points at. Only two kinds of targets are held in full; ``type`` names the others."""

    type: str = "OneLake"
    one_lake: OneLakeTarget | None = None
    adls_gen2: AdlsTarget | None = None


class Shortcut(CamelModel):
    """A shortcut in an item: ``path`` is its parent folder, as the service spells it."""

    path: str
    name: str
    target: ShortcutTarget

    @property
    def place(self) -> tuple[str, str]:
        """Return (path, name) without leading or trailing slashes, for comparing."""
        return self.path.strip("/"), self.name


class ShortcutRequest(CamelModel):
    """A shortcut to be created."""

    path: str
    name: str
    target: ShortcutTarget

    @classmethod
    def to_onelake(cls, path: str, name: str, workspace_id: str, item_id: str, target_path: str) -> "ShortcutRequest":
        """Return a request for a shortcut at ``path``/``name`` to a folder of another OneLake item."""
        one_lake = OneLakeTarget(workspace_id=workspace_id, item_id=item_id, path=target_path)
        return cls(path=path, name=name, target=ShortcutTarget(one_lake=one_lake))

    def body(self) -> dict[str, Any]:
        """Return the request's JSON; a creatable target has no ``type``."""
        target = self.target.model_dump(by_alias=True, exclude_none=True, exclude={"type"})
        return {"path": self.path, "name": self.name, "target": target}


class RequestedShortcut(CamelModel):
    """Which shortcut was asked for; a bulk creation echoes no more of the request."""

    path: str
    name: str

    @property
    def place(self) -> tuple[str, str]:
        """Return (path, name) without leading or trailing slashes, for comparing."""
        return self.path.strip("/"), self.name


class ShortcutResult(CamelModel):
    """What became of one shortcut of a bulk creation: ``status`` Succeeded or Failed, with ``result`` or ``error``."""

    request: RequestedShortcut
    status: str
    result: Shortcut | None = None
    error: ErrorInfo | None = None


class PermissionScope(CamelModel):
    """One attribute of a decision rule: Path (folders) or Action (Read), and its allowed values."""

    attribute_name: str
    attribute_value_included_in: tuple[str, ...] = ()


class DecisionRule(CamelModel):
    """What a role permits, and where. ``constraints`` (row and column rules) are echoed as they came."""

    effect: str = "Permit"
    permission: tuple[PermissionScope, ...] = ()
    constraints: dict[str, Any] | None = None


class EntraMember(CamelModel):
    """A role's member from Entra, by object id."""

    tenant_id: str
    object_id: str
    object_type: str | None = None


class FabricItemMember(CamelModel):
    """Virtual members: whoever holds ``item_access`` on the item at ``source_path`` (workspace id/item id)."""

    item_access: tuple[str, ...] = ()
    source_path: str = ""


class RoleMembers(CamelModel):
    """A role's members of both kinds."""

    microsoft_entra_members: tuple[EntraMember, ...] = ()
    fabric_item_members: tuple[FabricItemMember, ...] = ()


class DataAccessRole(CamelModel):
    """A OneLake data access role of an item."""

    name: str
    kind: str = "Policy"
    decision_rules: tuple[DecisionRule, ...] = ()
    members: RoleMembers = Field(default_factory=RoleMembers)
    etag: str | None = Field(default=None, validation_alias="eTag", exclude=True)

    def body(self) -> dict[str, Any]:
        """Return the JSON to create or replace this role with."""
        return self.model_dump(by_alias=True, exclude_none=True)


class OperationState(CamelModel):
    """A long-running operation: Undefined, NotStarted, Running, Succeeded or Failed; times are UTC without a zone."""

    status: str = "Undefined"
    created_time_utc: str | None = None
    last_updated_time_utc: str | None = None
    percent_complete: int | None = None
    error: ErrorInfo | None = None


class TableSyncStatus(CamelModel):
    """How one table fared in a SQL endpoint's metadata refresh: Success, Failure or NotRun."""

    table_name: str
    status: str
    start_date_time: str | None = None
    end_date_time: str | None = None
    last_successful_sync_date_time: str | None = None
    error: ErrorInfo | None = None


class DiscoveredCatalog(CamelModel):
    """A catalog as a Databricks connection sees it through Fabric."""

    name: str
    full_name: str = ""
    catalog_type: str = ""
    storage_location: str | None = None


class DiscoveredSchema(CamelModel):
    """A schema as a Databricks connection sees it through Fabric."""

    name: str
    full_name: str = ""
    storage_location: str | None = None


class DiscoveredTable(CamelModel):
    """A table as a Databricks connection sees it through Fabric."""

    name: str
    full_name: str = ""
    table_type: str = ""
    data_source_format: str = ""
    storage_location: str | None = None
