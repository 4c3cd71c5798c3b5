"""The operations that every typed collection of items has: list, get, update and delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import responses, validation
from cloud_emulator.fabric.errors import FabricError, invalid_parameter
from cloud_emulator.fabric.items import (
    ItemType,
    delete_item,
    get_item,
    item_view,
    list_items,
    require_capacity,
    update_item,
)
from cloud_emulator.fabric.permissions import require_role
from cloud_emulator.fabric.routing import Operation
from cloud_emulator.fabric.validation import Body

LIST_QUERY = ("recursive", "rootFolderId", "continuationToken")


class UpdateItemRequest(Body):
    """The body of an update that only names and describes."""

    display_name: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class TypedItems:
    """One collection: the item type, its segment and its id's name in paths, the type's name in operation ids (of one
    and of many), and how an item is shown."""

    item_type: ItemType
    segment: str
    id_name: str
    singular: str
    plural: str
    view: Callable[[Document], dict[str, Any]] = item_view

    @property
    def collection(self) -> str:
        """The collection's path."""
        return f"/workspaces/{{workspaceId}}/{self.segment}"

    @property
    def one(self) -> str:
        """The path of one item."""
        return f"{self.collection}/{{{self.id_name}}}"

    def operations(self, *, update: bool = True) -> list[Operation]:
        """List, get, delete, and unless the type has its own also update."""
        made = [
            Operation("GET", self.collection, f"Items_List{self.plural}", self._list, LIST_QUERY),
            Operation("GET", self.one, f"Items_Get{self.singular}", self._get),
            Operation("DELETE", self.one, f"Items_Delete{self.singular}", self._delete, ("hardDelete",)),
        ]
        if update:
            made.append(Operation("PATCH", self.one, f"Items_Update{self.singular}", self._update, body=True))
        return made

    def item(self, cloud: Cloud, request: Request, at_least: str) -> Document:
        """The item that a path names, for a caller with at least that role; changes need the capacity, too."""
        workspace_id, item_id = request.params["workspaceId"], request.params[self.id_name]
        workspace = require_role(cloud, request.caller, workspace_id, at_least)
        item = get_item(cloud, workspace_id, item_id, self.item_type.name)
        if at_least != "Viewer":
            require_capacity(cloud, workspace)
        return item

    def _list(self, cloud: Cloud, request: Request) -> Response:
        workspace_id = request.params["workspaceId"]
        require_role(cloud, request.caller, workspace_id, "Viewer")
        check_folders(request)
        return responses.listing(cloud, request, list_items(cloud, workspace_id, self.item_type.name), self.view)

    def _get(self, cloud: Cloud, request: Request) -> Response:
        return responses.ok(self.view(self.item(cloud, request, "Viewer")))

    def _update(self, cloud: Cloud, request: Request) -> Response:
        item = self.item(cloud, request, "Contributor")
        body = validation.parse(request, UpdateItemRequest)
        return responses.ok(self.view(update_item(cloud, item, self.item_type, body.display_name, body.description)))

    def _delete(self, cloud: Cloud, request: Request) -> Response:
        workspace_id = request.params["workspaceId"]
        require_role(cloud, request.caller, workspace_id, "Contributor", code="InsufficientWorkspaceRole")
        hard = validation.boolean(request, "hardDelete")
        if hard and cloud.rules.on("fabric.items.hard_delete"):
            require_role(cloud, request.caller, workspace_id, "Admin", code="InsufficientWorkspaceRole")
        item = get_item(cloud, workspace_id, request.params[self.id_name], self.item_type.name)
        delete_item(cloud, item, self.item_type, hard=hard)
        return responses.done()


def check_folders(request: Request) -> None:
    """Workspaces have no folders here: any that is named is absent. Raises 400 or 404."""
    validation.boolean(request, "recursive", default=True)
    folder = request.query.get("rootFolderId")
    if folder is not None:
        if not validation.is_guid(folder):
            raise invalid_parameter("rootFolderId", f"{folder!r} is not a GUID.")
        no_folder(folder)


def no_folder(folder_id: str | None) -> None:
    """Raises 404 ``EntityNotFound`` for any folder."""
    if folder_id is not None:
        raise FabricError(404, "EntityNotFound", f"The folder {folder_id!r} could not be found.")
