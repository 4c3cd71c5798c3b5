"""What Unity Catalog holds, and where it stands in the store.

Every stored securable is ``{..., "body": <what the API answers>}``; the fields beside ``body`` are keys and indexes
of ours. Keys are ``<metastore id>/<full name in lower case>``: Unity Catalog compares names without case.

Tables: ``metastores`` (by id), ``workspaces`` (by host), ``catalogs``, ``schemas``, ``tables``, ``externalLocations``,
``storageCredentials``, ``policies``, ``grants`` and ``tags`` (by metastore, securable type and full name),
``identities`` (by SCIM id), ``accessTokens`` (by the token's SHA-256; the token itself is never kept).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document, Table

METASTORE = "METASTORE"
CATALOG = "CATALOG"
SCHEMA = "SCHEMA"
TABLE = "TABLE"
EXTERNAL_LOCATION = "EXTERNAL_LOCATION"
STORAGE_CREDENTIAL = "STORAGE_CREDENTIAL"

_TABLES = {
    CATALOG: "catalogs",
    SCHEMA: "schemas",
    TABLE: "tables",
    EXTERNAL_LOCATION: "externalLocations",
    STORAGE_CREDENTIAL: "storageCredentials",
}
_BY_DEPTH = (CATALOG, SCHEMA, TABLE)


def table_of(cloud: Cloud, kind: str) -> Table:
    """The store's table of that kind, such as ``grants``."""
    return cloud.table(f"unity_catalog.{kind}")


@dataclass(frozen=True, slots=True)
class Securable:
    """A securable object: its type, such as ``SCHEMA``, and full name, such as ``sales.orders``."""

    kind: str
    full_name: str

    def lineage(self) -> tuple[Securable, ...]:
        """The securable and those that it inherits privileges from, nearest first; never the metastore."""
        if self.kind not in _BY_DEPTH:
            return (self,)
        parts = self.full_name.split(".")
        return tuple(Securable(_BY_DEPTH[depth - 1], ".".join(parts[:depth])) for depth in range(len(parts), 0, -1))


def named(full_name: str) -> Securable:
    """The catalog, schema or table of that full name."""
    return Securable(_BY_DEPTH[min(full_name.count("."), 2)], full_name)


def key(metastore_id: str, full_name: str) -> str:
    """The key of a catalog, schema, table, location or credential."""
    return f"{metastore_id}/{full_name.lower()}"


def grants_key(metastore_id: str, securable: Securable) -> str:
    """The key of the grants on a securable."""
    return f"{metastore_id}/{securable.kind}/{securable.full_name.lower()}"


def workspace(cloud: Cloud, host: str) -> Document | None:
    """The Databricks workspace at a host name: {host, workspace_id, metastore_id, admins, members, …}."""
    return table_of(cloud, "workspaces").get(host.lower())


def first_workspace(cloud: Cloud) -> Document | None:
    """The workspace that the emulator's bare ``/api`` addresses."""
    return next(iter(table_of(cloud, "workspaces").values()), None)


def metastore(cloud: Cloud, metastore_id: str) -> Document | None:
    """The metastore's answer to a read."""
    return table_of(cloud, "metastores").get(metastore_id)


def find(cloud: Cloud, metastore_id: str, securable: Securable) -> Document | None:
    """The stored securable, with its ``body``; the metastore itself as ``{"body": …}``."""
    if securable.kind == METASTORE:
        found = metastore(cloud, securable.full_name) if securable.full_name == metastore_id else None
        return {"body": found} if found is not None else None
    return table_of(cloud, _TABLES[securable.kind]).get(key(metastore_id, securable.full_name))


def bound_catalogs(cloud: Cloud, here: Document) -> list[Document]:
    """The stored catalogs of a workspace's metastore that it may use; isolated ones only where they are bound to it."""
    found = table_of(cloud, "catalogs").by("metastore_id", here["metastore_id"])
    return [each for each in found if is_bound(cloud, each, here)]


def is_bound(cloud: Cloud, catalog: Document, here: Document) -> bool:
    """Whether a catalog may be used from a workspace."""
    bound = catalog["body"]["isolation_mode"] != "ISOLATED" or here["host"] in catalog["bound_hosts"]
    return bound or not cloud.rules.on("unity_catalog.workspace.bound")


def children(cloud: Cloud, metastore_id: str, parent: Securable) -> list[Document]:
    """The stored schemas of a catalog, or tables of a schema, by name."""
    kind = SCHEMA if parent.kind == CATALOG else TABLE
    found = table_of(cloud, _TABLES[kind]).by("parent", key(metastore_id, parent.full_name))
    return sorted(found, key=lambda each: str(each["body"]["name"]))


def grants_on(cloud: Cloud, metastore_id: str, securable: Securable) -> Mapping[str, list[str]]:
    """The privileges granted directly on a securable, by principal."""
    found = table_of(cloud, "grants").get(grants_key(metastore_id, securable))
    return found["grants"] if found is not None else {}


def put_grants(cloud: Cloud, metastore_id: str, securable: Securable, grants: Mapping[str, Iterable[str]]) -> None:
    """Replaces the grants on a securable; principals left with nothing are dropped."""
    kept = {principal: sorted(set(privileges)) for principal, privileges in grants.items() if privileges}
    where = grants_key(metastore_id, securable)
    if kept:
        table_of(cloud, "grants")[where] = {"grants": kept}
    else:
        table_of(cloud, "grants").pop(where, None)


def token_key(token: str) -> str:
    """How a personal access token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def body(document: Document) -> Mapping[str, Any]:
    """What the API answers for a stored securable."""
    found: Mapping[str, Any] = document["body"]
    return found
