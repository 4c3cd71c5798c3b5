"""Who reads which mirrored table: as Unity Catalog's grants have it, and as OneLake's roles do.

Reading takes USE CATALOG, USE SCHEMA and SELECT, each granted there or above, to the principal or a group that it is
in (Databricks' documentation of Unity Catalog privileges). Owners read without a grant: that isn't carried over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from unity_mirror.models.databricks import Group, ServicePrincipal, User
from unity_mirror.models.fabric import DataAccessRole
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import PrivilegeAssignment, normalise_privilege
from unity_mirror.plan.model import DataTable

ACCOUNT_USERS = "account users"
"""Databricks' group of everyone in the account; SCIM of a workspace doesn't list it."""
_ALL = normalise_privilege("ALL PRIVILEGES")
_USE_CATALOG, _USE_SCHEMA, _SELECT = map(normalise_privilege, ("USE CATALOG", "USE SCHEMA", "SELECT"))
Held = Mapping[str, frozenset[str]]
_SHOWN = 5


_APPLICATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_application_id(principal: str) -> bool:
    """Whether a grant names a service principal: those are called by application id."""
    return _APPLICATION_ID.fullmatch(principal) is not None


def may_be_a_group(principal: str) -> bool:
    """Whether a grant may name a group: neither a service principal nor a user, who is called by an e-mail address."""
    return "@" not in principal and not is_application_id(principal)


@dataclass(frozen=True, slots=True)
class EntraId:
    """A principal's object id in Entra, and its type there: Group, User or ServicePrincipal."""

    object_id: str
    object_type: str


@dataclass(frozen=True, slots=True)
class Grants:
    """What is granted directly on a catalog, its schemas and its tables: privileges by principal (lower case)."""

    catalog: Held = field(default_factory=dict)
    schemas: Mapping[str, Held] = field(default_factory=dict)
    tables: Mapping[TableRef, Held] = field(default_factory=dict)

    @property
    def principals(self) -> tuple[str, ...]:
        """Everyone that a grant names, sorted."""
        levels = (self.catalog, *self.schemas.values(), *self.tables.values())
        return tuple(sorted({name for level in levels for name in level}))

    def reads(self, names: frozenset[str], tables: Iterable[TableRef]) -> tuple[TableRef, ...]:
        """Which of the tables someone of these names (its own and its groups') may read."""
        return tuple(sorted(table for table in tables if self._reads(names, table)))

    def selects(self, names: frozenset[str], tables: Iterable[TableRef]) -> tuple[TableRef, ...]:
        """Which of the tables SELECT is granted on, whether or not USE CATALOG and USE SCHEMA are."""
        return tuple(sorted(table for table in tables if self._has(_SELECT, names, self._levels(table))))

    def _reads(self, names: frozenset[str], table: TableRef) -> bool:
        levels = self._levels(table)
        return (
            self._has(_USE_CATALOG, names, levels[:1])
            and self._has(_USE_SCHEMA, names, levels[:2])
            and self._has(_SELECT, names, levels)
        )

    def _levels(self, table: TableRef) -> tuple[Held, Held, Held]:
        return self.catalog, self.schemas.get(table.schema, {}), self.tables.get(table, {})

    @staticmethod
    def _has(privilege: str, names: frozenset[str], levels: Sequence[Held]) -> bool:
        return any(not level.get(name, frozenset()).isdisjoint({privilege, _ALL}) for level in levels for name in names)


def held_by(assignments: Iterable[PrivilegeAssignment]) -> Held:
    """Direct grants on one securable, in the form that they are compared in."""
    return {
        each.principal.casefold(): frozenset(normalise_privilege(privilege) for privilege in each.privileges)
        for each in assignments
    }


@dataclass(frozen=True, slots=True)
class Directory:
    """Principals by the names that grants call them (lower case). ``readable``: whether SCIM could be asked."""

    ids: Mapping[str, EntraId] = field(default_factory=dict)
    parents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ambiguous: frozenset[str] = frozenset()
    readable: bool = True

    def names_of(self, principal: str) -> frozenset[str]:
        """Under which names privileges reach a principal: its own, its groups', theirs, and everyone's."""
        found, todo = {principal, ACCOUNT_USERS}, [principal]
        while todo:
            for parent in self.parents.get(todo.pop(), frozenset()):
                if parent not in found:
                    found.add(parent)
                    todo.append(parent)
        return frozenset(found)

    def ids_of(self, principal: str) -> frozenset[str]:
        """The object ids under which a principal is let in: its own and its groups'."""
        names = self.names_of(principal)
        return frozenset(self.ids[name].object_id.lower() for name in names if name in self.ids)


def directory_of(
    groups: Sequence[Group],
    users: Sequence[User],
    service_principals: Sequence[ServicePrincipal],
    mapped: Mapping[str, str],
    *,
    readable: bool = True,
) -> Directory:
    """Who is who, from SCIM's answers and the spec's map, which wins. A name of two groups stands for neither."""
    names = Counter(group.display_name.casefold() for group in groups)
    ambiguous = frozenset(name for name, count in names.items() if count > 1)
    ids = {
        **_ids_of(groups, users, service_principals, ambiguous),
        **{name.casefold(): EntraId(object_id, "Group") for name, object_id in mapped.items()},
    }
    parents = _parents(groups, users, service_principals)
    return Directory(ids, parents, ambiguous - {name.casefold() for name in mapped}, readable)


def _ids_of(
    groups: Sequence[Group],
    users: Sequence[User],
    service_principals: Sequence[ServicePrincipal],
    ambiguous: frozenset[str],
) -> dict[str, EntraId]:
    """The object ids that SCIM tells, by the names that grants call principals."""
    told = [
        *((each.user_name, each.external_id, "User") for each in users),
        *((each.application_id, each.external_id, "ServicePrincipal") for each in service_principals),
        *((each.display_name, each.external_id, "Group") for each in groups),
    ]
    return {
        name.casefold(): EntraId(object_id, kind)
        for name, object_id, kind in told
        if object_id and not (kind == "Group" and name.casefold() in ambiguous)
    }


def _parents(
    groups: Sequence[Group], users: Sequence[User], service_principals: Sequence[ServicePrincipal]
) -> dict[str, frozenset[str]]:
    """The groups that each principal is in itself, by name."""
    by_id = {
        **{each.id: each.user_name.casefold() for each in users},
        **{each.id: each.application_id.casefold() for each in service_principals},
        **{each.id: each.display_name.casefold() for each in groups},
    }
    parents: dict[str, set[str]] = {}
    for group in groups:
        for member in group.members:
            if member.value in by_id:
                parents.setdefault(by_id[member.value], set()).add(group.display_name.casefold())
    return {name: frozenset(above) for name, above in parents.items()}


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One principal's line of the matrix. ``remark`` says why both sides differ, where they do."""

    principal: str
    object_id: str
    unity_catalog: tuple[TableRef, ...]
    onelake: tuple[TableRef, ...]
    remark: str = ""

    @property
    def differs(self) -> bool:
        """Whether someone reads more on one side."""
        return self.unity_catalog != self.onelake

    def cells(self, tables: Sequence[TableRef]) -> tuple[str, ...]:
        """The row as text, one cell for each column of the matrix over these tables."""
        only_there = sorted(set(self.unity_catalog) - set(self.onelake))
        only_here = sorted(set(self.onelake) - set(self.unity_catalog))
        return (
            self.principal,
            self.object_id or "unknown",
            _listed(self.unity_catalog, tables),
            _listed(self.onelake, tables),
            _listed(only_there, tables) if only_there else "",
            _listed(only_here, tables) if only_here else "",
            self.remark,
        )


@dataclass(frozen=True, slots=True)
class OneLakeSide:
    """What lets people read in OneLake: the item's roles as they will be, and roles in the workspace by object id."""

    roles: Sequence[DataAccessRole]
    workspace_roles: Mapping[str, str]

    def reads(self, ids: frozenset[str], tables: Sequence[TableRef]) -> tuple[TableRef, ...]:
        """Which tables someone with these object ids reads. Contributors and above read all, whatever roles say."""
        held = {self.workspace_roles[each] for each in ids if each in self.workspace_roles}
        if held & {"Admin", "Member", "Contributor"}:
            return tuple(sorted(tables))
        if not held:
            return ()
        paths = {path for role in self.roles if _members(role) & ids for path in readable_paths(role)}
        return tuple(sorted(table for table in tables if any(_opens(path, table) for path in paths)))


def access_matrix(
    grants: Grants, directory: Directory, side: OneLakeSide, tables: Sequence[TableRef], ignored: frozenset[str]
) -> tuple[AccessRow, ...]:
    """Who reads what on both sides: everyone that a grant names, but for the ``ignored`` and those who read nothing."""
    rows = []
    for principal in grants.principals:
        if principal in ignored:
            continue
        there = grants.reads(directory.names_of(principal), tables)
        ids = directory.ids_of(principal)
        here = side.reads(ids, tables)
        known = directory.ids.get(principal)
        remark = _remark(known, there, here, ids, side) if there != here else ""
        if remark == _OPENS_MORE and not (directory.readable or may_be_a_group(principal)):
            remark = _UNSEEN_GROUPS
        if there or here:
            rows.append(AccessRow(principal, known.object_id if known else "", there, here, remark))
    return tuple(rows)


def matrix_table(rows: Sequence[AccessRow], tables: Sequence[TableRef]) -> DataTable:
    """The matrix over these tables for the report; rows whose sides differ are the remarkable ones."""
    columns = (
        "Principal",
        "Entra object id",
        "Reads in Unity Catalog",
        "Reads in OneLake",
        "Only in Unity Catalog",
        "Only in OneLake",
        "Remark",
    )
    remarkable = frozenset(place for place, row in enumerate(rows) if row.differs)
    cells = tuple(row.cells(tables) for row in rows)
    return DataTable("Who can read what, in Unity Catalog and in OneLake", columns, cells, remarkable)


_OPENS_MORE = "a role that isn't ours opens more"
_UNSEEN_GROUPS = "a role opens more than its own grants give: which groups it is in isn't known"


def _remark(
    known: EntraId | None,
    there: tuple[TableRef, ...],
    here: tuple[TableRef, ...],
    ids: frozenset[str],
    side: OneLakeSide,
) -> str:
    if set(here) > set(there):
        held = {side.workspace_roles.get(each) for each in ids}
        if held & {"Admin", "Member", "Contributor"}:
            return "its workspace role reads everything, whatever data access roles say"
        return _OPENS_MORE
    if known is None:
        return "no Entra object id is known for it"
    if not any(each in side.workspace_roles for each in ids):
        return "it has no role in the workspace: give it Viewer, or share the item with it"
    return ""


def readable_paths(role: DataAccessRole) -> frozenset[str]:
    """The folders that a role opens whole, without slashes at their ends; ``*`` is everything."""
    found: set[str] = set()
    for rule in role.decision_rules:
        scopes = {scope.attribute_name: scope.attribute_value_included_in for scope in rule.permission}
        if rule.constraints is None and {"Read", "ReadWrite"} & set(scopes.get("Action", ())):
            found.update(path.strip("/") for path in scopes.get("Path", ()))
    return frozenset(found)


def opens_everything(role: DataAccessRole) -> bool:
    """Whether a role opens the whole item to whoever holds some permission on it, as DefaultReader does."""
    return "*" in readable_paths(role) and bool(role.members.fabric_item_members)


def _members(role: DataAccessRole) -> frozenset[str]:
    return frozenset(each.object_id.lower() for each in role.members.microsoft_entra_members)


def _opens(path: str, table: TableRef) -> bool:
    return path == "*" or f"{table.onelake_path}/".startswith(f"{path}/")


def _listed(tables: Sequence[TableRef], every: Sequence[TableRef]) -> str:
    """Such as ``finance.invoices, orders.* (7 of 25)``: a schema of which no table is missing in one word."""
    if not tables or len(tables) == len(every):
        return f"all {len(every)}" if tables else "none"
    missing = {ref.schema for ref in set(every) - set(tables)}
    names = list(dict.fromkeys(str(ref) if ref.schema in missing else f"{ref.schema}.*" for ref in tables))
    more = ", …" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more} ({len(tables)} of {len(every)})"
