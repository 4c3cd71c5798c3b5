"""OneLake data access roles: list, replace all, and one by one. Entity tags guard against lost changes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import access_roles, responses, validation
from cloud_emulator.fabric.access_role_rules import RoleBody, RolesBody, check_role, check_roles
from cloud_emulator.fabric.errors import FabricError, invalid_input, invalid_parameter
from cloud_emulator.fabric.onelake import require_stored
from cloud_emulator.fabric.routing import Operation, router


def _item(cloud: Cloud, request: Request, at_least: str) -> Document:
    """The item whose roles they are."""
    if at_least == "Member" and not cloud.rules.on("fabric.access_roles.member"):
        at_least = "Viewer"
    return require_stored(cloud, request, at_least)


def _list(cloud: Cloud, request: Request) -> Response:
    item = _item(cloud, request, "Contributor")
    roles = access_roles.roles_of(cloud, item["id"])
    headers = {"ETag": _quoted(access_roles.etag_of(*roles))}
    return responses.listing(cloud, request, roles, _list_view, headers=headers)


def _replace(cloud: Cloud, request: Request) -> Response:
    """Replaces the whole set; with dryRun only checks it."""
    item = _item(cloud, request, "Member")
    dry_run = validation.boolean(request, "dryRun")
    body = validation.parse(request, RolesBody)
    held = access_roles.roles_of(cloud, item["id"])
    _check_conditions(cloud, request, access_roles.etag_of(*held))
    check_roles(cloud, item, body.value)
    if dry_run and cloud.rules.on("fabric.access_roles.dry_run"):
        return Response(200, headers={"ETag": _quoted(access_roles.etag_of(*held))})
    access_roles.begin_change(cloud, item["id"])
    ids = {role["name"].lower(): role["id"] for role in held}
    if cloud.rules.on("fabric.access_roles.replaces"):
        access_roles.forget(cloud, item["id"])
    for role in body.value:
        access_roles.put_role(cloud, item["id"], _document(role), ids.get(role.name.lower()))
    roles = access_roles.roles_of(cloud, item["id"])
    return Response(200, headers={"ETag": _quoted(access_roles.etag_of(*roles))})


def _put_one(cloud: Cloud, request: Request) -> Response:
    """Adds a role, or replaces the one of that name where the policy says so."""
    _require_preview(cloud, request)
    item = _item(cloud, request, "Member")
    policy = validation.choice(request, "dataAccessRoleConflictPolicy", ("Overwrite", "Abort"), default="Abort")
    body = validation.parse(request, RoleBody)
    held = {role["name"].lower(): role for role in access_roles.roles_of(cloud, item["id"])}
    old = held.get(body.name.lower())
    _check_conditions(cloud, request, access_roles.etag_of(old) if old is not None else None)
    if old is not None and policy == "Abort" and cloud.rules.on("fabric.access_roles.abort"):
        message = f"A role {body.name!r} exists and the conflict policy is Abort."
        raise FabricError(409, "Conflict", message)
    check_role(cloud, item, body, others=len(held) - (old is not None))
    access_roles.begin_change(cloud, item["id"])
    role = access_roles.put_role(cloud, item["id"], _document(body))
    headers = {"ETag": _quoted(access_roles.etag_of(role)), "Location": _location(request, item, role)}
    return Response(201 if old is None else 200, headers=headers)


def _get_one(cloud: Cloud, request: Request) -> Response:
    _require_preview(cloud, request)
    role = _role(cloud, _item(cloud, request, "Member"), request)
    etag = access_roles.etag_of(role)
    _check_conditions(cloud, request, etag)
    shown = {name: value for name, value in _view(role).items() if name != "id"}
    return responses.ok(shown, {"ETag": _quoted(etag)})


def _delete_one(cloud: Cloud, request: Request) -> Response:
    _require_preview(cloud, request)
    item = _item(cloud, request, "Member")
    role = _role(cloud, item, request)
    access_roles.begin_change(cloud, item["id"])
    del cloud.table(access_roles.ROLES)[access_roles.role_key(item["id"], role["name"])]
    return responses.done()


def _role(cloud: Cloud, item: Document, request: Request) -> Document:
    name = request.params["roleName"]
    role = cloud.table(access_roles.ROLES).get(access_roles.role_key(item["id"], name))
    if role is None:
        raise FabricError(404, "RoleNotFound", f"The item {item['displayName']!r} has no role {name!r}.")
    return role


def _require_preview(cloud: Cloud, request: Request) -> None:
    """The operations on one role are in preview, which callers must acknowledge [D]."""
    if not validation.boolean(request, "preview") and cloud.rules.on("fabric.access_roles.preview"):
        raise invalid_parameter("preview", "this operation is in preview and takes preview=true only.")


def _check_conditions(cloud: Cloud, request: Request, etag: str | None) -> None:
    """If-Match and If-None-Match against the present entity tag. Raises 412, 400 for a tag without quotes."""
    wanted, unwanted = _tag(cloud, request, "if-match"), _tag(cloud, request, "if-none-match")
    if not cloud.rules.on("fabric.access_roles.etag"):
        return
    if wanted is not None and (etag is None or wanted not in ("*", etag)):
        raise FabricError(412, "PreconditionFailed", "The ETag of If-Match is not the present one; read again.")
    if unwanted is not None and etag is not None and unwanted in ("*", etag):
        raise FabricError(412, "PreconditionFailed", "The present ETag is the one of If-None-Match.")


def _tag(cloud: Cloud, request: Request, header: str) -> str | None:
    value = request.headers.get(header)
    if value is None or value == "*":
        return value
    quoted = len(value) >= 2 and value.startswith('"') and value.endswith('"')
    if not quoted and not cloud.rules.on("fabric.access_roles.quoted"):
        return value
    if not quoted:
        raise invalid_input(f"The ETag in {header} must stand in quotes.")
    return value[1:-1]


def _document(role: RoleBody) -> dict[str, Any]:
    return {"kind": "Policy", **role.model_dump(by_alias=True, exclude_none=True)}


def _view(role: Document) -> dict[str, Any]:
    return {name: value for name, value in role.items() if name != "itemId"}


def _list_view(role: Document) -> dict[str, Any]:
    return {**_view(role), "eTag": access_roles.etag_of(role)}


def _quoted(etag: str) -> str:
    return f'"{etag}"'


def _location(request: Request, item: Document, role: Document) -> str:
    base = f"{request.base_url}/v1/workspaces/{item['workspaceId']}/items/{item['id']}/dataAccessRoles/"
    return base + quote(role["name"], safe="")


def routes() -> Router:
    """The operations of this module."""
    base = "/workspaces/{workspaceId}/items/{itemId}/dataAccessRoles"
    one, group = base + "/{roleName}", "OneLakeDataAccessSecurity"
    policy = ("dataAccessRoleConflictPolicy", "preview")
    return router(
        (
            Operation("GET", base, f"{group}_ListDataAccessRoles", _list, ("continuationToken",)),
            Operation("PUT", base, f"{group}_CreateOrUpdateDataAccessRoles", _replace, ("dryRun",), body=True),
            Operation("POST", base, f"{group}_CreateOrUpdateSingleDataAccessRole", _put_one, policy, body=True),
            Operation("GET", one, f"{group}_GetDataAccessRole", _get_one, ("preview",)),
            Operation("DELETE", one, f"{group}_DeleteDataAccessRole", _delete_one, ("preview",)),
        )
    )
