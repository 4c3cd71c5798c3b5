"""What a Databricks workspace tells its administrators (SCIM identities, IP access lists, configuration), and SDKs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Refusal, Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.unity_catalog import identities, state
from cloud_emulator.unity_catalog.errors import invalid, refuse
from cloud_emulator.unity_catalog.requests import allow_query, required
from cloud_emulator.unity_catalog.session import require_workspace_admin, workspace_of

router = Router()
SCIM = "/api/2.0/preview/scim/v2"
ACCOUNT_ID = "00000000-acc0-4000-8000-00000000da7a"
_KINDS = {"Groups": "group", "ServicePrincipals": "service_principal", "Users": "user"}
_SCHEMAS = {"group": "Group", "service_principal": "ServicePrincipal", "user": "User"}
_QUERY = ("attributes", "excludedAttributes", "count", "startIndex", "filter", "sortBy", "sortOrder")
_KNOWN = frozenset({"id", "displayName", "externalId", "userName", "applicationId", "active"})
"""What can be filtered and sorted by here. By another name nothing would be found, and nobody would be told why."""
_FILTER = re.compile(r'(\w+) (eq|co|sw) "([^"]*)"')
_CONFIGURATION = frozenset({"enableIpAccessLists"})
_LONGEST_PAGE = 10_000


@router.route("GET", f"{SCIM}/Groups", "Groups_List")
@router.route("GET", f"{SCIM}/ServicePrincipals", "ServicePrincipals_List")
@router.route("GET", f"{SCIM}/Users", "Users_List")
def list_identities(cloud: Cloud, request: Request) -> Response:
    """Identities of one kind, for the workspace's admins (that others see less isn't documented: they see nothing)."""
    allow_query(request, *_QUERY)
    require_workspace_admin(cloud, request)
    kind = _KINDS[request.raw_path.rstrip("/").rsplit("/", 1)[-1]]
    resources = [_resource(cloud, each) for each in state.table_of(cloud, "identities").by("kind", kind)]
    found = [each for each in resources if _matches(each, request.query.get("filter"))]
    first, count = _number(request, "startIndex", 1), _number(request, "count", 100)
    count = min(count, cloud.behaviour.page_size or _LONGEST_PAGE, _LONGEST_PAGE)
    shown = [_chosen(each, request.query) for each in _sorted(found, request)[first - 1 : first - 1 + count]]
    answer = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": len(found),
        "startIndex": first, "itemsPerPage": len(shown), "Resources": shown,
    }  # fmt: skip
    return json_response(200, answer)


@router.route("GET", f"{SCIM}/Groups/{{id}}", "Groups_Get")
@router.route("GET", f"{SCIM}/ServicePrincipals/{{id}}", "ServicePrincipals_Get")
@router.route("GET", f"{SCIM}/Users/{{id}}", "Users_Get")
def get_identity(cloud: Cloud, request: Request) -> Response:
    """One identity by its Databricks id."""
    allow_query(request, "attributes", "excludedAttributes")
    require_workspace_admin(cloud, request)
    kind = _KINDS[request.raw_path.rstrip("/").rsplit("/", 2)[-2]]
    found = state.table_of(cloud, "identities").get(request.params["id"])
    if found is None or found["kind"] != kind:
        raise _scim_error(404, f"{_SCHEMAS[kind]} with id {request.params['id']} not found.")
    return json_response(200, _chosen(_resource(cloud, found), request.query))


@router.route("GET", f"{SCIM}/Me", "CurrentUser_Me")
def me(cloud: Cloud, request: Request) -> Response:
    """Who asks, as a user: a service principal is one by the name of its application id."""
    allow_query(request, "attributes", "excludedAttributes")
    found = identities.identity(cloud, request.caller.name)
    if found is None:
        raise _scim_error(404, f"{request.caller.name} not found.")
    return json_response(200, _chosen(_resource(cloud, {**found, "kind": "user"}), request.query))


@router.route("GET", "/api/2.0/ip-access-lists", "IpAccessLists_List")
def list_ip_access_lists(cloud: Cloud, request: Request) -> Response:
    """The workspace's IP access lists, for its admins."""
    allow_query(request)
    found = require_workspace_admin(cloud, request)["ip_access_lists"]
    return json_response(200, {"ip_access_lists": found} if found else {})


@router.route("GET", "/api/2.0/ip-access-lists/{id}", "IpAccessLists_Get")
def get_ip_access_list(cloud: Cloud, request: Request) -> Response:
    """One IP access list."""
    allow_query(request)
    found = require_workspace_admin(cloud, request)["ip_access_lists"]
    wanted = next((each for each in found if each["list_id"] == request.params["id"]), None)
    if wanted is None:
        raise refuse("RESOURCE_DOES_NOT_EXIST", f"IP access list '{request.params['id']}' does not exist.")
    return json_response(200, {"ip_access_list": wanted})


@router.route("GET", "/api/2.0/workspace-conf", "WorkspaceConf_GetStatus")
def workspace_conf(cloud: Cloud, request: Request) -> Response:
    """Configuration by key, for the workspace's admins. Values are text; one never set is null."""
    allow_query(request, "keys")
    here = require_workspace_admin(cloud, request)
    keys = required(request, "keys").split(",")
    unknown = sorted(set(keys) - _CONFIGURATION)
    if unknown:
        raise invalid(f"Invalid keys: {', '.join(unknown)}.")
    return json_response(200, {"enableIpAccessLists": "true" if here["ip_access_lists_enabled"] else None})


@router.route("GET", "/.well-known/databricks-config", "HostMetadata_Get", anonymous=True)
def host_metadata(cloud: Cloud, request: Request) -> Response:
    """What SDKs ask of a host before they sign in."""
    here = workspace_of(cloud, request)
    return json_response(
        200,
        {
            "oidc_endpoint": f"{request.base_url}/oidc",
            "account_id": ACCOUNT_ID,
            "workspace_id": str(here["workspace_id"]),
            "cloud": "Azure",
        },
    )


def _resource(cloud: Cloud, found: Document) -> dict[str, Any]:
    """An identity as SCIM tells it; empty fields are left out."""
    kind = found["kind"]
    own = {"group": {}, "service_principal": {"applicationId": found["name"]}, "user": {"userName": found["name"]}}[
        kind
    ]
    people = {"active": True} if kind != "group" else {"meta": {"resourceType": "Group"}}
    fields = {
        "schemas": [f"urn:ietf:params:scim:schemas:core:2.0:{_SCHEMAS[kind]}"], "id": found["id"],
        "displayName": found["displayName"], "externalId": found.get("externalId"), **own, **people,
        "members": [_reference(cloud, each) for each in found.get("members", ())],
        "groups": [_reference(cloud, each) for each in _groups_with(cloud, found["id"])],
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _groups_with(cloud: Cloud, identity_id: str) -> list[str]:
    groups = state.table_of(cloud, "identities").by("kind", "group")
    return [group["id"] for group in groups if identity_id in group["members"]]


def _reference(cloud: Cloud, identity_id: str) -> dict[str, str]:
    found = state.table_of(cloud, "identities")[identity_id]
    path = next(name for name, kind in _KINDS.items() if kind == found["kind"])
    return {"value": identity_id, "display": found["displayName"], "$ref": f"{path}/{identity_id}"}


def _matches(resource: Mapping[str, Any], expression: str | None) -> bool:
    if not expression:
        return True
    parts = _FILTER.fullmatch(expression.strip())
    if parts is None or parts[1] not in _KNOWN:
        raise _scim_error(400, f"The emulator can't evaluate the filter {expression!r}.")
    name, operator, wanted = parts.groups()
    value = str(resource.get(name, "")).lower()
    wanted = wanted.lower()
    return {"eq": value == wanted, "co": wanted in value, "sw": value.startswith(wanted)}[operator]


def _sorted(found: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    order = request.query.get("sortOrder", "ascending")
    if order not in ("ascending", "descending"):
        raise _scim_error(400, f"sortOrder must be ascending or descending, not {order!r}.")
    by = request.query.get("sortBy")
    if by is not None and by not in _KNOWN:
        raise _scim_error(400, f"The emulator can't sort by {by!r}.")
    return sorted(found, key=lambda each: str(each.get(by, "")), reverse=order == "descending") if by else found


def _chosen(resource: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    wanted, excluded = query.get("attributes"), (query.get("excludedAttributes") or "").split(",")
    always = {"id", "schemas"}
    return {
        name: value
        for name, value in resource.items()
        if name not in excluded and (wanted is None or name in always or name in wanted.split(","))
    }


def _number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise _scim_error(400, f"{name} must be a positive number, not {text!r}.")
    return int(text)


def _scim_error(status: int, detail: str) -> Refusal:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": detail, "status": str(status)}
    return Refusal(json_response(status, body))
