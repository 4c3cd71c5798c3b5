"""Shortcuts of lakehouses: what is kept of them, where they may stand, and what they may point at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import onelake_files
from cloud_emulator.fabric.access_roles import Reach
from cloud_emulator.fabric.errors import FabricError, invalid_input, not_found
from cloud_emulator.fabric.items import ITEMS
from cloud_emulator.fabric.onelake import LAKEHOUSE, ROOTS, SHORTCUTS, OneLakeDenied, resolve
from cloud_emulator.fabric.sync import tell_sql_endpoint

ConflictPolicy = Literal["Abort", "GenerateUniqueName", "CreateOrOverwrite", "OverwriteOnly"]
POLICIES: tuple[ConflictPolicy, ...] = ("Abort", "GenerateUniqueName", "CreateOrOverwrite", "OverwriteOnly")
_MOST_LINKS = 5
"""Shortcuts to shortcuts in a row [D]."""
_NAME = re.compile(r'[^\x00-\x1f"\\/:|<>*?%+#]{1,255}')


def view(shortcut: Document) -> dict[str, Any]:
    """A shortcut as the API shows it: its path is what the creator wrote."""
    return {field: shortcut[field] for field in ("path", "name", "target")}


def find(cloud: Cloud, item_id: str, path: str, name: str) -> Document:
    """A shortcut by path and name. Raises 404 ``EntityNotFound``."""
    shortcut = cloud.table(SHORTCUTS).get(_key(item_id, _folder(path), name))
    if shortcut is None:
        raise not_found("Shortcut", f"{path}/{name}")
    return shortcut


def list_below(cloud: Cloud, item_id: str, parent_path: str | None) -> list[Document]:
    """The shortcuts of an item, in a folder and below it if one is given."""
    found = cloud.table(SHORTCUTS).by("itemId", item_id)
    folder = _folder(parent_path or "")
    return [each for each in found if not folder or f"{each['folder']}/".startswith(f"{folder}/")]


def delete(cloud: Cloud, shortcut: Document) -> None:
    """Deletes a shortcut, never what it points at."""
    del cloud.table(SHORTCUTS)[_key(shortcut["itemId"], shortcut["folder"], shortcut["name"])]
    tell_sql_endpoint(cloud, shortcut["itemId"])


def forget(cloud: Cloud, item_id: str) -> None:
    """Drops the shortcuts of an item that goes."""
    for shortcut in cloud.table(SHORTCUTS).by("itemId", item_id):
        del cloud.table(SHORTCUTS)[_key(item_id, shortcut["folder"], shortcut["name"])]


def create(
    cloud: Cloud, caller: Caller, item: Document, path: str, name: str, target: Document, policy: ConflictPolicy
) -> tuple[Document, bool]:
    """Makes a shortcut to OneLake; answers it and whether it is new. ``target`` has workspaceId, itemId and path.

    Raises :class:`FabricError`: a place where none may stand, a target that isn't there or not the caller's to read, a
    shortcut of that name (as the policy says).
    """
    folder = _folder(path)
    _check_place(cloud, item, folder, name)
    _check_target(cloud, caller, target)
    _check_way(cloud, item, f"{folder}/{name}", target)
    held = _key(item["id"], folder, name) in cloud.table(SHORTCUTS)
    name = _settle_name(cloud, item["id"], folder, name, policy) if held else name
    if not held and policy == "OverwriteOnly" and cloud.rules.on("fabric.shortcuts.overwrite_only"):
        raise not_found("Shortcut", f"{path}/{name}")
    _check_surroundings(cloud, item, folder, name)
    _check_room(cloud, item["id"])
    shortcut = {
        "itemId": item["id"], "folder": folder, "path": path, "name": name,
        "target": {"type": "OneLake", "oneLake": dict(target)},
    }  # fmt: skip
    key = _key(item["id"], folder, name)
    is_new = key not in cloud.table(SHORTCUTS)
    cloud.table(SHORTCUTS)[key] = shortcut
    tell_sql_endpoint(cloud, item["id"])
    return shortcut, is_new


def _check_room(cloud: Cloud, item_id: str) -> None:
    limit = cloud.behaviour.shortcut_limit
    full = len(cloud.table(SHORTCUTS).by("itemId", item_id)) >= limit
    if full and cloud.rules.on("fabric.shortcuts.limit"):
        raise FabricError(400, "InvalidRequest", f"An item can have {limit} shortcuts.")


def _settle_name(cloud: Cloud, item_id: str, folder: str, name: str, policy: ConflictPolicy) -> str:
    if policy == "Abort" and cloud.rules.on("fabric.shortcuts.abort"):
        message = f"The conflict policy is Abort and a shortcut {name!r} exists in {folder}."
        raise FabricError(409, "ShorcutsOperationNotAllowed", message)  # the specification's own spelling
    if policy != "GenerateUniqueName" or not cloud.rules.on("fabric.shortcuts.unique_name"):
        return name
    number = 1
    while _key(item_id, folder, f"{name}_{number}") in cloud.table(SHORTCUTS):
        number += 1
    return f"{name}_{number}"


def _check_place(cloud: Cloud, item: Document, folder: str, name: str) -> None:
    if item["type"] != LAKEHOUSE and cloud.rules.on("fabric.shortcuts.holder"):
        raise FabricError(400, "InvalidRequest", f"An item of type {item['type']} can't hold shortcuts.")
    if not _fits(name) and cloud.rules.on("fabric.shortcuts.name"):
        raise invalid_input(f"The shortcut name {name!r} is not valid.")
    root, *below = folder.split("/")
    if root not in ROOTS[LAKEHOUSE] or not all(map(_fits, below)):
        raise invalid_input(f"The path {folder!r} is not valid: it must lie in Files or Tables.")
    deepest = 1 if item["properties"].get("defaultSchema") is not None else 0
    if root == "Tables" and len(below) > deepest and cloud.rules.on("fabric.shortcuts.place"):
        where = "Tables/<schema>, or Tables for a whole schema" if deepest else "Tables: it has no schemas"
        raise invalid_input(f"In this lakehouse a shortcut to a table stands in {where}.")


def _fits(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name.strip(" .") == name


def _check_surroundings(cloud: Cloud, item: Document, folder: str, name: str) -> None:
    """A shortcut can't stand within another, nor where a folder is."""
    parts = folder.split("/")
    table = cloud.table(SHORTCUTS)
    for end in range(2, len(parts) + 1):
        within = _key(item["id"], "/".join(parts[: end - 1]), parts[end - 1]) in table
        if within and cloud.rules.on("fabric.shortcuts.not_nested"):
            raise FabricError(
                400, "InvalidRequest", f"{'/'.join(parts[:end])} is a shortcut itself; none can stand in it."
            )
        own = onelake_files.stat(cloud, item, "/".join(parts[:end]))
        if own is not None and not own["isDirectory"]:
            raise FabricError(400, "InvalidRequest", f"{'/'.join(parts[:end])} is a file; no shortcut can stand in it.")
    whole = f"{folder}/{name}"
    default = f"Tables/{item['properties'].get('defaultSchema')}"
    if whole == default or list_below(cloud, item["id"], whole) or onelake_files.stat(cloud, item, whole):
        raise FabricError(409, "ShorcutsOperationNotAllowed", f"{whole} is a folder already.")


def _check_target(cloud: Cloud, caller: Caller, target: Document) -> None:
    found = cloud.table(ITEMS).get(target["itemId"])
    if found is None or found["workspaceId"] != target["workspaceId"] or found["type"] not in ROOTS:
        if not cloud.rules.on("fabric.shortcuts.target_item"):
            return
        raise not_found("Item", f"{target['workspaceId']}/{target['itemId']}")
    path = _folder(target["path"])
    odd = any(part in ("", ".", "..") or "%" in part or "+" in part for part in path.split("/"))
    if odd and cloud.rules.on("fabric.shortcuts.target_path"):
        raise invalid_input(f"The target path {target['path']!r} has a dotted segment, a percent or a plus sign.")
    within = path.split("/")[0] in ROOTS[found["type"]]
    if not within and cloud.rules.on("fabric.shortcuts.target_root"):
        raise invalid_input(
            f"The target path {target['path']!r} must begin with one of {', '.join(ROOTS[found['type']])}."
        )
    reads = Reach(cloud, caller, found).sees(path)
    if not reads and cloud.rules.on("fabric.shortcuts.target_readable"):
        message = f"The caller may not read {path} of the item {found['displayName']!r}."
        raise FabricError(403, "InsufficientPrivileges", message)
    if cloud.behaviour.shortcut_target_paths == "checked":
        _require_path(cloud, caller, found, path)


def _check_way(cloud: Cloud, item: Document, place: str, target: Document) -> None:
    """A shortcut leads to its data through at most five others, and never to a folder in which it stands itself."""
    waiting, seen = [(target["itemId"], _folder(target["path"]), 1)], set()
    while waiting:
        item_id, path, links = waiting.pop()
        if (item_id, path) in seen:
            continue
        seen.add((item_id, path))
        loops = item_id == item["id"] and f"{place}/".startswith(f"{path}/")
        if loops and cloud.rules.on("fabric.shortcuts.no_loop"):
            raise FabricError(400, "InvalidRequest", f"The shortcut {place} would lead to a folder that it stands in.")
        if links > _MOST_LINKS and cloud.rules.on("fabric.shortcuts.links"):
            raise FabricError(400, "InvalidRequest", f"The shortcut {place} would lead through {links} others.")
        waiting += _onwards(cloud, item_id, path, links)


def _onwards(cloud: Cloud, item_id: str, path: str, links: int) -> Iterator[tuple[str, str, int]]:
    """Where the shortcuts on the way of a path, or below it, lead."""
    for each in cloud.table(SHORTCUTS).by("itemId", item_id):
        own, aim = f"{each['folder']}/{each['name']}", each["target"]["oneLake"]
        if f"{path}/".startswith(f"{own}/"):
            yield aim["itemId"], _folder(aim["path"]) + path[len(own) :], links + 1
        elif own.startswith(f"{path}/"):
            yield aim["itemId"], _folder(aim["path"]), 1


def _require_path(cloud: Cloud, caller: Caller, item: Document, path: str) -> None:
    try:
        resolve(cloud, caller, item["workspaceId"], item["id"], path)
    except OneLakeDenied:
        raise not_found("Path", path) from None


def _folder(path: str) -> str:
    return path.strip("/")


def _key(item_id: str, folder: str, name: str) -> str:
    return f"{item_id}/{folder}/{name}"
