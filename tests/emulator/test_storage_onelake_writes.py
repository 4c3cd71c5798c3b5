"""Writing to OneLake: below a lakehouse's ``Files``, by both protocols, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import access_roles, lakehouses
from cloud_emulator.fabric.items import CAPACITIES, ITEMS, delete_item
from cloud_emulator.fabric.onelake import SHORTCUTS
from cloud_emulator.storage import files
from tests.emulator.storage_onelake_world import CAPACITY, LAKE, MIRROR, SPACE, onelake_cloud, signed_in
from tests.emulator.storage_world import NOBODY, headers
from tests.emulator.support import TENANT
from tests.emulator.test_storage_protocol import code_of

DFS = f"/storage/onelake.dfs.fabric.microsoft.com/{SPACE}"
BLOB = f"/storage/onelake.blob.fabric.microsoft.com/{SPACE}"
FILES = f"{LAKE}/Files"
BLOCK = {"x-ms-blob-type": "BlockBlob"}


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A workspace with a mirrored catalog and a lakehouse."""
    return onelake_cloud(tmp_path)


@pytest.fixture
async def client(cloud: Cloud) -> AsyncIterator[httpx.AsyncClient]:
    """The runner's, who is Admin of the workspace."""
    async with signed_in(cloud) as served:
        yield served


async def put(client: httpx.AsyncClient, path: str, content: bytes = b"x", **more: str) -> httpx.Response:
    """Writes a blob whole."""
    return await client.put(f"{BLOB}/{path}", content=content, headers={**BLOCK, **more})


async def names(client: httpx.AsyncClient, directory: str) -> list[str]:
    """Names of all that lies below a directory."""
    query: dict[str, Any] = {"resource": "filesystem", "recursive": "true", "directory": directory}
    found = []
    while query.get("continuation", "begin"):
        answer = await client.get(DFS, params=query)
        assert answer.status_code == 200, answer.text
        found += [each["name"].removeprefix(f"{directory}/") for each in answer.json()["paths"]]
        query["continuation"] = answer.headers.get("x-ms-continuation", "")
    return found


def link(cloud: Cloud, name: str, path: str, holder: str = LAKE) -> None:
    """Makes a shortcut in the lakehouse's Files to a path of the lakehouse itself."""
    target = {"workspaceId": SPACE, "itemId": holder, "path": path}
    cloud.table(SHORTCUTS)[f"{LAKE}/Files/{name}"] = {
        "itemId": LAKE, "folder": "Files", "path": "Files", "name": name, "target": {"oneLake": target},
    }  # fmt: skip


async def test_a_file_is_made_appended_to_flushed_moved_and_deleted(client: httpx.AsyncClient) -> None:
    path = f"{DFS}/{FILES}/in/a.csv"
    assert (await client.put(f"{path}?resource=file")).status_code == 201
    assert (await client.patch(f"{path}?action=append&position=0", content=b"a,b\n")).status_code == 202
    assert (await client.patch(f"{path}?action=flush&position=4")).status_code == 200
    found = await client.get(path)
    assert (found.content, found.headers["x-ms-owner"], found.headers["x-ms-permissions"]) == (
        b"a,b\n", "$superuser", "---------",
    )  # fmt: skip
    goal = f"{DFS}/{FILES}/in/b.csv"
    moved = await client.put(goal, headers={"x-ms-rename-source": f"/{SPACE}/{FILES}/in/a.csv"})
    assert moved.status_code == 201
    assert await names(client, FILES) == ["in", "in/b.csv"]
    full = await client.delete(f"{DFS}/{FILES}/in?recursive=false")
    assert (full.status_code, code_of(full)) == (409, "DirectoryNotEmpty")
    while "x-ms-continuation" in (await client.delete(f"{DFS}/{FILES}/in?recursive=true")).headers:
        pass
    assert await names(client, FILES) == []


async def test_blobs_are_put_whole_and_by_blocks_under_conditions(client: httpx.AsyncClient) -> None:
    made = await put(client, f"{FILES}/log/0.json", b"{}", **{"If-None-Match": "*"})
    assert made.status_code == 201
    again = await put(client, f"{FILES}/log/0.json", b"{1}", **{"If-None-Match": "*"})
    assert (again.status_code, code_of(again)) == (409, "BlobAlreadyExists")
    stale = await put(client, f"{FILES}/log/0.json", b"{2}", **{"If-Match": '"0x1"'})
    assert (stale.status_code, code_of(stale)) == (412, "ConditionNotMet")
    block = f"{BLOB}/{FILES}/log/1.json"
    assert (await client.put(f"{block}?comp=block&blockid=YQ%3D%3D", content=b"part")).status_code == 201
    listed = b"<BlockList><Latest>YQ==</Latest></BlockList>"
    assert (await client.put(f"{block}?comp=blocklist", content=listed)).status_code == 201
    assert (await client.get(block)).content == b"part"
    assert (await client.delete(f"{BLOB}/{FILES}/log/0.json")).status_code == 202
    assert await names(client, FILES) == ["log", "log/1.json"]


async def test_headers_about_access_are_ignored_and_named(client: httpx.AsyncClient) -> None:
    answer = await client.put(f"{DFS}/{FILES}/a?resource=directory", headers={"x-ms-permissions": "0777"})
    assert (answer.status_code, answer.headers["x-ms-rejected-headers"]) == (201, "x-ms-permissions")


async def test_by_name_it_is_the_same_place(client: httpx.AsyncClient) -> None:
    named = "/storage/onelake.blob.fabric.microsoft.com/Sales%20Analytics/lake.Lakehouse/Files/a.txt"
    assert (await client.put(named, content=b"a", headers=BLOCK)).status_code == 201
    assert await names(client, FILES) == ["a.txt"]


async def test_a_shortcut_leads_on_and_is_not_written_to_itself(cloud: Cloud, client: httpx.AsyncClient) -> None:
    assert (await put(client, f"{FILES}/real/a.txt")).status_code == 201
    link(cloud, "way", "Files/real")
    link(cloud, "table", "Tables/orders/lines", MIRROR)
    assert (await put(client, f"{FILES}/way/b.txt")).status_code == 201
    assert await names(client, f"{FILES}/real") == ["a.txt", "b.txt"]
    assert await names(client, f"{FILES}/way") == ["a.txt", "b.txt"]
    refused = await put(client, f"{FILES}/table/b.txt")
    assert (refused.status_code, code_of(refused)) == (403, "BlobImmutable")
    assert (await client.delete(f"{DFS}/{FILES}/way?recursive=true")).status_code == 501
    assert await names(client, f"{FILES}/real") == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{LAKE}/Tables/dbo/own", 501, "NotImplemented"),
        (f"{LAKE}/Other/a", 501, "NotImplemented"),
        (f"{LAKE}/Files", 403, "BlobImmutable"),
        (f"{MIRROR}/Files/a", 403, "BlobImmutable"),
        (f"{SPACE}/Files/a", 404, "ArtifactNotFound"),
    ],
)
async def test_where_nothing_is_written(
    cloud: Cloud, client: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    before = dict(cloud.table(files.NODES))
    answer = await put(client, path)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert dict(cloud.table(files.NODES)) == before


@pytest.mark.parametrize("query", ["?comp=metadata", "?comp=properties", "?action=setProperties"])
async def test_ways_of_writing_that_are_not_served(client: httpx.AsyncClient, query: str) -> None:
    base, method = (DFS, "PATCH") if "action" in query else (BLOB, "PUT")
    answer = await client.request(method, f"{base}/{FILES}/a{query}", content=b"x")
    assert (answer.status_code, code_of(answer)) == (501, "NotImplemented")
    top = await client.request(method, f"{base}/{LAKE}/Tables{query}")
    assert (top.status_code, code_of(top)) == (403, "BlobImmutable")


async def test_who_writes(cloud: Cloud, client: httpx.AsyncClient) -> None:
    client.headers.update(headers(cloud, NOBODY))
    assert code_of(await put(client, f"{FILES}/a/x")) == "AuthorizationPermissionMismatch"
    permission = [
        {"attributeName": "Path", "attributeValueIncludedIn": ["/Files/a"]},
        {"attributeName": "Action", "attributeValueIncludedIn": ["ReadWrite"]},
    ]
    member = {"tenantId": TENANT, "objectId": NOBODY}
    access_roles.put_role(cloud, LAKE, {
        "name": "Writers", "kind": "Policy", "decisionRules": [{"effect": "Permit", "permission": permission}],
        "members": {"microsoftEntraMembers": [member]},
    })  # fmt: skip
    assert (await put(client, f"{FILES}/a/x")).status_code == 201
    assert code_of(await put(client, f"{FILES}/b/x")) == "AuthorizationPermissionMismatch"


async def test_nothing_is_written_while_the_capacity_is_paused(cloud: Cloud, client: httpx.AsyncClient) -> None:
    cloud.table(CAPACITIES)[CAPACITY] = {**cloud.table(CAPACITIES)[CAPACITY], "state": "Inactive"}
    answer = await put(client, f"{FILES}/a")
    assert (answer.status_code, code_of(answer)) == (403, "CapacityNotActive")


async def test_files_go_with_their_lakehouse(cloud: Cloud, client: httpx.AsyncClient) -> None:
    assert (await put(client, f"{FILES}/a/b")).status_code == 201
    delete_item(cloud, cloud.table(ITEMS)[LAKE], lakehouses.TYPE)
    assert not [each for each in cloud.table(files.NODES).by("account", "onelake") if each["path"]]
