"""Workspaces: list, read, create, change, delete, and the capacity they are on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import workspaces
from cloud_emulator.fabric.capacities import require_assignable
from cloud_emulator.fabric.errors import FabricError, invalid_parameter
from cloud_emulator.fabric.items import CAPACITIES, list_items
from cloud_emulator.fabric.permissions import RANKS, WORKSPACES, require_role, role_in
from cloud_emulator.fabric.responses import created, done, listing, ok
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.tenant import CREATE, require_switch
from cloud_emulator.fabric.validation import Body, Guid, boolean, parse

ASSIGN_JOB = "fabric.assignCapacity"
OWN_ENDPOINT = "preferWorkspaceSpecificEndpoints"


class CreateWorkspace(Body):
    """POST /workspaces."""

    display_name: str
    description: str = ""
    capacity_id: Guid | None = None
    domain_id: Guid | None = None


class UpdateWorkspace(Body):
    """PATCH /workspaces/{id}."""

    display_name: str | None = None
    description: str | None = None


class AssignToCapacity(Body):
    """POST /workspaces/{id}/assignToCapacity."""

    capacity_id: Guid


def list_workspaces(cloud: Cloud, request: Request) -> Response:
    """The workspaces in which the caller has a role, or one of ``roles``."""
    wanted = _roles(request)
    own_endpoint = boolean(request, OWN_ENDPOINT)
    mine = request.caller.object_id
    found = [each for each in cloud.table(WORKSPACES).values() if role_in(cloud, mine, each["id"]) in wanted]
    return listing(cloud, request, found, lambda each: workspaces.view(cloud, each, own_endpoint=own_endpoint))


def _roles(request: Request) -> set[str]:
    given = request.query.get("roles")
    if given is None:
        return set(RANKS)
    roles = {role.strip() for role in given.split(",")}
    if not roles <= set(RANKS):
        raise invalid_parameter("roles", f"{min(roles - set(RANKS))!r} is not a workspace role.")
    return roles


def get_workspace(cloud: Cloud, request: Request) -> Response:
    """One workspace."""
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Viewer")
    return ok(workspaces.full_view(cloud, workspace, own_endpoint=boolean(request, OWN_ENDPOINT)))


def create_workspace(cloud: Cloud, request: Request) -> Response:
    """Creates a workspace; the caller becomes its admin."""
    require_switch(cloud, request.caller, CREATE)
    body = parse(request, CreateWorkspace)
    workspaces.check_texts(cloud, body.display_name, body.description)
    workspaces.require_free_name(cloud, body.display_name)
    if body.domain_id is not None:
        raise FabricError(404, "DomainNotFound", f"The domain {body.domain_id!r} could not be found.")
    if body.capacity_id is not None:
        require_assignable(cloud, request.caller, body.capacity_id)
    workspace = {
        "id": cloud.new_id(),
        "displayName": body.display_name,
        "description": body.description,
        "type": "Workspace",
        "capacityId": body.capacity_id,
        "workspaceIdentity": None,
    }
    cloud.table(WORKSPACES)[str(workspace["id"])] = workspace
    workspaces.add_role(cloud, str(workspace["id"]), request.caller.object_id, request.caller.kind, "Admin")
    return created(request, f"/workspaces/{workspace['id']}", workspaces.view(cloud, workspace))


def update_workspace(cloud: Cloud, request: Request) -> Response:
    """Renames or describes a workspace. Needs the role Admin."""
    workspace = _administered(cloud, request)
    body = parse(request, UpdateWorkspace)
    if body.display_name is None and body.description is None:
        raise FabricError(400, "InvalidRequest", "The update names neither a display name nor a description.")
    workspaces.check_texts(cloud, body.display_name, body.description)
    if body.display_name is not None:
        workspaces.require_free_name(cloud, body.display_name, besides=workspace["id"])
    return ok(workspaces.view(cloud, workspaces.rename(cloud, workspace, body.display_name, body.description)))


def delete_workspace(cloud: Cloud, request: Request) -> Response:
    """Deletes a workspace with everything in it. Needs the role Admin."""
    workspaces.delete(cloud, _administered(cloud, request))
    return done()


def assign_to_capacity(cloud: Cloud, request: Request) -> Response:
    """Moves a workspace to a capacity: Admin of the workspace, contributor of the capacity; items stay in their region
    [D]."""
    workspace = _administered(cloud, request)
    capacity = require_assignable(cloud, request.caller, parse(request, AssignToCapacity).capacity_id)
    present = cloud.table(CAPACITIES).get(workspace.get("capacityId") or "")
    away = present is not None and present["region"] != capacity["region"]
    if away and list_items(cloud, workspace["id"]) and cloud.rules.on("fabric.capacities.region"):
        message = f"The workspace holds Fabric items, which can't move to another region, {capacity['region']}."
        raise FabricError(400, "InvalidRequest", message)
    return _move(cloud, workspace, capacity["id"])


def unassign_from_capacity(cloud: Cloud, request: Request) -> Response:
    """Takes a workspace off its capacity, which it can't do while it holds Fabric items [D]. Needs the role Admin."""
    workspace = _administered(cloud, request)
    if list_items(cloud, workspace["id"]) and cloud.rules.on("fabric.capacities.items_stay"):
        raise FabricError(400, "InvalidRequest", "The workspace holds Fabric items, which need a capacity.")
    return _move(cloud, workspace, None)


def _administered(cloud: Cloud, request: Request) -> Document:
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Admin")
    workspaces.require_shared(cloud, workspace)
    return workspace


def _move(cloud: Cloud, workspace: Document, capacity_id: str | None) -> Response:
    """202; the workspace shows how far it is, there is no operation to ask for."""
    cloud.table(WORKSPACES)[workspace["id"]] = {**workspace, "capacityAssignmentProgress": "InProgress"}
    seconds = cloud.behaviour.operation_seconds if cloud.behaviour.long_running == "accepted" else 0.0
    arguments = {"workspaceId": workspace["id"], "capacityId": capacity_id}
    cloud.jobs.schedule(f"{ASSIGN_JOB}:{workspace['id']}", ASSIGN_JOB, arguments, seconds=seconds)
    return json_response(202, None, {"Retry-After": str(cloud.behaviour.retry_after_seconds)})


def _assign(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    workspace = cloud.table(WORKSPACES).get(arguments["workspaceId"])
    if workspace is not None:
        moved = {"capacityId": arguments["capacityId"], "capacityAssignmentProgress": "Completed"}
        cloud.table(WORKSPACES)[workspace["id"]] = {**workspace, **moved}


def register_jobs(cloud: Cloud) -> None:
    """Names the job that moves a workspace to its capacity."""
    cloud.jobs.register(ASSIGN_JOB, _assign)


def routes() -> Router:
    """The operations of this module."""
    one = "/workspaces/{workspaceId}"
    listed = ("roles", "continuationToken", OWN_ENDPOINT)
    return router(
        (
            Operation("GET", "/workspaces", "Workspaces_ListWorkspaces", list_workspaces, query=listed),
            Operation("POST", "/workspaces", "Workspaces_CreateWorkspace", create_workspace, body=True),
            Operation("GET", one, "Workspaces_GetWorkspace", get_workspace, query=(OWN_ENDPOINT,)),
            Operation("PATCH", one, "Workspaces_UpdateWorkspace", update_workspace, body=True),
            Operation("DELETE", one, "Workspaces_DeleteWorkspace", delete_workspace),
            Operation("POST", f"{one}/assignToCapacity", "Workspaces_AssignToCapacity", assign_to_capacity, body=True),
            Operation("POST", f"{one}/unassignFromCapacity", "Workspaces_UnassignFromCapacity", unassign_from_capacity),
        )
    )
