"""OneLake over both protocols: what it shows, as whom it reads, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from cloud_emulator.arm import state
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import workspaces
from cloud_emulator.fabric.permissions import WORKSPACES
from cloud_emulator.storage import files
from tests.emulator.storage_onelake_world import (
    IDENTITY,
    LAKE,
    MIRROR,
    SPACE,
    TABLE,
    onelake_cloud,
    signed_in,
)
from tests.emulator.storage_world import (
    ACCOUNT,
    CONTAINER,
    LETS_US_IN,
    NOBODY,
    OWNER,
    VERSION,
    directory,
    file,
    grant,
    headers,
    set_network,
)
from tests.emulator.support import RUNNER, token
from tests.emulator.test_storage_blob import listed
from tests.emulator.test_storage_protocol import code_of, xml

ONELAKE = "/storage/onelake"
DFS, BLOB = f"{ONELAKE}.dfs.fabric.microsoft.com/{SPACE}", f"{ONELAKE}.blob.fabric.microsoft.com/{SPACE}"
LOG = "_delta_log/00000000000000000000.json"
LINES = f"{MIRROR}/Tables/orders/lines"
SHORTCUT = f"{LAKE}/Tables/dbo/lines"
NAMED = f"{ONELAKE}/Sales%20Analytics/sales.MirroredAzureDatabricksCatalog/Tables/orders/lines"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A workspace with a mirrored catalog and a lakehouse."""
    return onelake_cloud(tmp_path)


@pytest.fixture
async def client(cloud: Cloud) -> AsyncIterator[httpx.AsyncClient]:
    """The runner's, who is Admin of the workspace."""
    async with signed_in(cloud) as served:
        yield served


@pytest.mark.parametrize(
    "address", [f"{ONELAKE}/{SPACE}/{LINES}", f"{DFS}/{LINES}", f"{BLOB}/{LINES}", f"{DFS}/{SHORTCUT}", NAMED]
)
async def test_a_mirrored_table_is_read_at_every_address(client: httpx.AsyncClient, address: str) -> None:
    response = await client.get(f"{address}/{LOG}")
    assert (response.status_code, response.content) == (200, b'{"commitInfo":{}}\n')
    part = await client.get(f"{address}/part%200.parquet", headers={"x-ms-range": "bytes=4-7"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"....", "bytes 4-7/12")


async def paths(client: httpx.AsyncClient, directory: str, *, recursive: bool = False) -> list[str]:
    """Names below a directory of the workspace."""
    query = {"resource": "filesystem", "recursive": str(recursive).lower(), "directory": directory}
    found = []
    while True:
        response = await client.get(DFS, params=query)
        assert response.status_code == 200, response.text
        found += response.json()["paths"]
        if "x-ms-continuation" not in response.headers:
            break
        query["continuation"] = response.headers["x-ms-continuation"]
    assert all((each["owner"], each["permissions"]) == ("$superuser", "---------") for each in found)
    return [each["name"] for each in found]


async def test_a_workspace_lists_its_items_and_those_their_tables(client: httpx.AsyncClient) -> None:
    assert await paths(client, "") == [MIRROR, LAKE]
    assert await paths(client, f"{MIRROR}/Tables") == [f"{MIRROR}/Tables/orders"]
    assert await paths(client, LINES) == [f"{LINES}/_delta_log", f"{LINES}/part 0.parquet"]
    assert await paths(client, MIRROR, recursive=True) == [
        f"{MIRROR}/Tables", f"{MIRROR}/Tables/orders", LINES, f"{LINES}/_delta_log", f"{LINES}/{LOG}",
        f"{LINES}/part 0.parquet",
    ]  # fmt: skip
    assert await paths(client, SHORTCUT) == [f"{SHORTCUT}/_delta_log", f"{SHORTCUT}/part 0.parquet"]
    assert await listed(client, BLOB, prefix=f"{LINES}/_delta_log/") == [[f"{LINES}/{LOG}"]]
    assert await listed(client, BLOB, prefix=f"{LINES}/", delimiter="/") == [
        [f"{LINES}/_delta_log/", f"{LINES}/part 0.parquet"]
    ]
    assert await listed(client, BLOB, prefix=f"{MIRROR}/Tables/none/x") == [[]]


async def test_a_list_by_name_names_items_by_name_and_type(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{ONELAKE}/Sales%20Analytics?resource=filesystem&recursive=false")
    assert [each["name"] for each in response.json()["paths"]] == [
        "lake.Lakehouse",
        "sales.MirroredAzureDatabricksCatalog",
    ]


async def test_what_onelake_says_of_a_path(client: httpx.AsyncClient) -> None:
    for path, kind in (
        (f"{LINES}/{LOG}", "file"),
        (LINES, "directory"),
        (f"{MIRROR}/Tables", "directory"),
        (MIRROR, "directory"),
    ):
        found = await client.head(f"{DFS}/{path}")
        assert (found.status_code, found.headers["x-ms-resource-type"]) == (200, kind)
        assert (found.headers["x-ms-owner"], found.headers["x-ms-permissions"]) == ("$superuser", "---------")
    shown = await client.head(f"{DFS}/{LINES}?action=getAccessControl")
    assert (shown.headers["x-ms-owner"], shown.headers["x-ms-permissions"]) == ("$superuser", "---------")
    assert (await client.head(f"{DFS}?resource=filesystem")).status_code == 200
    assert (await client.head(f"{BLOB}?restype=container")).status_code == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"{DFS}/{MIRROR}/Tables/orders/none", 404),
        (f"{DFS}/{LINES}/none", 404),
        (f"{DFS}/f0000000-0000-4000-8000-00000000dead/Tables", 404),
        (f"{ONELAKE}/Nowhere/sales.Lakehouse/Tables", 404),
        (f"{ONELAKE}/{SPACE}/sales.MirroredAzureDatabricksCatalog/Tables", 400),
        (f"{DFS}/{LINES}", 409),
    ],
)
async def test_what_is_not_there_to_read(client: httpx.AsyncClient, address: str, status: int) -> None:
    assert (await client.get(address)).status_code == status


def no_rule(cloud: Cloud) -> None:
    """Takes the resource instance rule away."""
    set_network(cloud, {**LETS_US_IN, "ipRules": []})


def no_role(cloud: Cloud) -> None:
    """Takes the role away."""
    state.table_of(cloud, "roleAssignments").clear()


def no_identity(cloud: Cloud) -> None:
    """Takes the workspace identity away."""
    workspaces.remove_identity(cloud, cloud.table(WORKSPACES)[SPACE])


@pytest.mark.parametrize(
    ("take_away", "code"),
    [
        (no_rule, "AuthorizationFailure"),
        (no_role, "AuthorizationPermissionMismatch"),
        (no_identity, "AuthorizationFailure"),
    ],
)
async def test_each_prerequisite_is_needed(
    cloud: Cloud, client: httpx.AsyncClient, take_away: Callable[[Cloud], None], code: str
) -> None:
    take_away(cloud)
    cloud.store.commit()
    for path in (LINES, SHORTCUT):
        response = await client.get(f"{DFS}/{path}/{LOG}")
        assert (response.status_code, code_of(response)) == (403, code)
        query = {"restype": "container", "comp": "list", "prefix": f"{path}/_delta_log/"}
        assert (await client.get(BLOB, params=query)).status_code == 403


async def test_lists_by_folder_serve_with_a_delegator(cloud: Cloud, client: httpx.AsyncClient) -> None:
    no_role(cloud)
    grant(cloud, IDENTITY, "Storage Blob Delegator")
    ways = {"": "--x", "sales": "--x", "sales/orders": "--x", TABLE: "r-x", f"{TABLE}/_delta_log": "r-x"}
    for path, permissions in ways.items():
        directory(cloud, path, f"user::rwx,group::---,other::---,user:{IDENTITY}:{permissions},mask::r-x")
    file(cloud, f"{TABLE}/{LOG}", b"{}", f"user::rwx,group::---,other::---,user:{IDENTITY}:r--,mask::r-x")
    assert (await client.get(f"{DFS}/{LINES}/{LOG}")).status_code == 200
    assert await paths(client, f"{LINES}/_delta_log") == [f"{LINES}/{LOG}"]
    assert (await client.get(f"{DFS}/{LINES}/part%200.parquet")).status_code == 403
    directory(cloud, "sales", "user::rwx,group::---,other::---")
    assert (await client.get(f"{DFS}/{LINES}/{LOG}")).status_code == 403


async def test_rights_on_the_storage_account_open_nothing_in_onelake(cloud: Cloud, client: httpx.AsyncClient) -> None:
    for object_id in (OWNER, NOBODY):
        response = await client.get(f"{DFS}/{LINES}/{LOG}", headers=headers(cloud, object_id))
        assert response.status_code == 403


async def test_only_tokens_for_storage_are_taken(cloud: Cloud, client: httpx.AsyncClient) -> None:
    fabric = {**VERSION, "authorization": token(cloud, RUNNER, "https://api.fabric.microsoft.com")}
    response = await client.get(f"{DFS}/{LINES}/{LOG}", headers=fabric)
    assert (response.status_code, code_of(response)) == (401, "InvalidAuthenticationInfo")


@pytest.mark.parametrize("action", ["setAccessControl", "setAccessControlRecursive&mode=set"])
async def test_access_control_is_refused(cloud: Cloud, client: httpx.AsyncClient, action: str) -> None:
    change = {"x-ms-acl": "user::rwx,group::r-x,other::---"}
    response = await client.patch(f"{DFS}/{LINES}?action={action}", headers=change)
    assert response.status_code == 400
    assert response.headers["x-ms-rejected-headers"] == "x-ms-acl"
    held = files.stat(cloud, ACCOUNT, CONTAINER, TABLE)
    assert held is not None
    assert held["acl"] == "user::rwx,group::r-x,other::---"


async def test_headers_of_access_control_and_encryption_are_ignored_and_named(client: httpx.AsyncClient) -> None:
    ignored = {"x-ms-owner": OWNER, "x-ms-encryption-key": "k"}
    response = await client.get(f"{DFS}/{LINES}/{LOG}", headers=ignored)
    assert response.status_code == 200
    assert response.headers["x-ms-rejected-headers"] == "x-ms-owner,x-ms-encryption-key"


@pytest.mark.parametrize(
    "path", [MIRROR, f"{MIRROR}/Other", f"{LAKE}/Tables", LINES, f"{LINES}/{LOG}", f"{SHORTCUT}/new"]
)
@pytest.mark.parametrize(
    ("method", "base", "query", "more"),
    [
        ("PUT", DFS, "?resource=directory", {}),
        ("PUT", DFS, "?resource=file", {}),
        ("DELETE", DFS, "?recursive=true", {}),
        ("PATCH", DFS, "?action=append&position=0", {}),
        ("PUT", DFS, "", {"x-ms-rename-source": f"/{SPACE}/{LINES}"}),
        ("PUT", BLOB, "", {"x-ms-blob-type": "BlockBlob"}),
        ("DELETE", BLOB, "", {}),
    ],
)
async def test_nothing_is_written(
    cloud: Cloud, client: httpx.AsyncClient, path: str, method: str, base: str, query: str, more: dict[str, str]
) -> None:
    before = dict(cloud.table(files.NODES))
    response = await client.request(method, f"{base}/{path}{query}", headers=more)
    assert (response.status_code, code_of(response)) == (403, "BlobImmutable")
    assert dict(cloud.table(files.NODES)) == before


async def test_a_blob_written_whole_to_the_dfs_host_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.put(f"{DFS}/{LAKE}/Files/f", content=b"x", headers={"x-ms-blob-type": "BlockBlob"})
    assert (response.status_code, code_of(response)) == (400, "IncorrectEndpointError")


async def test_the_table_of_containers_is_not_served(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{ONELAKE}/?comp=list")
    assert response.status_code == 501
    assert "OneLake" in (xml(response).findtext("Message") or "")
