"""Role assignments and definitions, at every scope that the emulator has."""

from __future__ import annotations

import re
from typing import Literal

from cloud_emulator.arm import role_rules, state
from cloud_emulator.arm.access import roles_at
from cloud_emulator.arm.builtin_roles import BUILT_IN_ROLES, ROLES_BY_GUID, BuiltInRole
from cloud_emulator.arm.errors import invalid_content, refuse
from cloud_emulator.arm.requests import SKIP_TOKEN, Body, allow_query, listing, parse, require, require_subscription
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Endpoint, Handler, Request, Response, json_response
from cloud_emulator.core.router import Route, Router
from cloud_emulator.core.store import Document

_RESOURCE = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/{namespace}/{type}/{resource}"
_SCOPES = (
    "/subscriptions/{subscriptionId}",
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}",
    _RESOURCE,
    f"{_RESOURCE}/{{childType}}/{{child}}/{{grandchildType}}/{{grandchild}}",
)
_PROVIDER = "/providers/microsoft.authorization/"
_ACTIONS = "Microsoft.Authorization/roleAssignments"
_FILTER = re.compile(
    r"(?:(?P<at_scope>atScope\(\))(?: and (?=.)|\Z))?"
    r"(?:principalId eq '?(?P<principal>[0-9a-fA-F-]+)'?|assignedTo\('(?P<assigned>[0-9a-fA-F-]+)'\))?"
)
_ROLE_FILTER = re.compile(r"(?:roleName eq '(?P<name>[^']*)'|type eq '(?P<type>\w+)'|atScopeAndBelow\(\))")


class AssignmentProperties(Body):
    """What is assigned to whom. Conditions aren't evaluated here, so they are refused."""

    role_definition_id: str
    principal_id: str
    principal_type: Literal["User", "Group", "ServicePrincipal", "ForeignGroup", "Device"] | None = None
    description: str | None = None
    condition: None = None
    condition_version: None = None
    delegated_managed_identity_resource_id: None = None


class Assignment(Body):
    """A role assignment to make."""

    properties: AssignmentProperties


def list_assignments(cloud: Cloud, request: Request) -> Response:
    """Assignments at the scope and above it; below it as well, unless filtered by ``atScope()``."""
    allow_query(request, "$filter", "tenantId", SKIP_TOKEN)
    _require_own_tenant(cloud, request)
    scope = _scope(request)
    require(cloud, request, f"{_ACTIONS}/read", scope)
    found = [each for each in _filtered(cloud, request) if _concerns(each, state.fold(scope), request)]
    return json_response(200, listing(cloud, request, [each["body"] for each in found]))


def get_assignment(cloud: Cloud, request: Request) -> Response:
    """One role assignment."""
    allow_query(request, "tenantId")
    _require_own_tenant(cloud, request)
    scope, name = _scope(request), request.params["roleAssignmentName"]
    require(cloud, request, f"{_ACTIONS}/read", scope)
    role_rules.require_guid(cloud, name)
    found = _held(cloud, scope, name)
    if found is None:
        raise refuse(
            404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found. (At the scope '{scope}'.)"
        )
    return json_response(200, found["body"])


def put_assignment(cloud: Cloud, request: Request) -> Response:
    """Assigns a role: 201 for a new assignment, 200 for one that is already so."""
    allow_query(request)
    scope, name = _scope(request), request.params["roleAssignmentName"]
    require(cloud, request, f"{_ACTIONS}/write", scope)
    role_rules.require_guid(cloud, name)
    role_rules.require_scope(cloud, scope)
    wanted = parse(request, Assignment).properties
    _check_version(request, wanted)
    role = role_rules.require_role(cloud, wanted.role_definition_id, scope)
    held = role_rules.by_name(cloud, name)
    if held is not None:
        role_rules.require_unchanged(cloud, held, scope, wanted.principal_id, role)
        return json_response(200, _update(cloud, request, held, wanted))
    principal = role_rules.require_principal(cloud, wanted.principal_id, wanted.principal_type)
    role_rules.require_new_triple(cloud, scope, wanted.principal_id, role)
    body = assignment_body(cloud, scope, name, principal, role, wanted.description, request.caller.object_id)
    effective = cloud.clock.time() + cloud.behaviour.role_propagation_seconds
    state.put_assignment(cloud, body, effective_at=effective)
    return json_response(201, body)


def _check_version(request: Request, wanted: AssignmentProperties) -> None:
    """The oldest version knows neither a principal's type nor descriptions."""
    if request.query.get("api-version") == "2015-07-01" and (wanted.principal_type or wanted.description):
        raise invalid_content("properties: principalType and description need a newer api-version.")


def delete_assignment(cloud: Cloud, request: Request) -> Response:
    """Takes a role away: 204 when there was nothing to take."""
    allow_query(request, "tenantId")
    _require_own_tenant(cloud, request)
    scope, name = _scope(request), request.params["roleAssignmentName"]
    require(cloud, request, f"{_ACTIONS}/delete", scope)
    role_rules.require_guid(cloud, name)
    found = _held(cloud, scope, name)
    if found is None and not cloud.rules.on("arm.roles.delete_absent"):
        raise refuse(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
    if found is None:
        return Response(204)
    del state.table_of(cloud, "roleAssignments")[found["body"]["id"].lower()]
    return json_response(200, found["body"])


def list_definitions(cloud: Cloud, request: Request) -> Response:
    """The built-in roles."""
    allow_query(request, "$filter", SKIP_TOKEN)
    scope = _scope(request)
    require(cloud, request, "Microsoft.Authorization/roleDefinitions/read", scope)
    expression = request.query.get("$filter", "atScopeAndBelow()")
    parts = _ROLE_FILTER.fullmatch(expression)
    if parts is None:
        raise refuse(400, "InvalidFilter", f"The filter {expression!r} is not supported.")
    found = [
        definition_body(scope, role)
        for role in BUILT_IN_ROLES
        if parts["name"] in (None, role.name) and parts["type"] in (None, "BuiltInRole")
    ]
    return json_response(200, listing(cloud, request, list(found)))


def get_definition(cloud: Cloud, request: Request) -> Response:
    """One built-in role."""
    allow_query(request)
    scope, guid = _scope(request), request.params["roleDefinitionId"]
    require(cloud, request, "Microsoft.Authorization/roleDefinitions/read", scope)
    role = ROLES_BY_GUID.get(guid.lower())
    if role is None:
        raise refuse(
            404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{guid}' does not exist."
        )
    return json_response(200, definition_body(scope, role))


def list_permissions(cloud: Cloud, request: Request) -> Response:
    """What the caller itself may do at a scope."""
    allow_query(request, SKIP_TOKEN)
    scope = _scope(request)
    require_subscription(cloud, scope)
    found: list[Document] = [_permissions(role) for role in roles_at(cloud, request.caller.object_id, scope)]
    return json_response(200, listing(cloud, request, found))


def assignment_body(
    cloud: Cloud, scope: str, name: str, principal: Document, role: BuiltInRole, description: str | None, by: str
) -> dict[str, object]:
    """A role assignment as ARM answers it."""
    now = cloud.clock.iso()
    subscription = "/".join(scope.split("/")[:3])
    properties = {
        "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role.guid}",
        "principalId": principal["objectId"], "principalType": principal["type"], "scope": scope,
        "condition": None, "conditionVersion": None, "createdOn": now, "updatedOn": now, "createdBy": by,
        "updatedBy": by, "delegatedManagedIdentityResourceId": None, "description": description,
    }  # fmt: skip
    return {
        "properties": properties,
        "id": state.assignment_id(scope, name),
        "type": _ACTIONS,
        "name": name,
    }


def definition_body(scope: str, role: BuiltInRole) -> dict[str, object]:
    """A role definition as ARM answers it."""
    subscription = "/".join(scope.split("/")[:3])
    return {
        "properties": {
            "roleName": role.name, "type": "BuiltInRole", "description": role.description, "assignableScopes": ["/"],
            "permissions": [_permissions(role)],
        },
        "id": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role.guid}",
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": role.guid,
    }  # fmt: skip


def _permissions(role: BuiltInRole) -> dict[str, object]:
    return {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": [],
    }


def _update(cloud: Cloud, request: Request, held: Document, wanted: AssignmentProperties) -> Document:
    body: Document = held["body"]
    if wanted.principal_type not in (None, body["properties"]["principalType"]):
        role_rules.require_principal(cloud, wanted.principal_id, wanted.principal_type)
    if wanted.description == body["properties"]["description"]:
        return body
    changes = {
        "description": wanted.description,
        "updatedOn": cloud.clock.iso(),
        "updatedBy": request.caller.object_id,
    }
    body = {**body, "properties": {**body["properties"], **changes}}
    state.put_assignment(cloud, dict(body), effective_at=held["effectiveAt"])
    return body


def _require_own_tenant(cloud: Cloud, request: Request) -> None:
    """Requests across tenants aren't served."""
    if request.query.get("tenantId", cloud.directory.tenant_id).lower() != cloud.directory.tenant_id.lower():
        raise refuse(501, "NotImplemented", "The emulator does not serve requests across tenants.")


def _held(cloud: Cloud, scope: str, name: str) -> Document | None:
    return state.table_of(cloud, "roleAssignments").get(state.assignment_id(scope, name).lower())


def _scope(request: Request) -> str:
    """The scope: the path before the last provider, which is Microsoft.Authorization."""
    return request.path[: request.path.lower().rindex(_PROVIDER)]


def _filtered(cloud: Cloud, request: Request) -> list[Document]:
    """The assignments of the principals that the filter names; all of them without one."""
    parts = _parts(request)
    table = state.table_of(cloud, "roleAssignments")
    if parts["principal"] is not None:
        return table.by("principalId", parts["principal"].lower())
    if parts["assigned"] is not None:
        principals = [parts["assigned"].lower(), *cloud.directory.groups_of(parts["assigned"].lower())]
        return [each for principal in principals for each in table.by("principalId", principal)]
    return list(table.values())


def _concerns(assignment: Document, scope: str, request: Request) -> bool:
    if assignment["scope"] in state.lineage(scope):
        return True
    return _parts(request)["at_scope"] is None and str(assignment["scope"]).startswith(f"{scope}/")


def _parts(request: Request) -> dict[str, str | None]:
    expression = request.query.get("$filter", "")
    parts = _FILTER.fullmatch(expression)
    if parts is None:
        raise refuse(400, "InvalidFilter", f"The filter {expression!r} is not supported.")
    return parts.groupdict()


def make_router() -> Router:
    """The routes: each operation at each kind of scope."""
    router = Router(case_sensitive=False)
    assignments = "providers/Microsoft.Authorization/roleAssignments"
    definitions = "providers/Microsoft.Authorization/roleDefinitions"
    operations: tuple[tuple[str, str, str, Effect, Handler], ...] = (
        ("GET", assignments, "RoleAssignments_ListForScope", Effect.READ, list_assignments),
        ("GET", f"{assignments}/{{roleAssignmentName}}", "RoleAssignments_Get", Effect.READ, get_assignment),
        ("PUT", f"{assignments}/{{roleAssignmentName}}", "RoleAssignments_Create", Effect.WRITE, put_assignment),
        ("DELETE", f"{assignments}/{{roleAssignmentName}}", "RoleAssignments_Delete", Effect.WRITE, delete_assignment),
        ("GET", definitions, "RoleDefinitions_List", Effect.READ, list_definitions),
        ("GET", f"{definitions}/{{roleDefinitionId}}", "RoleDefinitions_Get", Effect.READ, get_definition),
        ("GET", "providers/Microsoft.Authorization/permissions", "Permissions_List", Effect.READ, list_permissions),
    )
    for scope in _SCOPES:
        for method, path, operation, effect, handler in operations:
            router.add(Route(method, f"{scope}/{path}", Endpoint(operation, effect, handler)))
    return router
