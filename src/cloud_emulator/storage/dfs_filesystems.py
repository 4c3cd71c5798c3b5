"""The DFS protocol on filesystems: making, listing and deleting them, and listing their paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Response, json_response
from cloud_emulator.core.paging import BadPageToken, Entry, asked, page, page_by_name
from cloud_emulator.core.store import Document
from cloud_emulator.storage import acl, conditions, files, wire
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.errors import StorageError

MOST_RESULTS = 5000
_ASIDE = ("maxResults", "maxresults", "maxRecords", "timeout", "startFrom")
"""What may differ from page to page of a list: delta-rs leaves startFrom out after the first [C]."""
_EPOCH_TICKS = 116_444_736_000_000_000


def paged(
    call: Call,
    entries: Sequence[Entry],
    size: int,
    *,
    parameter: str = "continuation",
    name: Callable[[Entry], str] | None = None,
) -> tuple[Sequence[Entry], dict[str, str]]:
    """A page and the header that leads to the next; entries sorted by ``name`` may change between pages.

    Raises :class:`StorageError`.
    """
    token, most = call.query.get(parameter) or None, min(size, call.cloud.behaviour.page_size or size)
    of = asked(call.request, parameter, *_ASIDE)
    try:
        if name is None:
            found, following = page(entries, token, most, of)
        else:
            found, following = page_by_name(entries, token, most, of, name)
    except BadPageToken as error:
        raise StorageError("InvalidQueryParameterValue", f"QueryParameterName: {parameter}") from error
    return found, {"x-ms-continuation": following} if following else {}


def list_filesystems(call: Call) -> Response:
    """The account's filesystems."""
    call.require("container", "", container="")
    prefix = call.query.get("prefix", "")
    size = wire.number(call.query, "maxResults", MOST_RESULTS, least=1, most=MOST_RESULTS)
    held = [each for each in files.containers(call.cloud, call.target.account) if each["name"].startswith(prefix)]
    found, headers = paged(call, held, size)
    entries = [
        {"name": each["name"], "lastModified": wire.http_date(each["modified"]), "etag": each["etag"]} for each in found
    ]
    return json_response(200, {"filesystems": entries}, headers)


def create(call: Call) -> Response:
    """Makes a filesystem."""
    call.require("container_write", "", container="")
    if _container(call) is not None:
        raise StorageError("FilesystemAlreadyExists")
    metadata = wire.read_properties(call.headers.get("x-ms-properties", ""))
    made = files.create_container(
        call.cloud, call.target.account, call.target.container, owner=call.owner, metadata=metadata
    )
    return Response(201, b"", {**_version(made), "x-ms-namespace-enabled": _namespace(call)})


def set_properties(call: Call) -> Response:
    """Replaces a filesystem's properties."""
    call.require("container_write", "")
    held = existing(call)
    conditions.check_container(call, held)
    metadata = wire.read_properties(call.headers.get("x-ms-properties", ""))
    changed = replace_container(call.cloud, held, metadata)
    return Response(200, b"", _version(changed))


def replace_container(cloud: Cloud, held: Document, metadata: Mapping[str, str]) -> Document:
    """Gives a container other metadata."""
    changed = {**held, "metadata": metadata, "etag": files.new_etag(cloud), "modified": cloud.clock.time()}
    cloud.table(files.CONTAINERS)[f"{held['account']}/{held['name']}"] = changed
    return changed


def get_properties(call: Call) -> Response:
    """A filesystem's properties."""
    call.require("container", "")
    held = existing(call)
    told = {"x-ms-namespace-enabled": _namespace(call), "x-ms-properties": wire.properties(held["metadata"])}
    return Response(200, b"", {**_version(held), **told})


def delete(call: Call) -> Response:
    """Deletes a filesystem with all that it holds."""
    call.require("container_write", "")
    conditions.check_write(call, existing(call))
    files.delete_container(call.cloud, call.target.account, call.target.container)
    return Response(202)


def existing(call: Call) -> Document:
    """The filesystem named. Raises :class:`StorageError` (404)."""
    found = _container(call)
    if found is None:
        raise StorageError("FilesystemNotFound")
    return found


def _container(call: Call) -> Document | None:
    return files.container(call.cloud, call.target.account, call.target.container)


def _version(held: Document) -> dict[str, str]:
    return {"etag": held["etag"], "last-modified": wire.http_date(held["modified"])}


def _namespace(call: Call) -> str:
    return "true" if call.is_hierarchical else "false"


def list_paths(call: Call) -> Response:
    """The paths below a directory: one level, or all."""
    recursive = wire.flag(call.query, "recursive")
    directory = call.query.get("directory", "").strip("/")
    size = wire.number(call.query, "maxResults", MOST_RESULTS, least=1, most=MOST_RESULTS)
    name_of = principal_names(call)
    call.require("list", directory)
    base = call.stat(directory)
    if base is None or not base["isDirectory"]:
        raise StorageError("PathNotFound")
    below = list(call.visible(directory, recursive=recursive))
    found, headers = paged(call, below, size, name=lambda node: node["path"])
    return json_response(200, {"paths": [entry(node, name_of) for node in found]}, headers)


def principal_names(call: Call) -> Callable[[str], str]:
    """How to write principals: as object ids, or with ``upn=true`` as user principal names where they have one."""
    if not wire.flag(call.query, "upn", default=False):
        return lambda object_id: object_id

    def name(object_id: str) -> str:
        found = call.cloud.directory.by_object_id(object_id) or {}
        return str(found.get("userPrincipalName", object_id))

    return name


def entry(node: Document, name_of: Callable[[str], str]) -> dict[str, Any]:
    """A path in a list; ``name_of`` writes principals."""
    fields = {
        "name": node["path"],
        "contentLength": str(node["size"]),
        "creationTime": str(int(node["created"] * 10_000_000) + _EPOCH_TICKS),
        "etag": node["etag"].strip('"'),
        "group": name_of(node["group"]),
        "lastModified": wire.http_date(node["modified"]),
        "owner": name_of(node["owner"]),
        "permissions": acl.summary(node["acl"]),
    }
    return {**fields, "isDirectory": "true"} if node["isDirectory"] else fields
