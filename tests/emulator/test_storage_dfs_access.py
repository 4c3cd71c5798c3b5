"""The DFS protocol's access control: reading it, setting it on a path, and on a tree."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import files
from tests.emulator.storage_world import (
    ACCOUNT,
    CONTAINER,
    CONTRIBUTOR,
    NOBODY,
    OWNER,
    READER,
    TEAM,
    TEAM_MEMBER,
    directory,
    file,
    headers,
    node,
)
from tests.emulator.test_storage_protocol import code_of

BASE = f"/storage/{ACCOUNT}.dfs.core.windows.net/{CONTAINER}"
PLAIN = "user::rwx,group::r-x,other::---"


async def test_reading_access_control(cloud: Cloud, client: httpx.AsyncClient) -> None:
    directory(cloud, "dir", f"{PLAIN},user:{READER}:r-x,mask::r-x", owner=CONTRIBUTOR)
    response = await client.head(f"{BASE}/dir?action=getAccessControl")
    found = {name: response.headers[f"x-ms-{name}"] for name in ("owner", "group", "permissions", "acl")}
    assert found == {
        "owner": CONTRIBUTOR, "group": "$superuser", "permissions": "rwxr-x---+",
        "acl": f"user::rwx,user:{READER}:r-x,group::r-x,mask::r-x,other::---",
    }  # fmt: skip
    root = await client.head(f"{BASE}/?action=getAccessControl")
    assert root.headers["x-ms-acl"] == PLAIN


async def test_upn_writes_names_for_people(cloud: Cloud, client: httpx.AsyncClient) -> None:
    alice = "44440000-0000-4000-8000-00000000b007"
    cloud.directory.add(
        {"objectId": alice, "type": "User", "displayName": "Alice", "userPrincipalName": "alice@contoso.example"}
    )
    directory(cloud, "dir", f"{PLAIN},user:{alice}:r-x,mask::r-x", owner=alice)
    response = await client.head(f"{BASE}/dir?action=getAccessControl&upn=true")
    assert response.headers["x-ms-owner"] == "alice@contoso.example"
    assert "user:alice@contoso.example:r-x" in response.headers["x-ms-acl"]


async def test_setting_a_list_replaces_it_under_its_etag(cloud: Cloud, client: httpx.AsyncClient) -> None:
    directory(cloud, "dir", owner=CONTRIBUTOR)
    read = await client.head(f"{BASE}/dir?action=getAccessControl")
    change = {"x-ms-acl": f"{PLAIN},user:{READER}:r-x", "if-match": read.headers["etag"]}
    first = await client.patch(f"{BASE}/dir?action=setAccessControl", headers=change)
    assert (first.status_code, first.headers["etag"]) == (200, node(cloud, "dir")["etag"])
    assert node(cloud, "dir")["acl"] == f"user::rwx,user:{READER}:r-x,group::r-x,mask::r-x,other::---"
    again = await client.patch(f"{BASE}/dir?action=setAccessControl", headers={**change, "x-ms-acl": PLAIN})
    assert (again.status_code, code_of(again)) == (412, "ConditionNotMet")
    assert READER in node(cloud, "dir")["acl"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"x-ms-acl": "user::rwx"}, "InvaldAccessControlList"),
        ({"x-ms-acl": "nonsense"}, "InvaldAccessControlList"),
        (
            {"x-ms-acl": ",".join([PLAIN, *(f"user:eeeeeeee-0000-4000-8000-{n:012}:r-x" for n in range(29))])},
            "InvaldAccessControlList",
        ),
        ({"x-ms-acl": PLAIN, "x-ms-permissions": "0700"}, "InvalidInput"),
        ({"x-ms-permissions": "9"}, "InvaldAccessControlList"),
        ({"x-ms-owner": "somebody"}, "InvalidHeaderValue"),
        ({}, "MissingRequiredHeader"),
    ],
)
async def test_access_control_that_is_refused(
    cloud: Cloud, client: httpx.AsyncClient, more: dict[str, str], code: str
) -> None:
    directory(cloud, "dir")
    before = node(cloud, "dir")
    response = await client.patch(f"{BASE}/dir?action=setAccessControl", headers={**headers(cloud, OWNER), **more})
    assert (response.status_code, code_of(response)) == (400, code)
    assert node(cloud, "dir") == before


async def test_only_the_owner_and_super_users_set_access_control(cloud: Cloud, client: httpx.AsyncClient) -> None:
    directory(cloud, "dir", owner=NOBODY)
    directory(cloud, "", f"{PLAIN},user:{NOBODY}:--x,mask::r-x")
    change = {"x-ms-acl": f"{PLAIN},user:{READER}:r-x"}
    for object_id, status in ((CONTRIBUTOR, 403), (READER, 403), (NOBODY, 200), (OWNER, 200)):
        signed = {**headers(cloud, object_id), **change}
        response = await client.patch(f"{BASE}/dir?action=setAccessControl", headers=signed)
        assert response.status_code == status, object_id


async def test_ownership(cloud: Cloud, client: httpx.AsyncClient) -> None:
    directory(cloud, "dir", owner=TEAM_MEMBER)
    directory(cloud, "", f"{PLAIN},user:{TEAM_MEMBER}:--x,mask::r-x")

    async def status(object_id: str, **more: str) -> int:
        signed = headers(cloud, object_id, **more)
        return (await client.patch(f"{BASE}/dir?action=setAccessControl", headers=signed)).status_code

    assert await status(TEAM_MEMBER, x_ms_owner=READER) == 403
    assert await status(TEAM_MEMBER, x_ms_group=READER) == 403
    assert await status(TEAM_MEMBER, x_ms_group=TEAM) == 200
    assert await status(OWNER, x_ms_owner=READER, x_ms_group="$superuser") == 200
    assert (node(cloud, "dir")["owner"], node(cloud, "dir")["group"]) == (READER, "$superuser")


async def on_tree(client: httpx.AsyncClient, address: str, signed: dict[str, str]) -> dict[str, Any]:
    """Changes lists on a tree, page by page; the sums of what the pages tell."""
    total: dict[str, Any] = {}
    url = httpx.URL(address)
    while True:
        response = await client.patch(url, headers=signed)
        page = response.json()
        total = {name: total[name] + value if total else value for name, value in page.items()}
        if "x-ms-continuation" not in response.headers:
            return total
        url = url.copy_set_param("continuation", response.headers["x-ms-continuation"])


async def test_setting_lists_on_a_tree(cloud: Cloud, client: httpx.AsyncClient) -> None:
    for path in ("dir/sub/f", "dir/g"):
        file(cloud, path)
    signed = headers(cloud, OWNER, x_ms_acl=f"user:{READER}:r-x,default:user:{READER}:r-x")
    address = f"{BASE}/dir?action=setAccessControlRecursive&mode=modify&maxRecords=2&forceFlag=true"
    response = await client.patch(address, headers=signed)
    first, token = response.json(), response.headers["x-ms-continuation"]
    response = await client.patch(httpx.URL(address).copy_add_param("continuation", token), headers=signed)
    assert "x-ms-continuation" not in response.headers
    done = {name: first[name] + value for name, value in response.json().items()}
    assert done == {"directoriesSuccessful": 2, "filesSuccessful": 2, "failureCount": 0, "failedEntries": []}
    assert all(f"user:{READER}:r-x" in node(cloud, path)["acl"] for path in ("dir", "dir/sub", "dir/g", "dir/sub/f"))
    assert f"default:user:{READER}:r-x" in node(cloud, "dir/sub")["acl"]
    assert "default:" not in node(cloud, "dir/g")["acl"]
    removal = {**signed, "x-ms-acl": f"user:{READER},default:user:{READER}"}
    await on_tree(client, f"{BASE}/dir?action=setAccessControlRecursive&mode=remove", removal)
    assert not any(READER in each["acl"] for each in files.walk(cloud, ACCOUNT, CONTAINER, ""))


async def test_failures_on_a_tree_are_listed_or_stop_it(cloud: Cloud, client: httpx.AsyncClient) -> None:
    directory(cloud, "", f"{PLAIN},user:{NOBODY}:--x,mask::r-x")
    for path, owner in (("dir", NOBODY), ("dir/a", NOBODY), ("dir/b", READER), ("dir/c", NOBODY)):
        directory(cloud, path, owner=owner)
    signed = headers(cloud, NOBODY, x_ms_acl=f"user:{TEAM_MEMBER}:r-x")
    address = f"{BASE}/dir?action=setAccessControlRecursive&mode=modify"
    stopped = await on_tree(client, address, signed)
    assert (stopped["directoriesSuccessful"], stopped["failureCount"]) == (2, 1)
    assert [(each["name"], each["type"]) for each in stopped["failedEntries"]] == [("dir/b", "DIRECTORY")]
    assert TEAM_MEMBER not in node(cloud, "dir/c")["acl"]
    forced = await on_tree(client, f"{address}&forceFlag=true", signed)
    assert (forced["directoriesSuccessful"], forced["failureCount"]) == (3, 1)
    assert TEAM_MEMBER in node(cloud, "dir/c")["acl"]
    assert TEAM_MEMBER not in node(cloud, "dir/b")["acl"]


@pytest.mark.parametrize(
    ("query", "code"), [("", "MissingRequiredQueryParameter"), ("&mode=x", "InvalidQueryParameterValue")]
)
async def test_a_tree_needs_a_mode(cloud: Cloud, client: httpx.AsyncClient, query: str, code: str) -> None:
    signed = headers(cloud, OWNER, x_ms_acl=PLAIN)
    assert code_of(await client.patch(f"{BASE}?action=setAccessControlRecursive{query}", headers=signed)) == code
