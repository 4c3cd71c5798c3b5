"""What ADLS Gen2 holds: addresses of folders, access control lists, files."""

from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from unity_mirror.models.base import CloudModel

AclKind = Literal["user", "group", "mask", "other"]
_KINDS: tuple[AclKind, ...] = ("user", "group", "mask", "other")


def union(left: str, right: str) -> str:
    """Return the permissions that either has, e.g. ``r--`` and ``--x`` give ``r-x``."""
    return "".join(a if a != "-" else b for a, b in zip(left, right, strict=True))


def intersection(left: str, right: str) -> str:
    """Return the permissions that both have."""
    return "".join(a if a == b else "-" for a, b in zip(left, right, strict=True))


@dataclass(frozen=True, order=True, slots=True)
class AclEntry:
    """One entry: ``[default:]kind:entity:permissions``. ``entity`` is an object id, or empty for owner, group, ..."""

    kind: AclKind
    entity: str
    permissions: str
    default: bool = False

    @classmethod
    def parse(cls, text: str) -> "AclEntry":
        """Read one entry. Raises ValueError when it isn't one."""
        parts = text.strip().split(":")
        default = parts[0] == "default"
        fields = parts[1:] if default else parts
        if len(fields) != 3:
            raise ValueError(f"{text!r} is not an ACL entry")
        kind = next((known for known in _KINDS if known == fields[0]), None)
        if kind is None or not _is_permissions(fields[2]):
            raise ValueError(f"{text!r} is not an ACL entry")
        return cls(kind, fields[1], fields[2], default)

    @property
    def key(self) -> tuple[bool, str, str]:
        """Return what makes it the same entry as another: scope, kind, and entity without case."""
        return self.default, self.kind, self.entity.lower()

    @property
    def is_named(self) -> bool:
        """Tell whether it is a named user's or group's."""
        return bool(self.entity)

    @property
    def is_masked(self) -> bool:
        """Tell whether the mask limits it: named users and every group."""
        return self.is_named or self.kind == "group"

    def __str__(self) -> str:
        return f"{'default:' if self.default else ''}{self.kind}:{self.entity}:{self.permissions}"


def _is_permissions(text: str) -> bool:
    return len(text) == 3 and all(c in {"-", letter} for c, letter in zip(text, "rwx", strict=True))


@dataclass(frozen=True, slots=True)
class Acl:
    """A path's whole access control list: access entries, and on a folder default entries."""

    entries: tuple[AclEntry, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Acl":
        """Read the comma-separated form that ``x-ms-acl`` has. Raises ValueError when an entry isn't one."""
        return cls(tuple(AclEntry.parse(part) for part in text.split(",") if part.strip()))

    def format(self) -> str:
        """Return the comma-separated form, entries in the order they are held in."""
        return ",".join(str(entry) for entry in self.entries)

    def __str__(self) -> str:
        return self.format()

    def find(self, kind: AclKind, entity: str = "", default: bool = False) -> AclEntry | None:
        """Return the entry of that scope, kind and entity, or None."""
        key = (default, kind, entity.lower())
        return next((entry for entry in self.entries if entry.key == key), None)

    def permissions(self, kind: AclKind, entity: str = "", default: bool = False) -> str:
        """Return that entry's permissions, ``---`` when there is no such entry; the mask isn't applied."""
        entry = self.find(kind, entity, default)
        return entry.permissions if entry else "---"

    def mask(self, default: bool = False) -> str | None:
        """Return the mask of the access or the default list, or None where there is none."""
        entry = self.find("mask", default=default)
        return entry.permissions if entry else None

    def effective(self, entry: AclEntry) -> str:
        """Return what an entry comes to under its list's mask."""
        mask = self.mask(entry.default)
        return intersection(entry.permissions, mask) if mask and entry.is_masked else entry.permissions

    def needed_mask(self, default: bool = False) -> str:
        """Return the narrowest mask that lets every masked entry of the list have all it says."""
        needed = "---"
        for entry in self.entries:
            if entry.default == default and entry.is_masked:
                needed = union(needed, entry.permissions)
        return needed

    def size(self, default: bool = False) -> int:
        """Return how many entries the access or default list has (at most 32, 28 of them named)."""
        return sum(entry.default == default for entry in self.entries)

    def put(self, entry: AclEntry) -> "Acl":
        """Return a list with this entry exactly, in place of the one of the same scope, kind and entity."""
        if any(held.key == entry.key for held in self.entries):
            return Acl(tuple(entry if held.key == entry.key else held for held in self.entries))
        return Acl((*self.entries, entry))

    def remove(self, entry: AclEntry) -> "Acl":
        """Return a list without the entry of the same scope, kind and entity."""
        return Acl(tuple(held for held in self.entries if held.key != entry.key))

    def merge(self, entry: AclEntry) -> "Acl":
        """Return a list in which that entry has at least these permissions; every other entry stays as it is.

        The first default entry brings the owner's, group's and other's defaults along, copied from the access list,
        since a default list can't be without them. The mask isn't widened: whether that is right is for a plan to say.
        """
        held = self.find(entry.kind, entry.entity, entry.default)
        merged = replace(held, permissions=union(held.permissions, entry.permissions)) if held else entry
        return (self._with_default_base() if entry.default else self).put(merged)

    def _with_default_base(self) -> "Acl":
        acl = self
        for kind in ("user", "group", "other"):
            base = self.find(kind)
            if base and not self.find(kind, default=True):
                acl = acl.put(replace(base, default=True))
        return acl


@dataclass(frozen=True, slots=True)
class AccessControl:
    """Who owns a path and who may do what. ``etag`` guards a write of what was read."""

    owner: str
    group: str
    permissions: str
    acl: Acl
    etag: str


@dataclass(frozen=True, slots=True)
class PathEntry:
    """A file or folder in a listing; ``name`` is its path from the listing's root (container, or OneLake item).

    ``permissions`` are nine letters, with a ``+`` when its ACL says more than they do.
    """

    name: str
    is_directory: bool = False
    content_length: int = 0
    etag: str | None = None
    last_modified: str | None = None
    owner: str = ""
    permissions: str = ""


class AclProgress(CloudModel):
    """How far a recursive ACL change has got; ``continuation`` is None once it is through."""

    directories_successful: int = 0
    files_successful: int = 0
    failure_count: int = 0
    failed_paths: tuple[str, ...] = ()
    continuation: str | None = None


@dataclass(frozen=True, order=True, slots=True)
class StorageUrl:
    """A place in ADLS Gen2: an account, a container of it, or a folder. ``folder`` has no slashes at its ends."""

    account: str
    container: str = ""
    folder: str = ""
    suffix: str = "core.windows.net"

    @classmethod
    def parse(cls, text: str) -> "StorageUrl":
        """Read https://account.dfs.core.windows.net/container/folder or abfss://container@account.../folder.

        Raises ValueError for anything else (wasbs, s3, a local path, a host that isn't a storage account's).
        """
        parts = urlsplit(text.strip())
        account, _, rest = (parts.hostname or "").partition(".")
        service, _, suffix = rest.partition(".")
        if parts.scheme not in {"https", "abfss", "abfs"} or service not in {"dfs", "blob"} or not suffix:
            raise ValueError(
                f"{text!r} is not an ADLS Gen2 address like https://account.dfs.core.windows.net/container"
            )
        if parts.scheme == "https":
            container, _, folder = unquote(parts.path).strip("/").partition("/")
        else:
            container, folder = parts.netloc.partition("@")[0], parts.path
        return cls(account, container, folder.strip("/"), suffix)

    @property
    def host(self) -> str:
        """Return the account's DFS host, e.g. contosolake.dfs.core.windows.net."""
        return f"{self.account}.dfs.{self.suffix}"

    @property
    def https_url(self) -> str:
        """Return the https form, percent-encoded."""
        path = "/".join(part for part in (self.container, self.folder) if part)
        return f"https://{self.host}/{quote(path)}".rstrip("/")

    @property
    def abfss_url(self) -> str:
        """Return the abfss form that Unity Catalog writes."""
        return f"abfss://{self.container}@{self.host}/{self.folder}".rstrip("/")

    def __str__(self) -> str:
        return self.https_url

    def covers(self, other: "StorageUrl") -> bool:
        """Tell whether the other place is this one or lies below it."""
        if self.account != other.account or self.container not in {"", other.container}:
            return False
        return not self.folder or f"{other.folder}/".startswith(f"{self.folder}/")

    def parents(self) -> tuple[str, ...]:
        """Return the folders above this one, from the container's root (an empty string) down.

        For ``lake/a/b`` these are ``""`` and ``"a"``; the root itself has none.
        """
        if not self.folder:
            return ()
        parts = self.folder.split("/")
        return tuple("/".join(parts[:depth]) for depth in range(len(parts)))
