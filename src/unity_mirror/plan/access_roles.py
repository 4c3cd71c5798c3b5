"""The OneLake data access roles that we keep: their names, their bodies, and what differs from what is there.

A role has no description to mark it by, so its name says that it is ours, and proves it by a digest of itself: a role
that someone else named alike stays untouched. Limits: 250 roles an item, 500 paths a role (OneLake security).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from unity_mirror.models.fabric import DataAccessRole, DecisionRule, EntraMember, PermissionScope, RoleMembers
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.access import EntraId, readable_paths

PREFIX = "UnityMirror"
ROLE_LIMIT = 250
PATH_LIMIT = 500
_OURS = re.compile(rf"(?P<stem>{PREFIX}_(?P<slug>[A-Za-z0-9_]*)_[0-9a-f]{{32}}_\d+)_(?P<seal>[0-9a-f]{{8}})")
_LONGEST_SLUG = 60


def role_name(principal: str, object_id: str, part: int = 1) -> str:
    """The name of the role for a principal; ``part`` counts where its tables don't fit into one role."""
    stem = f"{PREFIX}_{_slug(principal)}_{object_id.replace('-', '').lower()}_{part}"
    return f"{stem}_{_seal(stem)}"


def is_ours(name: str) -> bool:
    """Whether a role's name is one that we made."""
    found = _OURS.fullmatch(name)
    return found is not None and found["seal"] == _seal(found["stem"])


@dataclass(frozen=True, slots=True)
class Remembered:
    """Whom a role of ours was made for, and the paths that it opens."""

    id: EntraId
    paths: frozenset[str]


def remembered(held: Iterable[DataAccessRole], principals: Iterable[str]) -> dict[str, Remembered]:
    """What our roles still say of principals, where nobody tells any more.

    Names are shortened in a role's name, so only those count that no two principals, nor two ids, share.
    """
    by_slug: dict[str, list[Remembered]] = {}
    for role in held:
        by_slug.setdefault(_slug_in(role.name), []).extend(_says(role))
    slugs = Counter(map(_slug, names := tuple(principals)))
    found = {name: by_slug.get(_slug(name), []) for name in names if slugs[_slug(name)] == 1}
    return {
        name: Remembered(parts[0].id, frozenset(path for part in parts for path in part.paths))
        for name, parts in found.items()
        if len({part.id for part in parts}) == 1
    }


def _slug_in(role_name: str) -> str:
    found = _OURS.fullmatch(role_name)
    return found["slug"] if found else ""


def _says(role: DataAccessRole) -> Iterator[Remembered]:
    for member in role.members.microsoft_entra_members if is_ours(role.name) else ():
        yield Remembered(EntraId(member.object_id, member.object_type or "Group"), readable_paths(role))


def wanted_roles(
    readers: Mapping[str, tuple[TableRef, ...]], ids: Mapping[str, EntraId], tenant_id: str
) -> tuple[DataAccessRole, ...]:
    """One role for each principal that reads something, its tables one by one; more where they pass the limit."""
    return tuple(
        _role(role_name(principal, ids[principal].object_id, part), ids[principal], tenant_id, tables)
        for principal, readable in sorted(readers.items())
        for part, tables in enumerate(_parts(readable), start=1)
    )


@dataclass(frozen=True, slots=True)
class RoleDifference:
    """What to write. ``emptied`` are ours that nobody shall have any more: their members go, the role itself stays
    unless deletions are asked for; ``prunable`` are those that stay."""

    created: tuple[DataAccessRole, ...] = ()
    updated: tuple[tuple[DataAccessRole, DataAccessRole], ...] = ()
    emptied: tuple[DataAccessRole, ...] = ()
    deleted: tuple[DataAccessRole, ...] = ()
    prunable: tuple[DataAccessRole, ...] = ()


def difference(held: Sequence[DataAccessRole], wanted: Sequence[DataAccessRole], *, prune: bool) -> RoleDifference:
    """Between the roles that are there, others' among them, and those that shall be there."""
    by_name = {role.name.lower(): role for role in held if is_ours(role.name)}
    names = {role.name.lower() for role in wanted}
    surplus = [role for name, role in sorted(by_name.items()) if name not in names]
    return RoleDifference(
        created=tuple(role for role in wanted if role.name.lower() not in by_name),
        updated=tuple(
            (old, role)
            for role in wanted
            if (old := by_name.get(role.name.lower())) is not None and content_of(old) != content_of(role)
        ),
        emptied=() if prune else tuple(role for role in surplus if content_of(role)[1]),
        deleted=tuple(surplus) if prune else (),
        prunable=() if prune else tuple(surplus),
    )


def emptied(role: DataAccessRole) -> DataAccessRole:
    """The role without members: it opens nothing to anyone."""
    return role.model_copy(update={"members": RoleMembers()})


def content_of(role: DataAccessRole) -> tuple[frozenset[str], frozenset[str], int]:
    """What a role says, for comparing: paths, members of both kinds, and how many rules and constraints it has."""
    members = {each.object_id.lower() for each in role.members.microsoft_entra_members}
    members |= {f"{each.source_path}:{','.join(each.item_access)}" for each in role.members.fabric_item_members}
    rules = len(role.decision_rules) + sum(rule.constraints is not None for rule in role.decision_rules)
    return readable_paths(role), frozenset(members), rules


def _parts(tables: tuple[TableRef, ...]) -> Iterator[tuple[TableRef, ...]]:
    for start in range(0, len(tables), PATH_LIMIT):
        yield tables[start : start + PATH_LIMIT]


def _role(name: str, member: EntraId, tenant_id: str, tables: Sequence[TableRef]) -> DataAccessRole:
    paths = tuple(f"/{table.onelake_path}" for table in tables)
    rule = DecisionRule(
        permission=(
            PermissionScope(attribute_name="Path", attribute_value_included_in=paths),
            PermissionScope(attribute_name="Action", attribute_value_included_in=("Read",)),
        )
    )
    entra = EntraMember(tenant_id=tenant_id, object_id=member.object_id, object_type=member.object_type)
    return DataAccessRole(name=name, decision_rules=(rule,), members=RoleMembers(microsoft_entra_members=(entra,)))


def _slug(principal: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", principal).strip("_")[:_LONGEST_SLUG]


def _seal(stem: str) -> str:
    return hashlib.sha256(f"unity-mirror {stem}".encode()).hexdigest()[:8]
