"""The DFS protocol's access control: reading it, setting it on a path, and setting it on a tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cloud_emulator.core.http import Response, json_response
from cloud_emulator.core.store import Document
from cloud_emulator.storage import acl, conditions, files, wire
from cloud_emulator.storage.access import RIGHTS
from cloud_emulator.storage.call import Call, refusal
from cloud_emulator.storage.dfs_filesystems import paged, principal_names
from cloud_emulator.storage.dfs_paths import is_principal
from cloud_emulator.storage.errors import StorageError

MOST_RECORDS = 2000
_RECURSION_SINCE = "2020-02-10"
Change = Callable[[str, bool], str]
"""From a path's access list, and whether it is a directory, to its new one. Raises InvalidAcl."""


def get_status(call: Call) -> Response:
    """A path's system properties."""
    call.require_namespace()
    call.require("status")
    node = call.node()
    conditions.check_read(call, node)
    headers = {**wire.content_headers(node), **wire.path_headers(node)}
    return Response(200, b"", {**_named(call, headers), "content-length": str(node["size"])})


def get_access_control(call: Call) -> Response:
    """A path's owner, owning group, permissions and access list."""
    call.require_namespace()
    call.require("status")
    node = call.node()
    conditions.check_read(call, node)
    name_of = principal_names(call)
    entries = [replace(each, entity=each.entity and name_of(each.entity)) for each in acl.parse(node["acl"])]
    return Response(200, b"", {**_named(call, wire.path_headers(node)), "x-ms-acl": ",".join(map(str, entries))})


def _named(call: Call, headers: dict[str, str]) -> dict[str, str]:
    name_of = principal_names(call)
    return {**headers, **{name: name_of(headers[name]) for name in ("x-ms-owner", "x-ms-group")}}


def set_access_control(call: Call) -> Response:
    """Replaces a path's access list or permissions, its owner, its owning group."""
    call.require_namespace()
    given = [name for name in ("x-ms-owner", "x-ms-group", "x-ms-permissions", "x-ms-acl") if name in call.headers]
    if not given:
        raise StorageError("MissingRequiredHeader", "HeaderName: x-ms-acl")
    if {"x-ms-permissions", "x-ms-acl"} <= set(given):
        raise StorageError("InvalidInput", "x-ms-acl and x-ms-permissions can't be given together.")
    call.require("manage_acl")
    node = call.node()
    conditions.check_write(call, node)
    changed = files.change(call.cloud, node, **_ownership(call, node), **_access_list(call, node))
    return Response(200, b"", wire.written(changed))


def _ownership(call: Call, node: Document) -> dict[str, str]:
    """Owner and owning group to set: a super-user may set both, the owner may choose among their own groups."""
    fields = {name: call.headers[f"x-ms-{name}"] for name in ("owner", "group") if f"x-ms-{name}" in call.headers}
    for name, value in fields.items():
        if not is_principal(value):
            raise StorageError("InvalidHeaderValue", f"HeaderName: x-ms-{name}")
    if call.is_super_user:
        return fields
    given_away = fields.get("owner", node["owner"]) != node["owner"]
    if given_away and call.cloud.rules.on("storage.acl.who_owns"):
        raise refusal(RIGHTS)
    group = fields.get("group", node["group"])
    if group != node["group"] and group not in call.cloud.directory.groups_of(call.object_id or ""):
        raise refusal(RIGHTS)
    return fields


def _access_list(call: Call, node: Document) -> dict[str, str]:
    try:
        if "x-ms-permissions" in call.headers:
            return {"acl": acl.change_mode(node["acl"], acl.parse_mode(call.headers["x-ms-permissions"]))}
        if "x-ms-acl" in call.headers:
            return {"acl": call.access_list(directory=node["isDirectory"])}
    except acl.InvalidAcl as error:
        raise StorageError("InvaldAccessControlList", str(error)) from error
    return {}


def set_recursively(call: Call) -> Response:
    """Sets, modifies or removes entries on a path and everything below it, some paths at a time."""
    call.require_namespace()
    if call.headers.get("x-ms-version", _RECURSION_SINCE) < _RECURSION_SINCE:
        raise StorageError("UnsupportedRestVersion", f"HeaderName: x-ms-version; it takes {_RECURSION_SINCE} or later.")
    change = _change(call)
    force = wire.flag(call.query, "forceFlag", default=False)
    size = wire.number(call.query, "maxRecords", MOST_RECORDS, least=1, most=MOST_RECORDS)
    call.require("manage_acl")
    node = call.node()
    where = (call.cloud, node["account"], node["container"], node["path"])
    nodes, headers = paged(call, [node, *(files.walk(*where) if node["isDirectory"] else ())], size)
    result: dict[str, Any] = {"directoriesSuccessful": 0, "filesSuccessful": 0, "failureCount": 0, "failedEntries": []}
    for each in nodes:
        denied = _apply(call, each, change, result)
        if denied and not force:
            return json_response(200, result)
    return json_response(200, result, headers)


def _apply(call: Call, node: Document, change: Change, result: dict[str, Any]) -> bool:
    """Changes one path's list and counts it; true when the caller may not."""
    may = call.is_super_user or node["owner"] == call.object_id
    if not may and call.cloud.rules.on("storage.acl.recursive_failures"):
        kind = "DIRECTORY" if node["isDirectory"] else "FILE"
        result["failureCount"] += 1
        result["failedEntries"].append({"name": node["path"], "type": kind, "errorMessage": RIGHTS.message})
        return True
    try:
        changed = change(node["acl"], node["isDirectory"])
    except acl.InvalidAcl as error:
        raise StorageError("InvaldAccessControlList", str(error)) from error
    files.change(call.cloud, node, acl=changed)
    result["directoriesSuccessful" if node["isDirectory"] else "filesSuccessful"] += 1
    return False


def _change(call: Call) -> Change:
    """What the request wants done to each list. Default entries concern directories only."""
    mode, text = call.query.get("mode"), call.headers.get("x-ms-acl")
    if mode is None:
        raise StorageError("MissingRequiredQueryParameter", "QueryParameterName: mode")
    if text is None:
        raise StorageError("MissingRequiredHeader", "HeaderName: x-ms-acl")
    try:
        if mode == "remove":
            keys = acl.parse_removal(text)
            return lambda held, directory: acl.without(held, keys, directory=directory)
        entries = acl.parse(text)
    except acl.InvalidAcl as error:
        raise StorageError("InvaldAccessControlList", str(error)) from error
    if mode == "modify":
        return lambda held, directory: acl.merge(held, entries, directory=directory, rules=call.cloud.rules)
    if mode == "set":
        return lambda _, directory: acl.complete(
            [entry for entry in entries if directory or not entry.default],
            directory=directory,
            rules=call.cloud.rules,
        )
    raise StorageError("InvalidQueryParameterValue", "QueryParameterName: mode")
