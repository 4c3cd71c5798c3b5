"""OneLake data access roles: what is kept of them, and what they let a principal read.

Deny by default; roles only permit. Contributors and above read everything whatever the roles say; others need a role of
which they are a member, by Entra object id, by a group, or by the permissions that they hold on the item.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from typing import Any

import orjson

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.permissions import has_role, role_in

ROLES = "fabric.dataAccessRoles"
BEFORE = "fabric.dataAccessRolesBefore"
"""By item: the roles that are in effect until a change has its own, ``{roles, until}``."""
DEFAULT_ROLE = "DefaultReader"

_READING = frozenset({"Read", "ReadWrite"})
_ITEM_PERMISSIONS = {
    "Viewer": frozenset({"Read"}),
    "Contributor": frozenset({"Read", "Write", "Explore", "Execute", "ReadAll"}),
    "Member": frozenset({"Read", "Write", "Reshare", "Explore", "Execute", "ReadAll"}),
    "Admin": frozenset({"Read", "Write", "Reshare", "Explore", "Execute", "ReadAll"}),
}


def roles_of(cloud: Cloud, item_id: str) -> list[Document]:
    """The roles of an item: itemId, id, name, and the rest of what the API shows."""
    return cloud.table(ROLES).by("itemId", item_id)


def in_effect(cloud: Cloud, item_id: str) -> list[Document]:
    """The roles by which is judged now: a change takes a while to have an effect [D]."""
    before = cloud.table(BEFORE).get(item_id)
    if before is not None and before["until"] > cloud.clock.time():
        return list(before["roles"])
    return roles_of(cloud, item_id)


def begin_change(cloud: Cloud, item_id: str) -> None:
    """Must precede a change of an item's roles."""
    seconds = cloud.behaviour.data_access_role_seconds
    if seconds:
        until = cloud.clock.time() + seconds
        cloud.table(BEFORE)[item_id] = {"roles": in_effect(cloud, item_id), "until": until}


def role_key(item_id: str, name: str) -> str:
    """The key of a role; names are compared without case."""
    return f"{item_id}/{name.lower()}"


def put_role(cloud: Cloud, item_id: str, definition: Mapping[str, Any], role_id: str | None = None) -> Document:
    """Adds or replaces a role. One of that name keeps its id unless another is given."""
    key = role_key(item_id, definition["name"])
    held = cloud.table(ROLES).get(key)
    role = {"itemId": item_id, "id": role_id or (held["id"] if held else cloud.new_id()), **definition}
    cloud.table(ROLES)[key] = role
    return role


def make_default(cloud: Cloud, item: Document) -> None:
    """The role that each new item has: everything, for whoever holds ReadAll."""
    if not cloud.rules.on("fabric.access_roles.default_reader"):
        return
    source = f"{item['workspaceId']}/{item['id']}"
    permission = [
        {"attributeName": "Path", "attributeValueIncludedIn": ["*"]},
        {"attributeName": "Action", "attributeValueIncludedIn": ["Read"]},
    ]
    members = {"fabricItemMembers": [{"itemAccess": ["ReadAll"], "sourcePath": source}], "microsoftEntraMembers": []}
    rule = {"effect": "Permit", "permission": permission}
    put_role(cloud, item["id"], {"name": DEFAULT_ROLE, "kind": "Policy", "decisionRules": [rule], "members": members})


def forget(cloud: Cloud, item_id: str) -> None:
    """Drops the roles of an item that goes, or gets others."""
    for role in roles_of(cloud, item_id):
        del cloud.table(ROLES)[role_key(item_id, role["name"])]


def etag_of(*roles: Document) -> str:
    """The entity tag of a role, or of a set of roles, without quotes."""
    contents = sorted(orjson.dumps(role, option=orjson.OPT_SORT_KEYS) for role in roles)
    return hashlib.sha256(b"\n".join(contents)).hexdigest()[:40]


class Reach:
    """What one caller may read of one item through OneLake."""

    def __init__(self, cloud: Cloud, caller: Caller, item: Document) -> None:
        contributes = has_role(cloud, caller.object_id, item["workspaceId"], "Contributor")
        self.everything = contributes and cloud.rules.on("fabric.access_roles.not_narrowing")
        role = None if self.everything else role_in(cloud, caller.object_id, item["workspaceId"])
        self._granted = frozenset(_granted(cloud, caller, item, role)) if role is not None else frozenset()
        if not cloud.rules.on("fabric.access_roles.deny_by_default"):
            self.everything = True

    @property
    def nothing(self) -> bool:
        """Whether there is nothing at all that the caller may read."""
        return not self.everything and not self._granted

    def reads(self, path: str) -> bool:
        """Whether the caller reads a path such as ``Tables/orders/lines`` and all below it."""
        return self.everything or "*" in self._granted or any(_within(path, each) for each in self._granted)

    def sees(self, path: str) -> bool:
        """Whether the caller reads a path or something below it: then its folder is shown."""
        return self.reads(path) or any(_within(each, path) for each in self._granted)


def may_write(cloud: Cloud, caller: Caller, item: Document, path: str) -> bool:
    """Whether the caller may write to a path of an item through OneLake."""
    role = role_in(cloud, caller.object_id, item["workspaceId"])
    contributes = has_role(cloud, caller.object_id, item["workspaceId"], "Contributor")
    if contributes or not cloud.rules.on("fabric.onelake.writers"):
        return True
    granted = _granted(cloud, caller, item, role, {"ReadWrite"}) if role is not None else ()
    return any(each == "*" or _within(path, each) for each in granted)


def _granted(
    cloud: Cloud, caller: Caller, item: Document, workspace_role: str, actions: Set[str] = _READING
) -> Iterator[str]:
    """The paths where the caller's roles permit one of these actions, without a slash in front.

    Tables under row or column constraints are left out: their files can't be read directly, only through engines that
    apply the constraint.
    """
    identities = {caller.object_id, *cloud.directory.groups_of(caller.object_id)}
    for role in in_effect(cloud, item["id"]):
        if not _is_member(role, identities, item, _ITEM_PERMISSIONS[workspace_role]):
            continue
        for rule in role["decisionRules"]:
            scopes = {scope["attributeName"]: scope["attributeValueIncludedIn"] for scope in rule["permission"]}
            constrained = rule.get("constraints") and cloud.rules.on("fabric.access_roles.constrained")
            if not actions.isdisjoint(scopes["Action"]) and not constrained:
                yield from (path.strip("/") for path in scopes["Path"])


def _is_member(role: Document, identities: set[str], item: Document, held: frozenset[str]) -> bool:
    members = role.get("members") or {}
    if any(each["objectId"].lower() in identities for each in members.get("microsoftEntraMembers") or ()):
        return True
    source = f"{item['workspaceId']}/{item['id']}"
    return any(
        each["sourcePath"].lower() == source and held.issuperset(each["itemAccess"])
        for each in members.get("fabricItemMembers") or ()
    )


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
