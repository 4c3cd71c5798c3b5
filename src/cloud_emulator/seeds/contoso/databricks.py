"""Contoso's Databricks: one metastore, two workspaces, and the catalogs as Unity Catalog describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloud_emulator.seeds.contoso import identities
from cloud_emulator.seeds.contoso.azure import ACCESS_CONNECTOR_ID
from cloud_emulator.seeds.contoso.catalogs import CATALOGS, HR_HOST, SALES_HOST
from cloud_emulator.seeds.contoso.identities import (
    FINANCE,
    HR_PARTNERS,
    HR_READER,
    LOCAL_TESTERS,
    PLATFORM_TEAM,
    RUNNER,
    SALES_ANALYSTS,
    SALES_READER,
    grantee,
)
from cloud_emulator.seeds.contoso.sales_marketing import LEGACY_STOCK
from cloud_emulator.seeds.contoso.tables import Place, SampleCatalog, SampleSchema, StoredTable
from cloud_emulator.seeds.contoso.writing import described_columns, described_properties, local_folder
from cloud_emulator.unity_catalog.seed_model import (
    CatalogSeed,
    ExternalLocationSeed,
    MetastoreSeed,
    SchemaSeed,
    StorageCredentialSeed,
    TableSeed,
    UnityCatalogSeed,
    WorkspaceSeed,
)

METASTORE = "77770000-0000-4000-8000-00000000c0de"
_OWNER = grantee(PLATFORM_TEAM)
_CREDENTIAL = "contoso-unity"


def section(scratch: Path) -> UnityCatalogSeed:
    """Everything of Databricks; the tables were written below ``scratch``."""
    return UnityCatalogSeed(
        users=identities.databricks_users(),
        service_principals=identities.databricks_service_principals(),
        groups=identities.databricks_groups(),
        metastores=(_metastore(scratch),),
        workspaces=(
            _workspace(SALES_HOST, 1234567890123456, (RUNNER, SALES_READER, SALES_ANALYSTS, FINANCE, LOCAL_TESTERS)),
            _workspace(HR_HOST, 2234567890123456, (RUNNER, HR_READER, HR_PARTNERS)),
        ),
    )


def _workspace(
    host: str, workspace_id: int, members: tuple[identities.App | identities.Person | identities.Team, ...]
) -> WorkspaceSeed:
    return WorkspaceSeed(
        host=host,
        workspace_id=workspace_id,
        metastore_id=METASTORE,
        admins=(_OWNER,),
        members=tuple(map(grantee, members)),
    )


def _metastore(scratch: Path) -> MetastoreSeed:
    locations = {catalog.name: catalog.place for catalog in CATALOGS}
    if LEGACY_STOCK.elsewhere is not None:
        locations["legacy"] = LEGACY_STOCK.elsewhere
    return MetastoreSeed(
        metastore_id=METASTORE,
        name="contoso-westeurope",
        owner=_OWNER,
        external_access_enabled=True,
        catalogs=tuple(_catalog(catalog, scratch) for catalog in CATALOGS),
        external_locations=tuple(_location(name, place) for name, place in locations.items()),
        storage_credentials=(
            StorageCredentialSeed(name=_CREDENTIAL, owner=_OWNER, access_connector_id=ACCESS_CONNECTOR_ID),
        ),
    )


def _location(name: str, place: Place) -> ExternalLocationSeed:
    return ExternalLocationSeed(name=f"contoso-{name}", url=place.url, credential_name=_CREDENTIAL, owner=_OWNER)


def _catalog(catalog: SampleCatalog, scratch: Path) -> CatalogSeed:
    return CatalogSeed(
        name=catalog.name,
        owner=_OWNER,
        comment=catalog.comment,
        storage_root=catalog.place.url if catalog.managed else None,
        isolation_mode="ISOLATED" if catalog.bound_hosts else "OPEN",
        bound_hosts=catalog.bound_hosts,
        grants=dict(catalog.grants),
        schemas=tuple(_schema(catalog, schema, scratch) for schema in catalog.schemas),
    )


def _schema(catalog: SampleCatalog, schema: SampleSchema, scratch: Path) -> SchemaSeed:
    return SchemaSeed(
        name=schema.name,
        comment=schema.comment,
        grants=dict(schema.grants),
        tables=(*(_table(catalog, schema, table, scratch) for table in schema.tables), *schema.others),
    )


def _table(catalog: SampleCatalog, schema: SampleSchema, table: StoredTable, scratch: Path) -> TableSeed:
    folder = local_folder(scratch, catalog, schema, table)
    return TableSeed(
        name=table.name,
        table_type="MANAGED" if catalog.managed else "EXTERNAL",
        data_source_format=table.data_source_format,
        table_id=catalog.table_id(schema, table),
        storage_location=catalog.place_of(schema, table).url,
        storage_credential_name=None if catalog.managed else _CREDENTIAL,
        columns=described_columns(table, folder),
        row_filter=dict(table.row_filter) if table.row_filter is not None else None,
        table_constraints=_constraints(catalog.name, table),
        properties=described_properties(table, folder),
        comment=table.comment,
        grants=dict(table.grants),
    )


def _constraints(catalog: str, table: StoredTable) -> tuple[dict[str, Any], ...] | None:
    """The informational keys, as Databricks tells them."""
    found: list[dict[str, Any]] = []
    if table.primary_key:
        columns = list(table.primary_key)
        found.append({"primary_key_constraint": {"name": f"{table.name}_pk", "child_columns": columns, "rely": True}})
    for key in table.foreign_keys:
        constraint = {
            "name": f"{table.name}_{'_'.join(key.columns)}_fk",
            "child_columns": list(key.columns),
            "parent_table": f"{catalog}.{key.parent}",
            "parent_columns": list(key.parent_columns),
            "rely": False,
        }
        found.append({"foreign_key_constraint": constraint})
    return tuple(found) or None
