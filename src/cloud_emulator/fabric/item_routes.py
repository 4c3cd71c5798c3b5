"""Items of every type: list, read, change, delete. What is particular to a type is in that type's own module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Handler, Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import items, mirrored_catalogs
from cloud_emulator.fabric.errors import FabricError, invalid_input, invalid_parameter
from cloud_emulator.fabric.item_types import HANDLERS, ITEM_TYPES, KNOWN_TYPES, TypedHandlers
from cloud_emulator.fabric.permissions import require_role
from cloud_emulator.fabric.responses import done, listing, long_running, ok, operation_job
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.typed_items import check_folders, no_folder
from cloud_emulator.fabric.validation import Body, Guid, boolean, guid, json_object, parse

_CREATE_JOB = "fabric.item.create"
PLAIN = "VariableLibrary"
"""The one type that this module makes itself; others are handed on to the operation of their own."""


class UpdateItem(Body):
    """PATCH of an item of any type."""

    display_name: str | None = None
    description: str | None = None


class CreatePlain(Body):
    """The body of a creation of an empty item. By definition, or with a sensitivity label, isn't served."""

    display_name: str
    description: str = ""
    folder_id: Guid | None = None


def create_item(cloud: Cloud, request: Request) -> Response:
    """Makes an item of a type that is served, as that type's own operation does. Needs the role Contributor, and the
    capacity."""
    document = json_object(request)
    kind = document.pop("type", None)
    if not isinstance(kind, str):
        raise invalid_input("The request has an invalid input: type: a text is required.")
    if kind not in KNOWN_TYPES:
        raise FabricError(400, "InvalidItemType", f"There is no type of items {kind!r}.")
    if document.get("folderId") == "":
        del document["folderId"]  # so fabric-cicd says that the item goes into no folder [C]
    request = replace(request, body=orjson.dumps(document))
    if kind == PLAIN:
        return _create_plain(cloud, request)
    if kind not in HANDLERS:
        message = f"The emulator does not make items of type {kind}."
        raise FabricError(501, "OperationNotSupported", message)
    return HANDLERS[kind].create(cloud, request)


def _create_plain(cloud: Cloud, request: Request) -> Response:
    body = parse(request, CreatePlain)
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


def get_definition(cloud: Cloud, request: Request) -> Response:
    """Gives out an item's definition, as its type's own operation does."""
    item, handlers = _typed(cloud, request)
    return _handed_on(cloud, request, item, handlers.get_definition if handlers is not None else None)


def update_definition(cloud: Cloud, request: Request) -> Response:
    """Replaces an item's definition, as its type's own operation does."""
    item, handlers = _typed(cloud, request)
    if boolean(request, "updateMetadata") and item["type"] == mirrored_catalogs.TYPE.name:
        message = f"The emulator does not serve updateMetadata=true for items of type {item['type']}."
        raise FabricError(501, "OperationNotSupported", message)
    return _handed_on(cloud, request, item, handlers.update_definition if handlers is not None else None)


def _typed(cloud: Cloud, request: Request) -> tuple[Document, TypedHandlers | None]:
    item = _find(cloud, request, "Contributor")
    return item, HANDLERS.get(item["type"])


def _handed_on(cloud: Cloud, request: Request, item: Document, handler: Handler | None) -> Response:
    if handler is None:
        message = f"The emulator serves no definitions of items of type {item['type']}."
        raise FabricError(501, "OperationNotSupported", message)
    id_name = HANDLERS[item["type"]].items.id_name
    return handler(cloud, replace(request, params={**request.params, id_name: item["id"]}))


def list_folders(cloud: Cloud, request: Request) -> Response:
    """The folders of a workspace: none. Needs the role Viewer."""
    require_role(cloud, request.caller, request.params["workspaceId"], "Viewer")
    check_folders(request)
    return listing(cloud, request, [])


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
            Operation(
                "POST",
                f"{one}/getDefinition",
                "Items_GetItemDefinition",
                get_definition,
                ("format",),
                effect=Effect.READ,
            ),
            Operation(
                "POST",
                f"{one}/updateDefinition",
                "Items_UpdateItemDefinition",
                update_definition,
                ("updateMetadata",),
                body=True,
            ),
            Operation(
                "GET",
                "/workspaces/{workspaceId}/folders",
                "Folders_ListFolders",
                list_folders,
                ("rootFolderId", "recursive", "continuationToken"),
            ),
        )
    )
