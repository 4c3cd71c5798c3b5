"""OneLake's tree: which folder or which place in ADLS a path of an item stands for, and whether the caller may look.

A mirrored catalog shows ``Tables/<schema>/<table>``; a lakehouse shows its shortcuts under ``Tables`` and ``Files``,
which lead on to other items with the caller's own rights there, and below ``Files`` what it holds itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import onelake_files, sync
from cloud_emulator.fabric.access_roles import Reach, may_write
from cloud_emulator.fabric.errors import not_found
from cloud_emulator.fabric.items import CAPACITIES, ITEMS, list_items, require_item
from cloud_emulator.fabric.onelake_location import Location, OneLakeDenied, denied, locate, missing
from cloud_emulator.fabric.permissions import WORKSPACES, role_in
from cloud_emulator.fabric.validation import is_guid

__all__ = [
    "Entry",
    "Folder",
    "Location",
    "OneLakeDenied",
    "is_shortcut",
    "mirrored_table",
    "resolve",
    "table_exists",
    "tables_below",
    "writable",
]

SHORTCUTS = "fabric.shortcuts"
MIRRORED = "MirroredAzureDatabricksCatalog"
LAKEHOUSE = "Lakehouse"
ROOTS = {MIRRORED: ("Tables",), LAKEHOUSE: ("Files", "Tables")}
"""The folders at the top of an item, by type; other types have no part in OneLake here."""
_MOST_HOPS = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a folder."""

    name: str
    is_directory: bool = True


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that exists in OneLake only."""

    entries: tuple[Entry, ...]


def resolve(cloud: Cloud, caller: Caller, workspace: str, item: str, path: str) -> Folder | Location:
    """What a path of an item is. Raises :class:`OneLakeDenied`.

    ``workspace`` and ``item`` are both GUIDs, or the name and ``Name.Type``; without an item it is the folder of the
    workspace's items.
    """
    space = _workspace(cloud, workspace)
    if not item:
        return _items(cloud, caller, space, by_id=is_guid(workspace))
    found = _item(cloud, space, item, by_id=is_guid(workspace))
    return _follow(cloud, caller, found, _parts(path), ())


def writable(cloud: Cloud, caller: Caller, workspace: str, item: str, path: str) -> Location:
    """Where a write to a path goes: below a lakehouse's ``Files``, through shortcuts as well. Addresses as for
    :func:`resolve`. Raises :class:`OneLakeDenied`: for the caller, a place that is read-only, or one where the emulator
    doesn't serve writing."""
    found = _item(cloud, _workspace(cloud, workspace), item, by_id=is_guid(workspace))
    return _writable(cloud, caller, found, _parts(path), 0)


def _writable(cloud: Cloud, caller: Caller, item: Document, parts: tuple[str, ...], depth: int) -> Location:
    path = "/".join(parts)
    _require_active(cloud, item)
    if not may_write(cloud, caller, item, path):
        raise _forbidden("/".join((item["displayName"], *parts)), "write")
    if item["type"] == MIRRORED:
        raise denied(403, "BlobImmutable", f"What Fabric mirrors is read-only: {path}")
    hop = _shortcut(cloud, item, parts)
    if hop is not None and depth < _MOST_HOPS and not _is_or_holds_shortcut(cloud, item, path):
        return _writable(cloud, caller, *hop, depth + 1)
    if parts[:1] != (onelake_files.ROOT,) or _is_or_holds_shortcut(cloud, item, path):
        message = "The emulator serves writing to OneLake below a lakehouse's Files, and not to shortcuts themselves."
        raise denied(501, "NotImplemented", message)
    onelake_files.prepare(cloud, item)
    return onelake_files.location(item, path)


def _is_or_holds_shortcut(cloud: Cloud, item: Document, path: str) -> bool:
    places = (f"{each['folder']}/{each['name']}" for each in cloud.table(SHORTCUTS).by("itemId", item["id"]))
    return any(f"{each}/".startswith(f"{path}/") for each in places)


def is_shortcut(cloud: Cloud, workspace: str, item: str, path: str) -> bool:
    """Whether a lakehouse's shortcut stands right at a path; the tables of mirrored catalogs, which nobody made, don't
    count [I]. Addresses as for :func:`resolve`. Raises :class:`OneLakeDenied`."""
    found = _item(cloud, _workspace(cloud, workspace), item, by_id=is_guid(workspace)) if item else None
    return found is not None and "/".join((found["id"], *_parts(path))) in cloud.table(SHORTCUTS)


def table_exists(cloud: Cloud, item: Document, schema: str | None, table: str) -> bool:
    """Whether an item has a table of that name, whoever asks and whether or not its files can be read."""
    parts = ("Tables", table) if schema is None else ("Tables", schema, table)
    return mirrored_table(cloud, item, parts) is not None


def mirrored_table(cloud: Cloud, item: Document, parts: tuple[str, ...], depth: int = 0) -> Document | None:
    """The mirrored table that a path such as ``("Tables", "orders", "lines")`` leads to, through shortcuts as well."""
    if item["type"] == MIRRORED:
        exact = len(parts) == 3 and parts[0] == "Tables"
        return cloud.table(sync.MIRRORED_TABLES).get(sync.table_key(item["id"], *parts[1:])) if exact else None
    hop = _shortcut(cloud, item, parts)
    if hop is None or depth > 10:
        return None
    target, rest = hop
    return mirrored_table(cloud, target, rest, depth + 1)


def tables_below(cloud: Cloud, item: Document, parts: tuple[str, ...]) -> list[str]:
    """The names of the tables in the schema of a mirrored catalog that a path leads to, through shortcuts as well."""
    for _ in range(10):
        if item["type"] == MIRRORED:
            exact = len(parts) == 2 and parts[0] == "Tables"
            found = cloud.table(sync.MIRRORED_TABLES).by("folder", f"{item['id']}/{parts[1]}") if exact else []
            return [each["table"] for each in found]
        hop = _shortcut(cloud, item, parts)
        if hop is None:
            break
        item, parts = hop
    return []


def require_stored(cloud: Cloud, request: Request, at_least: str) -> Document:
    """The item that the path names, for a caller with at least that role; one without a part in OneLake is as good as
    absent. Raises 403, or 404 ``ItemNotFound``."""
    item_id = request.params["itemId"]
    item = require_item(cloud, request.caller, request.params["workspaceId"], item_id, at_least=at_least)
    if item["type"] not in ROOTS:
        raise not_found("Item", item_id)
    return item


def _workspace(cloud: Cloud, name: str) -> Document:
    table = cloud.table(WORKSPACES)
    found = table.get(name.lower()) if is_guid(name) else _by_name(table.values(), name)
    if found is None:
        raise denied(404, "WorkspaceNotFound", f"There is no workspace {name!r}.")
    return found


def _by_name(documents: Iterable[Document], name: str) -> Document | None:
    return next((each for each in documents if each["displayName"].lower() == name.lower()), None)


def _item(cloud: Cloud, workspace: Document, name: str, *, by_id: bool) -> Document:
    mixed = is_guid(name) != by_id
    if mixed and cloud.rules.on("fabric.onelake.one_addressing"):
        message = "Address workspace and item both by GUID, or by name and Name.Type; the two can't be mixed."
        raise denied(400, "InvalidUri", message)
    if is_guid(name):
        found = cloud.table(ITEMS).get(name.lower())
        found = found if found is not None and found["workspaceId"] == workspace["id"] else None
    else:
        display_name, _, kind = name.rpartition(".")
        of_type = (each for each in list_items(cloud, workspace["id"]) if each["type"].lower() == kind.lower())
        found = _by_name(of_type, display_name)
    if found is None or found["type"] not in ROOTS:
        raise denied(
            404, "ArtifactNotFound", f"There is no item {name!r} in the workspace {workspace['displayName']!r}."
        )
    return found


def _items(cloud: Cloud, caller: Caller, workspace: Document, *, by_id: bool) -> Folder:
    if role_in(cloud, caller.object_id, workspace["id"]) is None:
        raise _forbidden(workspace["displayName"])
    shown = (item for item in list_items(cloud, workspace["id"]) if item["type"] in ROOTS)
    return _folder({item["id"] if by_id else f"{item['displayName']}.{item['type']}": True for item in shown})


def _parts(path: str) -> tuple[str, ...]:
    parts = tuple(part for part in path.split("/") if part)
    if any(part in (".", "..") for part in parts):
        raise denied(400, "InvalidUri", "A path can't hold '.' or '..'.")
    return parts


def _follow(
    cloud: Cloud, caller: Caller, item: Document, parts: tuple[str, ...], seen: tuple[str, ...]
) -> Folder | Location:
    _require_active(cloud, item)
    reach = Reach(cloud, caller, item)
    if reach.nothing or (parts and not reach.sees("/".join(parts))):
        raise _forbidden("/".join((item["displayName"], *parts)))
    if not parts:
        return _visible(reach, "", ROOTS[item["type"]])
    if parts[0] not in ROOTS[item["type"]]:
        raise missing("/".join(parts))
    if item["type"] == MIRRORED:
        return _mirrored(cloud, reach, item, parts)
    return _lakehouse(cloud, caller, reach, item, parts, seen)


def _require_active(cloud: Cloud, item: Document) -> None:
    capacity = cloud.table(CAPACITIES).get(cloud.table(WORKSPACES)[item["workspaceId"]].get("capacityId") or "")
    active = capacity is not None and capacity["state"] == "Active"
    if not active and cloud.rules.on("fabric.capacities.active_reads"):
        raise denied(403, "CapacityNotActive", f"The capacity of the item {item['displayName']!r} is not active.")


def _mirrored(cloud: Cloud, reach: Reach, item: Document, parts: tuple[str, ...]) -> Folder | Location:
    tables = cloud.table(sync.MIRRORED_TABLES)
    if len(parts) == 1:
        return _visible(reach, "Tables", (each["schema"] for each in tables.by("itemId", item["id"])))
    if len(parts) == 2:
        found = tables.by("folder", f"{item['id']}/{parts[1]}")
        if not found:
            raise missing("/".join(parts))
        return _visible(reach, "/".join(parts), (each["table"] for each in found))
    table = tables.get(sync.table_key(item["id"], parts[1], parts[2]))
    if table is None:
        raise missing("/".join(parts))
    return locate(cloud, table, parts[3:])


def _lakehouse(
    cloud: Cloud, caller: Caller, reach: Reach, item: Document, parts: tuple[str, ...], seen: tuple[str, ...]
) -> Folder | Location:
    hop = _shortcut(cloud, item, parts)
    if hop is not None:
        target, rest = hop
        step = f"{target['id']}/{'/'.join(rest)}"
        if step in seen:
            raise denied(400, "InvalidUri", f"The shortcut at {'/'.join(parts)} leads back to itself.")
        if not cloud.rules.on("fabric.shortcuts.callers_rights"):
            caller = cloud.directory.caller(item.get("owner") or "") or caller
        return _follow(cloud, caller, target, rest, (*seen, step))
    path = "/".join(parts)
    own = onelake_files.stat(cloud, item, path)
    if own is not None and not own["isDirectory"]:
        return onelake_files.location(item, path)
    names = _names_in(cloud, item, path)
    there = names or own or path in (*ROOTS[LAKEHOUSE], f"Tables/{item['properties'].get('defaultSchema')}")
    if not there and cloud.rules.on("fabric.shortcuts.target_gone"):
        raise missing(path)
    return _visible(reach, path, names)


def _names_in(cloud: Cloud, item: Document, path: str) -> dict[str, bool]:
    """What stands in a folder of a lakehouse: each name, and whether it is a folder."""
    found = onelake_files.names(cloud, item, path)
    for each in cloud.table(SHORTCUTS).by("itemId", item["id"]):
        name = _below(each, path)
        found |= {name: True} if name is not None else {}
    schema = item["properties"].get("defaultSchema")
    return {**found, schema: True} if path == "Tables" and schema is not None else found


def _shortcut(cloud: Cloud, item: Document, parts: tuple[str, ...]) -> tuple[Document, tuple[str, ...]] | None:
    """The item to which a shortcut on the way of a path leads, and the path there. Raises 404 for a broken one."""
    for end in range(2, len(parts) + 1):
        shortcut = cloud.table(SHORTCUTS).get("/".join((item["id"], *parts[:end])))
        if shortcut is None:
            continue
        target = shortcut["target"]["oneLake"]
        found = cloud.table(ITEMS).get(target["itemId"].lower())
        if found is None or found["workspaceId"] != target["workspaceId"].lower() or found["type"] not in ROOTS:
            if not cloud.rules.on("fabric.shortcuts.target_gone"):
                return None
            raise missing("/".join(parts))
        return found, (*_parts(target["path"]), *parts[end:])
    return None


def _below(shortcut: Document, path: str) -> str | None:
    """The name under which a shortcut, or a folder that leads to it, stands in a folder."""
    whole = f"{shortcut['folder']}/{shortcut['name']}"
    return whole[len(path) + 1 :].partition("/")[0] if whole.startswith(path + "/") else None


def _visible(reach: Reach, path: str, names: Mapping[str, bool] | Iterable[str]) -> Folder:
    """The names that the caller sees; all are folders unless it is said which are."""
    prefix = f"{path}/" if path else ""
    folders = names if isinstance(names, Mapping) else dict.fromkeys(names, True)
    return _folder({name: is_folder for name, is_folder in folders.items() if reach.sees(prefix + name)})


def _folder(names: Mapping[str, bool]) -> Folder:
    return Folder(tuple(Entry(name, is_folder) for name, is_folder in sorted(names.items())))


def _forbidden(what: str, done: str = "read") -> OneLakeDenied:
    return denied(403, "AuthorizationPermissionMismatch", f"The caller may not {done} {what} through OneLake.")
