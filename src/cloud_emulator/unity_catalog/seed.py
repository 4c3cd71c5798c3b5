"""Loads the Databricks part of a seed."""

from __future__ import annotations

from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.unity_catalog import identities, state
from cloud_emulator.unity_catalog.build import Maker, column
from cloud_emulator.unity_catalog.privileges import APPLICABLE
from cloud_emulator.unity_catalog.seed_model import (
    CatalogSeed,
    Grants,
    MetastoreSeed,
    PolicySeed,
    SchemaSeed,
    TableSeed,
    UnityCatalogSeed,
    WorkspaceSeed,
)
from cloud_emulator.unity_catalog.state import (
    CATALOG,
    EXTERNAL_LOCATION,
    METASTORE,
    SCHEMA,
    STORAGE_CREDENTIAL,
    TABLE,
    Securable,
)

__all__ = ["UnityCatalogSeed", "load"]


def load(cloud: Cloud, section: UnityCatalogSeed) -> None:
    """Adds a section to a cloud. Raises ``ValueError`` for principals and privileges that don't exist."""
    _load_identities(cloud, section)
    for metastore in section.metastores:
        _load_metastore(cloud, metastore)
    for workspace in section.workspaces:
        _load_workspace(cloud, workspace)


def _load_identities(cloud: Cloud, section: UnityCatalogSeed) -> None:
    table = state.table_of(cloud, "identities")
    for user in section.users:
        _add_identity(cloud, "user", user.user_name, user.display_name or user.user_name, user.external_id)
    for each in section.service_principals:
        if each.external_id == each.application_id:
            raise ValueError(f"{each.display_name}: object id and application id must differ")
        _add_identity(cloud, "service_principal", each.application_id, each.display_name, each.external_id)
    for group in section.groups:
        _add_identity(cloud, "group", group.name, group.name, group.external_id)
    for group in section.groups:
        found = identities.identity(cloud, group.name) or {}
        members = [_known(cloud, member, f"group {group.name}")["id"] for member in group.members]
        table[found["id"]] = {**found, "members": members}


def _add_identity(cloud: Cloud, kind: str, name: str, display_name: str, external_id: str | None) -> None:
    table = state.table_of(cloud, "identities")
    if table.first("name", name) is not None:
        raise ValueError(f"two Databricks identities are called {name!r}")
    identity_id = str(700_000_000_000 + len(table) + 1)
    table[identity_id] = {
        "id": identity_id, "kind": kind, "name": name, "displayName": display_name, "externalId": external_id,
        "members": [],
    }  # fmt: skip


def _known(cloud: Cloud, principal: str, where: str) -> Any:
    found = identities.identity(cloud, principal)
    if found is None:
        raise ValueError(f"{where} names {principal!r}, whom Databricks doesn't know (an object id?)")
    return found


def _load_metastore(cloud: Cloud, seed: MetastoreSeed) -> None:
    _known(cloud, seed.owner, f"metastore {seed.name}")
    maker = Maker(cloud, seed.metastore_id, seed.owner)
    fields = seed.model_dump(exclude={"grants", "catalogs", "external_locations", "storage_credentials", "policies"})
    state.table_of(cloud, "metastores")[seed.metastore_id] = {
        **{name: value for name, value in fields.items() if value is not None},
        "cloud": "azure",
        "global_metastore_id": f"azure:{seed.region}:{seed.metastore_id}",
        "privilege_model_version": "1.0",
        **maker.stamp(),
    }
    _grant(maker, Securable(METASTORE, seed.metastore_id), seed.grants)
    _load_storage(maker, seed)
    for catalog in seed.catalogs:
        _load_catalog(maker, catalog)
    for policy in seed.policies:
        _load_policy(maker, policy)


def _load_storage(maker: Maker, seed: MetastoreSeed) -> None:
    for credential in seed.storage_credentials:
        body = {
            "id": maker.cloud.new_id(), "name": credential.name, "full_name": credential.name,
            "owner": credential.owner, "comment": credential.comment, "read_only": False,
            "isolation_mode": "ISOLATION_MODE_OPEN",
            "azure_managed_identity": {"access_connector_id": credential.access_connector_id}, **maker.stamp(),
        }  # fmt: skip
        _put(maker, "storageCredentials", body)
        _grant(maker, Securable(STORAGE_CREDENTIAL, credential.name), credential.grants)
    for location in seed.external_locations:
        fields = location.model_dump(exclude={"grants"})
        _put(maker, "externalLocations", {**fields, "isolation_mode": "ISOLATION_MODE_OPEN", **maker.stamp()})
        _grant(maker, Securable(EXTERNAL_LOCATION, location.name), location.grants)


def _put(maker: Maker, table: str, body: dict[str, Any]) -> None:
    _known(maker.cloud, body["owner"], body["name"])
    kept = {name: value for name, value in body.items() if value is not None}
    state.table_of(maker.cloud, table)[state.key(maker.metastore_id, body["name"])] = {
        "metastore_id": maker.metastore_id,
        "body": kept,
    }


def _load_catalog(maker: Maker, seed: CatalogSeed) -> None:
    _known(maker.cloud, seed.owner, f"catalog {seed.name}")
    fields = seed.model_dump(exclude={"grants", "tags", "schemas", "bound_hosts"})
    maker.catalog(fields, [host.lower() for host in seed.bound_hosts])
    _describe(maker, Securable(CATALOG, seed.name), seed)
    for schema in seed.schemas:
        load_schema(maker, seed, schema)


def load_schema(maker: Maker, catalog: CatalogSeed, seed: SchemaSeed) -> None:
    """Adds a schema with its tables to a catalog."""
    owner = seed.owner or catalog.owner
    _known(maker.cloud, owner, f"schema {catalog.name}.{seed.name}")
    fields = seed.model_dump(exclude={"grants", "tags", "tables"})
    maker.schema({**fields, "catalog_name": catalog.name, "owner": owner}, catalog.catalog_type)
    _describe(maker, Securable(SCHEMA, f"{catalog.name}.{seed.name}"), seed)
    for table in seed.tables:
        _load_table(maker, catalog.name, seed.name, owner, table)


def _load_table(maker: Maker, catalog: str, schema: str, owner: str, seed: TableSeed) -> None:
    if seed.owner is not None:
        _known(maker.cloud, seed.owner, f"table {catalog}.{schema}.{seed.name}")
    fields = seed.model_dump(exclude={"grants", "tags", "columns"}) | {"catalog_name": catalog, "schema_name": schema}
    columns = [
        column(
            each.name, each.type, position, nullable=each.nullable, comment=each.comment,
            partition_index=each.partition_index, mask=each.mask,
        )
        for position, each in enumerate(seed.columns)
    ]  # fmt: skip
    maker.table({**fields, "owner": seed.owner or owner, "columns": columns})
    _describe(maker, Securable(TABLE, f"{catalog}.{schema}.{seed.name}"), seed)


def _load_policy(maker: Maker, seed: PolicySeed) -> None:
    on = Securable(seed.on_securable_type, seed.on_securable_fullname)
    what = "row_filter" if seed.policy_type == "POLICY_TYPE_ROW_FILTER" else "column_mask"
    stamp = {name: value for name, value in maker.stamp().items() if name != "metastore_id"}
    body = {
        **seed.model_dump(exclude={"function_name"}), "id": maker.cloud.new_id(), "for_securable_type": "TABLE",
        what: {"function_name": seed.function_name}, **stamp,
    }  # fmt: skip
    where = state.grants_key(maker.metastore_id, on)
    state.table_of(maker.cloud, "policies")[f"{where}/{seed.name}"] = {"on": where, "body": body}


def _describe(maker: Maker, securable: Securable, seed: CatalogSeed | SchemaSeed | TableSeed) -> None:
    if seed.tags:
        where = state.grants_key(maker.metastore_id, securable)
        state.table_of(maker.cloud, "tags")[where] = {"tags": seed.tags}
    _grant(maker, securable, seed.grants)


def _grant(maker: Maker, securable: Securable, grants: Grants) -> None:
    if not grants:
        return
    for principal, privileges in grants.items():
        if not identities.exists(maker.cloud, principal):
            _known(maker.cloud, principal, f"a grant on {securable.full_name}")
        unknown = set(privileges) - APPLICABLE[securable.kind]
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} can't be granted on {securable.kind} {securable.full_name}")
    state.put_grants(maker.cloud, maker.metastore_id, securable, grants)


def _load_workspace(cloud: Cloud, seed: WorkspaceSeed) -> None:
    host = seed.host.lower()
    if seed.metastore_id is not None and state.metastore(cloud, seed.metastore_id) is None:
        raise ValueError(f"workspace {host} names a metastore that isn't there: {seed.metastore_id}")
    for principal in (*seed.admins, *seed.members):
        if not identities.exists(cloud, principal):
            _known(cloud, principal, f"workspace {host}")
    lists = [
        {**each.model_dump(mode="json"), "list_id": cloud.new_id(), "address_count": len(each.ip_addresses)}
        for each in seed.ip_access_lists
    ]
    fields = seed.model_dump(exclude={"tokens", "ip_access_lists"}, mode="json")
    state.table_of(cloud, "workspaces")[host] = {**fields, "host": host, "ip_access_lists": lists}
    for each in seed.tokens:
        _known(cloud, each.principal, f"a token of {host}")
        state.table_of(cloud, "accessTokens")[state.token_key(each.token)] = {"host": host, "principal": each.principal}
