"""A small Databricks account for tests: a metastore, two workspaces with it, one without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.unity_catalog.seed import UnityCatalogSeed, load
from cloud_emulator.unity_catalog.service import make_service
from tests.emulator.support import RUNNER, RUNNER_APP, Wall, add_service_principal, serve, small_cloud, token

AUDIENCE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
UC = "/api/2.1/unity-catalog"
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


def _catalogs() -> list[dict[str, Any]]:
    schemas = [{"name": "orders", "tables": orders()}, {"name": "staging", "tables": [table("tmp")]}]
    return [
        {"name": "sales", "owner": OWNER, "schemas": schemas},
        {"name": "hr", "owner": OWNER, "isolation_mode": "ISOLATED", "bound_hosts": [OTHER_HOST]},
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
                "catalogs": _catalogs(),
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


@dataclass
class World:
    """A cloud and a client of it."""

    cloud: Cloud
    client: httpx.AsyncClient

    async def ask(
        self, method: str, path: str, who: str = RUNNER, host: str = HOST, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        """Asks as a principal: an object id, or a personal access token."""
        header = f"Bearer {who}" if who.startswith("dapi") else token(self.cloud, who, AUDIENCE)
        answer = await self.client.request(
            method, f"/databricks/{host}{path}", headers={"Authorization": header}, **more
        )
        return answer.status_code, answer.json()

    async def every(self, path: str, name: str, who: str = RUNNER) -> list[dict[str, Any]]:
        """All entries of a list, of however many pages, some of them empty."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            query = f"{'&' if '?' in path else '?'}page_token={token}" if token else ""
            status, body = await self.ask("GET", path + query, who)
            assert status == 200, body
            found += body.get(name, [])
            token = body.get("next_page_token", "")
            if not token:
                return found

    async def refused(self, method: str, path: str, who: str = RUNNER, **more: Any) -> tuple[int, str]:
        status, body = await self.ask(method, path, who, **more)
        assert set(body) == {"error_code", "message", "details"}
        return status, body["error_code"]

    async def grant(self, kind: str, name: str, *privileges: str, to: str = READER_APP, who: str = OWNER_PAT) -> None:
        status, body = await self.ask(
            "PATCH", f"{UC}/permissions/{kind}/{name}", who, json={"changes": [{"principal": to, "add": privileges}]}
        )
        assert status == 200, body

    async def allow_outside(self) -> None:
        status, _ = await self.ask("PATCH", f"{UC}/metastores/{METASTORE}", json={"external_access_enabled": True})
        assert status == 200


@asynccontextmanager
async def served_world(folder: Path) -> AsyncIterator[World]:
    """That cloud, served."""
    cloud, service = uc_cloud(folder), make_service()
    mounts = [("/databricks", service), ("/api", service), ("/.well-known/databricks-config", service)]
    async with serve(cloud, mounts) as client:
        yield World(cloud, client)
