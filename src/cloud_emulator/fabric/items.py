"""Items of every type: what is kept of them, their names, and the capacity that they need."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import FabricError, invalid_input, not_found
from cloud_emulator.fabric.permissions import require_role

ITEMS = "fabric.items"
DELETED_ITEMS = "fabric.deletedItems"
RESERVED_NAMES = "fabric.reservedNames"
CAPACITIES = "fabric.capacities"
DESCRIPTION_LIMIT = 256


def _nothing(*_: object) -> None:
    """What happens besides, for types that need nothing."""


@dataclass(frozen=True, slots=True)
class ItemType:
    """One type of item: its name in the API, the rule for its display names (with the id of that rule), and what its
    own module does when an item goes (``on_delete``, called while the item is still there) or changes (``on_change``,
    called with the item before and after)."""

    name: str
    name_rule: re.Pattern[str] = re.compile(r"[^\x00-\x1f]{1,256}")
    rule: str = "fabric.names.item"
    soft_delete: bool = False
    may_create: bool = True
    on_delete: Callable[[Cloud, Document], None] = _nothing
    on_change: Callable[[Cloud, Document, Document], None] = _nothing


def item_view(item: Document) -> dict[str, Any]:
    """The fields that every item shows."""
    return {field: item[field] for field in ("id", "type", "displayName", "description", "workspaceId")}


def get_item(cloud: Cloud, workspace_id: str, item_id: str, item_type: str | None = None) -> Document:
    """An item of a workspace, of any type or of one. Raises 404 ``ItemNotFound``."""
    item = cloud.table(ITEMS).get(item_id)
    if item is None or item["workspaceId"] != workspace_id or item_type not in (None, item["type"]):
        raise not_found("Item", item_id)
    return item


def require_item(
    cloud: Cloud, caller: Caller, workspace_id: str, item_id: str, *, at_least: str, item_type: str | None = None
) -> Document:
    """An item of a workspace in which the caller has at least that role. Raises 404 or 403."""
    require_role(cloud, caller, workspace_id, at_least)
    return get_item(cloud, workspace_id, item_id, item_type)


def list_items(cloud: Cloud, workspace_id: str, item_type: str | None = None) -> list[Document]:
    """The items of a workspace, of all types or of one."""
    found = cloud.table(ITEMS).by("workspaceId", workspace_id)
    return [item for item in found if item_type in (None, item["type"])]


def require_capacity(cloud: Cloud, workspace: Document) -> Document:
    """The active capacity of a workspace. Raises 403 ``FeatureNotAvailable`` without any [D], 404 ``CapacityNotActive``
    when it is paused (the status that the service gives)."""
    capacity = cloud.table(CAPACITIES).get(workspace.get("capacityId") or "")
    if capacity is None:
        if not cloud.rules.on("fabric.capacities.needed"):
            return {}
        message = f"The workspace {workspace['displayName']!r} is on no capacity; Fabric items need one."
        raise FabricError(403, "FeatureNotAvailable", message)
    if capacity["state"] != "Active" and cloud.rules.on("fabric.capacities.active"):
        message = f"The capacity {capacity['displayName']!r} is not active: resume it, then try again."
        raise FabricError(404, "CapacityNotActive", message)
    return capacity


def check_new_item(
    cloud: Cloud, caller: Caller, workspace_id: str, item_type: ItemType, display_name: str, description: str = ""
) -> Document:
    """Everything that must hold before an item is made; answers the workspace. Needs the role Contributor.

    Raises 404 or 403 for the workspace, its capacity or the role, 400 for the name or description, 409 for a name in
    use.
    """
    workspace = require_role(cloud, caller, workspace_id, "Contributor")
    require_capacity(cloud, workspace)
    check_texts(cloud, item_type, display_name, description)
    require_free_name(cloud, workspace_id, item_type.name, display_name)
    return workspace


def check_texts(cloud: Cloud, item_type: ItemType, display_name: str | None, description: str | None) -> None:
    """The rules for display names of that type, and for descriptions. Raises 400 ``InvalidInput``."""
    fits = display_name is None or (
        item_type.name_rule.fullmatch(display_name) and display_name == display_name.strip()
    )
    if not fits and cloud.rules.on(item_type.rule):
        raise invalid_input(f"The display name {display_name!r} is not valid for an item of type {item_type.name}.")
    too_long = description is not None and len(description) > DESCRIPTION_LIMIT
    if description is not None and too_long and cloud.rules.on("fabric.names.description"):
        raise invalid_input(f"The description has {len(description)} characters; {DESCRIPTION_LIMIT} is the limit.")


def require_free_name(
    cloud: Cloud, workspace_id: str, item_type: str, display_name: str, *, besides: str | None = None
) -> None:
    """Raises 409 when the name is in use by an item of that type other than ``besides`` (without regard to case), or
    was until a moment ago [M]: only the latter is retriable."""
    fold = str.lower if cloud.rules.on("fabric.names.case") else str
    for item in list_items(cloud, workspace_id, item_type):
        same = item["id"] != besides and fold(item["displayName"]) == fold(display_name)
        if same and cloud.rules.on("fabric.names.unique"):
            message = f"The display name {display_name!r} is already in use by an item of type {item_type}."
            raise FabricError(409, "ItemDisplayNameAlreadyInUse", message)
    reserved = cloud.table(RESERVED_NAMES).get(_name_key(workspace_id, item_type, display_name))
    still = reserved is not None and reserved["until"] > cloud.clock.time()
    if still and cloud.rules.on("fabric.names.reserved"):
        message = f"The display name {display_name!r} is not available yet: an item of that name was just deleted."
        raise FabricError(409, "ItemDisplayNameNotAvailableYet", message, retriable=True)


def create_item(
    cloud: Cloud,
    workspace_id: str,
    item_type: str,
    display_name: str,
    description: str = "",
    *,
    item_id: str | None = None,
    **fields: Any,
) -> Document:
    """Adds an item; ``fields`` are kept beside the common ones (``properties`` among them). Raises 409 for a name in
    use."""
    require_free_name(cloud, workspace_id, item_type, display_name)
    item = {
        "id": item_id or cloud.new_id(), "type": item_type, "displayName": display_name, "description": description,
        "workspaceId": workspace_id, **fields,
    }  # fmt: skip
    cloud.table(ITEMS)[item["id"]] = item
    return item


def change_item(cloud: Cloud, item: Document, **fields: Any) -> Document:
    """Puts fields of an item in place and answers the item as it is then; for modules of a type, about their own
    fields."""
    changed = {**item, **fields}
    cloud.table(ITEMS)[item["id"]] = changed
    return changed


def update_item(
    cloud: Cloud, item: Document, item_type: ItemType, display_name: str | None, description: str | None
) -> Document:
    """Renames or describes an item. Raises 400 ``InvalidRequest`` for no change at all, 400 for bad texts, 409 for a
    name in use."""
    if display_name is None and description is None:
        raise FabricError(400, "InvalidRequest", "The update names neither a display name nor a description.")
    check_texts(cloud, item_type, display_name, description)
    given = {"displayName": display_name, "description": description}
    if display_name is not None:
        require_free_name(cloud, item["workspaceId"], item["type"], display_name, besides=item["id"])
    changed = change_item(cloud, item, **{field: text for field, text in given.items() if text is not None})
    item_type.on_change(cloud, item, changed)
    return changed


def delete_item(cloud: Cloud, item: Document, item_type: ItemType, *, hard: bool = False) -> None:
    """Deletes an item; softly where its type can and ``hard`` is not asked for. Its name stays taken for a while
    [M]."""
    item_type.on_delete(cloud, item)
    if item_type.soft_delete and not hard and cloud.rules.on("fabric.items.soft_delete"):
        cloud.table(DELETED_ITEMS)[item["id"]] = {**item, "deletedAt": cloud.clock.iso()}
    del cloud.table(ITEMS)[item["id"]]
    seconds = cloud.behaviour.name_reservation_seconds
    if seconds:
        key = _name_key(item["workspaceId"], item["type"], item["displayName"])
        cloud.table(RESERVED_NAMES)[key] = {"until": cloud.clock.time() + seconds}


def _name_key(workspace_id: str, item_type: str, display_name: str) -> str:
    return f"{workspace_id}/{item_type}/{display_name.lower()}"
