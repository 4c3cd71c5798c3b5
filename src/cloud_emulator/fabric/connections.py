"""Connections: what is kept of them, who may use them, and as whom they sign in.

A connection's secret is kept apart from it, in a table that no answer is made from.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import credentials
from cloud_emulator.fabric.connection_types import DATABRICKS, STORAGE
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.gateway_routes import GATEWAYS, virtual_network
from cloud_emulator.fabric.items import CAPACITIES
from cloud_emulator.fabric.permissions import WORKSPACES, has_role
from cloud_emulator.unity_catalog import access as unity_catalog

CONNECTIONS = "fabric.connections"
ROLE_ASSIGNMENTS = "fabric.connectionRoleAssignments"
RANKS = {"User": 1, "UserWithReshare": 2, "Owner": 3}
_RULES = {
    "User": "fabric.connections.visible",
    "UserWithReshare": "fabric.connections.reshare",
    "Owner": "fabric.connections.owner",
}

_SHOWN = (
    "id", "displayName", "gatewayId", "connectivityType", "connectionDetails", "privacyLevel", "credentialDetails",
    "connectionRecency", "allowConnectionUsageInGateway", "allowUsageInUserControlledCode",
)  # fmt: skip


def view(connection: Document) -> dict[str, Any]:
    """A connection as the API shows it, without parameters and secrets."""
    return {field: connection[field] for field in _SHOWN if connection.get(field) is not None}


def role_on(cloud: Cloud, object_id: str, connection_id: str) -> str | None:
    """The highest role of a principal on a connection, through groups as well; ``None`` without any."""
    assignments = cloud.table(ROLE_ASSIGNMENTS).by("connectionId", connection_id)
    roles = [each["role"] for each in assignments if each["principalId"] == object_id]
    if any(each["principalType"] == "Group" for each in assignments):
        groups = cloud.directory.groups_of(object_id)
        roles += [each["role"] for each in assignments if each["principalId"] in groups]
    return max(roles, key=RANKS.__getitem__, default=None)


def usable_by(cloud: Cloud, caller: Caller, connection_id: str) -> bool:
    """Whether a caller may use a connection: it exists, and the caller or a group of its has a role on it."""
    return connection_id in cloud.table(CONNECTIONS) and role_on(cloud, caller.object_id, connection_id) is not None


def require_connection(
    cloud: Cloud,
    caller: Caller,
    connection_id: str,
    at_least: str = "User",
    *,
    code: str = "InsufficientPermissionsToManageConnection",
) -> Document:
    """A connection on which the caller has at least that role (User, UserWithReshare or Owner).

    Raises 404 ``EntityNotFound`` for one that isn't there or not the caller's to see, 403 with ``code`` for a lower
    role.
    """
    connection = cloud.table(CONNECTIONS).get(connection_id)
    role = role_on(cloud, caller.object_id, connection_id)
    if connection is None or (role is None and cloud.rules.on("fabric.connections.visible")):
        raise not_found("Connection", connection_id)
    if RANKS.get(role or "", 0) < RANKS[at_least] and cloud.rules.on(_RULES[at_least]):
        message = f"The caller needs the role {at_least} or a higher one on the connection {connection_id!r}."
        raise FabricError(403, code, message)
    return connection


def assign(cloud: Cloud, connection_id: str, object_id: str, kind: str, role: str) -> Document:
    """Gives a principal of that kind (User, Group, ServicePrincipal) a role on a connection; answers the assignment."""
    assignment = {
        "id": cloud.new_id(), "connectionId": connection_id,
        "principalId": object_id, "principalType": kind, "role": role,
    }  # fmt: skip
    cloud.table(ROLE_ASSIGNMENTS)[assignment["id"]] = assignment
    return assignment


def reaches_databricks(cloud: Cloud, connection: Document) -> bool:
    """Whether a Databricks connection gets through to its workspace: from Fabric's own addresses, or by its gateway."""
    host = databricks_host(connection)
    gateway = cloud.table(GATEWAYS).get(connection.get("gatewayId") or "")
    if gateway is None:
        public = unity_catalog.reachable_by_fabric(cloud, host)
        return public or not cloud.rules.on("fabric.connections.reachable")
    led = unity_catalog.reachable_through(cloud, host, virtual_network(gateway))
    return led or not cloud.rules.on("fabric.connections.gateway_network")


def databricks_host(connection: Document) -> str:
    """The host name of the workspace that a Databricks connection leads to."""
    return urlsplit(connection["parameters"]["url"]).hostname or ""


def databricks_principal(cloud: Cloud, connection: Document) -> tuple[str, str]:
    """The workspace's host name and the principal as which a Databricks connection signs in there: an application id or
    a user name. Raises 400 ``IncorrectCredentials`` when its secret is no longer good."""
    if connection["connectionDetails"]["type"] != DATABRICKS:
        raise FabricError(400, "InvalidConnectionDetails", f"{connection['id']!r} is not a Databricks connection.")
    host = databricks_host(connection)
    return host, credentials.databricks_principal(cloud, host, credentials.kept(cloud, connection["id"]))


def storage_location(connection: Document) -> tuple[str, str, str]:
    """Account, container and folder (maybe empty) that a storage connection leads to."""
    account = (urlsplit(connection["parameters"]["server"]).hostname or "").partition(".")[0]
    container, _, folder = connection["parameters"]["path"].strip("/").partition("/")
    return account, container, folder


def storage_identity(cloud: Cloud, connection: Document, workspace_id: str) -> str | None:
    """The object id as which a storage connection used in a workspace reads: the workspace's identity, the connection's
    service principal or person; ``None`` for an account key or a shared access signature, which are rights themselves.

    Raises 400 ``IncorrectCredentials`` when its secret is no longer good, or the workspace has no identity.
    """
    if connection["connectionDetails"]["type"] != STORAGE:
        raise FabricError(400, "InvalidConnectionDetails", f"{connection['id']!r} is not a storage connection.")
    kept = credentials.kept(cloud, connection["id"])
    if kept["credentialType"] != "WorkspaceIdentity":
        return credentials.storage_object_id(cloud, storage_location(connection)[0], kept)
    identity = cloud.table(WORKSPACES).get(workspace_id, {}).get("workspaceIdentity")
    if identity is None:
        raise credentials.incorrect(f"The workspace {workspace_id!r} has no workspace identity.")
    return str(identity["servicePrincipalId"])


def is_trusted(cloud: Cloud, workspace_id: str) -> bool:
    """Whether a workspace has trusted access to storage behind a firewall, as far as Fabric is concerned [D]: a paid F
    capacity that is active, and a workspace identity that is Contributor or higher there."""
    workspace = cloud.table(WORKSPACES).get(workspace_id, {})
    capacity = cloud.table(CAPACITIES).get(workspace.get("capacityId") or "", {"sku": "", "state": "Inactive"})
    identity = workspace.get("workspaceIdentity")
    if identity is None or capacity["state"] != "Active":
        return False
    sku = capacity["sku"].upper()
    paid = sku.startswith("F") and not sku.startswith("FT")
    contributes = has_role(cloud, identity["servicePrincipalId"], workspace_id, "Contributor")
    return (paid or not cloud.rules.on("fabric.trusted_access.paid_capacity")) and (
        contributes or not cloud.rules.on("fabric.trusted_access.identity_role")
    )
