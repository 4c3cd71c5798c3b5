"""Fabric items: the mirrored catalog, the lakehouse, the semantic model, and what they have in common."""

from pydantic import Field

from unity_mirror.models.base import CamelModel
from unity_mirror.models.fabric import ConnectionDetails


class Item(CamelModel):
    """An item of a workspace. ``type`` e.g. MirroredAzureDatabricksCatalog, Lakehouse, SemanticModel, SQLEndpoint."""

    id: str
    type: str
    display_name: str
    description: str = ""
    workspace_id: str = ""


class ItemConnection(CamelModel):
    """A data source of an item, and the connection by which it is read: without an id it is bound to none."""

    id: str | None = None
    connectivity_type: str = ""
    connection_details: ConnectionDetails


class SqlEndpointProperties(CamelModel):
    """An item's SQL analytics endpoint: its own item id, its server, and for a lakehouse how far it has got."""

    id: str = ""
    connection_string: str = ""
    provisioning_status: str | None = None


class SyncErrorInfo(CamelModel):
    """Why a sync failed."""

    error_code: str = ""
    error_message: str = ""
    error_details: str | None = None


class SyncDetails(CamelModel):
    """A mirrored catalog's sync: NotStarted, InProgress, Success, Failed. This, not ``mirror_status``, is readiness."""

    status: str = "NotStarted"
    last_sync_date_time: str | None = None
    error_info: SyncErrorInfo | None = None


class MirroredCatalogProperties(CamelModel):
    """A mirrored catalog's properties. All may be missing from the answer to a creation."""

    catalog_name: str = ""
    databricks_workspace_connection_id: str = ""
    storage_connection_id: str | None = None
    auto_sync: str = ""
    mirroring_mode: str = ""
    mirror_status: str | None = None
    sync_details: SyncDetails | None = None
    sql_endpoint_properties: SqlEndpointProperties | None = None
    onelake_tables_path: str = Field(default="", validation_alias="oneLakeTablesPath")


class MirroredCatalog(Item):
    """A mirrored Azure Databricks catalog."""

    properties: MirroredCatalogProperties = Field(default_factory=MirroredCatalogProperties)


class LakehouseProperties(CamelModel):
    """A lakehouse's properties. ``default_schema`` is there only when the lakehouse has schemas."""

    onelake_tables_path: str = Field(default="", validation_alias="oneLakeTablesPath")
    onelake_files_path: str = Field(default="", validation_alias="oneLakeFilesPath")
    sql_endpoint_properties: SqlEndpointProperties | None = None
    default_schema: str | None = None


class Lakehouse(Item):
    """A lakehouse."""

    properties: LakehouseProperties = Field(default_factory=LakehouseProperties)

    @property
    def has_schemas(self) -> bool:
        """Tell whether tables sit in schemas. Only a full read tells; the answer to a creation doesn't."""
        return self.properties.default_schema is not None


class SemanticModel(Item):
    """A semantic model; its content is its definition, read apart."""
