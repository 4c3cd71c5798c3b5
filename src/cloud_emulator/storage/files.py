"""What storage accounts hold: containers, and in each a tree of directories and files.

Tables: ``storage.containers`` by ``account/container`` and ``storage.nodes`` by ``account/container/path`` (the root
directory's path is empty). A node has account, container, path, parent (the parent's key, absent at the root),
isDirectory, size, digest (of the content in ``cloud.blobs``), etag, created and modified (seconds since 1970), owner,
group, acl (text as in ``x-ms-acl``), and where they were given metadata, headers (content-type and its like) and a
lease.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document, Table
from cloud_emulator.storage import acl

CONTAINERS = "storage.containers"
NODES = "storage.nodes"
UNCOMMITTED = "storage.uncommitted"
"""What was uploaded to a path but not committed, by the node's key: ``parts`` (appends) and ``blocks``."""
SUPERUSER = "$superuser"


class PathConflict(ValueError):
    """A path, or a parent of it, exists as the other kind."""


class ContainerMissing(LookupError):
    """There is no such container."""


def node_key(account: str, container: str, path: str) -> str:
    """The key of a path in ``storage.nodes``."""
    return f"{account}/{container}/{path}"


def parent_path(path: str) -> str:
    """The path above; the root's is the root."""
    return path.rpartition("/")[0]


def ancestors(path: str) -> list[str]:
    """All paths above one, the root first."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:depth]) for depth in range(len(parts))]


def new_etag(cloud: Cloud) -> str:
    """A new entity tag, in quotes."""
    return f'"0x8D{hashlib.blake2b(cloud.new_id().encode(), digest_size=6).hexdigest().upper()}"'


def container(cloud: Cloud, account: str, name: str) -> Document | None:
    """A container's document: account, name, etag, modified, metadata."""
    return cloud.table(CONTAINERS).get(f"{account}/{name}")


def containers(cloud: Cloud, account: str) -> list[Document]:
    """An account's containers by name."""
    return sorted(cloud.table(CONTAINERS).by("account", account), key=lambda each: str(each["name"]))


def create_container(
    cloud: Cloud, account: str, name: str, *, owner: str = SUPERUSER, metadata: Mapping[str, str] | None = None
) -> Document:
    """Makes a container with its root directory; one that exists is left as it is."""
    held = container(cloud, account, name)
    if held is not None:
        return held
    etag, now = new_etag(cloud), cloud.clock.time()
    made = {"account": account, "name": name, "etag": etag, "modified": now, "metadata": dict(metadata or {})}
    cloud.table(CONTAINERS)[f"{account}/{name}"] = made
    cloud.table(NODES)[node_key(account, name, "")] = {
        "account": account, "container": name, "path": "", "isDirectory": True, "size": 0, "etag": etag,
        "created": now, "modified": now, "owner": owner, "group": owner, "acl": acl.ROOT_ACL,
    }  # fmt: skip
    return made


def delete_container(cloud: Cloud, account: str, name: str) -> None:
    """Removes a container with all that it holds."""
    root = stat(cloud, account, name, "")
    if root is not None:
        remove(cloud, root)
    del cloud.table(CONTAINERS)[f"{account}/{name}"]


def stat(cloud: Cloud, account: str, container: str, path: str) -> Document | None:
    """The node at a path, or ``None``."""
    return cloud.table(NODES).get(node_key(account, container, path))


def children(cloud: Cloud, account: str, container: str, path: str) -> list[Document]:
    """The nodes right below a directory, by name."""
    found = cloud.table(NODES).by("parent", node_key(account, container, path))
    return sorted(found, key=lambda node: str(node["path"]))


def walk(cloud: Cloud, account: str, container: str, path: str) -> Iterator[Document]:
    """All nodes below a directory: each directory before what it holds, siblings by name."""
    for node in children(cloud, account, container, path):
        yield node
        if node["isDirectory"]:
            yield from walk(cloud, account, container, node["path"])


def content(cloud: Cloud, node: Document) -> bytes:
    """A file's bytes."""
    return cloud.blobs.get(node["digest"]) if node.get("digest") else b""


def put_file(
    cloud: Cloud,
    account: str,
    container: str,
    path: str,
    content: bytes,
    *,
    owner: str = SUPERUSER,
    **fields: Any,
) -> Document:
    """Writes a file whole, with the directories above it. A file that is there keeps its owner and access list.

    ``fields`` are further fields of the node. Raises :class:`PathConflict`, :class:`ContainerMissing`.
    """
    digest = cloud.blobs.put(content)
    return place_file(cloud, account, container, path, digest, len(content), owner=owner, **fields)


def place_file(
    cloud: Cloud, account: str, container: str, path: str, digest: str, size: int, *, owner: str, **fields: Any
) -> Document:
    """As :func:`put_file`, for a content that is already in ``cloud.blobs``."""
    held = stat(cloud, account, container, path)
    if held is None:
        fields = {"isDirectory": False, "size": size, "digest": digest, **fields}
        return _add(cloud, account, container, path, owner, fields)
    if held["isDirectory"]:
        raise PathConflict(f"{path!r} is a directory")
    kept = {name: value for name, value in held.items() if name not in ("metadata", "headers", "copied", "md5")}
    return _put(cloud, {**kept, "size": size, "digest": digest, **fields})


def make_directory(
    cloud: Cloud, account: str, container: str, path: str, *, owner: str = SUPERUSER, **fields: Any
) -> Document:
    """Makes a directory, and those above it; one that exists is left as it is.

    Raises :class:`PathConflict`, :class:`ContainerMissing`.
    """
    held = stat(cloud, account, container, path)
    if held is None:
        return _add(cloud, account, container, path, owner, {"isDirectory": True, "size": 0, **fields})
    if not held["isDirectory"]:
        raise PathConflict(f"{path!r} is a file")
    return held


def _add(cloud: Cloud, account: str, container: str, path: str, owner: str, fields: Mapping[str, Any]) -> Document:
    if not path:
        raise ContainerMissing(f"there is no container {container!r} in {account!r}")
    parent = make_directory(cloud, account, container, parent_path(path), owner=owner)
    now = cloud.clock.time()
    above = node_key(account, container, parent["path"])
    node = {
        "account": account, "container": container, "path": path, "parent": above,
        "etag": new_etag(cloud), "created": now, "modified": now, "owner": owner, "group": parent["group"],
        "acl": acl.child_acl(parent["acl"], directory=fields["isDirectory"], rules=cloud.rules), **fields,
    }  # fmt: skip
    cloud.table(NODES)[node_key(account, container, path)] = node
    return node


def _put(cloud: Cloud, node: Mapping[str, Any]) -> Document:
    changed = {**node, "etag": new_etag(cloud), "modified": cloud.clock.time()}
    cloud.table(NODES)[node_key(node["account"], node["container"], node["path"])] = changed
    return changed


def change(cloud: Cloud, node: Document, **fields: Any) -> Document:
    """Puts fields into a node; its entity tag and time change."""
    return _put(cloud, {**node, **fields})


def remove(cloud: Cloud, node: Document) -> None:
    """Removes a node with all below it."""
    table, uncommitted = cloud.table(NODES), cloud.table(UNCOMMITTED)
    below = list(walk(cloud, node["account"], node["container"], node["path"])) if node["isDirectory"] else []
    for each in (*below, node):
        key = node_key(each["account"], each["container"], each["path"])
        del table[key]
        uncommitted.pop(key, None)


def move(cloud: Cloud, node: Document, container: str, path: str) -> Document:
    """Moves a node with all below it; nothing may be there yet. Owners, lists and entity tags go with them."""
    table: Table = cloud.table(NODES)
    account = node["account"]
    below = list(walk(cloud, account, node["container"], node["path"])) if node["isDirectory"] else []
    for each in (node, *below):
        target = path + each["path"][len(node["path"]) :]
        del table[node_key(account, each["container"], each["path"])]
        parent = node_key(account, container, parent_path(target))
        kept = {name: value for name, value in each.items() if name != "lease"}
        table[node_key(account, container, target)] = {**kept, "container": container, "path": target, "parent": parent}
    moved: Document = table[node_key(account, container, path)]
    return moved
