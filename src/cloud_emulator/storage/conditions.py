"""Conditional headers: ``If-Match``, ``If-None-Match``, ``If-Modified-Since``, ``If-Unmodified-Since``."""

from __future__ import annotations

from cloud_emulator.core.store import Document
from cloud_emulator.storage import leases
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.errors import StorageError
from cloud_emulator.storage.wire import read_date


def check_read(call: Call, node: Document) -> None:
    """Raises :class:`StorageError`: 304 when the caller has it already, 412 when it is not what the caller expects."""
    leases.guard_reading(call, node)
    headers = call.headers
    etag = headers.get("if-none-match")
    if etag is not None and (etag == "*" or _is_among(node, etag)):
        raise _not_modified(node)
    since = headers.get("if-modified-since")
    if since is not None and int(node["modified"]) <= read_date(since, "If-Modified-Since"):
        raise _not_modified(node)
    _check_unchanged(call, node, "", "ConditionNotMet")


def check_write(call: Call, node: Document | None) -> None:
    """Raises :class:`StorageError` unless the conditions for changing a path (``None``: it isn't there) are met, its
    lease among them."""
    _check_conditions(call, node)
    leases.guard(call, node)


def check_container(call: Call, held: Document) -> None:
    """As :func:`check_write` for changing a container, which its lease doesn't hinder."""
    _check_conditions(call, held)
    leases.guard_reading(call, held)


def _check_conditions(call: Call, node: Document | None) -> None:
    unwanted = call.headers.get("if-none-match") == "*" and node is not None
    if unwanted and call.cloud.rules.on("storage.conditions.if_none_match"):
        raise StorageError("PathAlreadyExists")
    _check_changed(call, node, "", "ConditionNotMet")
    _check_unchanged(call, node, "", "ConditionNotMet")


def check_source(call: Call, node: Document) -> None:
    """As :func:`check_write`, for the source of a rename or copy."""
    _check_changed(call, node, "x-ms-source-", "SourceConditionNotMet")
    _check_unchanged(call, node, "x-ms-source-", "SourceConditionNotMet")
    if "x-ms-rename-source" in call.headers:
        leases.guard(call, node, "x-ms-source-lease-id")


def _check_changed(call: Call, node: Document | None, prefix: str, code: str) -> None:
    headers = call.headers
    etag = headers.get(f"{prefix}if-none-match")
    met = etag is not None and node is not None and (etag == "*" or _is_among(node, etag))
    if met and call.cloud.rules.on("storage.conditions.if_none_match"):
        raise StorageError(code)
    since = headers.get(f"{prefix}if-modified-since")
    if since is not None and (node is None or int(node["modified"]) <= read_date(since, "If-Modified-Since")):
        raise StorageError(code)


def _check_unchanged(call: Call, node: Document | None, prefix: str, code: str) -> None:
    headers = call.headers
    etag = headers.get(f"{prefix}if-match")
    missed = etag is not None and (node is None or (etag != "*" and not _is_among(node, etag)))
    if missed and call.cloud.rules.on("storage.conditions.if_match"):
        raise StorageError(code)
    since = headers.get(f"{prefix}if-unmodified-since")
    if since is not None and (node is None or int(node["modified"]) > read_date(since, "If-Unmodified-Since")):
        raise StorageError(code)


def _is_among(node: Document, etags: str) -> bool:
    return any(etag.strip() == node["etag"] for etag in etags.split(","))


def _not_modified(node: Document) -> StorageError:
    return StorageError("ConditionNotMet", status=304, headers={"etag": node["etag"]})
