"""The connections that an item reads through: a mirrored catalog's own, and those that a semantic model is bound to.

[D] A data source of a model that is bound to none is listed without an id, as Automatic: it is read by single sign-on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections, responses, semantic_models
from cloud_emulator.fabric.items import require_item
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.tmdl_check import ModelTable

_SHOWN = ("id", "displayName", "gatewayId", "connectivityType", "connectionDetails")
_ONELAKE = "https://onelake.dfs.fabric.microsoft.com"


def _list(cloud: Cloud, request: Request) -> Response:
    """Needs to read and write the item: the role Contributor."""
    params = request.params
    item = require_item(cloud, request.caller, params["workspaceId"], params["itemId"], at_least="Contributor")
    found = _of_model(cloud, item) if item["type"] == semantic_models.TYPE.name else _of_item(cloud, item)
    return responses.listing(cloud, request, list(found), lambda each: each)


def _of_model(cloud: Cloud, item: Document) -> Iterator[dict[str, Any]]:
    for kind, path in sorted({_source(table) for table in semantic_models.tables_of(cloud, item)}):
        bound = cloud.table(connections.CONNECTIONS).get(item["bindings"].get(f"{kind};{path.lower()}") or "")
        details = {"type": kind, "path": path}
        unbound = {"connectivityType": "Automatic", "connectionDetails": details}
        yield _shown(bound) if bound is not None else unbound


def _source(table: ModelTable) -> tuple[str, str]:
    if table.server is not None:
        return "SQL", f"{table.server};{table.item_id}"
    return "AzureDataLakeStorage", f"{_ONELAKE}/{table.workspace_id}/{table.item_id}"


def _of_item(cloud: Cloud, item: Document) -> Iterator[dict[str, Any]]:
    for name in ("databricksWorkspaceConnectionId", "storageConnectionId"):
        found = cloud.table(connections.CONNECTIONS).get(item["properties"].get(name) or "")
        if found is not None:
            yield _shown(found)


def _shown(connection: Document) -> dict[str, Any]:
    return {field: connection[field] for field in _SHOWN if connection.get(field) is not None}


def routes() -> Router:
    """The operation of this module."""
    path = "/workspaces/{workspaceId}/items/{itemId}/connections"
    return router((Operation("GET", path, "Items_ListItemConnections", _list, ("continuationToken",)),))
