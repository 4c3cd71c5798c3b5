"""Where a mirrored catalog comes from: its Databricks connection, its storage connection, and what they reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections
from cloud_emulator.fabric.connection_types import DATABRICKS, STORAGE
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.mirrored_definition import CatalogDefinition
from cloud_emulator.unity_catalog import access as unity_catalog
from cloud_emulator.unity_catalog.state import named


@dataclass(frozen=True, slots=True)
class Source:
    """A Databricks workspace as a connection sees it: its host name, and the principal as grants call it."""

    host: str
    principal: str

    def tables(self, cloud: Cloud, definition: CatalogDefinition) -> Iterator[Document]:
        """The tables that the principal sees in the schemas that the definition asks for."""
        catalog = definition.catalog_name
        for schema in unity_catalog.visible_schemas(cloud, self.host, self.principal, catalog):
            if definition.selects_schema(schema["name"]):
                yield from self.tables_in(cloud, catalog, schema["name"])

    def tables_in(self, cloud: Cloud, catalog: str, schema: str) -> Iterator[Document]:
        """The tables that the principal sees in a schema, without those that an ABAC policy filters or masks."""
        for table in unity_catalog.visible_tables(cloud, self.host, self.principal, catalog, schema):
            guarded = unity_catalog.policies_on(cloud, table["metastore_id"], named(table["full_name"]))
            if not guarded or not cloud.rules.on("fabric.mirror.policies"):
                yield table


def connection_of(cloud: Cloud, connection_id: str, connection_type: str) -> Document:
    """A connection of that type. Raises 404 ``EntityNotFound``, 400 ``InvalidRequest``."""
    connection = cloud.table(connections.CONNECTIONS).get(connection_id.lower())
    if connection is None:
        raise not_found("Connection", connection_id)
    actual = connection["connectionDetails"]["type"]
    if actual != connection_type and cloud.rules.on("fabric.mirror.connection_type"):
        message = f"The connection {connection_id} is of type {actual}; {connection_type} is needed."
        raise FabricError(400, "InvalidRequest", message)
    return connection


def usable_connection(cloud: Cloud, caller: Caller, connection_id: str, connection_type: str) -> Document:
    """A connection of that type that the caller may use. Raises as :func:`connection_of`; one that the caller has no
    role on is as good as absent."""
    connection = connection_of(cloud, connection_id, connection_type)
    usable = connections.usable_by(cloud, caller, connection["id"])
    if not usable and cloud.rules.on("fabric.mirror.connection_usable"):
        raise not_found("Connection", connection_id)
    return connection


def open_source(cloud: Cloud, connection: Document) -> Source:
    """Signs in to Databricks as a connection does. Raises 400 ``InvalidRequest`` when it can't."""
    host, principal = connections.databricks_principal(cloud, connection)
    if not connections.reaches_databricks(cloud, connection):
        message = f"The Databricks workspace {host} can't be reached: no public access, or IP access lists are on."
        raise FabricError(400, "InvalidRequest", message)
    if not unity_catalog.signs_in(cloud, host, principal) and cloud.rules.on("fabric.mirror.signs_in"):
        message = f"The principal of the connection {connection['id']} can't sign in to {host}."
        raise FabricError(400, "InvalidRequest", message)
    return Source(host, principal if cloud.rules.on("fabric.mirror.sees") else unity_catalog.admin_of(cloud, host))


def check_catalog(cloud: Cloud, source: Source, catalog: str) -> None:
    """Raises 404 ``EntityNotFound`` when the principal doesn't see the catalog, 400 when it can't be mirrored."""
    seen = unity_catalog.visible_catalogs(cloud, source.host, source.principal)
    found = next((each for each in seen if each["name"] == catalog), None)
    if found is None:
        if not cloud.rules.on("fabric.mirror.catalog_seen"):
            return
        message = f"The connection's principal sees no catalog {catalog!r} in {source.host}."
        raise FabricError(404, "EntityNotFound", message)
    managed = found.get("catalog_type") == "MANAGED_CATALOG"
    if not managed and cloud.rules.on("fabric.mirror.catalog_type"):
        message = f"The catalog {catalog!r} is of type {found.get('catalog_type')}, which can't be mirrored."
        raise FabricError(400, "InvalidRequest", message)


def check_sources(cloud: Cloud, caller: Caller, workspace_id: str, definition: CatalogDefinition) -> None:
    """Everything that a mirrored catalog needs of its connections. Raises :class:`FabricError`."""
    wanted = (definition.databricks_workspace_connection_id, definition.storage_connection_id)
    unknown = [each for each in wanted if each is not None and each.lower() not in cloud.table(connections.CONNECTIONS)]
    if unknown and not cloud.rules.on("fabric.mirror.connection_known"):
        return
    databricks = usable_connection(cloud, caller, definition.databricks_workspace_connection_id, DATABRICKS)
    check_catalog(cloud, open_source(cloud, databricks), definition.catalog_name)
    if definition.storage_connection_id is not None:
        storage = usable_connection(cloud, caller, definition.storage_connection_id, STORAGE)
        connections.storage_identity(cloud, storage, workspace_id)
