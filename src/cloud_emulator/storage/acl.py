"""POSIX access control lists as ADLS Gen2 has them: reading, writing, limits, inheritance and the access check.

A list is kept as its ``x-ms-acl`` text in canonical order, so that equal lists share one string. Permissions are the
three characters ``rwx`` with ``-`` where one is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from cloud_emulator.core.rules import ALL_ON, Rules

MOST_ENTRIES = 32
"""Entries that the access list, and the default list of a directory, may have each [D]."""
MOST_NAMED = 28
DIRECTORY_MODE = 0o777
FILE_MODE = 0o666
DEFAULT_UMASK = 0o027
INHERITED_OTHER = "---"
"""What *other* gets from a default list: the umask for inherited entries is 007 [D]."""
ROOT_ACL = "user::rwx,group::r-x,other::---"

_KINDS = ("user", "group", "mask", "other")
_PERMISSIONS = re.compile(r"[r-][w-][x-]\Z")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


class InvalidAcl(ValueError):
    """An access control list that the service refuses; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; ``entity`` is an object id, or empty for the owner, the owning group, the mask and others."""

    kind: str
    entity: str
    permissions: str
    default: bool = False

    @property
    def key(self) -> tuple[bool, str, str]:
        """What two entries of one list can't share."""
        return self.default, self.kind, self.entity

    def __str__(self) -> str:
        return f"{'default:' if self.default else ''}{self.kind}:{self.entity}:{self.permissions}"


Acl = tuple[Entry, ...]


@lru_cache(maxsize=4096)
def parse(text: str) -> Acl:
    """The entries of a list, in the order given. Raises :class:`InvalidAcl`."""
    entries = tuple(_entry(part) for part in text.split(","))
    if len({entry.key for entry in entries}) != len(entries):
        raise InvalidAcl("an entry appears twice")
    return entries


def parse_removal(text: str) -> frozenset[tuple[bool, str, str]]:
    """The entries named by a removal, which carries no permissions. Raises :class:`InvalidAcl`."""
    return frozenset(_entry(f"{part.rstrip(':') if part.count(':') > 1 else part}:---").key for part in text.split(","))


def _entry(text: str) -> Entry:
    default = text.startswith("default:")
    fields = text.removeprefix("default:").split(":")
    if len(fields) == 2 and fields[0] in ("mask", "other"):
        fields.insert(1, "")
    if len(fields) != 3:
        raise InvalidAcl(f"{text!r} is not [default:]kind:id:permissions")
    kind, entity, permissions = fields
    if kind not in _KINDS or not _PERMISSIONS.match(permissions):
        raise InvalidAcl(f"{text!r} has an unknown kind or malformed permissions")
    if entity and (kind in ("mask", "other") or not _GUID.match(entity)):
        raise InvalidAcl(f"{text!r} does not name an object id")
    return Entry(kind, entity.lower(), permissions, default)


def render(entries: Iterable[Entry]) -> str:
    """The canonical text: access entries before default ones, by kind, the unnamed first."""
    return ",".join(
        map(str, sorted(entries, key=lambda entry: (entry.default, _KINDS.index(entry.kind), entry.entity)))
    )


def complete(entries: Iterable[Entry], *, directory: bool, rules: Rules = ALL_ON) -> str:
    """A whole list, checked, with the masks that it needs worked out. Raises :class:`InvalidAcl`."""
    found = tuple(entries)
    access = [entry for entry in found if not entry.default]
    defaults = [entry for entry in found if entry.default]
    if defaults and not directory and rules.on("storage.acl.default_on_directory"):
        raise InvalidAcl("only a directory has default entries")
    return render([*_checked(access, rules), *(_checked(defaults, rules) if defaults else ())])


def _checked(scope: list[Entry], rules: Rules) -> list[Entry]:
    whole = {entry.kind for entry in scope if not entry.entity} - {"mask"} == {"user", "group", "other"}
    if not whole and rules.on("storage.acl.bases"):
        raise InvalidAcl("the owner's, the owning group's and others' entries are required")
    named = [entry for entry in scope if entry.entity]
    if named and not any(entry.kind == "mask" for entry in scope):
        masked = [entry.permissions for entry in scope if entry.entity or entry.kind == "group"]
        scope = [*scope, Entry("mask", "", _union(masked), scope[0].default)]
    too_many = len(scope) > MOST_ENTRIES or len(named) > MOST_NAMED
    if too_many and rules.on("storage.acl.most_entries"):
        raise InvalidAcl(f"a list holds at most {MOST_ENTRIES} entries, {MOST_NAMED} of them named")
    return scope


def _union(permissions: Iterable[str]) -> str:
    together = "".join(permissions)
    return "".join(letter if letter in together else "-" for letter in "rwx")


def merge(held: str, changes: Iterable[Entry], *, directory: bool, rules: Rules = ALL_ON) -> str:
    """A list after *modify*: entries replaced or added. A first default entry brings the base entries along.

    A mask that is there stays as it is unless given [I]: a wider one would give other people more.
    """
    entries = {entry.key: entry for entry in parse(held)}
    wanted = [entry for entry in changes if directory or not entry.default]
    if any(entry.default for entry in wanted) and not any(key[0] for key in entries):
        bases = [replace(entry, default=True) for entry in parse(held) if not entry.entity and entry.kind != "mask"]
        entries |= {base.key: base for base in bases}
    return complete({**entries, **{entry.key: entry for entry in wanted}}.values(), directory=directory, rules=rules)


def without(held: str, keys: frozenset[tuple[bool, str, str]], *, directory: bool) -> str:
    """A list after *remove*. The base entries can't be removed. Raises :class:`InvalidAcl`."""
    if any(not entity and not default and kind != "mask" for default, kind, entity in keys):
        raise InvalidAcl("the owner's, the owning group's and others' entries can't be removed")
    return complete((entry for entry in parse(held) if entry.key not in keys), directory=directory)


def from_mode(mode: int) -> str:
    """The list of a path that has just nine permission bits."""
    return render(Entry(kind, "", _bits(mode >> shift)) for kind, shift in (("user", 6), ("group", 3), ("other", 0)))


def change_mode(held: str, mode: int) -> str:
    """A list after *chmod*: the group bits go to the mask where there is one, as POSIX says."""
    entries = {entry.key: entry for entry in parse(held)}
    group = "mask" if (False, "mask", "") in entries else "group"
    for kind, shift in (("user", 6), (group, 3), ("other", 0)):
        entries[(False, kind, "")] = Entry(kind, "", _bits(mode >> shift))
    return render(entries.values())


def _bits(mode: int) -> str:
    return "".join(letter if mode & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))


def parse_mode(text: str) -> int:
    """Octal digits or ``rwxr-x---``, as a number. Raises :class:`InvalidAcl`, for a sticky bit, too."""
    if re.fullmatch(r"0?[0-7]{3}", text):
        return int(text, 8)
    if re.fullmatch(r"([r-][w-][x-]){3}", text):
        return int("".join("0" if letter == "-" else "1" for letter in text), 2)
    raise InvalidAcl(f"{text!r} is neither octal nor symbolic")


def summary(text: str) -> str:
    """The nine letters shown for a list, with ``+`` when it says more than they do."""
    entries = {entry.key: entry.permissions for entry in parse(text)}
    group = entries.get((False, "mask", ""), entries[(False, "group", "")])
    extended = len(entries) > 3
    return f"{entries[(False, 'user', '')]}{group}{entries[(False, 'other', '')]}{'+' if extended else ''}"


@lru_cache(maxsize=4096)
def inherited(parent: str, *, directory: bool) -> str | None:
    """The list that a new child gets from its parent's default entries; ``None`` when the parent has none."""
    defaults = [entry for entry in parse(parent) if entry.default]
    if not defaults:
        return None
    access = [
        replace(entry, default=False, permissions=INHERITED_OTHER if entry.kind == "other" else entry.permissions)
        for entry in defaults
    ]
    return render([*access, *defaults] if directory else access)


def child_acl(
    parent: str, *, directory: bool, mode: int | None = None, umask: int = DEFAULT_UMASK, rules: Rules = ALL_ON
) -> str:
    """The list of a new child: its parent's defaults, or the requested bits less the umask."""
    found = inherited(parent, directory=directory) if rules.on("storage.acl.inherited") else None
    if found is not None:
        return found
    wanted = (DIRECTORY_MODE if directory else FILE_MODE) if mode is None else mode
    return from_mode(wanted & ~umask if rules.on("storage.acl.umask") else wanted)


def allows(
    text: str,
    owner: str,
    group: str,
    identity: str,
    groups: frozenset[str],
    desired: str,
    rules: Rules = ALL_ON,
) -> bool:
    """The documented check: the owner, then named users, then groups, then other; the mask limits all but the owner."""
    entries = [entry for entry in parse(text) if not entry.default]
    if identity == owner and rules.on("storage.acl.owner"):
        return _covers(_of(entries, "user"), desired)
    mask = next((entry.permissions for entry in entries if entry.kind == "mask"), "rwx")
    if not rules.on("storage.acl.mask"):
        mask = "rwx"
    named = next((entry for entry in entries if entry.kind == "user" and entry.entity == identity), None)
    if named is not None and rules.on("storage.acl.named_user"):
        return _covers(named.permissions, desired) and _covers(mask, desired)
    if not _covers(mask, desired):
        return False
    theirs = [entry for entry in entries if entry.kind == "group" and (entry.entity or group) in groups]
    if any(_covers(entry.permissions, desired) for entry in theirs) and rules.on("storage.acl.groups"):
        return True
    return _covers(_of(entries, "other"), desired) and rules.on("storage.acl.other")


def _of(entries: Iterable[Entry], kind: str) -> str:
    return next(entry.permissions for entry in entries if entry.kind == kind and not entry.entity)


def _covers(permissions: str, desired: str) -> bool:
    return all(letter in permissions for letter in desired)
