"""The DFS protocol: paths, appends, renames, lists, access control."""

from __future__ import annotations

import base64

import httpx
import pytest

from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import acl, files
from tests.emulator.storage_world import (
    ACCOUNT,
    CONTAINER,
    CONTRIBUTOR,
    NOBODY,
    OWNER,
    READER,
    directory,
    file,
    headers,
    node,
)
from tests.emulator.test_storage_protocol import code_of

BASE = f"/storage/{ACCOUNT}.dfs.core.windows.net/{CONTAINER}"
PLAIN = "user::rwx,group::r-x,other::---"


async def test_creating_a_directory_makes_those_above(cloud: Cloud, client: httpx.AsyncClient) -> None:
    response = await client.put(f"{BASE}/a/b%20c/d?resource=directory")
    assert response.status_code == 201
    assert [each["path"] for each in files.walk(cloud, ACCOUNT, CONTAINER, "")] == ["a", "a/b c", "a/b c/d"]
    made = node(cloud, "a/b c/d")
    assert (made["owner"], made["group"], made["acl"]) == (CONTRIBUTOR, files.SUPERUSER, PLAIN)
    assert response.headers["etag"] == made["etag"]


async def test_if_none_match_protects_what_is_there(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "a.txt", b"kept")
    response = await client.put(f"{BASE}/a.txt?resource=file", headers={"if-none-match": "*"})
    assert (response.status_code, code_of(response)) == (409, "PathAlreadyExists")
    assert files.content(cloud, node(cloud, "a.txt")) == b"kept"
    assert (await client.put(f"{BASE}/a.txt?resource=file")).status_code == 201
    assert node(cloud, "a.txt")["size"] == 0


@pytest.mark.parametrize("address", ["a.txt?resource=directory", "dir?resource=file", "a.txt/b?resource=file"])
async def test_a_path_is_of_one_kind(cloud: Cloud, client: httpx.AsyncClient, address: str) -> None:
    file(cloud, "a.txt")
    directory(cloud, "dir")
    response = await client.put(f"{BASE}/{address}")
    assert (response.status_code, code_of(response)) == (409, "PathConflict")


async def test_new_paths_take_permissions_umask_and_defaults(cloud: Cloud, client: httpx.AsyncClient) -> None:
    more = {"x-ms-permissions": "0777", "x-ms-umask": "0077", "x-ms-properties": "k=" + base64.b64encode(b"v").decode()}
    await client.put(f"{BASE}/f?resource=file", headers=more)
    assert acl.summary(node(cloud, "f")["acl"]) == "rwx------"
    assert node(cloud, "f")["metadata"] == {"k": "v"}
    defaults = f"{PLAIN},default:user::rwx,default:group::r-x,default:other::r-x,default:user:{READER}:r-x"
    directory(cloud, "open", defaults)
    await client.put(f"{BASE}/open/sub?resource=directory", headers={"x-ms-permissions": "0700"})
    assert f"default:user:{READER}:r-x" in node(cloud, "open/sub")["acl"]
    assert "other::---" in node(cloud, "open/sub")["acl"].split(",")


async def test_an_owner_is_named_at_creation_by_a_super_user_only(cloud: Cloud, client: httpx.AsyncClient) -> None:
    response = await client.put(f"{BASE}/f?resource=file", headers={"x-ms-owner": READER})
    assert response.status_code == 403
    assert node(cloud, "f") is None
    signed = headers(cloud, OWNER, x_ms_owner=READER)
    assert (await client.put(f"{BASE}/f?resource=file", headers=signed)).status_code == 201
    assert node(cloud, "f")["owner"] == READER


async def test_appends_count_once_flushed(cloud: Cloud, client: httpx.AsyncClient) -> None:
    await client.put(f"{BASE}/f?resource=file")
    assert (await client.patch(f"{BASE}/f?action=append&position=5", content=b"world")).status_code == 202
    assert (await client.put(f"{BASE}/f?action=append&position=0", content=b"hello")).status_code == 202
    assert node(cloud, "f")["size"] == 0
    early = await client.patch(f"{BASE}/f?action=flush&position=7")
    assert (early.status_code, code_of(early)) == (400, "InvalidFlushPosition")
    response = await client.patch(f"{BASE}/f?action=flush&position=10&close=true")
    assert (response.status_code, response.headers["etag"]) == (200, node(cloud, "f")["etag"])
    assert files.content(cloud, node(cloud, "f")) == b"helloworld"
    gap = await client.patch(f"{BASE}/f?action=flush&position=20")
    assert code_of(gap) == "InvalidFlushPosition"


async def test_an_append_is_checked(cloud: Cloud, client: httpx.AsyncClient) -> None:
    missing = await client.patch(f"{BASE}/f?action=append&position=0", content=b"x")
    assert (missing.status_code, code_of(missing)) == (404, "PathNotFound")
    file(cloud, "f")
    empty = await client.patch(f"{BASE}/f?action=append&position=0")
    assert code_of(empty) == "InvalidHeaderValue"
    wrong = {"content-md5": base64.b64encode(b"0" * 16).decode()}
    assert (
        code_of(await client.patch(f"{BASE}/f?action=append&position=0", content=b"x", headers=wrong)) == "Md5Mismatch"
    )
    assert code_of(await client.patch(f"{BASE}/f?action=append", content=b"x")) == "MissingRequiredQueryParameter"
    at_once = await client.patch(f"{BASE}/f?action=append&position=0&flush=true", content=b"xyz")
    assert (at_once.status_code, node(cloud, "f")["size"]) == (202, 3)


@pytest.mark.parametrize(
    ("asked", "status", "content", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-12", 416, None, "bytes */10"),
    ],
)
@pytest.mark.parametrize("header", ["range", "x-ms-range"])
async def test_ranges(
    cloud: Cloud,
    client: httpx.AsyncClient,
    asked: str,
    status: int,
    content: bytes | None,
    content_range: str,
    header: str,
) -> None:
    file(cloud, "f", b"0123456789")
    response = await client.get(f"{BASE}/f", headers={header: asked})
    assert (response.status_code, response.headers["content-range"]) == (status, content_range)
    assert content is None or response.content == content


async def test_renaming_moves_the_whole_tree(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "old/deep/f", b"x")
    directory(cloud, "old", f"{PLAIN},user:{READER}:r-x,mask::r-x")
    directory(cloud, "target")
    before = node(cloud, "old/deep/f")
    source = {"x-ms-rename-source": f"/{CONTAINER}/old"}
    response = await client.put(f"{BASE}/target/new%20name?mode=posix", headers=source)
    assert response.status_code == 201
    moved = node(cloud, "target/new name/deep/f")
    assert (moved["etag"], moved["owner"], files.content(cloud, moved)) == (before["etag"], before["owner"], b"x")
    assert READER in node(cloud, "target/new name")["acl"]
    assert node(cloud, "old") is None
    assert [each["path"] for each in files.walk(cloud, ACCOUNT, CONTAINER, "target/new name")] == [
        "target/new name/deep", "target/new name/deep/f",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "destination", "status", "code"),
    [
        ("none", "x", 404, "SourcePathNotFound"),
        ("full", "no/parent", 404, "RenameDestinationParentPathNotFound"),
        ("full", "full/inside", 409, "PathConflict"),
        ("full", "other", 409, "DirectoryNotEmpty"),
        ("full", "f", 409, "InvalidSourceOrDestinationResourceType"),
        ("f", "empty", 409, "InvalidSourceOrDestinationResourceType"),
    ],
)
async def test_renames_that_are_refused(
    cloud: Cloud, client: httpx.AsyncClient, source: str, destination: str, status: int, code: str
) -> None:
    for path in ("full/g", "other/g", "f"):
        file(cloud, path)
    directory(cloud, "empty")
    before = dict(cloud.table(files.NODES))
    named = {"x-ms-rename-source": f"/{CONTAINER}/{source}"}
    response = await client.put(f"{BASE}/{destination}", headers=named)
    assert (response.status_code, code_of(response)) == (status, code)
    assert dict(cloud.table(files.NODES)) == before


async def test_a_rename_replaces_a_file_and_minds_its_conditions(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "a", b"a")
    file(cloud, "b", b"b")
    named = {"x-ms-rename-source": f"/{CONTAINER}/a"}
    kept = await client.put(f"{BASE}/b", headers={**named, "if-none-match": "*"})
    assert code_of(kept) == "PathAlreadyExists"
    changed = await client.put(f"{BASE}/b", headers={**named, "x-ms-source-if-match": '"0x0"'})
    assert (changed.status_code, code_of(changed)) == (412, "SourceConditionNotMet")
    assert (await client.put(f"{BASE}/b", headers=named)).status_code == 201
    assert files.content(cloud, node(cloud, "b")) == b"a"
    assert node(cloud, "a") is None


async def test_deleting(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "dir/f")
    refused = await client.delete(f"{BASE}/dir?recursive=false")
    assert (refused.status_code, code_of(refused)) == (409, "DirectoryNotEmpty")
    stale = await client.delete(f"{BASE}/dir/f", headers={"if-match": '"0x0"'})
    assert (stale.status_code, code_of(stale)) == (412, "ConditionNotMet")
    assert (await client.delete(f"{BASE}/dir?recursive=true")).status_code == 200
    assert node(cloud, "dir") is None
    assert (await client.delete(f"{BASE}/dir?recursive=true")).status_code == 404


async def test_deleting_a_big_tree_goes_on_by_continuation(cloud: Cloud, client: httpx.AsyncClient) -> None:
    for index in range(5):
        file(cloud, f"dir/{index}")
    cloud.behaviour = Behaviour(page_size=2)
    rounds = 0
    while True:
        response = await client.delete(f"{BASE}/dir?recursive=true&paginated=true")
        rounds += 1
        if "x-ms-continuation" not in response.headers:
            break
    assert (rounds, node(cloud, "dir")) == (3, None)


async def listed(client: httpx.AsyncClient, query: str, signed: dict[str, str] | None = None) -> list[list[str]]:
    """Names, page by page."""
    pages, address = [], httpx.URL(f"{BASE}?resource=filesystem&{query}")
    while True:
        response = await client.get(address, headers=signed)
        assert response.status_code == 200, response.text
        pages.append([each["name"] for each in response.json()["paths"]])
        if "x-ms-continuation" not in response.headers:
            return pages
        address = address.copy_set_param("continuation", response.headers["x-ms-continuation"])


async def test_listing_one_level_or_all_page_by_page(cloud: Cloud, client: httpx.AsyncClient) -> None:
    cloud.behaviour = Behaviour()  # pages of the service's own length, and of the asked one
    for path in ("a/x/1", "a/y", "b"):
        file(cloud, path)
    assert await listed(client, "recursive=false") == [["a", "b"]]
    assert await listed(client, "recursive=true&directory=a") == [["a/x", "a/x/1", "a/y"]]
    assert await listed(client, "recursive=true&maxResults=2") == [["a", "a/x"], ["a/x/1", "a/y"], ["b"]]
    cloud.behaviour = Behaviour(page_size=3)
    assert await listed(client, "recursive=true") == [["a", "a/x", "a/x/1"], ["a/y", "b"]]


async def test_an_entry_of_a_list(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "a/f", b"1234")
    response = await client.get(f"{BASE}?resource=filesystem&recursive=true")
    folder, leaf = response.json()["paths"]
    assert folder["isDirectory"] == "true"
    assert "isDirectory" not in leaf
    assert (leaf["contentLength"], leaf["permissions"], leaf["owner"]) == ("4", "rw-r-----", "$superuser")
    assert leaf["etag"] == node(cloud, "a/f")["etag"].strip('"')


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "MissingRequiredQueryParameter"),
        ("recursive=maybe", "InvalidQueryParameterValue"),
        ("recursive=true&maxResults=0", "OutOfRangeQueryParameterValue"),
        ("recursive=true&maxResults=x", "InvalidQueryParameterValue"),
        ("recursive=true&continuation=made-up", "InvalidQueryParameterValue"),
        ("recursive=true&directory=none", "PathNotFound"),
    ],
)
async def test_lists_that_are_refused(cloud: Cloud, client: httpx.AsyncClient, query: str, code: str) -> None:
    assert code_of(await client.get(f"{BASE}?resource=filesystem&{query}")) == code


async def test_a_recursive_list_stops_where_the_caller_may_not_look(cloud: Cloud, client: httpx.AsyncClient) -> None:
    directory(cloud, "", f"{PLAIN},user:{NOBODY}:r-x,mask::r-x")
    directory(cloud, "open", f"{PLAIN},user:{NOBODY}:r-x,mask::r-x")
    directory(cloud, "closed")
    signed = headers(cloud, NOBODY)
    assert await listed(client, "recursive=false", signed) == [["closed", "open"]]
    response = await client.get(f"{BASE}?resource=filesystem&recursive=true", headers=signed)
    assert (response.status_code, code_of(response)) == (403, "AuthorizationPermissionMismatch")


async def test_properties_of_paths(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "f", b"abc")
    change = {"x-ms-properties": "k=" + base64.b64encode(b"v").decode(), "x-ms-content-type": "text/plain"}
    assert (await client.patch(f"{BASE}/f?action=setProperties", headers=change)).status_code == 200
    found = (await client.head(f"{BASE}/f")).headers
    assert (found["content-type"], found["content-length"], found["x-ms-resource-type"]) == ("text/plain", "3", "file")
    assert found["x-ms-properties"] == change["x-ms-properties"]
    status = (await client.head(f"{BASE}/f?action=getStatus")).headers
    assert "x-ms-properties" not in status
    unchanged = await client.head(f"{BASE}/f", headers={"if-none-match": found["etag"]})
    assert unchanged.status_code == 304


async def test_filesystems(cloud: Cloud, client: httpx.AsyncClient) -> None:
    root = f"/storage/{ACCOUNT}.dfs.core.windows.net"
    created = await client.put(f"{root}/extra?resource=filesystem")
    assert (created.status_code, created.headers["x-ms-namespace-enabled"]) == (201, "true")
    assert node(cloud, "") is not None
    again = await client.put(f"{root}/extra?resource=filesystem")
    assert (again.status_code, code_of(again)) == (409, "FilesystemAlreadyExists")
    listed_now = (await client.get(f"{root}/?resource=account")).json()["filesystems"]
    assert [each["name"] for each in listed_now] == ["extra", "lake"]
    assert (await client.delete(f"{root}/extra?resource=filesystem")).status_code == 202
    gone = await client.head(f"{root}/extra?resource=filesystem")
    assert (gone.status_code, code_of(gone)) == (404, "FilesystemNotFound")
    for object_id, status in ((READER, 403), (NOBODY, 403)):
        signed = headers(cloud, object_id)
        assert (await client.put(f"{root}/theirs?resource=filesystem", headers=signed)).status_code == status
