"""The Blob protocol's lists, in XML: containers, and blobs by prefix, flat or by delimiter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from cloud_emulator.core.http import Response
from cloud_emulator.core.store import Document
from cloud_emulator.storage import acl, files, leases, wire
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.dfs_filesystems import MOST_RESULTS, paged
from cloud_emulator.storage.errors import StorageError

BLOB_INCLUDES = frozenset({"metadata", "permissions", "copy", "snapshots", "deleted", "tags", "versions", ""})
"""What a list can include. Snapshots and their like never are here, so asking for them changes nothing; uncommitted
blobs are, and aren't listed."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list: a blob, or with a delimiter the beginning that several share (``node`` is the directory)."""

    name: str
    node: Document | None
    is_prefix: bool = False

    @property
    def order(self) -> list[str]:
        """Names sort segment by segment."""
        return self.name.split("/")


def tag(name: str, text: object) -> str:
    """An XML element."""
    return f"<{name}>{escape(str(text))}</{name}>"


def list_containers(call: Call) -> Response:
    """The account's containers."""
    call.require("container", "", container="")
    prefix = call.query.get("prefix", "")
    size = wire.number(call.query, "maxresults", MOST_RESULTS, least=1, most=MOST_RESULTS)
    held = [each for each in files.containers(call.cloud, call.target.account) if each["name"].startswith(prefix)]
    found, following = paged(call, held, size, parameter="marker")
    items = "".join(
        "<Container>"
        + tag("Name", each["name"])
        + "<Properties>"
        + tag("Last-Modified", wire.http_date(each["modified"]))
        + tag("Etag", each["etag"])
        + "".join(tag(name, text) for name, text in leases.told(call.cloud, each).items())
        + "</Properties></Container>"
        for each in found
    )
    return _results(call, f"<Containers>{items}</Containers>", following, {"prefix": "Prefix"})


def list_blobs(call: Call) -> Response:
    """The blobs whose names begin with a prefix."""
    includes = frozenset(call.query.get("include", "").split(","))
    if "uncommittedblobs" in includes:
        raise StorageError("NotImplemented", status=501, message="The emulator lists no uncommitted blobs.")
    if includes - BLOB_INCLUDES or call.query.get("showonly", "files") not in ("files", ""):
        raise StorageError("InvalidQueryParameterValue", "QueryParameterName: include or showonly")
    entries = sorted(_entries(call), key=lambda each: each.order)
    return blobs_response(call, entries, includes)


def blobs_response(call: Call, entries: list[Listed], includes: frozenset[str]) -> Response:
    """A page of blobs. ``startFrom`` is inclusive [C]."""
    size = wire.number(call.query, "maxresults", MOST_RESULTS, least=1, most=MOST_RESULTS)
    start = call.query.get("startFrom")
    if start:
        begin, inclusive = start.split("/"), call.cloud.rules.on("storage.protocol.start_from")
        entries = [each for each in entries if each.order > begin or (inclusive and each.order == begin)]
    found, following = paged(call, entries, size, parameter="marker", name=lambda each: each.name)
    items = "".join(_item(call, each, includes) for each in found)
    named = {"prefix": "Prefix", "delimiter": "Delimiter"}
    return _results(call, f"<Blobs>{items}</Blobs>", following, named, container=call.target.container)


def _entries(call: Call) -> Iterator[Listed]:
    """All lines before paging. The directory that a prefix lies in is where looking begins."""
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    if delimiter not in ("", "/"):
        raise StorageError("InvalidQueryParameterValue", "QueryParameterName: delimiter")
    base = files.parent_path(prefix)
    call.require("list", base)
    flat = not call.is_hierarchical
    for node in _below(call, base, prefix, recursive=not delimiter):
        if delimiter and node["isDirectory"]:
            yield Listed(node["path"] + "/", node, is_prefix=True)
        elif not (flat and node["isDirectory"]):
            yield Listed(node["path"], node)


def _below(call: Call, base: str, prefix: str, *, recursive: bool) -> Iterator[Document]:
    ask = not call.reads_everything
    for node in files.children(call.cloud, call.target.account, call.target.container, base):
        if not node["path"].startswith(prefix):
            continue
        yield node
        if recursive and node["isDirectory"]:
            if ask:
                call.require("list", node["path"])
            yield from call.visible(node["path"], recursive=True)


def _item(call: Call, each: Listed, includes: frozenset[str]) -> str:
    properties = _properties(call, each.node, includes) if each.node is not None else ""
    if each.is_prefix:
        return f"<BlobPrefix>{tag('Name', each.name)}{properties if call.is_hierarchical else ''}</BlobPrefix>"
    metadata = ""
    if "metadata" in includes and each.node is not None:
        held = {**each.node.get("metadata", {}), **({"hdi_isfolder": "true"} if each.node["isDirectory"] else {})}
        metadata = f"<Metadata>{''.join(tag(name, value) for name, value in held.items())}</Metadata>"
    return f"<Blob>{tag('Name', each.name)}{properties}{metadata}</Blob>"


def _properties(call: Call, node: Document, includes: frozenset[str]) -> str:
    fields: dict[str, object] = {
        "Creation-Time": wire.http_date(node["created"]),
        "Last-Modified": wire.http_date(node["modified"]),
        "Etag": node["etag"].strip('"'),
        "ResourceType": "directory" if node["isDirectory"] else "file",
        "Content-Length": node["size"],
        **{name.title().replace("Md5", "MD5"): text for name, text in wire.content_headers(node).items()},
        "BlobType": "BlockBlob",
        "AccessTier": "Hot",
        "AccessTierInferred": "true",
        **leases.told(call.cloud, node),
        "ServerEncrypted": "true",
    }
    if "copy" in includes:
        copied = node.get("copied", {})
        fields |= {name.removeprefix("x-ms-").title().replace("-", ""): text for name, text in copied.items()}
    if "permissions" in includes and call.is_hierarchical:
        fields |= {"Owner": node["owner"], "Group": node["group"], "Permissions": acl.summary(node["acl"])}
    return f"<Properties>{''.join(tag(name, value) for name, value in fields.items())}</Properties>"


def _results(
    call: Call, items: str, following: Mapping[str, str], named: Mapping[str, str], *, container: str = ""
) -> Response:
    echoes = "".join(tag(name, call.query[parameter]) for parameter, name in _echoed(call, named))
    endpoint = f"{call.request.base_url}/storage/{call.target.account}/"
    holder = f' ContainerName="{escape(container)}"' if container else ""
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="{endpoint}"{holder}>'
        f"{echoes}{items}{tag('NextMarker', following.get('x-ms-continuation', ''))}</EnumerationResults>"
    )
    return Response(200, text.encode(), {"content-type": "application/xml"})


def _echoed(call: Call, named: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    known = {**named, "marker": "Marker", "maxresults": "MaxResults"}
    return ((parameter, name) for parameter, name in known.items() if parameter in call.query)
