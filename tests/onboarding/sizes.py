"""Catalogs of any size and number, on the sample cloud: no firewall, credentials vended by Unity Catalog."""

from __future__ import annotations

import math
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


TABLES_ON_A_PAGE = 50
"""Of Unity Catalog's list of tables."""
PLAN_READS = (
    "workspaces", "the workspace", "capacities", "connections", "mirrored catalogs", "items",
    "the definition", "its operation's state", "its operation's result",
    "the metastore", "the catalog's schemas", "the Databricks workspace's settings", "its groups",
)  # fmt: skip
"""What a plan has to read once, whatever the size."""
ONBOARDING_READS = (
    "workspaces", "the workspace", "capacities", "connections", "connection types", "mirrored catalogs", "items",
    "the metastore", "the catalog's schemas", "the Databricks workspace's settings", "its groups",
    "the mirrored catalog, once its sync is through and its SQL endpoint there",
)  # fmt: skip
ONBOARDING_WRITES = (
    "the record", "the connection", "the mirrored catalog", "the record's removal", "the SQL endpoint's refresh",
)  # fmt: skip
ONBOARDING_OPERATIONS = 3
"""The record, the mirrored catalog, the refresh; each has a state and a result to be asked for."""


def least_plan_calls(schemas: int, tables_each: int) -> int:
    """The least calls that a plan of such a catalog needs.

    The pages of each schema's tables; what the principal holds on the catalog and on each schema; what OneLake shows of
    the item and of each schema; and what doesn't depend on the size.
    """
    pages = schemas * math.ceil(tables_each / TABLES_ON_A_PAGE)
    privileges = folders = 1 + schemas
    return pages + privileges + folders + len(PLAN_READS)


def least_onboarding_calls(schemas: int, tables_each: int) -> int:
    """The least calls that onboarding needs.

    It writes where a plan reads the item's definition; asks which policies stand on the catalog and on each schema; and
    of each table reads, through OneLake, the list of its Delta log and the newest entry in that.
    """
    pages = schemas * math.ceil(tables_each / TABLES_ON_A_PAGE)
    privileges = folders = policies = 1 + schemas
    constant = len(ONBOARDING_READS) + len(ONBOARDING_WRITES) + 2 * ONBOARDING_OPERATIONS
    return pages + privileges + folders + policies + constant + 2 * schemas * tables_each
