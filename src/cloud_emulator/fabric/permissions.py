"""Workspace roles: who may do what.

[D] Viewer reads metadata, Contributor writes items, Member grants roles up to its own, Admin does everything.
"""

from __future__ import annotations

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import FabricError, not_found

WORKSPACES = "fabric.workspaces"
ROLE_ASSIGNMENTS = "fabric.workspaceRoleAssignments"
RANKS = {"Viewer": 1, "Contributor": 2, "Member": 3, "Admin": 4}
_RULES = {
    "Viewer": "fabric.roles.viewer",
    "Contributor": "fabric.roles.contributor",
    "Member": "fabric.roles.member",
    "Admin": "fabric.roles.admin",
}


def role_in(cloud: Cloud, object_id: str, workspace_id: str) -> str | None:
    """The highest role of a principal in a workspace, through groups as well; ``None`` without any."""
    assignments = cloud.table(ROLE_ASSIGNMENTS).by("workspaceId", workspace_id)
    own = [each["role"] for each in assignments if each["principalId"] == object_id]
    if "Admin" not in own and any(each["principalType"] == "Group" for each in assignments):
        groups = cloud.directory.groups_of(object_id) if cloud.rules.on("fabric.roles.groups") else ()
        own += [each["role"] for each in assignments if each["principalId"] in groups]
    return max(own, key=RANKS.__getitem__, default=None)


def has_role(cloud: Cloud, object_id: str, workspace_id: str, at_least: str) -> bool:
    """Whether a principal has that workspace role or a higher one."""
    role = role_in(cloud, object_id, workspace_id)
    return role is not None and RANKS[role] >= RANKS[at_least]


def require_role(
    cloud: Cloud, caller: Caller, workspace_id: str, at_least: str, *, code: str = "InsufficientPrivileges"
) -> Document:
    """The workspace, if the caller has at least that role in it (Viewer, Contributor, Member or Admin).

    Raises 404 ``WorkspaceNotFound``, or 403 with ``code``.
    """
    workspace = cloud.table(WORKSPACES).get(workspace_id)
    if workspace is None:
        raise not_found("Workspace", workspace_id)
    if not has_role(cloud, caller.object_id, workspace_id, at_least) and cloud.rules.on(_RULES[at_least]):
        message = f"The caller needs the role {at_least} or a higher one in the workspace {workspace['displayName']!r}."
        raise FabricError(403, code, message)
    return workspace
