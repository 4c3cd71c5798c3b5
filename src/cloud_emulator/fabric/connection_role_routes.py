"""Who may use a connection: its role assignments.

[D] User uses it, UserWithReshare shares it onwards, Owner does everything.
"""

from __future__ import annotations

from typing import Any, Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections, principals
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.responses import created, done, listing, ok
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.validation import Body, parse

Role = Literal["User", "UserWithReshare", "Owner"]


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
    found = cloud.table(connections.ROLE_ASSIGNMENTS).by("connectionId", connection["id"])
    return listing(cloud, request, found, lambda each: _view(cloud, each))


def get_role(cloud: Cloud, request: Request) -> Response:
    """One role assignment."""
    connection = _require(cloud, request, "User")
    return ok(_view(cloud, _find(cloud, request, connection)))


def add_role(cloud: Cloud, request: Request) -> Response:
    """Gives a principal a role; only an owner makes owners. Each principal has one role."""
    connection = _require(cloud, request, "UserWithReshare")
    body = parse(request, AddRole)
    if body.role == "Owner" and cloud.rules.on("fabric.connections.owner_makes_owners"):
        _require(cloud, request, "Owner")
    principal = principals.find(cloud, body.principal, "fabric.connections.object_id")
    for each in cloud.table(connections.ROLE_ASSIGNMENTS).by("connectionId", connection["id"]):
        if each["principalId"] == principal["objectId"] and cloud.rules.on("fabric.connections.one_role_each"):
            message = f"The principal {principal['objectId']!r} already has a role on this connection."
            raise FabricError(400, "BadRequest", message)
    made = connections.assign(cloud, connection["id"], principal["objectId"], principal["type"], body.role)
    return created(request, f"/connections/{connection['id']}/roleAssignments/{made['id']}", _view(cloud, made))


def update_role(cloud: Cloud, request: Request) -> Response:
    """Changes a role. Needs the role Owner; the last owner stays one."""
    connection = _require(cloud, request, "Owner")
    assignment = _find(cloud, request, connection)
    body = parse(request, UpdateRole)
    if body.role != "Owner":
        _require_other_owner(cloud, connection, assignment)
    changed = {**assignment, "role": body.role}
    cloud.table(connections.ROLE_ASSIGNMENTS)[assignment["id"]] = changed
    return ok(_view(cloud, changed))


def delete_role(cloud: Cloud, request: Request) -> Response:
    """Takes a role away. Needs the role Owner; the last owner stays one."""
    connection = _require(cloud, request, "Owner")
    assignment = _find(cloud, request, connection)
    _require_other_owner(cloud, connection, assignment)
    del cloud.table(connections.ROLE_ASSIGNMENTS)[assignment["id"]]
    return done()


def _require(cloud: Cloud, request: Request, at_least: str) -> Document:
    connection_id = request.params["connectionId"]
    return connections.require_connection(cloud, request.caller, connection_id, at_least, code="InsufficientPrivileges")


def _view(cloud: Cloud, assignment: Document) -> dict[str, Any]:
    principal = principals.view(cloud, assignment["principalId"], assignment["principalType"])
    return {"id": assignment["id"], "principal": principal, "role": assignment["role"]}


def _find(cloud: Cloud, request: Request, connection: Document) -> Document:
    assignment_id = request.params["connectionRoleAssignmentId"]
    found = cloud.table(connections.ROLE_ASSIGNMENTS).get(assignment_id)
    if found is None or found["connectionId"] != connection["id"]:
        raise not_found("Role assignment", assignment_id)
    return found


def _require_other_owner(cloud: Cloud, connection: Document, assignment: Document) -> None:
    every = cloud.table(connections.ROLE_ASSIGNMENTS).by("connectionId", connection["id"])
    others = any(each["role"] == "Owner" and each["id"] != assignment["id"] for each in every)
    if not others and cloud.rules.on("fabric.connections.last_owner"):
        raise FabricError(400, "InvalidRequest", "A connection must keep at least one owner.")


def routes() -> Router:
    """The operations of this module."""
    every = "/connections/{connectionId}/roleAssignments"
    one = f"{every}/{{connectionRoleAssignmentId}}"
    return router(
        (
            Operation(
                "GET", every, "Connections_ListConnectionRoleAssignments", list_roles, query=("continuationToken",)
            ),
            Operation("POST", every, "Connections_AddConnectionRoleAssignment", add_role, body=True),
            Operation("GET", one, "Connections_GetConnectionRoleAssignment", get_role),
            Operation("PATCH", one, "Connections_UpdateConnectionRoleAssignment", update_role, body=True),
            Operation("DELETE", one, "Connections_DeleteConnectionRoleAssignment", delete_role),
        )
    )
