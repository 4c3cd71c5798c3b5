"""Blob Batch: many deletions in one request, each with its own sign-in and its own answer."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from cloud_emulator.core.http import Request, Response
from cloud_emulator.storage import blobs, target
from cloud_emulator.storage.auth import authenticate
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.errors import StorageError, shape
from cloud_emulator.storage.target import Target
from cloud_emulator.storage.wire import check_headers

_MOST = 256
_BREAK = b"\r\n"


def submit(call: Call) -> Response:
    """Deletes the blobs that the parts name. Raises :class:`StorageError` when the batch itself is malformed."""
    parts = _parts(call)
    boundary = f"batchresponse_{call.cloud.new_id()}"
    body = b"".join(_part(boundary, part, _answer(call, part)) for part in parts) + f"--{boundary}--\r\n".encode()
    return Response(202, body, {"content-type": f"multipart/mixed; boundary={boundary}"})


def _parts(call: Call) -> list[Message]:
    kind = call.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/mixed"):
        raise StorageError("InvalidHeaderValue", "HeaderName: Content-Type")
    message = BytesParser().parsebytes(b"content-type: " + kind.encode() + _BREAK * 2 + call.request.body)
    parts = message.get_payload()
    if not isinstance(parts, list) or not 1 <= len(parts) <= _MOST:
        raise StorageError("InvalidInput", f"A batch has 1 to {_MOST} parts.")
    return [part for part in parts if isinstance(part, Message)]


def _answer(call: Call, part: Message) -> Response:
    try:
        request, named = _request(call, part)
        request._caller = authenticate(call.cloud, request, named)
        part_call = Call(call.cloud, request, named, "blob")
        check_headers(request.headers, signed=True, protocol="blob")
        part_call.require_known_query(())
        return blobs.delete(part_call)
    except StorageError as error:
        return shape(call.cloud, error, "blob")


def _request(call: Call, part: Message) -> tuple[Request, Target]:
    """The part as a request of its own. Only deletions in this container are taken."""
    first, _, rest = str(part.get_payload()).partition("\n")
    method, _, address = first.strip().rpartition(" ")[0].partition(" ")
    headers = {name.lower(): str(value) for name, value in BytesParser().parsebytes(rest.encode()).items()}
    url = urlsplit(address)
    path = _full_path(url.path, call.target.account)
    named = target.parse(path)
    if (named.account, named.container) != (call.target.account, call.target.container) or method != "DELETE":
        raise StorageError("InvalidInput", "A batch deletes blobs of one container.")
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return Request(method, unquote(path), path, query, headers, b"", call.request.base_url), named


def _full_path(path: str, account: str) -> str:
    """Clients name a blob by its whole path here, from the account on (delta-rs) [C], or from the container on."""
    if path.startswith("/storage/"):
        return path
    return f"/storage{path}" if path.startswith(f"/{account}/") else f"/storage/{account}{path}"


def _part(boundary: str, part: Message, answer: Response) -> bytes:
    status = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
    headers = {"x-ms-request-id": boundary.partition("_")[2], **answer.headers, "content-length": str(len(answer.body))}
    lines = [
        f"--{boundary}",
        "Content-Type: application/http",
        f"Content-ID: {part.get('content-id', '0')}",
        "",
        status,
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    return _BREAK.join(line.encode("latin-1") for line in lines) + answer.body + _BREAK
