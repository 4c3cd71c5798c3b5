"""A small Databricks account for tests: a metastore, two workspaces with it, one without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.unity_catalog.seed import UnityCatalogSeed, load
from tests.emulator.support import RUNNER_APP, Wall, add_service_principal, small_cloud

HOST = "adb-1234567890123456.7.azuredatabricks.net"
OTHER_HOST = "adb-2234567890123456.16.azuredatabricks.net"
BARE_HOST = "adb-3234567890123456.1.azuredatabricks.net"
METASTORE = "10000000-0000-4000-8000-000000000001"
READER_APP = "11110000-0000-4000-8000-00000000a001"
READER = "22220000-0000-4000-8000-00000000a001"
STRANGER_APP = "11110000-0000-4000-8000-00000000a009"
STRANGER = "22220000-0000-4000-8000-00000000a009"
OWNER = "owner@contoso.example"
OWNER_ID = "33330000-0000-4000-8000-00000000a001"
OWNER_PAT = "dapi0000000000000000000000000000owner"
LAKE = "abfss://lake@contosolake.dfs.core.windows.net"


def table(name: str, **more: Any) -> dict[str, Any]:
    """A Delta table of the seed."""
    return {
        "name": name,
        "storage_location": f"{LAKE}/sales/{name}",
        "columns": [{"name": "id", "type": "bigint"}],
        **more,
    }


def orders() -> list[dict[str, Any]]:
    """The tables of ``sales.orders``."""
    key = {"primary_key_constraint": {"name": "pk", "child_columns": ["id"], "rely": True}}
    mask = [{"name": "id", "type": "bigint", "mask": {"function_name": "sales.orders.hide"}}]
    return [
        table("customers", table_constraints=[key], properties={"delta.minReaderVersion": "1"}, tags={"pii": "yes"}),
        table("lines"),
        table("masked", columns=mask),
        table("filtered", row_filter={"function_name": "f", "input_column_names": ["id"]}),
        table("parquet", data_source_format="PARQUET"),
        {"name": "recent", "table_type": "VIEW", "data_source_format": None, "view_definition": "select 1"},
    ]


def account() -> dict[str, Any]:
    """The seed section."""
    return {
        "users": [{"user_name": OWNER, "external_id": OWNER_ID}],
        "service_principals": [
            {"application_id": RUNNER_APP, "display_name": "runner"},
            {"application_id": READER_APP, "display_name": "reader", "external_id": READER},
        ],
        "groups": [
            {"name": "admins", "members": [RUNNER_APP]},
            {"name": "analysts", "external_id": "44440000-0000-4000-8000-00000000a001", "members": [READER_APP]},
            {"name": "everyone", "members": ["analysts"]},
        ],
        "metastores": [
            {
                "metastore_id": METASTORE,
                "name": "contoso",
                "owner": "admins",
                "catalogs": [
                    {
                        "name": "sales",
                        "owner": OWNER,
                        "schemas": [
                            {"name": "orders", "tables": orders()},
                            {"name": "staging", "tables": [table("tmp")]},
                        ],
                    },
                    {"name": "hr", "owner": OWNER, "isolation_mode": "ISOLATED", "bound_hosts": [OTHER_HOST]},
                ],
                "external_locations": [
                    {"name": "lake", "url": f"{LAKE}/sales", "credential_name": "connector", "owner": OWNER}
                ],
                "storage_credentials": [
                    {"name": "connector", "owner": OWNER, "access_connector_id": "/subscriptions/s/connector"}
                ],
            }
        ],
        "workspaces": [
            {
                "host": HOST,
                "workspace_id": 1234567890123456,
                "metastore_id": METASTORE,
                "admins": ["admins"],
                "members": ["everyone", OWNER],
                "tokens": [{"token": OWNER_PAT, "principal": OWNER}],
            },
            {
                "host": OTHER_HOST,
                "workspace_id": 2234567890123456,
                "metastore_id": METASTORE,
                "admins": ["admins"],
                "members": [OWNER],
            },
            {"host": BARE_HOST, "workspace_id": 3234567890123456, "admins": ["admins"]},
        ],
    }


def uc_cloud(folder: Path, wall: Wall | None = None) -> Cloud:
    """A cloud with that account."""
    cloud = small_cloud(folder, wall)
    add_service_principal(cloud, READER, READER_APP, "reader")
    add_service_principal(cloud, STRANGER, STRANGER_APP, "stranger")
    cloud.directory.add({"objectId": OWNER_ID, "type": "User", "displayName": "Owner", "userPrincipalName": OWNER})
    load(cloud, UnityCatalogSeed.model_validate(account()))
    cloud.store.commit()
    return cloud
