"""What other services ask Unity Catalog: who signs in, what a principal sees, reads, and gets credentials for.

``principal`` is how grants call it: a service principal's application id, a user's user name. ``host`` is the host
name of a Databricks workspace. Full names are ``catalog.schema.table``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cloud_emulator.arm.access import databricks_is_public, reached_privately
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.unity_catalog import identities, state
from cloud_emulator.unity_catalog.rights import Rights, Sight, seen
from cloud_emulator.unity_catalog.state import CATALOG, SCHEMA, TABLE, Securable

_VENDED_TYPES = frozenset({"MANAGED", "EXTERNAL"})


@dataclass(frozen=True)
class UcDenial:
    """Why not: Databricks' error code and a message."""

    code: str
    message: str


def signs_in(cloud: Cloud, host: str, principal: str) -> bool:
    """Whether a principal is a member of the workspace at that host. An object id never is."""
    here = state.workspace(cloud, host)
    return here is not None and identities.is_member(cloud, here, principal)


def reachable_by_fabric(cloud: Cloud, host: str) -> bool:
    """Whether Fabric reaches the workspace without a gateway.

    Its addresses change: the workspace must be open to the public network, without IP access lists, which mirroring
    doesn't support.
    """
    here = state.workspace(cloud, host)
    return here is not None and databricks_is_public(cloud, host) and not here["ip_access_lists_enabled"]


def reachable_through(cloud: Cloud, host: str, virtual_network: str) -> bool:
    """Whether a gateway in that virtual network (a resource id) reaches the workspace.

    A public one it reaches whatever IP access lists say; a private one only where an endpoint of it is.
    """
    if state.workspace(cloud, host) is None:
        return False
    return databricks_is_public(cloud, host) or reached_privately(cloud, host, virtual_network)


def admin_of(cloud: Cloud, host: str) -> str:
    """Who administers the metastore of that workspace."""
    here = state.workspace(cloud, host)
    found = state.metastore(cloud, here["metastore_id"]) if here is not None and here["metastore_id"] else None
    return str(found["owner"]) if found is not None else ""


def principal_of_token(cloud: Cloud, host: str, token: str) -> str | None:
    """The owner of a personal access token (``dapi…``) of that workspace."""
    found = state.table_of(cloud, "accessTokens").get(state.token_key(token))
    here = found is not None and found["host"] == host.lower()
    good = here or not cloud.rules.on("unity_catalog.workspace.token")
    return str(found["principal"]) if found is not None and good else None


def visible_catalogs(cloud: Cloud, host: str, principal: str) -> list[Document]:
    """The catalogs that a principal sees (USE CATALOG, BROWSE, ownership); ``browse_only`` marks the half seen."""
    here, rights = _enter(cloud, host, principal)
    if here is None or rights is None:
        return []
    return _visible(cloud, rights, state.bound_catalogs(cloud, here), lambda name: Securable(CATALOG, name))


def visible_schemas(cloud: Cloud, host: str, principal: str, catalog: str) -> list[Document]:
    """The schemas of a catalog that a principal sees; none when the catalog isn't there or not its to see."""
    return _visible_in(cloud, host, principal, Securable(CATALOG, catalog), SCHEMA)


def visible_tables(cloud: Cloud, host: str, principal: str, catalog: str, schema: str) -> list[Document]:
    """The tables and views of a schema that a principal sees."""
    return _visible_in(cloud, host, principal, Securable(SCHEMA, f"{catalog}.{schema}"), TABLE)


def table(cloud: Cloud, host: str, full_name: str) -> Document | None:
    """A table as Unity Catalog describes it, whoever asks; ``None`` where the workspace has no such table."""
    here = state.workspace(cloud, host)
    if here is None or not _is_bound(cloud, here, full_name):
        return None
    found = state.find(cloud, here["metastore_id"], Securable(TABLE, full_name))
    return found["body"] if found is not None else None


def readable(cloud: Cloud, host: str, principal: str, full_name: str) -> UcDenial | None:
    """Why a principal may not read a table's rows: USE CATALOG, USE SCHEMA and SELECT; ``None`` when it may."""
    _, rights = _enter(cloud, host, principal)
    if rights is None:
        return UcDenial("PERMISSION_DENIED", f"'{principal}' is not a member of the workspace {host}.")
    if table(cloud, host, full_name) is None:
        return UcDenial("TABLE_DOES_NOT_EXIST", f"Table '{full_name}' does not exist.")
    wanted = Securable(TABLE, full_name)
    missing = rights.missing_use(wanted.lineage()[1])
    if missing is not None:
        return lacks(*missing)
    reads = rights.owns(wanted) or rights.holds("SELECT", wanted)
    if not reads and cloud.rules.on("unity_catalog.privileges.select"):
        return lacks("SELECT", wanted)
    return None


def vend(cloud: Cloud, host: str, principal: str, full_name: str) -> UcDenial | None:
    """Why a principal gets no temporary credentials for a table's files; ``None`` when it does.

    Needs external data access on the metastore, EXTERNAL USE SCHEMA, the right to read, and a Delta table without
    filter or mask.
    """
    denial = external_access(cloud, host) or readable(cloud, host, principal, full_name)
    if denial is not None:
        return denial
    _, rights = _enter(cloud, host, principal)
    schema = Securable(TABLE, full_name).lineage()[1]
    used = rights is not None and rights.holds("EXTERNAL_USE_SCHEMA", schema)
    if rights is None or (not used and cloud.rules.on("unity_catalog.credentials.external_use")):
        return lacks("EXTERNAL_USE_SCHEMA", schema)
    guarded = policies_on(cloud, rights.metastore_id, Securable(TABLE, full_name))
    if guarded and cloud.rules.on("unity_catalog.credentials.policies"):
        return UcDenial("PERMISSION_DENIED", f"Table '{full_name}' is covered by an access policy.")
    return _unsuitable(cloud, table(cloud, host, full_name) or {})


def policies_on(cloud: Cloud, metastore_id: str, securable: Securable) -> list[Document]:
    """The attribute-based policies on a securable and above it, nearest first."""
    found = state.table_of(cloud, "policies")
    return [
        each["body"] for level in securable.lineage() for each in found.by("on", state.grants_key(metastore_id, level))
    ]


def external_access(cloud: Cloud, host: str) -> UcDenial | None:
    """Whether the metastore's switch for external data access forbids vending."""
    here = state.workspace(cloud, host)
    found = state.metastore(cloud, here["metastore_id"]) if here is not None and here["metastore_id"] else None
    if found is None:
        return UcDenial("METASTORE_DOES_NOT_EXIST", "No metastore assigned for the current workspace.")
    if not found["external_access_enabled"] and cloud.rules.on("unity_catalog.credentials.external_access"):
        return UcDenial(
            "EXTERNAL_ACCESS_DISABLED_ON_METASTORE", f"External data access is off for the metastore '{found['name']}'."
        )
    return None


def lacks(privilege: str, securable: Securable) -> UcDenial:
    """The denial for a missing privilege, in Databricks' words."""
    kind = securable.kind.replace("_", " ").title()
    return UcDenial(
        "PERMISSION_DENIED", f"User does not have {privilege.replace('_', ' ')} on {kind} '{securable.full_name}'."
    )


def _unsuitable(cloud: Cloud, found: Document) -> UcDenial | None:
    narrowed = found.get("row_filter") or any(column.get("mask") for column in found.get("columns", ()))
    if narrowed and cloud.rules.on("unity_catalog.credentials.filtered"):
        return UcDenial(
            "PERMISSION_DENIED",
            f"Table '{found['full_name']}' has a row filter or a column mask; no credentials for it.",
        )
    suits = found.get("table_type") in _VENDED_TYPES and found.get("data_source_format") == "DELTA"
    if not suits and cloud.rules.on("unity_catalog.credentials.delta"):
        what = f"{found.get('table_type')} {found.get('data_source_format', '')}".strip()
        return UcDenial("INVALID_PARAMETER_VALUE", f"'{found.get('full_name')}' ({what}) can't be read from outside.")
    return None


def _enter(cloud: Cloud, host: str, principal: str) -> tuple[Document | None, Rights | None]:
    here = state.workspace(cloud, host)
    if here is None or here["metastore_id"] is None or not identities.is_member(cloud, here, principal):
        return None, None
    return here, Rights(cloud, here["metastore_id"], principal)


def _is_bound(cloud: Cloud, here: Document, full_name: str) -> bool:
    if here["metastore_id"] is None:
        return False
    catalog = state.find(cloud, here["metastore_id"], Securable(CATALOG, full_name.split(".", 1)[0]))
    return catalog is not None and state.is_bound(cloud, catalog, here)


def _visible_in(cloud: Cloud, host: str, principal: str, parent: Securable, kind: str) -> list[Document]:
    here, rights = _enter(cloud, host, principal)
    if here is None or rights is None or not _is_bound(cloud, here, parent.full_name):
        return []
    found = state.children(cloud, rights.metastore_id, parent)
    return _visible(cloud, rights, found, lambda name: Securable(kind, name))


def _visible(
    cloud: Cloud, rights: Rights, found: Iterable[Document], make: Callable[[str], Securable]
) -> list[Document]:
    sights = ((each, rights.sight(make(each["body"]["full_name"]))) for each in found)
    return [seen(cloud.rules, each, sight) for each, sight in sights if sight is not Sight.NOTHING]
