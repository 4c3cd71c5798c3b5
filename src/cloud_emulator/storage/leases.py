"""Leases on blobs, paths and containers [D]: while one is held, changing what is leased takes its id.

A lease is kept with what it is on: ``id``, ``until`` (seconds since 1970, absent when it has no end) and, once it is
being broken, ``broken`` (when it ends so). Nobody's lease stands in the way of reading.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Response
from cloud_emulator.core.store import Document
from cloud_emulator.storage import files, wire
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.errors import StorageError

Lease = Mapping[str, Any]
_FOREVER, _SHORTEST, _LONGEST = -1, 15, 60
_LOCKED = ("leased", "breaking")
HEADERS = ("x-ms-lease-action", "x-ms-lease-duration", "x-ms-lease-break-period", "x-ms-proposed-lease-id")
"""What only the operations on leases take here."""
_UNAWARE = frozenset(
    {
        "List Containers", "Get Account Information", "Create Container", "List Blobs", "Blob Batch", "Get Block List",
        "Filesystem - List", "Filesystem - Create", "Filesystem - Get Properties", "Path - List",
        "Path - Set Access Control Recursive",
    }
)  # fmt: skip
"""Operations that ask for no lease."""


def state(cloud: Cloud, held: Document) -> str:
    """available, leased, expired, breaking or broken."""
    lease, now = held.get("lease"), cloud.clock.time()
    if lease is None:
        return "available"
    if "broken" in lease:
        return "broken" if lease["broken"] <= now else "breaking"
    return "expired" if lease.get("until", math.inf) <= now else "leased"


def told(cloud: Cloud, held: Document) -> dict[str, str]:
    """What is said of a lease, by the names that lists give it."""
    found = state(cloud, held)
    duration = {"LeaseDuration": "fixed" if "until" in held["lease"] else "infinite"} if found == "leased" else {}
    return {"LeaseStatus": "locked" if found in _LOCKED else "unlocked", "LeaseState": found, **duration}


def headers(cloud: Cloud, held: Document) -> dict[str, str]:
    """The same as headers."""
    return {f"x-ms-lease-{name.removeprefix('Lease').lower()}": text for name, text in told(cloud, held).items()}


def guard(call: Call, held: Document | None, header: str = "x-ms-lease-id") -> None:
    """Raises :class:`StorageError` (412) unless the request may change what is held: it names the lease there is, and
    none where there is none."""
    given, on = call.headers.get(header), "Blob" if held is None or "path" in held else "Container"
    locked = held is not None and state(call.cloud, held) in _LOCKED
    if locked and not given and call.cloud.rules.on("storage.leases.needed"):
        raise StorageError("LeaseIdMissing")
    if given:
        _check_id(call, held, given, on)


def refuse_where_unasked(call: Call, operation: str) -> None:
    """Raises :class:`StorageError` (412) for a lease that is named where there can be none, or none is asked for."""
    if call.target.is_onelake or operation in _UNAWARE:
        guard(call, None)
    if call.target.is_onelake or operation != "Path - Rename":
        guard(call, None, "x-ms-source-lease-id")


def guard_reading(call: Call, held: Document) -> None:
    """Raises :class:`StorageError` (412) when the request names another lease than there is."""
    if call.headers.get("x-ms-lease-id"):
        guard(call, held)


def guard_below(call: Call, below: Iterable[Document]) -> None:
    """Raises :class:`StorageError` (412) when something in a directory that goes or moves is leased."""
    if any(state(call.cloud, each) in _LOCKED for each in below) and call.cloud.rules.on("storage.leases.needed"):
        raise StorageError("LeaseIdMissing")


def _check_id(call: Call, held: Document | None, given: str, on: str) -> None:
    lease = held.get("lease") if held is not None else None
    same = lease is not None and lease["id"] == given.lower()
    if held is None or lease is None:
        raise StorageError(f"LeaseNotPresentWith{on}Operation")
    if state(call.cloud, held) not in _LOCKED:
        raise StorageError("LeaseLost" if same else f"LeaseNotPresentWith{on}Operation")
    if not same:
        raise StorageError(f"LeaseIdMismatchWith{on}Operation")


def on_path(call: Call) -> Response:
    """Takes, renews, changes, gives up or breaks the lease of a blob or path."""
    call.require("write")
    node = call.node()
    key = files.node_key(node["account"], node["container"], node["path"])
    return _lease(call, node, lambda kept: call.cloud.table(files.NODES).__setitem__(key, kept))


def on_container(call: Call) -> Response:
    """The same for a container."""
    call.require("container_write", "")
    held = files.container(call.cloud, call.target.account, call.target.container)
    if held is None:
        raise StorageError("FilesystemNotFound")
    key = f"{held['account']}/{held['name']}"
    return _lease(call, held, lambda kept: call.cloud.table(files.CONTAINERS).__setitem__(key, kept))


def _lease(call: Call, held: Document, keep: Callable[[Document], None]) -> Response:
    action = call.headers.get("x-ms-lease-action", "").lower()
    if action not in _ACTIONS:
        raise StorageError("InvalidHeaderValue", "HeaderName: x-ms-lease-action")
    status, lease, more = _ACTIONS[action](call, held)
    others = {name: value for name, value in held.items() if name != "lease"}
    keep(others if lease is None else {**others, "lease": lease})
    version = {"etag": held["etag"], "last-modified": wire.http_date(held["modified"])}
    return Response(status, b"", {**version, **more})


Outcome = tuple[int, Lease | None, dict[str, str]]


def _acquire(call: Call, held: Document) -> Outcome:
    seconds = _seconds(call, "x-ms-lease-duration")
    if seconds is None:
        raise StorageError("MissingRequiredHeader", "HeaderName: x-ms-lease-duration")
    if seconds != _FOREVER and not _SHORTEST <= seconds <= _LONGEST:
        raise StorageError("InvalidHeaderValue", "HeaderName: x-ms-lease-duration")
    proposed = _guid(call, "x-ms-proposed-lease-id", call.cloud.new_id())
    found, lease = state(call.cloud, held), held.get("lease") or {}
    if found == "breaking" and lease["id"] == proposed:
        raise StorageError("LeaseIsBreakingAndCannotBeAcquired")
    if found in _LOCKED and lease["id"] != proposed:
        raise StorageError("LeaseAlreadyPresent")
    fixed = {} if seconds == _FOREVER else {"seconds": seconds, "until": call.cloud.clock.time() + seconds}
    return 201, {"id": proposed, **fixed}, {"x-ms-lease-id": proposed}


def _renew(call: Call, held: Document) -> Outcome:
    lease, found = _own(call, held), state(call.cloud, held)
    if found in ("breaking", "broken"):
        raise StorageError("LeaseIsBrokenAndCannotBeRenewed")
    if found == "expired" and held["modified"] > lease["until"]:
        raise StorageError("LeaseIdMismatchWithLeaseOperation")
    until = {"until": call.cloud.clock.time() + lease["seconds"]} if "seconds" in lease else {}
    return 200, {**lease, **until}, {"x-ms-lease-id": lease["id"]}


def _change(call: Call, held: Document) -> Outcome:
    proposed, found = _guid(call, "x-ms-proposed-lease-id"), state(call.cloud, held)
    if found == "breaking":
        raise StorageError("LeaseIsBreakingAndCannotBeChanged")
    if found != "leased":
        raise StorageError("LeaseNotPresentWithLeaseOperation")
    lease = held["lease"] if held["lease"]["id"] == proposed else _own(call, held)
    return 200, {**lease, "id": proposed}, {"x-ms-lease-id": proposed}


def _release(call: Call, held: Document) -> Outcome:
    _own(call, held)
    return 200, None, {}


def _break(call: Call, held: Document) -> Outcome:
    lease, now = held.get("lease"), call.cloud.clock.time()
    if lease is None:
        raise StorageError("LeaseNotPresentWithLeaseOperation")
    given = _seconds(call, "x-ms-lease-break-period")
    if given is not None and not 0 <= given <= _LONGEST:
        raise StorageError("InvalidHeaderValue", "HeaderName: x-ms-lease-break-period")
    ends = [now + given] if given is not None else []
    ends += [lease[name] for name in ("until", "broken") if name in lease]
    broken = max(now, min(ends, default=now))
    return 202, {**lease, "broken": broken}, {"x-ms-lease-time": str(math.ceil(broken - now))}


_ACTIONS: Mapping[str, Callable[[Call, Document], Outcome]] = {
    "acquire": _acquire, "renew": _renew, "change": _change, "release": _release, "break": _break,
}  # fmt: skip


def _own(call: Call, held: Document) -> Lease:
    """The lease there is, which the request has to name."""
    given, lease = _guid(call, "x-ms-lease-id"), held.get("lease")
    if lease is None:
        raise StorageError("LeaseNotPresentWithLeaseOperation")
    if lease["id"] != given:
        raise StorageError("LeaseIdMismatchWithLeaseOperation")
    return dict(lease)


def _guid(call: Call, name: str, default: str | None = None) -> str:
    text = call.headers.get(name) or default
    if text is None:
        raise StorageError("MissingRequiredHeader", f"HeaderName: {name}")
    try:
        return str(UUID(text))
    except ValueError as error:
        raise StorageError("InvalidHeaderValue", f"HeaderName: {name}") from error


def _seconds(call: Call, name: str) -> int | None:
    text = call.headers.get(name)
    if text is not None and (not text.removeprefix("-").isdecimal() or len(text) > 6):
        raise StorageError("InvalidHeaderValue", f"HeaderName: {name}")
    return None if text is None else int(text)
