"""Who has which role in a workspace.

[D] Members grant roles up to their own; only admins change and remove them; the last admin stays.
"""

from __future__ import annotations

from typing import Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import principals, workspaces
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.permissions import RANKS, ROLE_ASSIGNMENTS, require_role, role_in
from cloud_emulator.fabric.responses import created, done, ok
from cloud_emulator.fabric.role_assignments import RoleAssignments, view
from cloud_emulator.fabric.validation import Body, parse

MOST_ASSIGNMENTS = 1000
Role = Literal["Admin", "Member", "Contributor", "Viewer"]


_ROLES = RoleAssignments(ROLE_ASSIGNMENTS, "workspaceId", "workspaces", "WorkspaceRoleAssignment")


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
    return _ROLES.list(cloud, request, workspace["id"])


def get_role(cloud: Cloud, request: Request) -> Response:
    """One role assignment. Needs the role Member."""
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Member")
    return ok(view(cloud, _ROLES.find(cloud, request, workspace["id"])))


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
    present = _ROLES.of(cloud, workspace["id"])
    held = any(each["principalId"] == principal["objectId"] for each in present)
    if held and cloud.rules.on("fabric.roles.one_each"):
        message = f"The principal {principal['objectId']!r} already has a role in this workspace."
        raise FabricError(409, "PrincipalAlreadyHasWorkspaceRolePermissions", message)
    if len(present) >= MOST_ASSIGNMENTS:
        raise FabricError(400, "InvalidRequest", f"A workspace has at most {MOST_ASSIGNMENTS} role assignments.")
    made = workspaces.add_role(cloud, workspace["id"], principal["objectId"], principal["type"], body.role)
    return created(request, _ROLES.path(workspace["id"], made["id"]), view(cloud, made))


def update_role(cloud: Cloud, request: Request) -> Response:
    """Changes a role. Needs the role Admin."""
    assignment = _administered(cloud, request)
    body = parse(request, UpdateRole)
    if body.role != "Admin":
        _require_other_admin(cloud, assignment)
    return ok(view(cloud, _ROLES.change(cloud, assignment, body.role)))


def delete_role(cloud: Cloud, request: Request) -> Response:
    """Takes a role away. Needs the role Admin."""
    assignment = _administered(cloud, request)
    _require_other_admin(cloud, assignment)
    del cloud.table(ROLE_ASSIGNMENTS)[assignment["id"]]
    return done()


def _administered(cloud: Cloud, request: Request) -> Document:
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Admin")
    workspaces.require_shared(cloud, workspace)
    return _ROLES.find(cloud, request, workspace["id"])


def _require_other_admin(cloud: Cloud, assignment: Document) -> None:
    if _ROLES.is_only(cloud, assignment, "Admin") and cloud.rules.on("fabric.roles.last_admin"):
        raise FabricError(400, "InvalidRequest", "A workspace must keep at least one admin.")


def routes() -> Router:
    """The operations of this module."""
    return _ROLES.routes(list_roles, add_role, get_role, update_role, delete_role)
