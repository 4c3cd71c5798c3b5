"""Who may use a connection: its role assignments.

[D] User uses it, UserWithReshare shares it onwards, Owner does everything.
"""

from __future__ import annotations

from typing import Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections, principals
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.responses import created, done, ok
from cloud_emulator.fabric.role_assignments import RoleAssignments, view
from cloud_emulator.fabric.validation import Body, parse

Role = Literal["User", "UserWithReshare", "Owner"]


_ROLES = RoleAssignments(connections.ROLE_ASSIGNMENTS, "connectionId", "connections", "ConnectionRoleAssignment")


class AddRole(Body):
    """POST /connections/{id}/roleAssignments."""

    principal: principals.PrincipalBody
    role: Role


class UpdateRole(Body):
    """PATCH /connections/{id}/roleAssignments/{id}."""

    role: Role


def list_roles(cloud: Cloud, request: Request) -> Response:
    """All role assignments of a connection."""
    connection = _require(cloud, request, "User")
    return _ROLES.list(cloud, request, connection["id"])


def get_role(cloud: Cloud, request: Request) -> Response:
    """One role assignment."""
    connection = _require(cloud, request, "User")
    return ok(view(cloud, _ROLES.find(cloud, request, connection["id"])))


def add_role(cloud: Cloud, request: Request) -> Response:
    """Gives a principal a role; only an owner makes owners. Each principal has one role."""
    connection = _require(cloud, request, "UserWithReshare")
    body = parse(request, AddRole)
    if body.role == "Owner" and cloud.rules.on("fabric.connections.owner_makes_owners"):
        _require(cloud, request, "Owner")
    principal = principals.find(cloud, body.principal, "fabric.connections.object_id")
    for each in _ROLES.of(cloud, connection["id"]):
        if each["principalId"] == principal["objectId"] and cloud.rules.on("fabric.connections.one_role_each"):
            message = f"The principal {principal['objectId']!r} already has a role on this connection."
            raise FabricError(400, "BadRequest", message)
    made = connections.assign(cloud, connection["id"], principal["objectId"], principal["type"], body.role)
    return created(request, _ROLES.path(connection["id"], made["id"]), view(cloud, made))


def update_role(cloud: Cloud, request: Request) -> Response:
    """Changes a role. Needs the role Owner; the last owner stays one."""
    connection = _require(cloud, request, "Owner")
    assignment = _ROLES.find(cloud, request, connection["id"])
    body = parse(request, UpdateRole)
    if body.role != "Owner":
        _require_other_owner(cloud, assignment)
    return ok(view(cloud, _ROLES.change(cloud, assignment, body.role)))


def delete_role(cloud: Cloud, request: Request) -> Response:
    """Takes a role away. Needs the role Owner; the last owner stays one."""
    connection = _require(cloud, request, "Owner")
    assignment = _ROLES.find(cloud, request, connection["id"])
    _require_other_owner(cloud, assignment)
    del cloud.table(connections.ROLE_ASSIGNMENTS)[assignment["id"]]
    return done()


def _require(cloud: Cloud, request: Request, at_least: str) -> Document:
    connection_id = request.params["connectionId"]
    return connections.require_connection(cloud, request.caller, connection_id, at_least, code="InsufficientPrivileges")


def _require_other_owner(cloud: Cloud, assignment: Document) -> None:
    if _ROLES.is_only(cloud, assignment, "Owner") and cloud.rules.on("fabric.connections.last_owner"):
        raise FabricError(400, "InvalidRequest", "A connection must keep at least one owner.")


def routes() -> Router:
    """The operations of this module."""
    return _ROLES.routes(list_roles, add_role, get_role, update_role, delete_role)
