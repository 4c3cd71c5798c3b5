"""Headers and query parameters, read and written as storage does."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from email.utils import formatdate, parsedate_to_datetime

from cloud_emulator.core.store import Document
from cloud_emulator.storage import acl
from cloud_emulator.storage.errors import StorageError

VERSIONS = frozenset(
    """
    2017-11-09 2018-03-28 2018-06-17 2018-11-09 2019-02-02 2019-07-07 2019-10-10 2019-12-12 2020-02-10 2020-04-08
    2020-06-12 2020-08-04 2020-10-02 2020-12-06 2021-02-12 2021-04-10 2021-06-08 2021-08-06 2021-10-04 2021-12-02
    2022-11-02 2023-01-03 2023-05-03 2023-08-03 2023-11-03 2024-02-04 2024-05-04 2024-08-04 2024-11-04 2025-01-05
    2025-05-05 2025-07-05 2025-11-05 2026-02-06 2026-04-06 2026-06-06 2026-10-06
    """.split()  # noqa: SIM905 (one to a line would be two pages)
)
"""The service's versions since bearer tokens were taken."""
CONTENT_HEADERS = ("content-type", "content-encoding", "content-language", "content-disposition", "cache-control")
DEFAULT_TYPE = "application/octet-stream"
_SERVED = frozenset(
    {
        "x-ms-version", "x-ms-date", "x-ms-client-request-id", "x-ms-return-client-request-id", "x-ms-properties",
        "x-ms-blob-type", "x-ms-blob-content-md5", "x-ms-content-md5", "x-ms-acl", "x-ms-owner", "x-ms-group",
        "x-ms-permissions", "x-ms-umask", "x-ms-range", "x-ms-range-get-content-md5", "x-ms-rename-source",
        "x-ms-copy-source", "x-ms-access-tier", "x-ms-delete-snapshots", "x-ms-blob-public-access", "x-ms-lease-id",
        "x-ms-source-lease-id",
    }
    | {f"x-ms-{kind}{name}" for kind in ("", "blob-") for name in CONTENT_HEADERS}
    | {f"x-ms-source-if-{name}" for name in ("match", "none-match", "modified-since", "unmodified-since")}
)  # fmt: skip
"""The service's own request headers that are understood, metadata apart."""
_MOST_METADATA = 8192
_TIERS = ("hot", "cool", "cold", "archive", "premium", "smart")
_VALUE = re.compile(r"[^\x00-\x1f\x7f]*\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_headers(headers: Mapping[str, str], *, signed: bool, protocol: str, ignored: Iterable[str] = ()) -> str:
    """The request's service version. Raises :class:`StorageError` when it is missing or unknown, or when another header
    asks for what isn't served (``ignored`` ones apart)."""
    version = headers.get("x-ms-version")
    if version is None and not signed:
        raise StorageError("MissingRequiredHeader", "HeaderName: x-ms-version")
    if version is not None and version not in VERSIONS:
        code = "UnsupportedRestVersion" if protocol == "dfs" else "InvalidHeaderValue"
        raise StorageError(code, f"HeaderName: x-ms-version HeaderValue: {version}")
    if headers.get("x-ms-access-tier", _TIERS[0]).lower() not in _TIERS and "x-ms-access-tier" not in ignored:
        raise StorageError("InvalidHeaderValue", "HeaderName: x-ms-access-tier")
    for name in headers:
        if name.startswith("x-ms-") and name not in ignored and not _is_served(name, headers[name]):
            raise StorageError(
                "NotImplemented", status=501, message=f"The emulator does not serve what the header {name} asks for."
            )
    return version or max(VERSIONS)


def _is_served(name: str, value: str) -> bool:
    """Whether the emulator does what one of the service's own headers asks for. What it doesn't know may change what
    the operation is (a range of a source, another tier), so it isn't passed over."""
    if name == "x-ms-access-tier":
        return value.lower() == _TIERS[0]
    if name == "x-ms-delete-snapshots":
        return value.lower() == "include"
    return name in _SERVED or name.startswith("x-ms-meta-")


def http_date(seconds: float) -> str:
    """RFC 1123, as in ``Last-Modified``."""
    return formatdate(int(seconds), usegmt=True)


def read_date(text: str, header: str) -> float:
    """Seconds since 1970 of an RFC 1123 date. Raises :class:`StorageError`."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError as error:
        raise StorageError("InvalidHeaderValue", f"HeaderName: {header}") from error


def flag(query: Mapping[str, str], name: str, default: bool | None = None) -> bool:
    """A true-or-false query parameter; without ``default`` it is required. Raises :class:`StorageError`."""
    text = query.get(name)
    if text is None:
        if default is None:
            raise StorageError("MissingRequiredQueryParameter", f"QueryParameterName: {name}")
        return default
    if text.lower() not in ("true", "false"):
        raise StorageError("InvalidQueryParameterValue", f"QueryParameterName: {name}")
    return text.lower() == "true"


def number(query: Mapping[str, str], name: str, default: int | None, *, least: int, most: int) -> int:
    """A whole-number query parameter; without ``default`` it is required. Raises :class:`StorageError`."""
    text = query.get(name)
    if text is None:
        if default is None:
            raise StorageError("MissingRequiredQueryParameter", f"QueryParameterName: {name}")
        return default
    if not re.fullmatch(r"\d{1,18}", text):
        raise StorageError("InvalidQueryParameterValue", f"QueryParameterName: {name}")
    if not least <= int(text):
        raise StorageError("OutOfRangeQueryParameterValue", f"QueryParameterName: {name}")
    return min(int(text), most)


def read_properties(text: str) -> dict[str, str]:
    """``x-ms-properties``: names with values in Base64. Raises :class:`StorageError`."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, encoded = part.partition("=")
        try:
            found[name] = base64.b64decode(encoded, validate=True).decode("latin-1")
        except binascii.Error as error:
            raise StorageError("InvalidHeaderValue", "HeaderName: x-ms-properties") from error
    _check_metadata(found)
    return found


def properties(metadata: Mapping[str, str]) -> str:
    """Metadata as ``x-ms-properties``."""
    return ",".join(f"{name}={base64.b64encode(value.encode('latin-1')).decode()}" for name, value in metadata.items())


def read_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """The ``x-ms-meta-`` headers. Raises :class:`StorageError`."""
    prefix = "x-ms-meta-"
    found = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    _check_metadata(found)
    return found


def _check_metadata(metadata: Mapping[str, str]) -> None:
    """Names are C# identifiers; values must be fit for a header, and all of it for 8 KiB."""
    if not all(_NAME.match(name) and _VALUE.match(value) for name, value in metadata.items()):
        raise StorageError("InvalidMetadata")
    if sum(len(name) + len(value) for name, value in metadata.items()) > _MOST_METADATA:
        raise StorageError("MetadataTooLarge")


def read_content_headers(headers: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The headers to keep with a file, given under names that begin with ``x-ms-`` or ``x-ms-blob-``."""
    found = {name: headers.get(prefix + name) for name in CONTENT_HEADERS}
    return {name: value for name, value in found.items() if value is not None}


def content_headers(node: Document) -> dict[str, str]:
    """The headers kept with a file."""
    md5 = {"content-md5": node["md5"]} if node.get("md5") else {}
    return {"content-type": DEFAULT_TYPE, **node.get("headers", {}), **md5}


def path_headers(node: Document) -> dict[str, str]:
    """What both protocols say of a path."""
    return {
        "etag": node["etag"],
        "last-modified": http_date(node["modified"]),
        "x-ms-creation-time": http_date(node["created"]),
        "x-ms-resource-type": "directory" if node["isDirectory"] else "file",
        "x-ms-owner": node["owner"],
        "x-ms-group": node["group"],
        "x-ms-permissions": acl.summary(node["acl"]),
        "x-ms-server-encrypted": "true",
        "accept-ranges": "bytes",
    }


def written(node: Document) -> dict[str, str]:
    """What both protocols say after a write."""
    return {
        "etag": node["etag"],
        "last-modified": http_date(node["modified"]),
        "x-ms-request-server-encrypted": "true",
    }


def read_range(headers: Mapping[str, str], size: int) -> tuple[int, int] | None:
    """First and last byte asked for, or ``None`` for everything. Raises :class:`StorageError` (416)."""
    text = headers.get("x-ms-range") or headers.get("range")
    if text is None:
        if "x-ms-range-get-content-md5" in headers:
            raise StorageError("InvalidHeaderValue", "HeaderName: x-ms-range-get-content-md5")
        return None
    found = re.fullmatch(r"bytes=(\d+)-(\d*)|bytes=-(\d+)", text.strip())
    if found is None:
        raise StorageError("InvalidHeaderValue", "HeaderName: Range")
    if found[3]:
        first, last = max(0, size - int(found[3])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    if first >= size or (found[2] and int(found[2]) < first):
        raise StorageError("InvalidRange", headers={"content-range": f"bytes */{size}"})
    return first, last
