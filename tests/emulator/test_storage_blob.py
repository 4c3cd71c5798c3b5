"""The Blob protocol: whole blobs, blocks, lists, copies, conditions, batches."""

from __future__ import annotations

import base64

import httpx
import pytest

from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import files
from tests.emulator.storage_world import (
    ACCOUNT,
    CONTAINER,
    FLAT,
    NOBODY,
    OWNER,
    READER,
    directory,
    file,
    headers,
    node,
)
from tests.emulator.test_storage_protocol import code_of, xml

ROOT = f"/storage/{ACCOUNT}.blob.core.windows.net"
BASE = f"{ROOT}/{CONTAINER}"
BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}


async def test_putting_a_blob_makes_its_directories(cloud: Cloud, client: httpx.AsyncClient) -> None:
    more = {**BLOCK_BLOB, "x-ms-meta-color": "red", "x-ms-blob-content-type": "text/plain"}
    response = await client.put(f"{BASE}/a/b.txt", content=b"hello", headers=more)
    assert (response.status_code, response.headers["etag"]) == (201, node(cloud, "a/b.txt")["etag"])
    found = await client.get(f"{BASE}/a/b.txt")
    assert found.content == b"hello"
    assert {name: found.headers[name] for name in ("content-type", "x-ms-meta-color", "x-ms-blob-type")} == {
        "content-type": "text/plain", "x-ms-meta-color": "red", "x-ms-blob-type": "BlockBlob",
    }  # fmt: skip
    folder = await client.head(f"{BASE}/a")
    assert (folder.headers["x-ms-meta-hdi_isfolder"], folder.headers["x-ms-resource-type"]) == ("true", "directory")
    assert (await client.get(f"{BASE}/a")).status_code == 409


async def test_only_one_of_two_writers_makes_a_commit(cloud: Cloud, client: httpx.AsyncClient) -> None:
    commit = {**BLOCK_BLOB, "if-none-match": "*"}
    assert (await client.put(f"{BASE}/log/0.json", content=b"first", headers=commit)).status_code == 201
    second = await client.put(f"{BASE}/log/0.json", content=b"second", headers=commit)
    assert (second.status_code, code_of(second)) == (409, "BlobAlreadyExists")
    assert files.content(cloud, node(cloud, "log/0.json")) == b"first"


async def test_writing_under_an_etag(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "f", b"1")
    etag = node(cloud, "f")["etag"]
    change = {**BLOCK_BLOB, "if-match": etag}
    assert (await client.put(f"{BASE}/f", content=b"2", headers=change)).status_code == 201
    stale = await client.put(f"{BASE}/f", content=b"3", headers=change)
    assert (stale.status_code, code_of(stale)) == (412, "ConditionNotMet")
    absent = await client.put(f"{BASE}/none", content=b"3", headers={**BLOCK_BLOB, "if-match": "*"})
    assert absent.status_code == 412
    assert files.content(cloud, node(cloud, "f")) == b"2"


@pytest.mark.parametrize(
    ("name", "shift", "status"),
    [
        ("if-modified-since", -10, 200),
        ("if-modified-since", 10, 304),
        ("if-unmodified-since", 10, 200),
        ("if-unmodified-since", -10, 412),
    ],
)
async def test_reading_by_date(cloud: Cloud, client: httpx.AsyncClient, name: str, shift: int, status: int) -> None:
    from cloud_emulator.storage.wire import http_date

    file(cloud, "f", b"1")
    moment = http_date(node(cloud, "f")["modified"] + shift)
    assert (await client.get(f"{BASE}/f", headers={name: moment})).status_code == status


async def test_bodies_are_checked(cloud: Cloud, client: httpx.AsyncClient) -> None:
    wrong = {**BLOCK_BLOB, "content-md5": base64.b64encode(b"0" * 16).decode()}
    assert code_of(await client.put(f"{BASE}/f", content=b"x", headers=wrong)) == "Md5Mismatch"
    assert code_of(await client.put(f"{BASE}/f", content=b"x")) == "MissingRequiredHeader"
    page_blob = await client.put(f"{BASE}/f", headers={"x-ms-blob-type": "PageBlob"})
    assert page_blob.status_code == 501
    bad_name = {**BLOCK_BLOB, "x-ms-meta-a-b": "1"}
    assert code_of(await client.put(f"{BASE}/f", content=b"x", headers=bad_name)) == "InvalidMetadata"
    assert node(cloud, "f") is None


async def test_a_directory_is_no_blob(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "dir/f")
    over = await client.put(f"{BASE}/dir", content=b"x", headers=BLOCK_BLOB)
    assert (over.status_code, code_of(over)) == (409, "ResourceTypeMismatch")
    under = await client.put(f"{BASE}/dir/f/g", content=b"x", headers=BLOCK_BLOB)
    assert (under.status_code, code_of(under)) == (409, "PathConflict")
    full = await client.delete(f"{BASE}/dir")
    assert (full.status_code, code_of(full)) == (409, "DirectoryIsNotEmpty")
    marked = {**BLOCK_BLOB, "x-ms-meta-hdi_isfolder": "true"}
    assert (await client.put(f"{BASE}/made", headers=marked)).status_code == 201
    assert node(cloud, "made")["isDirectory"]


def block_id(number: int) -> str:
    """A block's id."""
    return base64.b64encode(f"block-{number:04}".encode()).decode()


def block_list(*entries: tuple[str, int]) -> bytes:
    """A block list's document."""
    return f"<BlockList>{''.join(f'<{kind}>{block_id(n)}</{kind}>' for kind, n in entries)}</BlockList>".encode()


async def put_block(client: httpx.AsyncClient, number: int, content: bytes) -> httpx.Response:
    """Uploads one block of ``big``."""
    return await client.put(f"{BASE}/big", params={"comp": "block", "blockid": block_id(number)}, content=content)


async def test_blocks_count_once_listed(cloud: Cloud, client: httpx.AsyncClient) -> None:
    for number, content in ((1, b"one"), (2, b"two"), (3, b"three")):
        assert (await put_block(client, number, content)).status_code == 201
    assert (await client.head(f"{BASE}/big")).status_code == 404
    uncommitted = xml(await client.get(f"{BASE}/big?comp=blocklist&blocklisttype=all"))
    assert [each.text for each in uncommitted.iter("Size")] == ["3", "3", "5"]
    listing = block_list(("Latest", 3), ("Uncommitted", 1))
    assert (await client.put(f"{BASE}/big?comp=blocklist", content=listing)).status_code == 201
    assert files.content(cloud, node(cloud, "big")) == b"threeone"
    await put_block(client, 4, b"four")
    again = block_list(("Committed", 1), ("Latest", 4))
    await client.put(f"{BASE}/big?comp=blocklist", content=again, headers={"x-ms-blob-content-type": "text/x"})
    assert files.content(cloud, node(cloud, "big")) == b"onefour"
    assert (await client.head(f"{BASE}/big")).headers["content-type"] == "text/x"
    dropped = await client.put(f"{BASE}/big?comp=blocklist", content=block_list(("Latest", 2)))
    assert (dropped.status_code, code_of(dropped)) == (400, "InvalidBlockList")


async def test_blocks_that_are_refused(cloud: Cloud, client: httpx.AsyncClient) -> None:
    assert code_of(await client.put(f"{BASE}/big?comp=block", content=b"x")) == "MissingRequiredQueryParameter"
    assert code_of(await client.put(f"{BASE}/big?comp=block&blockid=%21", content=b"x")) == "InvalidBlockId"
    await put_block(client, 1, b"x")
    longer = base64.b64encode(b"another-length").decode()
    params = {"comp": "block", "blockid": longer}
    assert code_of(await client.put(f"{BASE}/big", params=params, content=b"x")) == "InvalidBlobOrBlock"
    assert code_of(await client.put(f"{BASE}/big?comp=blocklist", content=b"<Block")) == "InvalidXmlDocument"
    reader = headers(cloud, READER)
    denied = await client.put(f"{BASE}/big?comp=blocklist", content=block_list(("Latest", 1)), headers=reader)
    assert denied.status_code == 403


async def listed(client: httpx.AsyncClient, base: str = BASE, **params: str) -> list[list[str]]:
    """Names, page by page; those of prefixes end with a slash."""
    pages, query = [], {"restype": "container", "comp": "list", **params}
    while True:
        response = await client.get(base, params=query)
        assert response.status_code == 200, response.text
        root = xml(response)
        pages.append([each.text or "" for each in root.iter("Name")])
        marker = root.findtext("NextMarker")
        if not marker:
            return pages
        query["marker"] = marker


async def test_listing_by_prefix(cloud: Cloud, client: httpx.AsyncClient) -> None:
    cloud.behaviour = Behaviour()  # pages of the service's own length, and of the asked one
    for path in ("t/_delta_log/0.json", "t/_delta_log/1.json", "t/part.parquet", "tt/x", "u"):
        file(cloud, path)
    everything = [
        "t",
        "t/_delta_log",
        "t/_delta_log/0.json",
        "t/_delta_log/1.json",
        "t/part.parquet",
        "tt",
        "tt/x",
        "u",
    ]
    assert await listed(client) == [everything]
    assert await listed(client, prefix="t") == [everything[:-1]]
    assert await listed(client, prefix="t/") == [everything[1:5]]
    assert await listed(client, prefix="t/_delta_log/") == [everything[2:4]]
    assert await listed(client, prefix="t/p") == [["t/part.parquet"]]
    assert await listed(client, prefix="none/") == [[]]
    assert await listed(client, prefix="t/_delta_log/", startFrom="t/_delta_log/1.json") == [["t/_delta_log/1.json"]]
    assert await listed(client, delimiter="/") == [["t/", "tt/", "u"]]
    assert await listed(client, delimiter="/", prefix="t/") == [["t/_delta_log/", "t/part.parquet"]]
    assert await listed(client, maxresults="3") == [everything[:3], everything[3:6], everything[6:]]
    cloud.behaviour = Behaviour(page_size=5)
    assert await listed(client) == [everything[:5], everything[5:]]


async def test_an_entry_of_a_list(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "d/a & b", b"1234")
    query = {"restype": "container", "comp": "list", "include": "metadata,permissions"}
    folder, blob = xml(await client.get(BASE, params=query)).iter("Blob")
    assert (folder.findtext("Properties/ResourceType"), folder.findtext("Metadata/hdi_isfolder")) == (
        "directory",
        "true",
    )
    assert (blob.findtext("Name"), blob.findtext("Properties/Content-Length")) == ("d/a & b", "4")
    assert blob.findtext("Properties/Etag") == node(cloud, "d/a & b")["etag"].strip('"')
    assert blob.findtext("Properties/Permissions") == "rw-r-----"


@pytest.mark.parametrize(
    "query",
    [{"delimiter": "|"}, {"include": "everything"}, {"showonly": "deleted"}, {"maxresults": "x"}, {"marker": "x"}],
)
async def test_lists_that_are_refused(cloud: Cloud, client: httpx.AsyncClient, query: dict[str, str]) -> None:
    response = await client.get(BASE, params={"restype": "container", "comp": "list", **query})
    assert (response.status_code, code_of(response)) == (400, "InvalidQueryParameterValue")


async def test_lists_need_rights_where_they_look(cloud: Cloud, client: httpx.AsyncClient) -> None:
    directory(cloud, "", f"user::rwx,group::r-x,other::---,user:{NOBODY}:--x,mask::r-x")
    directory(cloud, "open", f"user::rwx,group::r-x,other::---,user:{NOBODY}:r-x,mask::r-x")
    file(cloud, "open/f")
    file(cloud, "closed/f")
    client.headers.update(headers(cloud, NOBODY))
    assert await listed(client, prefix="open/") == [["open/f"]]
    for prefix in ("", "open", "closed/"):
        query = {"restype": "container", "comp": "list", "prefix": prefix}
        assert (await client.get(BASE, params=query)).status_code == 403, prefix


async def test_copying_within_the_account(cloud: Cloud, client: httpx.AsyncClient) -> None:
    await client.put(f"{BASE}/a", content=b"x", headers={**BLOCK_BLOB, "x-ms-meta-k": "v"})
    source = {"x-ms-copy-source": f"https://cloud.test{BASE}/a"}
    response = await client.put(f"{BASE}/b", headers=source)
    assert (response.status_code, response.headers["x-ms-copy-status"]) == (202, "success")
    assert (files.content(cloud, node(cloud, "b")), node(cloud, "b")["metadata"]) == (b"x", {"k": "v"})
    told = (await client.head(f"{BASE}/b")).headers
    assert (told["x-ms-copy-id"], told["x-ms-copy-status"]) == (response.headers["x-ms-copy-id"], "success")
    assert (told["x-ms-copy-source"], told["x-ms-copy-progress"]) == (source["x-ms-copy-source"], "1/1")
    await client.put(f"{BASE}/b?comp=properties", headers={"x-ms-blob-cache-control": "no-store"})
    assert not any(name.startswith("x-ms-copy-") for name in (await client.head(f"{BASE}/b")).headers)
    kept = await client.put(f"{BASE}/b", headers={**source, "if-none-match": "*"})
    assert (kept.status_code, code_of(kept)) == (409, "BlobAlreadyExists")
    for address, code in (
        (f"https://cloud.test{BASE}/none", "CannotVerifyCopySource"),
        (f"https://cloud.test/storage/{FLAT}/lake/a", "CopyAcrossAccountsNotSupported"),
        ("https://elsewhere.example/a", "CannotVerifyCopySource"),
        (f"https://cloud.test{BASE}/a?snapshot=2026-01-01", "NotImplemented"),
    ):
        assert code_of(await client.put(f"{BASE}/c", headers={"x-ms-copy-source": address})) == code


async def test_metadata_and_properties_are_replaced(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "f", b"1")
    assert (await client.put(f"{BASE}/f?comp=metadata", headers={"x-ms-meta-a": "1"})).status_code == 200
    assert (await client.put(f"{BASE}/f?comp=metadata", headers={"x-ms-meta-b": "2"})).status_code == 200
    assert (
        await client.put(f"{BASE}/f?comp=properties", headers={"x-ms-blob-cache-control": "no-store"})
    ).status_code == 200
    found = (await client.head(f"{BASE}/f?comp=metadata")).headers
    assert "x-ms-meta-a" not in found
    assert (found["x-ms-meta-b"], found["cache-control"]) == ("2", "no-store")


async def test_containers(cloud: Cloud, client: httpx.AsyncClient) -> None:
    address = f"{ROOT}/extra?restype=container"
    assert (await client.put(address, headers={"x-ms-meta-k": "v"})).status_code == 201
    assert code_of(await client.put(address)) == "ContainerAlreadyExists"
    assert (await client.head(address)).headers["x-ms-meta-k"] == "v"
    assert (await client.put(f"{address}&comp=metadata", headers={"x-ms-meta-k": "w"})).status_code == 200
    assert (await client.get(f"{address}&comp=metadata")).headers["x-ms-meta-k"] == "w"
    names = [each.text for each in xml(await client.get(f"{ROOT}/?comp=list")).iter("Name")]
    assert names == ["extra", "lake"]
    assert (await client.delete(address)).status_code == 202
    assert (await client.head(address)).status_code == 404
    refused = await client.put(address, headers={"x-ms-blob-public-access": "container"})
    assert (refused.status_code, code_of(refused)) == (409, "PublicAccessNotPermitted")


async def test_container_operations_take_a_role(cloud: Cloud, client: httpx.AsyncClient) -> None:
    directory(cloud, "", f"user::rwx,group::r-x,other::---,user:{NOBODY}:rwx,mask::rwx")
    client.headers.update(headers(cloud, NOBODY))
    for method, address in (
        ("HEAD", f"{BASE}?restype=container"), ("GET", f"{ROOT}/?comp=list"), ("DELETE", f"{BASE}?restype=container"),
        ("PUT", f"{ROOT}/mine?restype=container"), ("GET", f"{ROOT}/?restype=account&comp=properties"),
    ):  # fmt: skip
        assert (await client.request(method, address)).status_code == 403, address


async def test_a_batch_answers_each_part_for_itself(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "a b")
    file(cloud, "keep")
    signed, reader = headers(cloud, OWNER)["authorization"], headers(cloud, READER)["authorization"]
    parts = [("DELETE", f"/{CONTAINER}/a%20b", signed), ("DELETE", f"/{ACCOUNT}/{CONTAINER}/none", signed),
             ("DELETE", f"/{CONTAINER}/keep", reader), ("PUT", f"/{CONTAINER}/keep", signed),
             ("DELETE", f"/{CONTAINER}/keep?snapshot=2026-01-01", signed)]  # fmt: skip
    body = "".join(
        f"--x\r\nContent-Type: application/http\r\nContent-ID: {index}\r\n\r\n"
        f"{method} {path} HTTP/1.1\r\nAuthorization: {authorization}\r\nContent-Length: 0\r\n\r\n"
        for index, (method, path, authorization) in enumerate(parts)
    )
    kind = {"content-type": "multipart/mixed; boundary=x"}
    address = f"{BASE}?restype=container&comp=batch"
    response = await client.post(address, content=f"{body}\r\n--x--\r\n".encode(), headers=kind)
    statuses = [line.split()[1] for line in response.text.splitlines() if line.startswith("HTTP/1.1")]
    assert (response.status_code, statuses) == (202, ["202", "404", "403", "400", "400"])
    assert (node(cloud, "a b"), node(cloud, "keep")["path"]) == (None, "keep")
    assert code_of(await client.post(address, content=b"x")) == "InvalidHeaderValue"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_slash_at_the_end_makes_another_name_where_the_namespace_is_flat(
    cloud: Cloud, client: httpx.AsyncClient, method: str
) -> None:
    file(cloud, "f", b"1", account=FLAT)
    response = await client.request(method, f"/storage/{FLAT}/lake/f/", headers=BLOCK_BLOB if method == "PUT" else {})
    assert (response.status_code, code_of(response)) == (501, "NotImplemented")
    assert files.stat(cloud, FLAT, CONTAINER, "f") is not None


async def test_the_digest_of_a_blob_is_told_until_it_changes(cloud: Cloud, client: httpx.AsyncClient) -> None:
    digest = "XUFAKrxLKna5cZ2REBfFkg=="
    written = await client.put(f"{BASE}/a", content=b"hello", headers=BLOCK_BLOB)
    assert written.headers["content-md5"] == digest
    assert (await client.head(f"{BASE}/a")).headers["content-md5"] == digest
    part = (await client.get(f"{BASE}/a", headers={"range": "bytes=0-1"})).headers
    assert (part.get("content-md5"), part["x-ms-blob-content-md5"]) == (None, digest)
    listed = xml(await client.get(f"{BASE}?restype=container&comp=list"))
    assert [each.text for each in listed.iter("Content-MD5")] == [digest]
    await client.put(f"{BASE}/b", headers={"x-ms-copy-source": f"https://cloud.test{BASE}/a"})
    assert (await client.head(f"{BASE}/b")).headers["content-md5"] == digest
    await client.put(f"{BASE}/a?comp=properties")
    assert "content-md5" not in (await client.head(f"{BASE}/a")).headers


async def test_lists_tell_of_copies_and_not_of_what_is_uncommitted(cloud: Cloud, client: httpx.AsyncClient) -> None:
    file(cloud, "a", b"x")
    await client.put(f"{BASE}/b", headers={"x-ms-copy-source": f"https://cloud.test{BASE}/a"})
    listed = xml(await client.get(f"{BASE}?restype=container&comp=list&include=copy"))
    assert [each.text for each in listed.iter("CopyStatus")] == ["success"]
    assert [each.text for each in listed.iter("CopyProgress")] == ["1/1"]
    refused = await client.get(f"{BASE}?restype=container&comp=list&include=uncommittedblobs")
    assert (refused.status_code, code_of(refused)) == (501, "NotImplemented")


async def test_a_block_list_tells_of_its_blob_once_it_is_there(cloud: Cloud, client: httpx.AsyncClient) -> None:
    address = f"{BASE}/a?comp=blocklist"
    await client.put(f"{BASE}/a?comp=block&blockid=YQ==", content=b"xy")
    before = (await client.get(f"{address}&blocklisttype=all")).headers
    assert not {"etag", "x-ms-blob-content-length"} & before.keys()
    await client.put(address, content=b"<BlockList><Latest>YQ==</Latest></BlockList>")
    after = (await client.get(address)).headers
    assert (after["x-ms-blob-content-length"], after["etag"]) == ("2", node(cloud, "a")["etag"])
