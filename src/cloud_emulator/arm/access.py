"""What a principal may do by its role assignments: in the control plane, and (for the storage service) with blobs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cloud_emulator.arm import state
from cloud_emulator.arm.builtin_roles import DATA_PLANE_ROLES, ROLES_BY_GUID, BuiltInRole
from cloud_emulator.core.cloud import Cloud


def blob_roles(cloud: Cloud, object_id: str, account: str, container: str | None) -> frozenset[str]:
    """The names of the built-in data-plane roles in effect for a principal, by its own assignments or its groups'.

    ``container=None`` counts only what is assigned at the storage account or above it; otherwise at the container, too.
    An unknown account has no roles.
    """
    found = state.account(cloud, account)
    if found is None:
        return frozenset()
    scope = found["id"] if container is None else state.container_scope(found["id"], container)
    names = (role.name for role in roles_at(cloud, object_id, scope))
    return frozenset(name for name in names if name in DATA_PLANE_ROLES)


def databricks_is_public(cloud: Cloud, host: str) -> bool:
    """Whether the Databricks workspace at that host name is open to the public network."""
    workspaces = state.table_of(cloud, "databricksWorkspaces").values()
    found = next((each for each in workspaces if each["properties"]["workspaceUrl"] == host.lower()), None)
    return found is None or found["properties"]["publicNetworkAccess"] == "Enabled"


def reached_privately(cloud: Cloud, host: str, virtual_network: str | None) -> bool:
    """Whether an approved private endpoint of the Databricks workspace lies in that virtual network (a resource id).

    Networks that are peered with it aren't told apart: one has to be named where the endpoint is.
    """
    endpoints = state.table_of(cloud, "privateEndpoints").by("host", host.lower())
    wanted = (virtual_network or "").lower()
    return any(each["approved"] and each["virtualNetwork"] == wanted for each in endpoints if wanted)


def permitted(cloud: Cloud, object_id: str, action: str, scope: str) -> bool:
    """Whether a principal may carry out a control-plane action such as ``Microsoft.Storage/storageAccounts/read``."""
    return any(role.permits(action) for role in roles_at(cloud, object_id, scope))


def roles_at(cloud: Cloud, object_id: str, scope: str) -> Iterator[BuiltInRole]:
    """The roles in effect for a principal at a scope: its own and its groups', assigned there or above."""
    now = cloud.clock.time()
    scopes = set(state.lineage(state.fold(scope)))
    anywhere = not cloud.rules.on("arm.access.scope")
    groups = cloud.directory.groups_of(object_id) if cloud.rules.on("arm.access.groups") else ()
    if not cloud.rules.on("arm.roles.propagation"):
        now = math.inf
    table = state.table_of(cloud, "roleAssignments")
    for principal in (object_id, *groups):
        for each in table.by("principalId", principal.lower()):
            here = each["scope"] in scopes or anywhere
            if here and each["effectiveAt"] <= now and each["roleId"] in ROLES_BY_GUID:
                yield ROLES_BY_GUID[each["roleId"]]
