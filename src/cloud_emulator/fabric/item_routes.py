"""Items of every type: list, read, change, delete. What is particular to a type is in that type's own module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import items
from cloud_emulator.fabric.errors import FabricError, invalid_parameter
from cloud_emulator.fabric.item_types import ITEM_TYPES, KNOWN_TYPES
from cloud_emulator.fabric.permissions import require_role
from cloud_emulator.fabric.responses import done, listing, long_running, ok, operation_job
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.typed_items import no_folder
from cloud_emulator.fabric.validation import Body, Guid, boolean, guid, parse

_CREATE_JOB = "fabric.item.create"
PLAIN = "VariableLibrary"
"""The one type that this module makes; each other type has an operation of its own."""


class UpdateItem(Body):
    """PATCH of an item of any type."""

    display_name: str | None = None
    description: str | None = None


class CreateItem(Body):
    """The body of a creation. By definition, or with a sensitivity label, isn't served."""

    display_name: str
    type: str
    description: str = ""
    folder_id: Guid | None = None


def create_item(cloud: Cloud, request: Request) -> Response:
    """Makes an empty variable library. Needs the role Contributor, and the capacity."""
    body = parse(request, CreateItem)
    if body.type not in KNOWN_TYPES:
        raise FabricError(400, "InvalidItemType", f"There is no type of items {body.type!r}.")
    if body.type != PLAIN:
        message = f"The emulator does not make items of type {body.type} by this operation."
        raise FabricError(501, "OperationNotSupported", message)
    workspace_id = request.params["workspaceId"]
    items.check_new_item(cloud, request.caller, workspace_id, ITEM_TYPES[PLAIN], body.display_name, body.description)
    no_folder(body.folder_id)
    arguments = {"workspaceId": workspace_id, "displayName": body.display_name, "description": body.description}
    return long_running(cloud, request, _CREATE_JOB, arguments, immediate=201)


def _create(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name, description = arguments["displayName"], arguments["description"]
    return items.item_view(items.create_item(cloud, arguments["workspaceId"], PLAIN, name, description))


def register_jobs(cloud: Cloud) -> None:
    """Names the jobs of this module."""
    cloud.jobs.register(_CREATE_JOB, operation_job(_create))


def list_items(cloud: Cloud, request: Request) -> Response:
    """The items of a workspace, of all types or of one. Needs the role Viewer."""
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Viewer")
    wanted = request.query.get("type")
    if wanted is not None and wanted not in KNOWN_TYPES:
        raise FabricError(400, "InvalidItemType", f"There is no type of items {wanted!r}.")
    _check_include(request)
    boolean(request, "recursive")
    if "rootFolderId" in request.query:
        folder_id = guid(request, "rootFolderId")
        raise FabricError(404, "FolderNotFound", f"The folder {folder_id!r} could not be found.")
    return listing(cloud, request, items.list_items(cloud, workspace["id"], wanted), items.item_view)


def get_item(cloud: Cloud, request: Request) -> Response:
    """One item. Needs the role Viewer."""
    _check_include(request)
    return ok(items.item_view(_find(cloud, request, "Viewer")))


def update_item(cloud: Cloud, request: Request) -> Response:
    """Renames or describes an item. Needs the role Contributor, and the capacity."""
    item = _find(cloud, request, "Contributor")
    items.require_capacity(cloud, require_role(cloud, request.caller, item["workspaceId"], "Contributor"))
    body = parse(request, UpdateItem)
    kind = ITEM_TYPES[item["type"]]
    if not kind.may_create and cloud.rules.on("fabric.sql_endpoint.follows"):
        raise FabricError(400, "InvalidRequest", f"An item of type {kind.name} follows the item that it belongs to.")
    return ok(items.item_view(items.update_item(cloud, item, kind, body.display_name, body.description)))


def delete_item(cloud: Cloud, request: Request) -> Response:
    """Deletes an item: needs the role Contributor, for good (``hardDelete``) the role Admin."""
    hard = boolean(request, "hardDelete")
    item = _find(cloud, request, "Contributor", code="InsufficientWorkspaceRole")
    if hard and cloud.rules.on("fabric.items.hard_delete"):
        require_role(cloud, request.caller, item["workspaceId"], "Admin", code="InsufficientWorkspaceRole")
    kind = ITEM_TYPES[item["type"]]
    if not kind.may_create and cloud.rules.on("fabric.sql_endpoint.follows"):
        message = f"An item of type {kind.name} goes with the item that it belongs to."
        raise FabricError(400, "UnsupportedItemType", message)
    items.delete_item(cloud, item, kind, hard=hard)
    return done()


def _find(cloud: Cloud, request: Request, at_least: str, *, code: str = "InsufficientPrivileges") -> Document:
    workspace_id = request.params["workspaceId"]
    require_role(cloud, request.caller, workspace_id, at_least, code=code)
    return items.get_item(cloud, workspace_id, request.params["itemId"])


def _check_include(request: Request) -> None:
    """Items of the types here have no default identity, so there is nothing to include."""
    if request.query.get("include", "DefaultIdentity") != "DefaultIdentity":
        raise invalid_parameter("include", "only DefaultIdentity can be included.")


def routes() -> Router:
    """The operations of this module."""
    every = "/workspaces/{workspaceId}/items"
    one = f"{every}/{{itemId}}"
    listed = ("type", "recursive", "rootFolderId", "continuationToken", "include")
    return router(
        (
            Operation("GET", every, "Items_ListItems", list_items, query=listed),
            Operation("POST", every, "Items_CreateItem", create_item, body=True),
            Operation("GET", one, "Items_GetItem", get_item, query=("include",)),
            Operation("PATCH", one, "Items_UpdateItem", update_item, body=True),
            Operation("DELETE", one, "Items_DeleteItem", delete_item, query=("hardDelete",)),
        )
    )
