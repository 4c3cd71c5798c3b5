"""What is to be said about access besides the roles: what can't be carried over, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from unity_mirror.models.fabric import DataAccessRole
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Policy
from unity_mirror.plan.access import ACCOUNT_USERS, AccessRow, Directory, Grants, opens_everything
from unity_mirror.plan.access_roles import ROLE_LIMIT
from unity_mirror.plan.model import AfterApply, Check, LeftOut, Outcome, Reason, Remedy, Scope, ScopeKind
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps import remedies

_GUARDED = (Reason.ROW_FILTER, Reason.COLUMN_MASK, Reason.POLICY)
SQL_ENDPOINT = (
    "At the SQL analytics endpoint these roles bind only in the user's identity mode, which no API tells or sets: "
    "look at the endpoint's security settings. In delegated mode SQL permissions decide."
)


def grants_hidden(spec: CatalogSpec) -> Check:
    """We see our own grants only: nothing can be said about others', and nothing is changed."""
    return Check(
        "access_grants",
        "Everyone's grants on the catalog can be read",
        _catalog(spec),
        Outcome.UNKNOWN,
        "Unity Catalog shows the identity that runs unity-mirror no one else's grants, so no role was made or changed",
        remedies.grant(spec, "CATALOG", spec.catalog, remedies.US, "MANAGE", calls=False),
    )


def too_many(spec: CatalogSpec, others: int, wanted: int) -> Check:
    """The roles don't fit on the item."""
    evidence = f"{wanted} roles are needed beside {others} that others made; an item holds {ROLE_LIMIT}"
    remedy = Remedy("Grant to fewer, larger groups in Unity Catalog, or leave access out of the spec.")
    return Check("access_role_limit", "The roles fit on the item", _catalog(spec), Outcome.FAILED, evidence, remedy)


def unresolved(spec: CatalogSpec, readers: Mapping[str, Sequence[TableRef]], directory: Directory) -> tuple[Check, ...]:
    """Principals that read in Unity Catalog and whose Entra object id nobody told us."""
    return tuple(
        Check(
            "access_principal",
            f"{name} is known in Entra ID",
            _catalog(spec),
            Outcome.UNKNOWN,
            f"it reads {len(tables)} of the mirrored tables in Unity Catalog and gets no role: {_why(name, directory)}",
            Remedy(f"Give its Entra object id in the spec: access.groups: {{{name!r}: <object id>}}."),
        )
        for name, tables in sorted(readers.items())
        if name not in directory.ids
    )


def _why(name: str, directory: Directory) -> str:
    if name == ACCOUNT_USERS:
        return "it is Databricks' own group of everyone, which Entra doesn't have"
    if name in directory.ambiguous:
        return "several groups have this name"
    if not directory.readable:
        return "only admins of the Databricks workspace may ask its SCIM API for object ids"
    return "it isn't synced from Entra: SCIM has no external id for it"


def open_to_all(foreign: Sequence[DataAccessRole], item: str | AfterApply | None) -> tuple[str, ...]:
    """Roles that open everything to holders of ReadAll: while they stand, least privilege is an illusion."""
    if item is None or isinstance(item, AfterApply):
        return ("A new item has the role DefaultReader, which opens every table to whoever holds ReadAll on the item.",)
    return tuple(
        f"The role {role.name} isn't ours and opens every table to whoever holds "
        f"{'/'.join(sorted({each for member in role.members.fabric_item_members for each in member.item_access}))} "
        "on the item, whatever Unity Catalog grants: remove it under Manage OneLake security if that isn't meant."
        for role in foreign
        if opens_everything(role)
    )


def guarded_tables(left_out: Iterable[LeftOut]) -> tuple[str, ...]:
    """Row filters, column masks and policies never carry over; Fabric doesn't mirror such tables at all."""
    names = [left.subject for left in left_out if left.reason in _GUARDED]
    if not names:
        return ()
    what = "Row filters, column masks and attribute-based policies aren't carried over"
    return (f"{what}; these tables aren't mirrored: {', '.join(names)}.",)


def policies(found: Sequence[Policy] | None) -> tuple[str, ...]:
    """Attribute-based policies never carry over."""
    if found is None:
        return ("Whether attribute-based policies guard the catalog isn't known: reading them takes MANAGE on it.",)
    return tuple(
        f"The attribute-based policy {policy.name} on {policy.on_securable_fullname} isn't carried over."
        for policy in found
    )


def half_granted(
    grants: Grants, directory: Directory, tables: Sequence[TableRef], ignored: frozenset[str]
) -> tuple[str, ...]:
    """SELECT without the USE privileges: members may have those through another group, which roles can't express."""
    found = []
    for name in grants.principals:
        names = directory.names_of(name)
        half = sorted(set(grants.selects(names, tables)) - set(grants.reads(names, tables)))
        if half and name not in ignored:
            found.append(
                f"{name} holds SELECT on {len(half)} tables without USE CATALOG and USE SCHEMA and gets no role for "
                "them: a member who has those through another group reads them in Unity Catalog only."
            )
    return tuple(found)


def differences(rows: Sequence[AccessRow]) -> tuple[str, ...]:
    """Who reads more on one side than on the other, in a sentence each."""
    return tuple(
        f"{row.principal} reads {len(row.unity_catalog)} of the mirrored tables in Unity Catalog and "
        f"{len(row.onelake)} in OneLake" + (f": {row.remark}." if row.remark else ".")
        for row in rows
        if row.differs
    )


def _catalog(spec: CatalogSpec) -> Scope:
    return Scope(ScopeKind.CATALOG, spec.catalog)
