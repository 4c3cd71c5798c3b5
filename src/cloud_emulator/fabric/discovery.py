"""What a Databricks connection sees of Unity Catalog: catalogs, schemas and tables that could be mirrored.

A failure on the side of Databricks doesn't fail the request: the answer carries ``Error`` beside an empty ``value``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections, responses, validation
from cloud_emulator.fabric.connection_types import DATABRICKS
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.mirror_sources import Source, check_catalog, connection_of, open_source
from cloud_emulator.fabric.mirrored_selection import never_mirrored
from cloud_emulator.fabric.permissions import require_role
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.unity_catalog import access as unity_catalog

_QUERY = ("databricksWorkspaceConnectionId", "continuationToken", "maxResults")
MOST_RESULTS = 1000


def _answer(cloud: Cloud, request: Request, find: Callable[[Source], list[dict[str, Any]]]) -> Response:
    """One page of what ``find`` finds as the connection's principal."""
    require_role(cloud, request.caller, request.params["workspaceId"], "Viewer")
    connection_id = validation.guid(request, "databricksWorkspaceConnectionId")
    if cloud.rules.on("fabric.discovery.usable"):
        connections.require_connection(cloud, request.caller, connection_id)
    size = validation.integer(request, "maxResults", default=responses.PAGE_SIZE, least=1, most=MOST_RESULTS)
    connection = connection_of(cloud, connection_id, DATABRICKS)
    try:
        found = find(open_source(cloud, connection))
    except FabricError as error:
        if not cloud.rules.on("fabric.discovery.error_field"):
            raise
        refusal = {"errorCode": error.code, "message": error.message, "requestId": cloud.new_id()}
        return responses.ok({"value": [], "Error": refusal})
    return responses.listing(cloud, request, found, size=size)


def _catalogs(cloud: Cloud, request: Request) -> Response:
    def find(source: Source) -> list[dict[str, Any]]:
        seen = unity_catalog.visible_catalogs(cloud, source.host, source.principal)
        return [
            {
                **_common(each),
                "catalogType": each["catalog_type"],
                "storageLocation": each.get("storage_location") or "",
            }
            for each in seen
            if each.get("catalog_type") == "MANAGED_CATALOG"
        ]

    return _answer(cloud, request, find)


def _schemas(cloud: Cloud, request: Request) -> Response:
    catalog = request.params["catalogName"]

    def find(source: Source) -> list[dict[str, Any]]:
        check_catalog(cloud, source, catalog)
        seen = unity_catalog.visible_schemas(cloud, source.host, source.principal, catalog)
        return [_common(each) | _location(each) for each in seen]

    return _answer(cloud, request, find)


def _tables(cloud: Cloud, request: Request) -> Response:
    catalog, schema = request.params["catalogName"], request.params["schemaName"]

    def find(source: Source) -> list[dict[str, Any]]:
        check_catalog(cloud, source, catalog)
        _check_schema(cloud, source, catalog, schema)
        seen = source.tables_in(cloud, catalog, schema)
        everything = not cloud.rules.on("fabric.discovery.mirrorable")
        return [_table(each) for each in seen if everything or never_mirrored(cloud.rules, each) is None]

    return _answer(cloud, request, find)


def _check_schema(cloud: Cloud, source: Source, catalog: str, schema: str) -> None:
    seen = unity_catalog.visible_schemas(cloud, source.host, source.principal, catalog)
    if all(each["name"] != schema for each in seen):
        message = f"The connection's principal sees no schema {catalog}.{schema} in {source.host}."
        raise FabricError(404, "EntityNotFound", message)


def _common(found: Document) -> dict[str, Any]:
    return {"name": found["name"], "fullName": found["full_name"]}


def _location(found: Document) -> dict[str, Any]:
    location = found.get("storage_location")
    return {"storageLocation": location} if location else {}


def _table(found: Document) -> dict[str, Any]:
    """What may only be browsed doesn't show where it lies; the field is required."""
    return {
        **_common(found), "storageLocation": found.get("storage_location") or "", "tableType": found["table_type"],
        "dataSourceFormat": found["data_source_format"],
    }  # fmt: skip


def routes() -> Router:
    """The operations of this module."""
    base = "/workspaces/{workspaceId}/azureDatabricks/catalogs"
    schemas = base + "/{catalogName}/schemas"
    return router(
        (
            Operation("GET", base, "Discovery_DiscoverCatalogs", _catalogs, _QUERY),
            Operation("GET", schemas, "Discovery_DiscoverSchemas", _schemas, _QUERY),
            Operation("GET", schemas + "/{schemaName}/tables", "Discovery_DiscoverTables", _tables, _QUERY),
        )
    )
