"""SQL analytics endpoints: items beside a lakehouse or a mirrored catalog, and what they know of its tables.

An endpoint has its parent's name and an id of its own [M]. It learns of its parent's tables by metadata refreshes: on
demand, or by itself a while after they changed; until then it answers from what it knew [D].
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import delta_log, onelake, responses, sync, validation
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.items import (
    ITEMS,
    ItemType,
    change_item,
    create_item,
    delete_item,
    item_view,
    list_items,
    require_free_name,
    require_item,
)
from cloud_emulator.fabric.onelake_location import OneLakeDenied, locate, unreadable
from cloud_emulator.fabric.permissions import require_role
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.typed_items import LIST_QUERY, check_folders
from cloud_emulator.fabric.validation import Body
from cloud_emulator.storage.access import Denial

TYPE = ItemType("SQLEndpoint", may_create=False)
SQL_TABLES = "fabric.sqlTables"
"""What endpoints know, by ``endpointId/schema/table``: ``version`` and ``columns`` (as the Delta log has them) as they
were at ``lastSuccess``, which is ``None`` for a table that was never read."""


class DurationBody(Body):
    """A duration."""

    value: float = Field(gt=0)
    time_unit: Literal["Seconds", "Minutes", "Hours", "Days"]


class RefreshMetadataRequest(Body):
    """The body of refreshMetadata; empty is allowed."""

    timeout: DurationBody | None = None
    recreate_tables: bool = False


def plan(cloud: Cloud, parent: Document) -> None:
    """Lets a new item's endpoint appear after the behaviour's ``sql_endpoint_seconds``."""
    seconds = cloud.behaviour.sql_endpoint_seconds if cloud.rules.on("fabric.sql_endpoint.takes_time") else 0.0
    cloud.jobs.schedule(
        f"sqlEndpoint:{parent['id']}", "fabric.sqlEndpoint.appear", {"itemId": parent["id"]}, seconds=seconds
    )


def check_name(cloud: Cloud, workspace_id: str, name: str) -> None:
    """A workspace's endpoints are databases of one server, so a parent's name must be free among them. Raises 409."""
    if cloud.rules.on("fabric.names.endpoints"):
        require_free_name(cloud, workspace_id, TYPE.name, name)


def follow_parent(cloud: Cloud, before: Document, after: Document) -> None:
    """Renames the endpoint with its parent. Raises 409 for a name that another endpoint has."""
    endpoint = endpoint_of(cloud, after)
    if endpoint is not None and before["displayName"] != after["displayName"]:
        require_free_name(cloud, after["workspaceId"], TYPE.name, after["displayName"], besides=endpoint["id"])
        change_item(cloud, endpoint, displayName=after["displayName"])


def forget(cloud: Cloud, parent: Document) -> None:
    """Drops the endpoint of an item that goes."""
    cloud.jobs.cancel(f"sqlEndpoint:{parent['id']}")
    endpoint = endpoint_of(cloud, parent)
    if endpoint is not None:
        for key in [key for key in cloud.table(SQL_TABLES) if key.startswith(f"{endpoint['id']}/")]:
            del cloud.table(SQL_TABLES)[key]
        delete_item(cloud, endpoint, TYPE)


def endpoint_of(cloud: Cloud, parent: Document) -> Document | None:
    """The endpoint beside an item, once it has appeared."""
    endpoint_id = (parent["properties"].get("sqlEndpointProperties") or {}).get("id")
    return cloud.table(ITEMS).get(endpoint_id) if endpoint_id else None


def connection_string(workspace_id: str) -> str:
    """The host name of a workspace's SQL server: opaque, and one for the whole workspace."""
    opaque = base64.b32encode(hashlib.sha256(workspace_id.encode()).digest()).decode().lower().rstrip("=")
    return f"{opaque[:26]}-{opaque[26:52]}.datawarehouse.fabric.microsoft.com"


def refresh(cloud: Cloud, endpoint: Document) -> list[dict[str, Any]]:
    """Lets an endpoint look at its parent's tables; the outcome for each."""
    parent = cloud.table(ITEMS)[endpoint["parentId"]]
    known, now = cloud.table(SQL_TABLES), cloud.clock.iso()
    current = {
        f"{endpoint['id']}/{schema}/{name}": (schema, name, table) for schema, name, table in tables_of(cloud, parent)
    }
    for key in [each for each in known if each.startswith(f"{endpoint['id']}/") and each not in current]:
        del known[key]
    return [_refresh_table(cloud, endpoint, key, *found, now=now) for key, found in current.items()]


def tables_of(cloud: Cloud, parent: Document) -> Iterator[tuple[str, str, Document]]:
    """Schema, name and mirrored table of all tables of an item; those without schemas are in ``dbo``."""
    if parent["type"] == onelake.MIRRORED:
        for table in sync.tables_of(cloud, parent["id"]):
            yield table["schema"], table["table"], table
        return
    for shortcut in cloud.table(onelake.SHORTCUTS).by("itemId", parent["id"]):
        yield from _shortcut_tables(cloud, parent, shortcut)


def register_jobs(cloud: Cloud) -> None:
    """Names the jobs of this module."""
    cloud.jobs.register("fabric.sqlEndpoint.appear", _appear)
    cloud.jobs.register("fabric.sqlEndpoint.look", _look)
    cloud.jobs.register("fabric.sqlEndpoint.refresh", responses.operation_job(_refresh_work))


def _shortcut_tables(cloud: Cloud, parent: Document, shortcut: Document) -> Iterator[tuple[str, str, Document]]:
    top, *between = shortcut["folder"].split("/")
    if top != "Tables":
        return
    whole = (*shortcut["folder"].split("/"), shortcut["name"])
    try:
        table = onelake.mirrored_table(cloud, parent, whole)
        if table is not None:
            yield (between[0] if between else "dbo"), shortcut["name"], table
        elif not between:
            for name in onelake.tables_below(cloud, parent, whole):
                found = onelake.mirrored_table(cloud, parent, (*whole, name))
                if found is not None:
                    yield shortcut["name"], name, found
    except OneLakeDenied:
        return


def _refresh_table(
    cloud: Cloud, endpoint: Document, key: str, schema: str, name: str, table: Document, *, now: str
) -> dict[str, Any]:
    known = cloud.table(SQL_TABLES)
    before = known.get(key) or {"lastSuccess": None, "version": None, "columns": None}
    denial, state = _look_at(cloud, table)
    last = now if denial is None else before["lastSuccess"]
    known[key] = {
        **before, "endpointId": endpoint["id"], "schema": schema, "table": name, "fullName": table["fullName"],
        "lastSuccess": last,
    }  # fmt: skip
    if state is not None:
        known[key] = {**known[key], "version": state.version, "columns": list(state.fields)}
    outcome: dict[str, Any] = {
        "tableName": f"{schema}.{name}", "startDateTime": now, "endDateTime": now,
        "status": "Success" if denial is None else "Failure", "lastSuccessfulSyncDateTime": last or sync.NEVER,
    }  # fmt: skip
    if denial is not None:
        outcome["error"] = {"errorCode": denial.code, "message": denial.message}
    return outcome


def _look_at(cloud: Cloud, table: Document) -> tuple[Denial | None, delta_log.DeltaState | None]:
    """Why a table can't be read, or what its log says."""
    try:
        location = locate(cloud, table)
    except OneLakeDenied as refused:
        return refused.denial, None
    denial = unreadable(cloud, location)
    try:
        state = delta_log.read_state(cloud, location) if denial is None else None
    except (ValueError, KeyError) as error:
        return Denial(400, "InvalidDeltaLog", f"The Delta log can't be read: {error}"), None
    feature = state.unreadable() if state is not None else None
    if feature is not None:
        message = f"The SQL analytics endpoint can't read Delta tables with {feature}."
        return Denial(400, "UnsupportedDeltaFeature", message), None
    return denial, state


def _appear(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    parent = cloud.table(ITEMS).get(arguments["itemId"])
    if parent is None or endpoint_of(cloud, parent) is not None:
        return
    endpoint = create_item(
        cloud, parent["workspaceId"], TYPE.name, parent["displayName"], parentId=parent["id"], properties={}
    )
    own = cloud.rules.on("fabric.sql_endpoint.own_item")
    shown = {
        "id": endpoint["id"] if own else parent["id"],
        "connectionString": connection_string(parent["workspaceId"]),
    }
    if parent["type"] == onelake.LAKEHOUSE:
        shown["provisioningStatus"] = "Success"
    change_item(cloud, parent, properties={**parent["properties"], "sqlEndpointProperties": shown})
    refresh(cloud, endpoint)


def _look(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    parent = cloud.table(ITEMS).get(arguments["itemId"])
    endpoint = endpoint_of(cloud, parent) if parent is not None else None
    if endpoint is not None:
        refresh(cloud, endpoint)


def _refresh_work(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = cloud.table(ITEMS).get(arguments["endpointId"])
    if endpoint is None:
        raise FabricError(404, "ItemNotFound", "The SQL endpoint was deleted meanwhile.")
    return {"value": refresh(cloud, endpoint)}


def _list(cloud: Cloud, request: Request) -> Response:
    if request.caller.kind == "ServicePrincipal" and cloud.rules.on("fabric.sql_endpoint.people_only"):
        message = "Listing SQL endpoints is not supported for service principals; read the id from the parent item."
        raise FabricError(403, "InsufficientPrivileges", message)
    workspace_id = request.params["workspaceId"]
    require_role(cloud, request.caller, workspace_id, "Viewer")
    check_folders(request)
    return responses.listing(cloud, request, list_items(cloud, workspace_id, TYPE.name), item_view)


def _endpoint(cloud: Cloud, request: Request, at_least: str) -> Document:
    params = request.params
    return require_item(
        cloud, request.caller, params["workspaceId"], params["sqlEndpointId"], at_least=at_least, item_type=TYPE.name
    )


def _refresh_metadata(cloud: Cloud, request: Request) -> Response:
    endpoint = _endpoint(cloud, request, "Contributor")
    if request.body:
        validation.parse(request, RefreshMetadataRequest)
    arguments = {"endpointId": endpoint["id"]}
    return responses.long_running(cloud, request, "fabric.sqlEndpoint.refresh", arguments)


def _connection_string(cloud: Cloud, request: Request) -> Response:
    endpoint = _endpoint(cloud, request, "Viewer")
    if "guestTenantId" in request.query:
        raise FabricError(400, "InvalidGuestTenantId", "The tenant has no guests from that tenant.")
    validation.choice(request, "privateLinkType", ("None", "Workspace"), default="None")
    return responses.ok({"connectionString": connection_string(endpoint["workspaceId"])})


def routes() -> Router:
    """The operations of this module."""
    base = "/workspaces/{workspaceId}/sqlEndpoints"
    one = base + "/{sqlEndpointId}"
    return router(
        (
            Operation("GET", base, "Items_ListSQLEndpoints", _list, LIST_QUERY),
            Operation(
                "POST", f"{one}/refreshMetadata", "Items_RefreshSqlEndpointMetadata", _refresh_metadata, body="optional"
            ),
            Operation(
                "GET", f"{one}/connectionString", "Items_GetConnectionString", _connection_string,
                ("guestTenantId", "privateLinkType"),
            ),
        )
    )  # fmt: skip
