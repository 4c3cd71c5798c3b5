"""Block blobs in parts: Put Block, Put Block List, Get Block List."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from cloud_emulator.core.http import Response
from cloud_emulator.core.store import Document
from cloud_emulator.storage import files, leases, wire
from cloud_emulator.storage.blob_listing import tag
from cloud_emulator.storage.blobs import write
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.dfs_writes import check_md5
from cloud_emulator.storage.errors import StorageError

Block = Sequence[object]
"""Id, digest, size."""
_MOST_BLOCKS = 50_000


def put_block(call: Call) -> Response:
    """Uploads a block; it counts once a block list names it."""
    block_id = call.query.get("blockid")
    if block_id is None:
        raise StorageError("MissingRequiredQueryParameter", "QueryParameterName: blockid")
    _check_id(block_id)
    call.require("write")
    body = call.request.body
    if not body:
        raise StorageError("InvalidHeaderValue", "HeaderName: Content-Length HeaderValue: 0")
    check_md5(body, call.headers.get("content-md5"))
    leases.guard(call, call.stat())
    held = _uncommitted(call)
    if any(len(other) != len(block_id) for other in held):
        raise StorageError("InvalidBlobOrBlock", "All block ids of a blob have the same length.")
    key, table = _key(call), call.cloud.table(files.UNCOMMITTED)
    block = [block_id, call.cloud.blobs.put(body), len(body)]
    table[key] = {**table.get(key, {}), "blocks": {**held, block_id: block}}
    return Response(201, b"", {"x-ms-request-server-encrypted": "true"})


def _check_id(block_id: str) -> None:
    try:
        if len(base64.b64decode(block_id, validate=True)) <= 64:
            return
    except binascii.Error:
        pass
    raise StorageError("InvalidBlockId")


def put_block_list(call: Call) -> Response:
    """Makes the blob of the blocks listed, in that order."""
    check_md5(call.request.body, call.headers.get("content-md5"))
    uncommitted = _uncommitted(call)
    committed = {str(block[0]): block for block in _committed(call)}
    sources: Mapping[str, Mapping[str, Block]] = {
        "Uncommitted": uncommitted,
        "Committed": committed,
        "Latest": {**committed, **uncommitted},
    }
    blocks: list[Block] = []
    for where, block_id in _listed(call.request.body):
        block = sources.get(where, {}).get(block_id)
        if block is None:
            raise StorageError("InvalidBlockList")
        blocks.append(block)
    content = b"".join(call.cloud.blobs.get(str(block[1])) for block in blocks)
    return write(call, content, blocks=blocks, md5=call.headers.get("x-ms-blob-content-md5"))


def _listed(body: bytes) -> list[tuple[str, str]]:
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 (expat resolves no external entities)
    except ElementTree.ParseError as error:
        raise StorageError("InvalidXmlDocument") from error
    found = [(element.tag, (element.text or "").strip()) for element in root]
    if root.tag != "BlockList" or len(found) > _MOST_BLOCKS:
        raise StorageError("InvalidXmlDocument")
    return found


def get_block_list(call: Call) -> Response:
    """The committed blocks, the uncommitted ones, or both."""
    kind = call.query.get("blocklisttype", "committed").lower()
    if kind not in ("committed", "uncommitted", "all"):
        raise StorageError("InvalidQueryParameterValue", "QueryParameterName: blocklisttype")
    call.require("read")
    uncommitted = list(_uncommitted(call).values())
    if not uncommitted:
        call.node()
    parts = []
    if kind in ("committed", "all"):
        parts.append(_written("CommittedBlocks", _committed(call)))
    if kind in ("uncommitted", "all"):
        parts.append(_written("UncommittedBlocks", uncommitted))
    text = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{"".join(parts)}</BlockList>'
    return Response(200, text.encode(), {"content-type": "application/xml", **_blob_headers(call.stat())})


def _blob_headers(node: Document | None) -> dict[str, str]:
    """What is told of the blob itself, once one was committed."""
    if node is None:
        return {}
    told = {name: wire.path_headers(node)[name] for name in ("etag", "last-modified")}
    return {**told, "x-ms-blob-content-length": str(node["size"])}


def _written(name: str, blocks: Sequence[Block]) -> str:
    items = (f"<Block>{tag('Name', block[0])}{tag('Size', block[2])}</Block>" for block in blocks)
    return f"<{name}>{''.join(items)}</{name}>"


def _key(call: Call) -> str:
    return files.node_key(call.target.account, call.target.container, call.target.path)


def _uncommitted(call: Call) -> dict[str, Block]:
    return dict(call.cloud.table(files.UNCOMMITTED).get(_key(call), {}).get("blocks", {}))


def _committed(call: Call) -> Sequence[Block]:
    node = call.stat()
    return node.get("blocks", []) if node is not None else []
