"""Two states of a cloud compared in full: what differs, by path, whatever ids things have been given."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

State = Mapping[str, Any]
_MISSING = "(nothing)"
BOOKKEEPING = frozenset({"fabric.reservedNames", "fabric.deletedItems"})
"""Names that stay taken for a while, and what can be restored: neither is anybody's work."""


def differences(before: State, after: State) -> dict[str, tuple[Any, Any]]:
    """Every path at which the states differ, with both values; ids are replaced by what they are the ids of."""
    old, new = dict(_leaves(_named(before))), dict(_leaves(_named(after)))
    paths = sorted({*old, *new})
    return {
        path: (old.get(path, _MISSING), new.get(path, _MISSING))
        for path in paths
        if old.get(path, _MISSING) != new.get(path, _MISSING)
    }


TIMES = frozenset(
    {
        "createdAt", "createdDateTime", "createdOn", "effectiveAt", "endTime", "etag", "lastSuccess",
        "lastSyncDateTime", "modified", "startTime", "updatedOn", "updated_at",
    }
)  # fmt: skip
"""Fields that say when something was, and so differ between two runs; an ETag changes with each write."""


def timeless(value: Any) -> Any:
    """The state without these fields."""
    if isinstance(value, Mapping):
        return {key: timeless(below) for key, below in value.items() if key not in TIMES}
    return [timeless(below) for below in value] if isinstance(value, list) else value


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves(below, f"{path}|{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for place, below in enumerate(value):
            yield from _leaves(below, f"{path}[{place}]")
    else:
        yield path, value


def _named(state: State) -> dict[str, Any]:
    """The state with ids replaced by names, and the parts of definitions readable."""
    kept = {name: table for name, table in state.items() if name not in BOOKKEEPING}
    kept["fabric.definitions"] = {key: _readable(each) for key, each in state.get("fabric.definitions", {}).items()}
    text = json.dumps(kept, sort_keys=True)
    for old, new in _names(state).items():
        text = text.replace(old, new)
    named: dict[str, Any] = json.loads(text)
    for node in named.get("storage.nodes", {}).values():
        node["acl"] = sorted(node["acl"].split(","))
    return named


def _readable(definition: Mapping[str, Any]) -> dict[str, Any]:
    if "parts" not in definition:
        return dict(definition)
    parts = {part["path"]: base64.b64decode(part["payload"]).decode() for part in definition["parts"]}
    for path in (path for path in parts if path.endswith("expressions.tmdl")):
        parts[path] = re.sub("sha256:[0-9a-f]{24}", "<hash of an address with the item's id>", parts[path])
    return {"itemId": definition["itemId"], "parts": parts}


def _names(state: State) -> dict[str, str]:
    names = {}
    for key, item in state.get("fabric.items", {}).items():
        where = state["fabric.workspaces"][item["workspaceId"]]["displayName"]
        names[key] = f"<{item['type']} {item['displayName']} in {where}>"
    for key, connection in state.get("fabric.connections", {}).items():
        names[key] = f"<connection {connection['displayName']}>"
    for key, role in state.get("fabric.connectionRoleAssignments", {}).items():
        names[key] = f"<{role['role']} of {names.get(role['connectionId'])}>"
    for workspace in state.get("fabric.workspaces", {}).values():
        identity = workspace.get("workspaceIdentity")
        if identity:
            names[identity["servicePrincipalId"]] = f"<identity of {workspace['displayName']}>"
            names[identity["applicationId"]] = f"<application of {workspace['displayName']}>"
    for key, role in state.get("fabric.workspaceRoleAssignments", {}).items():
        where = state["fabric.workspaces"][role["workspaceId"]]["displayName"]
        names[key] = f"<{role['role']} in {where}: {names.get(role['principalId'], role['principalId'])}>"
    for key, role in state.get("fabric.dataAccessRoles", {}).items():
        item = key.partition("/")[0]
        names[role["id"]] = f"<data access role {role['name']} of {names.get(item, item)}>"
    for role in state.get("arm.roleAssignments", {}).values():
        scope = role["scope"].rpartition("/")[2]
        who = names.get(role["principalId"], role["principalId"])
        names[role["body"]["name"]] = f"<role {role['roleId']} on {scope}: {who}>"
    refreshes = sorted(state.get("fabric.refreshes", {}).items(), key=lambda each: str(each[1].get("startTime")))
    for number, (key, refresh) in enumerate(refreshes, start=1):
        names[key] = f"<refresh {number} of {names.get(refresh['modelId'], refresh['modelId'])}>"
    return names
