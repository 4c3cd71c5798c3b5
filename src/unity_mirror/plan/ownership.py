"""How we tell what is ours: a last line in an item's description, and role assignment names that we derive.

The line reads ``unity-mirror: <catalog> metastore=<first eight digits of its id>`` and, where we made things that can't
carry a mark, ``made=<what>,…``. The metastore keeps catalogs of one name apart that share a workspace.
``item=<digest of the name that we gave it>`` tells whether someone renamed an item or a spec asks for another one; a
mirrored catalog that is called as its catalog goes without. ``for=<digest of a workspace's id>`` is on a lakehouse that
stands in another workspace than the mirrored catalog that it serves. Fabric descriptions hold at most
256 characters in all (platform specification, CreateItemRequest.description).
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

PREFIX = "unity-mirror: "
DESCRIPTION_LIMIT = 256
_LONGEST_NAME = 55
"""So that the longest line, with all that can be made, fits into a description."""
_METASTORE, _ITEM, _FOR, _MADE = " metastore=", " item=", " for=", " made="
_DIGITS, _ITEM_DIGITS = 8, 6
_SPARED, _SPARED_DIGITS = "acl-not-", 6
_SPARED_WORD = re.compile(r"acl-not-(\*|[0-9a-f]{6}\*?)")
_NAMESPACE = uuid.UUID("a6d2f1c4-58f5-5d0e-9c6b-0f3f8f6d7c11")


class Made(StrEnum):
    """Things that we made and that can't carry a mark of their own.

    ``acl`` is the storage folder's entry and those of all below it; ``acl-<depth>`` that of a folder above, the
    container's root being 0. ``adls-theirs``: since we made the storage connection the spec came to name one that was
    there; what is written in several items is never taken back, so that this says which of both counts.
    """

    ACL = "acl"
    ACL_0 = "acl-0"
    ACL_1 = "acl-1"
    ACL_2 = "acl-2"
    ACL_3 = "acl-3"
    ACL_4 = "acl-4"
    ACL_5 = "acl-5"
    ACL_6 = "acl-6"
    ACL_7 = "acl-7"
    CONNECTION_DATABRICKS = "databricks-connection"
    CONNECTION_STORAGE = "storage-connection"
    CONNECTION_STORAGE_THEIRS = "adls-theirs"
    IDENTITY = "identity"
    IDENTITY_ROLE = "identity-role"
    NETWORK_RULE = "network-rule"


class Spared(str):
    """What of a folder's tree held our principal's entry before us, so that it isn't ours and survives offboarding.

    ``acl-not-<digest of the path>`` is one path, with a ``*`` at its end a path and all below it; ``acl-not-*`` the
    whole tree, where the description hasn't room for more.
    """

    __slots__ = ()

    @property
    def value(self) -> str:
        """The word in the description."""
        return str(self)

    @classmethod
    def path(cls, path: str, *, below: bool) -> Spared:
        """That of a path, or of a path with all below it."""
        return cls(f"{_SPARED}{hashlib.sha256(path.encode()).hexdigest()[:_SPARED_DIGITS]}{'*' if below else ''}")


EVERYTHING_BELOW = Spared("acl-not-*")
Memory: TypeAlias = Made | Spared


def is_spared(path: str, memories: Collection[Memory]) -> bool:
    """Whether the entry on a path, ``account/container/folder/...``, was there before us."""
    if EVERYTHING_BELOW in memories or Spared.path(path, below=False) in memories:
        return True
    parts = path.split("/")
    return any(Spared.path("/".join(parts[:end]), below=True) in memories for end in range(2, len(parts) + 1))


_ACLS_ABOVE = (
    Made.ACL_0, Made.ACL_1, Made.ACL_2, Made.ACL_3, Made.ACL_4, Made.ACL_5, Made.ACL_6, Made.ACL_7,
)  # fmt: skip


def acl_above(path: str) -> Made:
    """What stands for the entry of a folder above the storage folder; the container's root is an empty path.

    From the eighth folder on they share one word.
    """
    depth = path.count("/") + 1 if path else 0
    return _ACLS_ABOVE[min(depth, len(_ACLS_ABOVE) - 1)]


@dataclass(frozen=True, slots=True)
class Mark:
    """What the last line of a description says."""

    catalog: str
    made: frozenset[Memory] = frozenset()
    metastore: str = ""
    item: str = ""
    serves: str = ""

    def line(self) -> str:
        """The line as it stands in the description."""
        made = ",".join(sorted(self.made))
        words = ((_METASTORE, self.metastore), (_ITEM, self.item), (_FOR, self.serves), (_MADE, made))
        return f"{PREFIX}{self.catalog}" + "".join(f"{key}{value}" for key, value in words if value)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose things are told by a mark: a catalog of a metastore. ``metastore`` is its id; empty when it isn't known."""

    catalog: str
    metastore: str = ""

    def mark(self, made: frozenset[Memory] = frozenset(), item_name: str = "") -> Mark:
        """The mark on its things; on the mirrored catalog with the name that it is given."""
        return mark_of(self.catalog, made, self.metastore, self._digest(item_name))

    def named(self, description: str | None, item_name: str) -> bool:
        """Whether the mark says that a mirrored catalog was given this name, whatever it is called now."""
        mark = read_mark(description)
        return mark is not None and self.owns(description) and mark.item == self._digest(item_name)

    def mark_on_top(self, made: frozenset[Memory], name: str, serves: str = "") -> Mark:
        """The mark on what rests on the mirrored catalog, with the name that it is given. ``serves``: the id of that
        catalog's workspace, where it stands in another one; what was made is told in that catalog's own only."""
        told = frozenset[Memory]() if serves else made
        return replace(
            mark_of(self.catalog, told, self.metastore, _digest_of(name)), serves=_digest_of(serves) if serves else ""
        )

    def owns_on_top(self, description: str | None, serves: str = "") -> bool:
        """Whether what carries the description was made for a mirrored catalog in that workspace, or in its own."""
        mark = read_mark(description)
        return mark is not None and self.owns(description) and mark.serves == _digest_of(serves)

    def named_on_top(self, description: str | None, name: str) -> bool:
        """Whether the mark says that it was given this name, whatever it is called now. Marks that say nothing of it
        were made before they did."""
        mark = read_mark(description)
        return mark is not None and mark.item in ("", _digest_of(name))

    def owns(self, description: str | None) -> bool:
        """Whether a description carries its mark. Without a metastore on either side the catalog's name decides."""
        mark, wanted = read_mark(description), self.mark()
        if mark is None or mark.catalog != wanted.catalog:
            return False
        return "" in (mark.metastore, wanted.metastore) or mark.metastore == wanted.metastore

    def _digest(self, item_name: str) -> str:
        return "" if item_name.casefold() == self.catalog.casefold() else _digest_of(item_name)


def _digest_of(name: str) -> str:
    return hashlib.sha256(name.casefold().encode()).hexdigest()[:_ITEM_DIGITS] if name else ""


def mark_of(catalog: str, made: frozenset[Memory] = frozenset(), metastore: str = "", item: str = "") -> Mark:
    """The mark for a catalog; a very long name is shortened, with a digest to keep it apart from others."""
    if len(catalog) > _LONGEST_NAME:
        digest = hashlib.sha256(catalog.encode()).hexdigest()[:12]
        catalog = f"{catalog[: _LONGEST_NAME - 13]}~{digest}"
    mark = Mark(catalog, made, metastore.replace("-", "").lower()[:_DIGITS], item)
    if len(mark.line()) <= DESCRIPTION_LIMIT:
        return mark
    fewer = frozenset(each for each in made if not isinstance(each, Spared)) | {EVERYTHING_BELOW}
    return replace(mark, made=fewer)


def read_mark(description: str | None) -> Mark | None:
    """The mark in a description, or ``None`` when the item isn't ours."""
    last = (description or "").rstrip().rpartition("\n")[2]
    if not last.startswith(PREFIX):
        return None
    named, _, made = last.removeprefix(PREFIX).partition(_MADE)
    named, _, serves = named.partition(_FOR)
    named, _, item = named.partition(_ITEM)
    catalog, _, metastore = named.partition(_METASTORE)
    known = {each.value: each for each in Made}
    found: set[Memory] = {known[word] for word in made.split(",") if word in known}
    found |= {Spared(word) for word in made.split(",") if _SPARED_WORD.fullmatch(word)}
    return Mark(catalog, frozenset(found), metastore, item, serves)


def with_mark(description: str | None, mark: Mark) -> str:
    """The description with the mark as its last line, what people wrote kept as far as the limit allows."""
    text = (description or "").rstrip()
    if read_mark(text) is not None:
        text = text.rpartition("\n")[0].rstrip()
    room = max(DESCRIPTION_LIMIT - len(mark.line()) - 1, 0)
    kept = text[:room].rstrip()
    return f"{kept}\n{mark.line()}" if kept else mark.line()


def role_assignment_name(scope: str, principal_id: str, role_id: str) -> str:
    """The GUID that our assignment of a role has: derived, so that a second run finds the first one's."""
    return str(uuid.uuid5(_NAMESPACE, "|".join((scope.lower().rstrip("/"), principal_id.lower(), role_id.lower()))))
