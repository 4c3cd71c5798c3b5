"""What a storage address names, in each of the forms that the emulator serves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from cloud_emulator.storage.errors import StorageError

ONELAKE = "onelake"
_HOSTS = re.compile(
    r"(?P<account>[a-z0-9]+)(\.(?P<protocol>dfs|blob)\.(?P<suffix>core\.windows\.net|fabric\.microsoft\.com))?\Z"
)
_DEEPEST, _LONGEST = 63, 1024
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ufffd]")
_CONTAINER = re.compile(r"[a-z0-9](-?[a-z0-9]){2,62}\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """An account, a container of it, or a path in that; for OneLake ``container`` is the workspace.

    ``protocol`` is the only one that the address speaks, or empty for both. ``path`` has no slashes at its ends;
    ``ends_in_slash`` is whether it was asked for with one.
    """

    account: str
    container: str
    path: str
    protocol: str
    names_root: bool = False
    ends_in_slash: bool = False

    @property
    def is_onelake(self) -> bool:
        """Whether it lies in OneLake rather than in a storage account."""
        return self.account == ONELAKE

    @property
    def level(self) -> str:
        """account, container, path, or root: a container's root directory, written out as a path."""
        if self.path:
            return "path"
        return "root" if self.names_root else "container" if self.container else "account"


def parse(raw_path: str) -> Target:
    """Reads ``/storage/{account or host}/{container}/{path}``. Raises :class:`StorageError`."""
    _, _, host, *rest = [*raw_path.split("/", 4), "", ""][:5]
    found = _HOSTS.match(unquote(host).lower())
    if found is None or (found["suffix"] and (found["suffix"][0] == "f") != (found["account"] == ONELAKE)):
        raise StorageError("InvalidUri", f"There is no storage account at {host!r}.")
    container, path = unquote(rest[0]), unquote(rest[1]).strip("/")
    if found["account"] != ONELAKE and container:
        check_container_name(container)
    if path:
        _check_path(path)
    return Target(
        found["account"], container, path, found["protocol"] or "", names_root=bool(container and rest[1]),
        ends_in_slash=bool(path) and rest[1].endswith("/"),
    )  # fmt: skip


def _check_path(path: str) -> None:
    segments = path.split("/")
    if _UNFIT.search(path):
        raise StorageError("InvalidUri", "The path has control characters, or is not UTF-8.")
    if {"", ".", ".."} & set(segments) or len(segments) > _DEEPEST or len(path) > _LONGEST:
        raise StorageError("InvalidUri", "The path has an empty or dotted segment, or is too long.")


def check_container_name(name: str) -> None:
    """Raises :class:`StorageError` for a name that no container can have."""
    if not _CONTAINER.match(name) or len(name) > 63:
        raise StorageError("InvalidResourceName", f"{name!r} can't be a container's name.")
