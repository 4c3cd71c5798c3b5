"""Shared access signatures that only storage can make and check, for the credentials that Unity Catalog vends.

They look like user delegation signatures on a directory (``sr=d``). The key is derived from the emulator's signing key,
so it is neither in the state nor in any answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.storage.access import RIGHTS, Want
from cloud_emulator.storage.errors import StorageError
from cloud_emulator.storage.target import Target

KIND = "SharedAccessSignature"
"""The ``kind`` of the caller that a signature makes."""
PARAMETERS = frozenset({"sv", "sr", "sdd", "st", "se", "sp", "spr", "skoid", "sktid", "sig"})
_VERSION = "2023-11-03"
_LETTERS: Mapping[Want, str] = {
    "read": "r", "list": "l", "status": "e", "write": "w", "delete": "d", "manage_acl": "p",
    "container": "-", "container_write": "-",
}  # fmt: skip


def issue_sas(cloud: Cloud, account: str, container: str, path: str, permissions: str, seconds: float) -> str:
    """A query string that gives ``permissions`` (letters of ``racwdlmeop``) below a path of a container."""
    directory = path.strip("/")
    now = cloud.clock.now()
    fields = {
        "sv": _VERSION,
        "sr": "d" if directory else "c",
        **({"sdd": str(directory.count("/") + 1)} if directory else {}),
        "st": _time(now - timedelta(minutes=5)),
        "se": _time(now + timedelta(seconds=seconds)),
        "sp": permissions,
        "spr": "https",
        "sktid": cloud.directory.tenant_id,
    }
    return urlencode({**fields, "sig": _signature(cloud, account, container, directory, fields)})


def verify(cloud: Cloud, target: Target, query: Mapping[str, str]) -> Caller:
    """The caller that a signature stands for. Raises :class:`StorageError` (403)."""
    fields = {name: value for name, value in query.items() if name in PARAMETERS and name != "sig"}
    if not {"sv", "sr", "st", "se", "sp"} <= fields.keys():
        raise _failed("The signature lacks a mandatory field.")
    expected = _signature(cloud, target.account, target.container, _directory(target, query, fields), fields)
    if not hmac.compare_digest(expected, query["sig"]) and cloud.rules.on("storage.sas.signed"):
        raise _failed("Signature did not match.")
    in_time = fields["st"] <= _time(cloud.clock.now()) < fields["se"]
    if not in_time and cloud.rules.on("storage.sas.expires"):
        raise _failed("Signature not valid in the specified time frame.")
    return Caller("", "", cloud.directory.tenant_id, KIND, "")


def check(cloud: Cloud, target: Target, query: Mapping[str, str], path: str, want: Want) -> None:
    """Raises :class:`StorageError` (403) when the signature doesn't cover an operation on a path."""
    letters, directory = query["sp"], _directory(target, query, query)
    permitted = _LETTERS[want] in letters or not cloud.rules.on("storage.sas.permissions")
    within = f"{path}/".startswith(f"{directory}/" if directory else "")
    if not permitted or not (within or not cloud.rules.on("storage.sas.folder")):
        raise StorageError(RIGHTS.code, status=RIGHTS.status, message=RIGHTS.message)


def _directory(target: Target, query: Mapping[str, str], fields: Mapping[str, str]) -> str:
    """The directory that was signed: the first ``sdd`` segments of the path.

    A listing names the path by its directory, or by a prefix that must lie within.
    """
    if fields["sr"] == "c":
        return ""
    if not fields.get("sdd", "").isdigit():
        raise _failed("The signature's directory depth is not a number.")
    depth = int(fields["sdd"])
    path = target.path or query.get("directory", "").strip("/")
    if not path:
        prefix = query.get("prefix", "")
        path = prefix if prefix.count("/") >= depth else ""
    return "/".join(path.split("/")[:depth])


def _signature(cloud: Cloud, account: str, container: str, directory: str, fields: Mapping[str, str]) -> str:
    text = "\n".join([account, container, directory, *(f"{name}={fields[name]}" for name in sorted(fields))])
    return base64.b64encode(hmac.digest(_key(cloud.folder), text.encode(), "sha256")).decode()


def _key(folder: Path) -> bytes:
    return hashlib.sha256(b"storage signatures" + (folder / "tls" / "signing.key").read_bytes()).digest()


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _failed(detail: str) -> StorageError:
    return StorageError(
        "AuthenticationFailed",
        status=403,
        message=f"Server failed to authenticate the request. The value of the signature is not accepted. {detail}",
    )
