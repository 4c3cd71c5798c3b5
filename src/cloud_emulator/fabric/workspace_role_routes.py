"""Who has which role in a workspace.

[D] Members grant roles up to their own; only admins change and remove them; the last admin stays.
"""

from __future__ import annotations

from typing import Any, Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import principals, workspaces
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.permissions import RANKS, ROLE_ASSIGNMENTS, require_role, role_in
from cloud_emulator.fabric.responses import created, done, listing, ok
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.validation import Body, parse

MOST_ASSIGNMENTS = 1000
Role = Literal["Admin", "Member", "Contributor", "Viewer"]


class AddRole(Body):
    """POST /workspaces/{id}/roleAssignments."""

    principal: principals.PrincipalBody
    role: Role


class UpdateRole(Body):
    """PATCH /workspaces/{id}/roleAssignments/{id}."""

    role: Role


def list_roles(cloud: Cloud, request: Request) -> Response:
    """All role assignments of a workspace. Needs the role Member."""
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Member")
    found = cloud.table(ROLE_ASSIGNMENTS).by("workspaceId", workspace["id"])
    return listing(cloud, request, found, lambda each: _view(cloud, each))


def get_role(cloud: Cloud, request: Request) -> Response:
    """One role assignment. Needs the role Member."""
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Member")
    return ok(_view(cloud, _find(cloud, request, workspace)))


def add_role(cloud: Cloud, request: Request) -> Response:
    """Gives a principal, named by object id, a role; each has one. Needs the role Member, and none lower than the one
    given."""
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Member")
    workspaces.require_shared(cloud, workspace)
    body = parse(request, AddRole)
    own = role_in(cloud, request.caller.object_id, workspace["id"]) or ""
    if RANKS[body.role] > RANKS.get(own, 0) and cloud.rules.on("fabric.roles.not_above_own"):
        raise FabricError(403, "InsufficientPrivileges", f"A {own} can't give the role {body.role}.")
    principal = principals.find(cloud, body.principal, "fabric.roles.object_id")
    present = cloud.table(ROLE_ASSIGNMENTS).by("workspaceId", workspace["id"])
    held = any(each["principalId"] == principal["objectId"] for each in present)
    if held and cloud.rules.on("fabric.roles.one_each"):
        message = f"The principal {principal['objectId']!r} already has a role in this workspace."
        raise FabricError(409, "PrincipalAlreadyHasWorkspaceRolePermissions", message)
    if len(present) >= MOST_ASSIGNMENTS:
        raise FabricError(400, "InvalidRequest", f"A workspace has at most {MOST_ASSIGNMENTS} role assignments.")
    made = workspaces.add_role(cloud, workspace["id"], principal["objectId"], principal["type"], body.role)
    return created(request, f"/workspaces/{workspace['id']}/roleAssignments/{made['id']}", _view(cloud, made))


def update_role(cloud: Cloud, request: Request) -> Response:
    """Changes a role. Needs the role Admin."""
    workspace, assignment = _administered(cloud, request)
    body = parse(request, UpdateRole)
    if body.role != "Admin":
        _require_other_admin(cloud, workspace, assignment)
    changed = {**assignment, "role": body.role}
    cloud.table(ROLE_ASSIGNMENTS)[assignment["id"]] = changed
    return ok(_view(cloud, changed))


def delete_role(cloud: Cloud, request: Request) -> Response:
    """Takes a role away. Needs the role Admin."""
    workspace, assignment = _administered(cloud, request)
    _require_other_admin(cloud, workspace, assignment)
    del cloud.table(ROLE_ASSIGNMENTS)[assignment["id"]]
    return done()


def _administered(cloud: Cloud, request: Request) -> tuple[Document, Document]:
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Admin")
    workspaces.require_shared(cloud, workspace)
    return workspace, _find(cloud, request, workspace)


def _view(cloud: Cloud, assignment: Document) -> dict[str, Any]:
    principal = principals.view(cloud, assignment["principalId"], assignment["principalType"])
    return {"id": assignment["id"], "principal": principal, "role": assignment["role"]}


def _find(cloud: Cloud, request: Request, workspace: Document) -> Document:
    assignment_id = request.params["workspaceRoleAssignmentId"]
    found = cloud.table(ROLE_ASSIGNMENTS).get(assignment_id)
    if found is None or found["workspaceId"] != workspace["id"]:
        raise not_found("Role assignment", assignment_id)
    return found


def _require_other_admin(cloud: Cloud, workspace: Document, assignment: Document) -> None:
    every = cloud.table(ROLE_ASSIGNMENTS).by("workspaceId", workspace["id"])
    others = any(each["role"] == "Admin" and each["id"] != assignment["id"] for each in every)
    if not others and cloud.rules.on("fabric.roles.last_admin"):
        raise FabricError(400, "InvalidRequest", "A workspace must keep at least one admin.")


def routes() -> Router:
    """The operations of this module."""
    every = "/workspaces/{workspaceId}/roleAssignments"
    one = f"{every}/{{workspaceRoleAssignmentId}}"
    return router(
        (
            Operation(
                "GET", every, "Workspaces_ListWorkspaceRoleAssignments", list_roles, query=("continuationToken",)
            ),
            Operation("POST", every, "Workspaces_AddWorkspaceRoleAssignment", add_role, body=True),
            Operation("GET", one, "Workspaces_GetWorkspaceRoleAssignment", get_role),
            Operation("PATCH", one, "Workspaces_UpdateWorkspaceRoleAssignment", update_role, body=True),
            Operation("DELETE", one, "Workspaces_DeleteWorkspaceRoleAssignment", delete_role),
        )
    )
