"""The DFS protocol's writes into a file: append, flush, and its properties."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from cloud_emulator.core.http import Response
from cloud_emulator.core.store import Document
from cloud_emulator.storage import conditions, files, leases, wire
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.errors import StorageError

_FAR = 1 << 50


def check_md5(body: bytes, expected: str | None) -> None:
    """Raises :class:`StorageError` when a body is not what its ``Content-MD5`` says."""
    if expected is not None and md5_of(body) != expected:
        raise StorageError("Md5Mismatch")


def md5_of(content: bytes) -> str:
    """The value of ``Content-MD5``."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def append(call: Call) -> Response:
    """Uploads bytes for a position of a file; they count once they are flushed."""
    position = wire.number(call.query, "position", None, least=0, most=_FAR)
    wire.flag(call.query, "close", default=False)
    call.require("write")
    node = _file(call)
    body = call.request.body
    if not body:
        raise StorageError("InvalidHeaderValue", "HeaderName: Content-Length HeaderValue: 0")
    check_md5(body, call.headers.get("content-md5"))
    leases.guard(call, node)
    parts = {**_parts(call), str(position): (call.cloud.blobs.put(body), len(body))}
    _keep(call, parts)
    if wire.flag(call.query, "flush", default=False):
        return Response(202, b"", wire.written(_commit(call, node, position + len(body))))
    return Response(202, b"", {"x-ms-request-server-encrypted": "true"})


def flush(call: Call) -> Response:
    """Makes what was appended part of the file, up to a position."""
    position = wire.number(call.query, "position", None, least=0, most=_FAR)
    for name in ("retainUncommittedData", "close"):
        wire.flag(call.query, name, default=False)
    call.require("write")
    node = _file(call)
    conditions.check_write(call, node)
    flushed = _commit(call, node, position)
    return Response(200, b"", wire.written(flushed))


def _file(call: Call) -> Document:
    node = call.node()
    if node["isDirectory"]:
        raise StorageError("ResourceTypeMismatch")
    return node


def _commit(call: Call, node: Document, position: int) -> Document:
    """The file with all parts up to a position. Raises :class:`StorageError` when they aren't contiguous."""
    parts = _parts(call)
    content, at = [files.content(call.cloud, node)], node["size"]
    while at < position and str(at) in parts:
        digest, size = parts.pop(str(at))
        content.append(call.cloud.blobs.get(digest))
        at += size
    if at != position and call.cloud.rules.on("storage.paths.flush"):
        raise StorageError("InvalidFlushPosition")
    retain = wire.flag(call.query, "retainUncommittedData", default=False)
    if parts and not retain:
        raise StorageError("InvalidFlushPosition")
    _keep(call, parts)
    whole = b"".join(content)
    headers = {**node.get("headers", {}), **wire.read_content_headers(call.headers, "x-ms-")}
    return files.change(
        call.cloud, node, digest=call.cloud.blobs.put(whole), size=len(whole), headers=headers, blocks=[], copied={},
        md5=call.headers.get("x-ms-content-md5"),
    )  # fmt: skip


def _key(call: Call) -> str:
    return files.node_key(call.target.account, call.target.container, call.target.path)


def _parts(call: Call) -> dict[str, tuple[str, int]]:
    return dict(call.cloud.table(files.UNCOMMITTED).get(_key(call), {}).get("parts", {}))


def _keep(call: Call, parts: Mapping[str, object]) -> None:
    table = call.cloud.table(files.UNCOMMITTED)
    if parts:
        table[_key(call)] = {**table.get(_key(call), {}), "parts": dict(parts)}
    else:
        table.pop(_key(call), None)


def set_properties(call: Call) -> Response:
    """Replaces a path's properties, and a file's content headers."""
    call.require("write")
    node = call.node()
    conditions.check_write(call, node)
    fields: dict[str, object] = {}
    if "x-ms-properties" in call.headers:
        fields["metadata"] = wire.read_properties(call.headers["x-ms-properties"])
    headers = wire.read_content_headers(call.headers, "x-ms-")
    if headers:
        fields["headers"] = headers
    return Response(200, b"", wire.written(files.change(call.cloud, node, **fields)))
