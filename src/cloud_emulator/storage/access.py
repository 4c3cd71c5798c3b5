"""May this principal do that to this path? The firewall first, then roles, then access control lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cloud_emulator.arm.access import blob_roles
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.storage import acl, files
from cloud_emulator.storage.firewall import Source, is_public, lets_in

__all__ = ["Denial", "Source", "Want", "check", "check_firewall", "is_super_user"]

Want = Literal["read", "list", "status", "write", "delete", "manage_acl", "container", "container_write"]

READER = "Storage Blob Data Reader"
CONTRIBUTOR = "Storage Blob Data Contributor"
OWNER = "Storage Blob Data Owner"
DELEGATOR = "Storage Blob Delegator"
_ROLES: dict[Want, frozenset[str]] = {
    "read": frozenset({READER, CONTRIBUTOR, OWNER}),
    "list": frozenset({READER, CONTRIBUTOR, OWNER}),
    "status": frozenset({READER, CONTRIBUTOR, OWNER}),
    "container": frozenset({READER, CONTRIBUTOR, OWNER}),
    "write": frozenset({CONTRIBUTOR, OWNER}),
    "delete": frozenset({CONTRIBUTOR, OWNER}),
    "manage_acl": frozenset({OWNER}),
    "container_write": frozenset({CONTRIBUTOR, OWNER}),
}
_UNDELEGATED = frozenset({READER, CONTRIBUTOR, OWNER, DELEGATOR})


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not: HTTP status, the service's error code (as the DFS protocol has it), and its message."""

    status: int
    code: str
    message: str


FIREWALL = Denial(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
RIGHTS = Denial(
    403,
    "AuthorizationPermissionMismatch",
    "This request is not authorized to perform this operation using this permission.",
)


def check(
    cloud: Cloud, *, object_id: str | None, account: str, container: str, path: str, want: Want, source: Source
) -> Denial | None:
    """Why the principal may not, or ``None``. A path that isn't there is judged by what is: its nearest parent.

    ``read`` is for a file (of a directory it means ``list``), ``list`` one level, ``status`` the system properties,
    ``delete`` includes everything below, ``manage_acl`` needs ownership, ``container`` and ``container_write`` (the
    container itself, or with no container the list of them) need a role. Without ``object_id`` (credentials vended by
    Unity Catalog) only the firewall and the container's existence are looked at.
    """
    denial = check_firewall(cloud, account, source)
    if denial is not None or object_id is None:
        return denial or _container_missing(cloud, account, container)
    document = cloud.table("arm.storageAccounts")[account]
    lacking = _lacks_delegation(cloud, document, object_id, account, source)
    if lacking and cloud.rules.on("storage.firewall.delegator"):
        return RIGHTS
    roles = blob_roles(cloud, object_id, account, container or None)
    if _role_permits(cloud, roles, want):
        return _container_missing(cloud, account, container) if container else None
    root = files.stat(cloud, account, container, "")
    permitted = not cloud.rules.on("storage.rights.needed")
    if root is not None and document["properties"].get("isHnsEnabled"):
        lists = _Lists(cloud, object_id, root)
        # Contributor leads past the directories above [D]
        leads = want == "manage_acl" and CONTRIBUTOR in roles
        where = path.strip("/")
        permitted = permitted or (lists.owns(where) if leads else lists.permit(where, want))
    return None if permitted else RIGHTS


def _role_permits(cloud: Cloud, roles: frozenset[str], want: Want) -> bool:
    if READER in roles and not cloud.rules.on("storage.rights.reader_reads"):
        return True
    return bool(roles & _ROLES[want]) and cloud.rules.on("storage.rights.role_first")


def check_firewall(cloud: Cloud, account: str, source: Source) -> Denial | None:
    """Why a request doesn't get through to the account, or ``None``."""
    document = cloud.table("arm.storageAccounts").get(account)
    if document is None:
        return Denial(404, "ResourceNotFound", f"The storage account {account!r} does not exist.")
    passes = lets_in(cloud.rules, document["properties"], source, cloud.directory.tenant_id)
    return None if passes else FIREWALL


def is_super_user(cloud: Cloud, object_id: str | None, account: str, container: str) -> bool:
    """Whether a principal may do everything, ownership included: Storage Blob Data Owner."""
    return object_id is not None and OWNER in blob_roles(cloud, object_id, account, container or None)


def _container_missing(cloud: Cloud, account: str, container: str) -> Denial | None:
    if files.container(cloud, account, container) is not None:
        return None
    return Denial(404, "FilesystemNotFound", "The specified filesystem does not exist.")


def _lacks_delegation(cloud: Cloud, document: Document, object_id: str, account: str, source: Source) -> bool:
    """Trusted access with rights by folder or container also needs Storage Blob Delegator at the account [D]."""
    return (
        source.fabric_workspace_id is not None
        and not is_public(document["properties"])
        and cloud.behaviour.trusted_access_delegator
        and not blob_roles(cloud, object_id, account, None) & _UNDELEGATED
    )


class _Lists:
    """The access control lists of one container, asked for one principal."""

    def __init__(self, cloud: Cloud, object_id: str, root: Document) -> None:
        self._cloud = cloud
        self._identity = object_id.lower()
        if not self._on("storage.acl.object_id"):
            self._identity = (cloud.directory.by_object_id(object_id) or {}).get("appId", self._identity)
        self._groups = frozenset(group.lower() for group in cloud.directory.groups_of(object_id))
        self._root = root

    def permit(self, path: str, want: Want) -> bool:
        """Whether the lists alone permit it: X on each directory above, and what the operation needs."""
        above = [node for node in map(self._stat, files.ancestors(path)) if node is not None]
        passes = all(self._allows(node, "x") for node in above if node["isDirectory"])
        if not passes and self._on("storage.acl.traversal"):
            return False
        node = self._stat(path)
        parent = above[-1] if above else self._root
        if want == "status":
            return bool(path) or self._allows(self._root, "x")
        if want in ("container", "container_write"):
            return not self._on("storage.rights.containers")
        if want == "manage_acl":
            return self.owns(path) or not self._on("storage.acl.who_sets")
        if want == "delete":
            return bool(path) and self._allows(parent, "wx") and (node is None or self._clearable(node))
        if want == "write":
            return self._allows(node, "w") if node is not None else self._allows(parent, "wx")
        listed = "rx" if self._on("storage.acl.list") else "r"
        return node is None or self._allows(node, listed if node["isDirectory"] else "r")

    def owns(self, path: str) -> bool:
        """Whether the path is there and the principal's own."""
        node = self._stat(path)
        return node is not None and node["owner"].lower() == self._identity

    def _stat(self, path: str) -> Document | None:
        return files.stat(self._cloud, self._root["account"], self._root["container"], path)

    def _allows(self, node: Document, desired: str) -> bool:
        owners = (node["owner"].lower(), node["group"].lower())
        return acl.allows(node["acl"], *owners, self._identity, self._groups, desired, self._cloud.rules)

    def _on(self, rule: str) -> bool:
        return self._cloud.rules.on(rule)

    def _clearable(self, node: Document) -> bool:
        """A directory can go when it, and each below it, can be emptied."""
        if not node["isDirectory"]:
            return True
        if not self._allows(node, "rwx"):
            return False
        below = files.walk(self._cloud, node["account"], node["container"], node["path"])
        return all(self._allows(each, "rwx") for each in below if each["isDirectory"])
