"""Azure's built-in roles that matter here, as data: what each permits in the control plane, and its name in the data
plane.

From the reference of Azure built-in roles. Actions may hold ``*``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_READ = ("*/read",)
_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers"
_DELEGATE = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"


@dataclass(frozen=True)
class BuiltInRole:
    """A role definition: its GUID, name, and what it permits."""

    guid: str
    name: str
    description: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def permits(self, action: str) -> bool:
        """Whether a control-plane action is permitted."""
        return _matches(self.actions, action) and not _matches(self.not_actions, action)


def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(_pattern(pattern).fullmatch(action) for pattern in patterns)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.IGNORECASE)


BUILT_IN_ROLES = (
    BuiltInRole(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "Owner",
        "Manages everything, access included.",
        ("*",),
    ),
    BuiltInRole(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Manages everything except who has access.",
        ("*",),
        (
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ),
    ),
    BuiltInRole(
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "Reader",
        "Sees everything and changes nothing.",
        _READ,
    ),
    BuiltInRole(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        "Manages who has access.",
        ("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
    ),
    BuiltInRole(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        "Manages role assignments, and no other form of access.",
        (
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ),
    ),
    BuiltInRole(
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        "Manages storage accounts, their keys included.",
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Insights/diagnosticSettings/*",
            "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
            "Microsoft.ResourceHealth/availabilityStatuses/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Storage/storageAccounts/*",
            "Microsoft.Support/*",
        ),
    ),
    BuiltInRole(
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        "Storage Blob Data Owner",
        "Full access to containers and blobs, and to their POSIX access control.",
        (f"{_BLOB}/*", _DELEGATE),
        (),
        (f"{_BLOB}/blobs/*",),
    ),
    BuiltInRole(
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "Storage Blob Data Contributor",
        "Reads, writes and deletes containers and blobs.",
        (f"{_BLOB}/delete", f"{_BLOB}/read", f"{_BLOB}/write", _DELEGATE),
        (),
        tuple(f"{_BLOB}/blobs/{what}" for what in ("delete", "read", "write", "move/action", "add/action")),
    ),
    BuiltInRole(
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "Storage Blob Data Reader",
        "Reads and lists containers and blobs.",
        (f"{_BLOB}/read", _DELEGATE),
        (),
        (f"{_BLOB}/blobs/read",),
    ),
    BuiltInRole(
        "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
        "Storage Blob Delegator",
        "Gets a user delegation key, to sign shared access signatures with.",
        (_DELEGATE,),
    ),
)

ROLES_BY_GUID = {role.guid: role for role in BUILT_IN_ROLES}
ROLES_BY_NAME = {role.name: role for role in BUILT_IN_ROLES}
DATA_PLANE_ROLES = frozenset(role.name for role in BUILT_IN_ROLES if role.name.startswith("Storage Blob"))
