"""Who signs in to a Databricks workspace, and with what: Entra tokens and personal access tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from cloud_emulator.arm.access import databricks_is_public, reached_privately
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Refusal, Request, json_response
from cloud_emulator.core.identity import BadToken, Caller
from cloud_emulator.core.store import Document
from cloud_emulator.unity_catalog import identities, state
from cloud_emulator.unity_catalog.access import principal_of_token
from cloud_emulator.unity_catalog.errors import invalid, refuse
from cloud_emulator.unity_catalog.rights import Rights

AUDIENCE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"


@dataclass(frozen=True, slots=True)
class Session:
    """One request's workspace, metastore and principal."""

    cloud: Cloud
    here: Document
    rights: Rights

    @property
    def metastore_id(self) -> str:
        """The metastore of the workspace."""
        return self.rights.metastore_id


def workspace_of(cloud: Cloud, request: Request) -> Document:
    """The workspace that the request's address names."""
    found = state.workspace(cloud, request.params["host"])
    if found is None:
        raise refuse("WORKSPACE_DOES_NOT_EXIST", f"No Databricks workspace answers at {request.params['host']}.")
    return found


def open_session(cloud: Cloud, request: Request) -> Session:
    """The session of a request to Unity Catalog. Refused where the workspace has no metastore."""
    here = workspace_of(cloud, request)
    if here["metastore_id"] is None:
        if not cloud.rules.on("unity_catalog.workspace.metastore"):
            borrowed = next(iter(state.table_of(cloud, "metastores")))
            return Session(cloud, {**here, "metastore_id": borrowed}, Rights(cloud, borrowed, request.caller.name))
        raise refuse("METASTORE_DOES_NOT_EXIST", "No metastore assigned for the current workspace.")
    return Session(cloud, here, Rights(cloud, here["metastore_id"], request.caller.name))


def require_workspace_admin(cloud: Cloud, request: Request) -> Document:
    """The workspace, for its administrators only."""
    here = workspace_of(cloud, request)
    if not identities.is_admin(cloud, here, request.caller.name):
        raise refuse("PERMISSION_DENIED", "Only admins of the workspace may do this.")
    return here


def authenticate(cloud: Cloud, request: Request) -> Caller:
    """Who asks; ``name`` is what grants call them. 401 for a bad token, 403 for a stranger or a forbidden address."""
    here = workspace_of(cloud, request)
    _check_network(cloud, here)
    caller = _caller(cloud, request, here["host"])
    if not identities.is_member(cloud, here, caller.name) and cloud.rules.on("unity_catalog.workspace.member"):
        raise Refusal(
            json_response(
                403,
                {"error_code": "403", "message": f"Unauthorized access to Org: {here['workspace_id']}", "details": []},
            )
        )
    addressed = request.headers.get("x-databricks-workspace-id")
    if addressed is not None and addressed != str(here["workspace_id"]):
        raise invalid(f"X-Databricks-Workspace-Id is {addressed}, but the address is that of {here['workspace_id']}.")
    return caller


def _caller(cloud: Cloud, request: Request, host: str) -> Caller:
    authorization = request.headers.get("authorization", "")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token.startswith("dapi"):
        principal = principal_of_token(cloud, host, token)
        if principal is None:
            raise refuse("UNAUTHENTICATED", "Invalid access token.")
        return _token_owner(cloud, principal)
    try:
        caller = cloud.tokens.verify(authorization, (AUDIENCE,))
    except BadToken as fault:
        raise refuse("UNAUTHENTICATED", f"Credentials are missing or not valid here ({fault.fault}).") from fault
    return replace(caller, name=caller.app_id or _user_name(cloud, caller))


def _user_name(cloud: Cloud, caller: Caller) -> str:
    found = cloud.directory.by_object_id(caller.object_id)
    return str(found.get("userPrincipalName", "")) if found is not None else ""


def _token_owner(cloud: Cloud, principal: str) -> Caller:
    found = identities.identity(cloud, principal) or {}
    is_user = found.get("kind") == "user"
    return Caller(
        str(found.get("externalId") or ""),
        "" if is_user else principal,
        cloud.directory.tenant_id,
        "User" if is_user else "ServicePrincipal",
        principal,
    )


def _check_network(cloud: Cloud, here: Document) -> None:
    address = cloud.behaviour.client_address
    inside = reached_privately(cloud, here["host"], cloud.behaviour.client_virtual_network)
    if inside:
        return
    if not databricks_is_public(cloud, here["host"]) and cloud.rules.on("unity_catalog.workspace.private"):
        raise refuse("PERMISSION_DENIED", f"Unauthorized network access to workspace: {here['workspace_id']}")
    shut_out = here["ip_access_lists_enabled"] and not _admitted(here, address)
    if shut_out and cloud.rules.on("unity_catalog.workspace.access_lists"):
        raise refuse(
            "PERMISSION_DENIED",
            f"Source IP address: {address} is blocked by Databricks IP ACL for workspace: {here['workspace_id']}",
        )


def _admitted(here: Document, address: str) -> bool:
    """Block lists are looked at first; where allow lists stand, one of them must hold the address."""
    lists = [each for each in here["ip_access_lists"] if each["enabled"]]
    if any(_holds(each, address) for each in lists if each["list_type"] == "BLOCK"):
        return False
    allowing = [each for each in lists if each["list_type"] == "ALLOW"]
    return not allowing or any(_holds(each, address) for each in allowing)


def _holds(access_list: Document, address: str) -> bool:
    return any(ip_address(address) in ip_network(each, strict=False) for each in access_list["ip_addresses"])
