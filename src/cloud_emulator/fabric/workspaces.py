"""Workspaces: what is kept of them, their names, and what goes with them when they are deleted."""

from __future__ import annotations

import re
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import FabricError, invalid_input
from cloud_emulator.fabric.item_types import ITEM_TYPES
from cloud_emulator.fabric.items import CAPACITIES, delete_item, list_items
from cloud_emulator.fabric.permissions import ROLE_ASSIGNMENTS, WORKSPACES

NAME_LIMIT = 256
DESCRIPTION_LIMIT = 4000
RESERVED_NAME = "admin monitoring"


def check_texts(cloud: Cloud, name: str | None, description: str | None) -> None:
    """The rules for a workspace's name and description. Raises 400 ``InvalidInput``."""
    if not cloud.rules.on("fabric.workspaces.name"):
        return
    if name is not None and (not name.strip() or name != name.strip() or len(name) > NAME_LIMIT):
        raise invalid_input(f"displayName: must have 1 to {NAME_LIMIT} characters, no blanks around them.")
    if name is not None and (name.lower() == RESERVED_NAME or re.search(r"[\x00-\x1f]", name)):
        raise invalid_input(f"displayName: {name!r} can't be the name of a workspace.")
    if description is not None and len(description) > DESCRIPTION_LIMIT:
        raise invalid_input(f"description: must have at most {DESCRIPTION_LIMIT} characters.")


def require_free_name(cloud: Cloud, name: str, *, besides: str | None = None) -> None:
    """Names are unique in the tenant, without regard to case. Raises 409 ``WorkspaceNameAlreadyExists``."""
    for workspace in cloud.table(WORKSPACES).values():
        same = workspace["id"] != besides and workspace["displayName"].lower() == name.lower()
        if same and cloud.rules.on("fabric.workspaces.unique_name"):
            raise FabricError(409, "WorkspaceNameAlreadyExists", f"A workspace named {name!r} already exists.")


def require_shared(cloud: Cloud, workspace: Document) -> None:
    """Raises 400 ``InvalidRequest`` for My workspace, which can't be administered."""
    if workspace["type"] != "Workspace" and cloud.rules.on("fabric.workspaces.personal"):
        raise FabricError(400, "InvalidRequest", "This is not possible with a personal workspace.")


def add_role(cloud: Cloud, workspace_id: str, object_id: str, kind: str, role: str) -> Document:
    """Gives a principal of that kind (User, Group, ServicePrincipal) a workspace role; answers the assignment."""
    assignment = {
        "id": cloud.new_id(), "workspaceId": workspace_id, "principalId": object_id, "principalType": kind, "role":
        role,
    }  # fmt: skip
    cloud.table(ROLE_ASSIGNMENTS)[assignment["id"]] = assignment
    return assignment


def add_identity(cloud: Cloud, workspace: Document, object_id: str, app_id: str) -> Document:
    """Gives a workspace its identity, a service principal of its name without any secret; answers the workspace.

    The identity has no workspace role until somebody gives it one.
    """
    cloud.directory.add(
        {
            "objectId": object_id,
            "appId": app_id,
            "type": "ServicePrincipal",
            "displayName": workspace["displayName"],
            "createdAt": cloud.clock.time(),
        }
    )
    changed = {**workspace, "workspaceIdentity": {"applicationId": app_id, "servicePrincipalId": object_id}}
    cloud.table(WORKSPACES)[workspace["id"]] = changed
    return changed


def remove_identity(cloud: Cloud, workspace: Document) -> Document:
    """Takes a workspace's identity away, and its workspace roles; answers the workspace."""
    object_id = workspace["workspaceIdentity"]["servicePrincipalId"]
    roles = cloud.table(ROLE_ASSIGNMENTS)
    for each in roles.by("principalId", object_id):
        del roles[each["id"]]
    cloud.directory.principals.pop(object_id, None)
    changed = {**workspace, "workspaceIdentity": None}
    cloud.table(WORKSPACES)[workspace["id"]] = changed
    return changed


def rename(cloud: Cloud, workspace: Document, name: str | None, description: str | None) -> Document:
    """Renames or describes a workspace; its identity follows its name. Answers the workspace."""
    given = {"displayName": name, "description": description}
    changed = {**workspace, **{field: text for field, text in given.items() if text is not None}}
    cloud.table(WORKSPACES)[workspace["id"]] = changed
    identity = changed.get("workspaceIdentity")
    principal = cloud.directory.by_object_id(identity["servicePrincipalId"]) if identity else None
    if principal is not None:
        cloud.directory.add({**principal, "displayName": changed["displayName"]})
    return changed


def delete(cloud: Cloud, workspace: Document) -> None:
    """Deletes a workspace with its items, role assignments and identity."""
    for item in list_items(cloud, workspace["id"]):
        if item["id"] in cloud.table("fabric.items"):
            delete_item(cloud, item, ITEM_TYPES[item["type"]], hard=True)
    roles = cloud.table(ROLE_ASSIGNMENTS)
    for each in roles.by("workspaceId", workspace["id"]):
        del roles[each["id"]]
    if workspace.get("workspaceIdentity") and cloud.rules.on("fabric.identity.gone"):
        remove_identity(cloud, workspace)
    del cloud.table(WORKSPACES)[workspace["id"]]


def view(cloud: Cloud, workspace: Document, *, own_endpoint: bool = False) -> dict[str, Any]:
    """A workspace as lists show it; ``own_endpoint`` adds its own API address."""
    shown = {field: workspace[field] for field in ("id", "displayName", "description", "type")}
    capacity = cloud.table(CAPACITIES).get(workspace.get("capacityId") or "")
    if capacity is not None:
        shown |= {"capacityId": capacity["id"], "capacityRegion": capacity["region"]}
    if own_endpoint:
        shown["apiEndpoint"] = f"https://{_label(workspace)}.w.api.fabric.microsoft.com"
    return shown


def full_view(cloud: Cloud, workspace: Document, *, own_endpoint: bool = False) -> dict[str, Any]:
    """A workspace as a single read shows it: with its identity, endpoints and the progress of its capacity."""
    shown = view(cloud, workspace, own_endpoint=own_endpoint)
    region = shown.get("capacityRegion", "").replace(" ", "").lower()
    prefix = f"{_label(workspace)}." if own_endpoint else f"{region}-" if region else ""
    shown["oneLakeEndpoints"] = {
        f"{kind}Endpoint": f"https://{prefix}onelake.{kind}.fabric.microsoft.com" for kind in ("blob", "dfs")
    }
    if cloud.rules.on("fabric.workspaces.capacity_progress"):
        shown["capacityAssignmentProgress"] = workspace.get("capacityAssignmentProgress", "Completed")
    if workspace.get("workspaceIdentity"):
        shown["workspaceIdentity"] = dict(workspace["workspaceIdentity"])
    return shown


def _label(workspace: Document) -> str:
    """The host label of a workspace: its id without dashes, and the first two digits once more."""
    digits = str(workspace["id"]).replace("-", "")
    return f"{digits}.z{digits[:2]}"
