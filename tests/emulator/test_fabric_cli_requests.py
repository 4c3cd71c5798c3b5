"""What Fabric's own command line (``ms-fabric-cli`` 1.8.0) sends otherwise than the specification has it, and lives by.

It was run against this emulator by hand. It isn't among the clients that these tests install: it pins a version of
PyYAML of its own. So its requests are repeated here, as it sent them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cloud_emulator.core.cloud import Cloud

from .fabric_cloud import WORKSPACE, Fabric
from .fabric_data_cloud import data_cloud, mirror, result
from .storage_onelake_world import LAKE, MIRROR, SPACE, onelake_cloud
from .storage_world import MOUNTS
from .support import RUNNER, serve, token
from .test_fabric_any_items import SMALL
from .test_fabric_data_models import MODELS, PBISM, creation
from .test_fabric_data_onelake import LAKEHOUSES, LINES, lakehouse, link, shortcut
from .test_fabric_data_shortcuts import shortcuts

CLOUD = data_cloud
ONELAKE = "/storage/onelake.dfs.fabric.microsoft.com"
"""The host says that it is the DFS protocol: the requests have no service version and don't ask for JSON."""


@pytest.fixture
async def onelake(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """OneLake as the CLI asks it: no service version, any type of answer."""
    cloud = onelake_cloud(tmp_path / "onelake")
    async with serve(cloud, MOUNTS) as served:
        served.headers["authorization"] = token(cloud, RUNNER, "https://storage.azure.com")
        yield served


async def test_mkdir_says_a_lakehouses_type_twice_and_that_it_goes_into_no_folder(fabric: Fabric) -> None:
    body = {"displayName": "made", "type": "Lakehouse", "folderId": None}
    made = await result(fabric, "POST", LAKEHOUSES, {**body, "creationPayload": {"enableSchemas": True}})
    assert made["displayName"] == "made"
    await fabric.refused(400, "InvalidInput", "POST", LAKEHOUSES, {"displayName": "other", "type": "Warehouse"})
    await fabric.refused(400, "InvalidInput", "POST", LAKEHOUSES, {"displayName": "other", "description": None})


async def test_import_says_that_an_item_goes_into_no_folder(fabric: Fabric) -> None:
    items = f"/workspaces/{WORKSPACE}/items"
    body = {**creation({"definition.pbism": PBISM, **SMALL}), "type": "SemanticModel", "folderId": None}
    made = await result(fabric, "POST", items, body)
    assert (await fabric.get(f"{MODELS}/{made['id']}"))["displayName"] == body["displayName"]


async def test_shortcuts_are_named_with_plain_slashes(fabric: Fabric, cloud: Cloud) -> None:
    catalog, lake = await mirror(fabric), await lakehouse(fabric)
    await link(fabric, lake, shortcut("Tables/dbo", "lines", catalog, LINES))
    plain = f"{shortcuts(lake)}/Tables/dbo/lines"
    assert await fabric.get(plain) == await fabric.get(f"{shortcuts(lake)}/Tables%2Fdbo/lines")
    await fabric.refused(404, "EntityNotFound", "GET", f"{shortcuts(lake)}/Tables/dbo/none")
    assert (await fabric.send("DELETE", plain)).status_code == 200
    assert not cloud.table("fabric.shortcuts").by("itemId", lake)


async def test_ls_has_the_item_in_the_address_and_no_service_version(onelake: httpx.AsyncClient) -> None:
    shown = await onelake.get(f"{ONELAKE}/{SPACE}/{LAKE}/?recursive=false&resource=filesystem")
    assert [each["name"] for each in shown.json()["paths"]] == [f"{LAKE}/Files", f"{LAKE}/Tables"]
    both = f"{ONELAKE}/{SPACE}/{LAKE}?recursive=false&resource=filesystem&directory=Tables"
    assert (await onelake.get(both)).status_code == 400
    assert (await onelake.get(f"{ONELAKE}/{SPACE}/none?recursive=false&resource=filesystem")).status_code == 400


async def test_ls_asks_which_entries_are_shortcuts(onelake: httpx.AsyncClient) -> None:
    def listing(folder: str) -> str:
        query = f"recursive=false&resource=filesystem&directory={folder}"
        return f"{ONELAKE}/{SPACE}/?{query}&getShortcutMetadata=true"

    async def marks(folder: str) -> dict[str, str | None]:
        answer = await onelake.get(listing(folder))
        return {each["name"]: each.get("isShortcut") for each in answer.json()["paths"]}

    assert await marks(f"{LAKE}/Tables/dbo") == {f"{LAKE}/Tables/dbo/lines": "true"}
    assert await marks(f"{LAKE}/Tables") == {f"{LAKE}/Tables/dbo": None}
    assert await marks(f"{MIRROR}/Tables/orders") == {f"{MIRROR}/Tables/orders/lines": None}
    unmarked = await onelake.get(listing(f"{LAKE}/Tables/dbo").removesuffix("&getShortcutMetadata=true"))
    assert "isShortcut" not in unmarked.json()["paths"][0]


async def test_a_path_says_whether_it_is_a_shortcut(onelake: httpx.AsyncClient) -> None:
    base = f"{ONELAKE}/{SPACE}/{LAKE}/Tables"
    for path, mark in (("dbo/lines", "true"), ("dbo", None), ("dbo/lines/_delta_log", None)):
        found = await onelake.head(f"{base}/{path}")
        assert (found.status_code, found.headers["x-ms-resource-type"]) == (200, "directory")
        assert found.headers.get("x-ms-onelake-shortcut-path") == mark
