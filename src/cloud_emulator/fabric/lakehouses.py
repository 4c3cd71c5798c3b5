"""Lakehouses: with or without schemas, each with a SQL endpoint that takes its time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import access_roles, onelake_files, responses, shortcut_state, sql_endpoints, validation
from cloud_emulator.fabric.items import ItemType, check_new_item, create_item, item_view
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.typed_items import TypedItems, no_folder
from cloud_emulator.fabric.validation import Body, Guid

DEFAULT_SCHEMA = "dbo"
_ONELAKE = "https://onelake.dfs.fabric.microsoft.com"


def _on_delete(cloud: Cloud, item: Document) -> None:
    sql_endpoints.forget(cloud, item)
    access_roles.forget(cloud, item["id"])
    shortcut_state.forget(cloud, item["id"])
    onelake_files.forget(cloud, item)


TYPE = ItemType(
    "Lakehouse",
    name_rule=re.compile(r"[A-Za-z][A-Za-z0-9_]{0,122}"),
    rule="fabric.names.lakehouse",
    soft_delete=True,
    on_delete=_on_delete,
    on_change=sql_endpoints.follow_parent,
)
"""[D] Names begin with a letter and hold letters, digits and underscores only."""


class LakehousePayload(Body):
    """Asks for schemas; only ``true`` is allowed."""

    enable_schemas: Literal[True]


class CreateLakehouseRequest(Body):
    """The body of a creation. Creation by definition and sensitivity labels aren't served. Fabric's CLI repeats the
    type here, as if it asked for an item of any type [C]."""

    type: Literal["Lakehouse"] | None = None
    display_name: str
    description: str = ""
    folder_id: Guid | None = None
    creation_payload: LakehousePayload | None = None


def view(item: Document) -> dict[str, Any]:
    """A lakehouse as the API shows it."""
    return {**item_view(item), "properties": item["properties"]}


LAKEHOUSES = TypedItems(TYPE, "lakehouses", "lakehouseId", "Lakehouse", "Lakehouses", view)


def register_jobs(cloud: Cloud) -> None:
    """Names the jobs of this module."""
    cloud.jobs.register("fabric.lakehouse.create", responses.operation_job(_create_work))


def make_lakehouse(
    cloud: Cloud,
    workspace_id: str,
    display_name: str,
    description: str = "",
    *,
    schemas: bool = True,
    owner: str | None = None,
) -> Document:
    """Adds a lakehouse of an owner (an object id); its SQL endpoint is on the way. Raises 409 for a name in use."""
    sql_endpoints.check_name(cloud, workspace_id, display_name)
    item_id = cloud.new_id()
    base = f"{_ONELAKE}/{workspace_id}/{item_id}"
    properties: dict[str, Any] = {
        "oneLakeTablesPath": f"{base}/Tables",
        "oneLakeFilesPath": f"{base}/Files",
        "sqlEndpointProperties": {"provisioningStatus": "InProgress"},
    }
    if schemas:
        properties["defaultSchema"] = DEFAULT_SCHEMA
    item = create_item(
        cloud, workspace_id, TYPE.name, display_name, description, item_id=item_id, owner=owner, properties=properties
    )
    access_roles.make_default(cloud, item)
    sql_endpoints.plan(cloud, item)
    return item


def create(cloud: Cloud, request: Request) -> Response:
    """Makes a lakehouse. Needs the role Contributor, and the capacity."""
    workspace_id = request.params["workspaceId"]
    body = validation.parse(request, CreateLakehouseRequest)
    check_new_item(cloud, request.caller, workspace_id, TYPE, body.display_name, body.description)
    no_folder(body.folder_id)
    sql_endpoints.check_name(cloud, workspace_id, body.display_name)
    arguments = {
        "workspaceId": workspace_id, "displayName": body.display_name, "description": body.description,
        "schemas": body.creation_payload is not None, "caller": request.caller.object_id,
    }  # fmt: skip
    return responses.long_running(cloud, request, "fabric.lakehouse.create", arguments, immediate=201)


def _create_work(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name, description = arguments["displayName"], arguments["description"]
    schemas, owner = arguments["schemas"], arguments["caller"]
    item = make_lakehouse(cloud, arguments["workspaceId"], name, description, schemas=schemas, owner=owner)
    return item_view(item)


def routes() -> Router:
    """The operations of this module."""
    return router(
        (
            *LAKEHOUSES.operations(),
            Operation("POST", LAKEHOUSES.collection, "Items_CreateLakehouse", create, body=True),
        )
    )
