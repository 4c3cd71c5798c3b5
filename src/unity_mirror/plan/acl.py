"""What it takes to let a principal read a folder through ACLs, and whether that would let anyone else in.

Evaluation as documented for ADLS Gen2: the mask limits named users and all groups, so a wider mask can give other
principals rights that they lacked. Such a change is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from unity_mirror.models.storage import Acl, AclEntry, union

NAMED_LIMIT = 28
READ = "r-x"
TRAVERSE = "--x"


@dataclass(frozen=True, slots=True)
class AclGrant:
    """A path's list before and after. ``gains`` names foreign entries that would come to more rights than they had."""

    before: Acl
    after: Acl
    gains: tuple[str, ...] = ()
    full: bool = False

    @property
    def is_needed(self) -> bool:
        """Whether anything changes."""
        return self.before != self.after


def grant(acl: Acl, object_id: str, permissions: str, *, inherited: bool = False) -> AclGrant:
    """Gives a principal permissions on a path, and with ``inherited`` on what will be created below it."""
    after = _give(acl, AclEntry("user", object_id, permissions))
    if inherited:
        after = _give(after, AclEntry("user", object_id, permissions, default=True))
    return AclGrant(acl, after, _gains(acl, after, object_id), _is_full(after))


def holds(acl: Acl, object_id: str, permissions: str, *, default: bool = False) -> bool:
    """Whether a principal's own entry comes to at least these permissions under the mask."""
    entry = acl.find("user", object_id, default)
    return entry is not None and union(acl.effective(entry), permissions) == acl.effective(entry)


def _give(acl: Acl, entry: AclEntry) -> Acl:
    if holds(acl, entry.entity, entry.permissions, default=entry.default):
        return acl
    merged = acl.merge(entry)
    mask = merged.mask(entry.default)
    wanted = union(mask, entry.permissions) if mask is not None else merged.needed_mask(entry.default)
    return merged.put(AclEntry("mask", "", wanted, entry.default))


def _gains(before: Acl, after: Acl, object_id: str) -> tuple[str, ...]:
    gained = []
    for entry in before.entries:
        foreign = entry.kind != "mask" and entry.entity.lower() != object_id.lower()
        if foreign and entry.is_masked and after.effective(entry) != before.effective(entry):
            gained.append(f"{entry} would come to {after.effective(entry)} instead of {before.effective(entry)}")
    return tuple(gained)


def _is_full(acl: Acl) -> bool:
    return any(
        sum(entry.is_named for entry in acl.entries if entry.default is default) > NAMED_LIMIT
        for default in (False, True)
    )
