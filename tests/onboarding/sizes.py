"""Catalogs of any size and number, on the sample cloud: no firewall, credentials vended by Unity Catalog."""

from __future__ import annotations

from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.seeds.contoso.catalogs import HR_HOST
from cloud_emulator.seeds.contoso.databricks import METASTORE
from cloud_emulator.seeds.large import LargeCatalog, load
from cloud_emulator.unity_catalog.build import Maker

OWNER = identities.PLATFORM_TEAM.name
ROOT = "abfss://people@contosohr.dfs.core.windows.net"
_READER = ["USE_CATALOG", "USE_SCHEMA", "SELECT", "EXTERNAL_USE_SCHEMA"]


def add_catalog(cloud: Cloud, name: str, *, schemas: int, tables_each: int, files: bool = True) -> None:
    """Adds a catalog that the runner may read and Fabric may mirror."""
    with cloud.store.transaction():
        Maker(cloud, METASTORE, OWNER).catalog({"name": name, "owner": OWNER, "catalog_type": "MANAGED_CATALOG"})
        grants = {
            identities.HR_READER.app_id: _READER,
            identities.RUNNER.app_id: ["USE_CATALOG", "USE_SCHEMA", "MANAGE"],
        }
        cloud.table("unity_catalog.grants")[f"{METASTORE}/CATALOG/{name}"] = {"grants": grants}
        section = {
            "metastore_id": METASTORE, "catalog": name, "owner": OWNER, "schemas": schemas,
            "tables_each": tables_each, "root": f"{ROOT}/{name}", "files": files,
        }  # fmt: skip
        load(cloud, LargeCatalog.model_validate(section))


def spec_of(name: str, **parts: Any) -> dict[str, Any]:
    """A spec as short as can be."""
    auth = {
        "kind": "service_principal",
        "tenant_id": identities.TENANT,
        "client_id": identities.HR_READER.app_id,
        "secret": {"env": "HR_DATABRICKS_SECRET"},
    }
    return {
        "kind": "catalog",
        "catalog": name,
        "databricks": {"workspace": f"https://{HR_HOST}", "connection": {"name": "databricks-hr", "auth": auth}},
        "fabric": {"workspace": "People Analytics"},
        **parts,
    }
