"""What it takes to let a principal read a folder through ACLs, and whether that would let anyone else in.

Evaluation as documented for ADLS Gen2: the mask limits named users, all groups and, in the documented algorithm, other.
So a wider mask can give other principals rights that they lacked: such a change is refused. A first mask can take
rights away from other: it is made wide enough not to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unity_mirror.models.storage import Acl, AclEntry, AclKind, intersection, union

NAMED_LIMIT = 28
READ = "r-x"
TRAVERSE = "--x"
_FEW_LEFT = 4
_NEW_CHILD: Mapping[AclKind, str] = {"user": "rwx", "group": "r-x", "other": "---"}


@dataclass(frozen=True, slots=True)
class AclGrant:
    """A path's list before and after. ``gains`` names foreign entries that would come to more rights than they had;
    ``plain`` says that merging the entry alone, as recursive changes do, comes to the same list, whether the service
    keeps a mask or recomputes it."""

    before: Acl
    after: Acl
    gains: tuple[str, ...] = ()
    full: bool = False
    plain: bool = True

    @property
    def is_needed(self) -> bool:
        """Whether anything changes."""
        return self.before != self.after

    @property
    def named(self) -> int:
        """How many named entries the fuller of both lists holds afterwards; 28 is the most."""
        return max(_named(self.after, default) for default in (False, True))

    @property
    def nearly_full(self) -> bool:
        """Whether few more named entries fit."""
        return self.is_needed and self.named > NAMED_LIMIT - _FEW_LEFT


def grant(acl: Acl, object_id: str, permissions: str, *, inherited: bool = False) -> AclGrant:
    """Gives a principal permissions on a path, and with ``inherited`` on what will be created below it."""
    after = _give(acl, AclEntry("user", object_id, permissions))
    if inherited:
        after = _give(after, AclEntry("user", object_id, permissions, default=True))
    scopes = (False, True) if inherited else (False,)
    full = any(_named(after, default) > NAMED_LIMIT for default in (False, True))
    plain = all(_is_plain(acl, after, object_id, permissions, default) for default in scopes)
    return AclGrant(acl, after, _gains(acl, after, object_id), full, plain)


def revoke(acl: Acl, object_id: str) -> Acl:
    """The list without a principal's own entries; a mask that limits nobody any more goes with them."""
    for default in (False, True):
        entry = acl.find("user", object_id, default)
        if entry is None:
            continue
        acl = acl.remove(entry)
        mask = acl.find("mask", default=default)
        if mask is not None and not any(each.is_named for each in acl.entries if each.default is default):
            acl = acl.remove(mask)
    return acl


def holds(acl: Acl, object_id: str, permissions: str, *, default: bool = False) -> bool:
    """Whether a principal's own entry comes to at least these permissions under the mask."""
    entry = acl.find("user", object_id, default)
    return entry is not None and union(acl.effective(entry), permissions) == acl.effective(entry)


def from_permissions(permissions: str) -> Acl | None:
    """The list of a path whose listing shows nine letters and no ``+``: there is nothing else to it.

    The last one is a ``t`` or ``T`` where the sticky bit is set, with or without execute for others.
    """
    if len(permissions) != 9:
        return None
    owner, group = permissions[:3], permissions[3:6]
    other = permissions[6:].replace("t", "x").replace("T", "-")
    return Acl.parse(f"user::{owner},group::{group},other::{other}")


def _give(acl: Acl, entry: AclEntry) -> Acl:
    if holds(acl, entry.entity, entry.permissions, default=entry.default):
        return acl
    merged = (_with_defaults(acl) if entry.default else acl).merge(entry)
    mask = merged.mask(entry.default)
    if mask is not None:
        wanted = union(mask, entry.permissions)
    else:
        wanted = union(merged.needed_mask(entry.default), merged.permissions("other", default=entry.default))
    return merged.put(AclEntry("mask", "", wanted, entry.default))


def _with_defaults(acl: Acl) -> Acl:
    """The list with a default list, where it has none: one that leaves new children to others as they would be without.

    Those get 0777 or 0666 less a umask of 027 then (Create Path); a copy of the access list, which the service would
    make, could give them more.
    """
    if any(entry.default for entry in acl.entries):
        return acl
    for kind, permissions in _NEW_CHILD.items():
        acl = acl.put(AclEntry(kind, "", permissions, default=True))
    return acl


def _gains(before: Acl, after: Acl, object_id: str) -> tuple[str, ...]:
    gained = []
    for entry in before.entries:
        foreign = entry.entity.lower() != object_id.lower() or entry.kind != "user"
        if foreign and (entry.is_masked or entry.kind == "other"):
            had, has = _effective(before, entry), _effective(after, entry)
            if had != has:
                gained.append(f"{entry} would come to {has} instead of {had}")
    return tuple(gained)


def _effective(acl: Acl, entry: AclEntry) -> str:
    mask = acl.mask(entry.default)
    return entry.permissions if mask is None else intersection(entry.permissions, mask)


def _is_plain(before: Acl, after: Acl, object_id: str, permissions: str, default: bool) -> bool:
    mask = after.mask(default)
    made = default and not any(entry.default for entry in before.entries)
    if made and any(before.permissions(kind) != after.permissions(kind, default=True) for kind in _NEW_CHILD):
        return False
    return (
        after.permissions("user", object_id, default) == permissions
        and mask == after.needed_mask(default)
        and before.mask(default) in (None, mask)
    )


def _named(acl: Acl, default: bool) -> int:
    return sum(entry.is_named for entry in acl.entries if entry.default is default)
