"""The Databricks part of a seed: identities, metastores with their catalogs, and workspaces."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Grants = dict[str, tuple[str, ...]]
Tags = dict[str, str]
_TAGS: Tags = Field(default_factory=dict, description="Tag values by key.")
_GRANTS: Grants = Field(
    default_factory=dict,
    description="Privileges by principal: a user name, a group's name, or a service principal's application id.",
)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UserSeed(_Section):
    """A person in the Databricks account."""

    user_name: str
    display_name: str | None = None
    external_id: str | None = Field(None, description="Entra object id.")


class ServicePrincipalSeed(_Section):
    """A service principal in the Databricks account."""

    application_id: str
    display_name: str
    external_id: str | None = Field(None, description="Entra object id, which differs from the application id.")


class GroupSeed(_Section):
    """A group in the Databricks account."""

    name: str
    external_id: str | None = Field(None, description="Entra object id, for a group synced from there.")
    members: tuple[str, ...] = Field((), description="User names, application ids, and names of other groups.")


class ColumnSeed(_Section):
    """A column."""

    name: str
    type: str = Field(description="Spark's type, such as decimal(10,2) or map<string,bigint>.")
    nullable: bool = True
    comment: str | None = None
    partition_index: int | None = None
    mask: dict[str, Any] | None = Field(None, description="{function_name, using_column_names}")


class TableSeed(_Section):
    """A table or view."""

    name: str
    table_type: str = "EXTERNAL"
    data_source_format: str | None = "DELTA"
    table_id: str | None = Field(None, description="A GUID; made when absent.")
    storage_location: str | None = Field(None, description="abfss://container@account.dfs.core.windows.net/path")
    storage_credential_name: str | None = None
    columns: tuple[ColumnSeed, ...] = ()
    row_filter: dict[str, Any] | None = Field(None, description="{function_name, input_column_names}")
    pipeline_id: str | None = None
    table_constraints: tuple[dict[str, Any], ...] | None = None
    view_definition: str | None = None
    view_dependencies: dict[str, Any] | None = None
    properties: dict[str, str] = Field(default_factory=dict)
    owner: str | None = Field(None, description="The schema's owner when absent.")
    comment: str | None = None
    tags: Tags = _TAGS
    grants: Grants = _GRANTS


class SchemaSeed(_Section):
    """A schema."""

    name: str
    owner: str | None = Field(None, description="The catalog's owner when absent.")
    comment: str | None = None
    properties: dict[str, str] | None = None
    storage_root: str | None = None
    storage_location: str | None = None
    tags: Tags = _TAGS
    grants: Grants = _GRANTS
    tables: tuple[TableSeed, ...] = ()


class CatalogSeed(_Section):
    """A catalog."""

    name: str
    owner: str
    catalog_type: str = "MANAGED_CATALOG"
    isolation_mode: Literal["OPEN", "ISOLATED"] = "OPEN"
    bound_hosts: tuple[str, ...] = Field((), description="Hosts of the workspaces that may use an isolated catalog.")
    storage_root: str | None = None
    storage_location: str | None = None
    connection_name: str | None = None
    provider_name: str | None = None
    share_name: str | None = None
    comment: str | None = None
    properties: dict[str, str] | None = None
    options: dict[str, str] | None = None
    tags: Tags = _TAGS
    grants: Grants = _GRANTS
    schemas: tuple[SchemaSeed, ...] = ()


class ExternalLocationSeed(_Section):
    """An external location."""

    name: str
    url: str
    credential_name: str
    owner: str
    read_only: bool = False
    comment: str | None = None
    grants: Grants = _GRANTS


class StorageCredentialSeed(_Section):
    """A storage credential: an access connector's managed identity."""

    name: str
    owner: str
    access_connector_id: str = Field(description="Resource id of the access connector.")
    comment: str | None = None
    grants: Grants = _GRANTS


class PolicySeed(_Section):
    """An attribute-based policy."""

    name: str
    on_securable_type: Literal["CATALOG", "SCHEMA", "TABLE"]
    on_securable_fullname: str
    policy_type: Literal["POLICY_TYPE_ROW_FILTER", "POLICY_TYPE_COLUMN_MASK"]
    to_principals: tuple[str, ...]
    function_name: str


class MetastoreSeed(_Section):
    """A metastore and all that it holds."""

    metastore_id: str
    name: str
    owner: str = Field(description="The metastore admin: best a group.")
    region: str = "westeurope"
    storage_root: str | None = None
    external_access_enabled: bool = False
    delta_sharing_scope: Literal["INTERNAL", "INTERNAL_AND_EXTERNAL"] = "INTERNAL"
    grants: Grants = _GRANTS
    catalogs: tuple[CatalogSeed, ...] = ()
    external_locations: tuple[ExternalLocationSeed, ...] = ()
    storage_credentials: tuple[StorageCredentialSeed, ...] = ()
    policies: tuple[PolicySeed, ...] = ()


class AccessListSeed(_Section):
    """An IP access list."""

    label: str
    list_type: Literal["ALLOW", "BLOCK"]
    ip_addresses: tuple[str, ...]
    enabled: bool = True


class TokenSeed(_Section):
    """A personal access token."""

    token: str = Field(pattern=r"^dapi", description="The token. Only its digest is kept.")
    principal: str = Field(description="Whose it is: a user name or an application id.")


class WorkspaceSeed(_Section):
    """A Databricks workspace. The first one also answers at the emulator's bare /api."""

    host: str = Field(description="Such as adb-1234567890123456.7.azuredatabricks.net")
    workspace_id: int
    metastore_id: str | None = Field(None, description="Absent: the workspace has no Unity Catalog.")
    default_catalog_name: str = "main"
    admins: tuple[str, ...] = ()
    members: tuple[str, ...] = Field((), description="Who may sign in besides the admins; groups count.")
    ip_access_lists_enabled: bool = False
    ip_access_lists: tuple[AccessListSeed, ...] = ()
    tokens: tuple[TokenSeed, ...] = ()


class UnityCatalogSeed(_Section):
    """Everything of Databricks."""

    users: tuple[UserSeed, ...] = ()
    service_principals: tuple[ServicePrincipalSeed, ...] = ()
    groups: tuple[GroupSeed, ...] = ()
    metastores: tuple[MetastoreSeed, ...] = ()
    workspaces: tuple[WorkspaceSeed, ...] = Field((), description="The first one answers at the bare /api.")
