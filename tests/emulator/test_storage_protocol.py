"""What both protocols share: addresses, sign-in, versions, refusals in each protocol's shape."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage.sas import issue_sas
from tests.emulator.storage_world import (
    FLAT,
    LETS_US_IN,
    MOUNTS,
    NOBODY,
    OWNER,
    READER,
    VERSION,
    file,
    headers,
    set_network,
    storage_cloud,
)
from tests.emulator.support import TENANT, Wall, serve, token

LAKE = "/storage/lakeone"
DFS, BLOB = f"{LAKE}.dfs.core.windows.net", f"{LAKE}.blob.core.windows.net"
JSON = {"accept": "application/json"}


@pytest.fixture
def wall() -> Wall:
    """The machine's clock."""
    return Wall()


@pytest.fixture
def cloud(tmp_path: Path, wall: Wall) -> Cloud:
    """Both accounts, and one file in each."""
    made = storage_cloud(tmp_path, wall)
    file(made, "sales/a.txt", b"content")
    file(made, "sales/a.txt", b"content", account=FLAT)
    return made


@pytest.fixture
async def client(cloud: Cloud) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the cloud."""
    async with serve(cloud, MOUNTS) as served:
        yield served


def xml(response: httpx.Response) -> ElementTree.Element:
    """The body, parsed."""
    return ElementTree.fromstring(response.content)  # noqa: S314 (our own emulator wrote it)


def code_of(response: httpx.Response) -> str:
    """The error code, which body and header must agree on."""
    header = str(response.headers["x-ms-error-code"])
    if not response.content:
        return header
    if "json" in response.headers["content-type"]:
        code = response.json()["error"]["code"]
        assert set(response.json()["error"]) == {"code", "message"}
    else:
        code = xml(response).findtext("Code")
    assert code == header
    return header


@pytest.mark.parametrize("base", [LAKE, DFS, BLOB, "/storage/LakeOne.Blob.Core.Windows.Net"])
async def test_one_file_at_every_address(cloud: Cloud, client: httpx.AsyncClient, base: str) -> None:
    response = await client.get(f"{base}/lake/sales/a.txt", headers=headers(cloud, READER))
    assert (response.status_code, response.content) == (200, b"content")
    assert response.headers["x-ms-version"] == VERSION["x-ms-version"]
    assert {"x-ms-request-id", "etag", "last-modified", "date"} <= set(response.headers)


async def test_the_same_request_speaks_the_protocol_of_its_address(cloud: Cloud, client: httpx.AsyncClient) -> None:
    signed = headers(cloud, READER, x_ms_client_request_id="mine")
    in_dfs = await client.get(f"{DFS}/lake/none", headers=signed)
    assert (in_dfs.status_code, code_of(in_dfs)) == (404, "PathNotFound")
    in_blob = await client.get(f"{BLOB}/lake/none", headers=signed)
    assert (in_blob.status_code, code_of(in_blob)) == (404, "BlobNotFound")
    in_both = await client.get(f"{LAKE}/lake/none", headers={**signed, **JSON})
    assert code_of(in_both) == "PathNotFound"


@pytest.mark.parametrize(
    "address", [f"{BLOB}/lake?resource=filesystem&recursive=false", f"{DFS}/lake?restype=container&comp=list"]
)
async def test_each_host_speaks_one_protocol(cloud: Cloud, client: httpx.AsyncClient, address: str) -> None:
    response = await client.get(address, headers=headers(cloud, OWNER))
    assert (response.status_code, code_of(response)) == (400, "IncorrectEndpointError")


async def test_a_blob_written_whole_to_the_dfs_host_is_refused(cloud: Cloud, client: httpx.AsyncClient) -> None:
    signed = headers(cloud, OWNER, x_ms_blob_type="BlockBlob")
    response = await client.put(f"{DFS}/lake/b.txt", content=b"x", headers=signed)
    assert (response.status_code, code_of(response)) == (400, "IncorrectEndpointError")
    assert (await client.head(f"{BLOB}/lake/b.txt", headers=headers(cloud, OWNER))).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/storage/no_account/lake/a", "/storage/lakeone.dfs.fabric.microsoft.com/lake/a",
        "/storage/onelake.dfs.core.windows.net/lake/a", "/storage/lakeone.file.core.windows.net/lake/a",
    ],
)  # fmt: skip
async def test_addresses_that_name_nothing(cloud: Cloud, client: httpx.AsyncClient, address: str) -> None:
    response = await client.get(address, headers=headers(cloud, OWNER))
    assert (response.status_code, code_of(response)) == (400, "InvalidUri")


async def test_accounts_and_containers_that_are_not_there(cloud: Cloud, client: httpx.AsyncClient) -> None:
    signed = headers(cloud, OWNER)
    assert code_of(await client.get("/storage/nobodys/lake/a", headers=signed)) == "ResourceNotFound"
    assert code_of(await client.get(f"{BLOB}/nothing/a", headers=signed)) == "ContainerNotFound"
    assert code_of(await client.get(f"{DFS}/nothing/a", headers=signed)) == "FilesystemNotFound"
    assert code_of(await client.get(f"{DFS}/No_Container/a", headers=signed)) == "InvalidResourceName"


@pytest.mark.parametrize(
    ("method", "address", "operation"),
    [
        ("POST", "/lake/sales/a.txt", "POST ?"),
        ("GET", "/lake?restype=container&comp=acl", "GET ?restype=container&comp=acl"),
        ("PUT", "/lake/sales/a.txt?comp=snapshot", "PUT ?comp=snapshot"),
        ("POST", "/?restype=service&comp=userdelegationkey", "POST ?restype=service&comp=userdelegationkey"),
        ("PATCH", "/lake/sales/a.txt?action=rewrite", "PATCH ?action=rewrite"),
    ],
)
async def test_what_is_not_served_is_501_and_named(
    cloud: Cloud, client: httpx.AsyncClient, method: str, address: str, operation: str
) -> None:
    response = await client.request(method, f"{LAKE}{address}", headers={**headers(cloud, OWNER), **JSON})
    assert response.status_code == 501
    assert operation in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "address",
    ["/lake/sales/a.txt?snapshot=1", "/lake?resource=filesystem&recursive=false&depth=2", "/lake/sales/a.txt?upn=true"],
)
async def test_unknown_query_parameters_are_refused(cloud: Cloud, client: httpx.AsyncClient, address: str) -> None:
    response = await client.get(f"{LAKE}{address}", headers=headers(cloud, OWNER))
    assert (response.status_code, code_of(response)) == (400, "UnsupportedQueryParameter")


async def test_the_version_is_required_and_checked(cloud: Cloud, client: httpx.AsyncClient) -> None:
    signed = headers(cloud, READER)
    without = {name: value for name, value in signed.items() if name != "x-ms-version"}
    address = "/lake/sales/a.txt"
    assert code_of(await client.get(DFS + address, headers=without)) == "MissingRequiredHeader"
    future = {**signed, "x-ms-version": "2031-01-01"}
    assert code_of(await client.get(DFS + address, headers=future)) == "UnsupportedRestVersion"
    assert code_of(await client.get(BLOB + address, headers=future)) == "InvalidHeaderValue"


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("x-ms-lease-id", "x", 412),
        ("x-ms-source-lease-id", "x", 412),
        ("x-ms-encryption-key", "x", 501),
        ("x-ms-expiry-option", "x", 501),
        ("x-ms-requires-sync", "true", 501),
        ("x-ms-source-range", "bytes=0-1", 501),
        ("x-ms-delete-snapshots", "only", 501),
        ("x-ms-access-tier", "Archive", 501),
        ("x-ms-access-tier", "Lukewarm", 400),
        ("x-ms-invented", "x", 501),
        ("x-ms-source-lease-id", "", 202),
        ("x-ms-access-tier", "hot", 202),
    ],
)
async def test_headers_that_ask_for_what_is_not_served(
    cloud: Cloud, client: httpx.AsyncClient, name: str, value: str, status: int
) -> None:
    address = f"{BLOB}/lake/sales/a.txt"
    response = await client.delete(address, headers={**headers(cloud, OWNER), name: value})
    assert response.status_code == status
    kept = (await client.head(address, headers=headers(cloud, OWNER))).status_code
    assert kept == (404 if status == 202 else 200)


@pytest.mark.parametrize("mark", ["", "?comp=block&blockid=YQ==", "?comp=blocklist"])
async def test_what_is_to_come_from_another_address_is_not_taken_from_the_body(
    cloud: Cloud, client: httpx.AsyncClient, mark: str
) -> None:
    source = {"x-ms-copy-source": "https://cloud.test/storage/lakeone/lake/sales/a.txt", "x-ms-blob-type": "BlockBlob"}
    address = f"{BLOB}/lake/sales/b.txt"
    response = await client.put(f"{address}{mark}", headers={**headers(cloud, OWNER), **source})
    assert (response.status_code, code_of(response)) == (501, "NotImplemented")
    assert (await client.head(address, headers=headers(cloud, OWNER))).status_code == 404


@pytest.mark.parametrize("base", [BLOB, DFS])
async def test_an_answer_without_a_body_says_of_none_what_it_is(
    cloud: Cloud, client: httpx.AsyncClient, base: str
) -> None:
    refused = await client.head(f"{base}/lake/none", headers=headers(cloud, OWNER))
    assert (refused.status_code, refused.headers.get("content-type")) == (404, None)
    assert refused.headers["x-ms-error-code"] == {BLOB: "BlobNotFound", DFS: "PathNotFound"}[base]


async def test_without_a_token_storage_says_where_to_get_one(cloud: Cloud, client: httpx.AsyncClient) -> None:
    response = await client.get(f"{BLOB}/lake/sales/a.txt", headers=VERSION)
    assert (response.status_code, code_of(response)) == (401, "NoAuthenticationInformation")
    assert response.headers["www-authenticate"] == (
        f"Bearer authorization_uri=https://cloud.test/{TENANT}/oauth2/authorize resource_id=https://storage.azure.com"
    )


async def test_tokens_for_others_and_expired_ones_are_401(cloud: Cloud, client: httpx.AsyncClient, wall: Wall) -> None:
    address = f"{BLOB}/lake/sales/a.txt"
    foreign = {**VERSION, "authorization": token(cloud, READER, "https://api.fabric.microsoft.com")}
    response = await client.get(address, headers=foreign)
    assert (response.status_code, code_of(response)) == (401, "InvalidAuthenticationInfo")
    assert "Audience validation failed" in response.text
    signed = headers(cloud, READER)
    wall.seconds += 4000
    assert "Lifetime validation failed" in (await client.get(address, headers=signed)).text
    cloud.directory.principals[READER] = {**cloud.directory.principals[READER], "tenantId": "other"}
    assert "Issuer validation failed" in (await client.get(address, headers=headers(cloud, READER))).text


@pytest.mark.parametrize("scheme", ["SharedKey", "SharedKeyLite"])
async def test_account_keys_are_not_taken(cloud: Cloud, client: httpx.AsyncClient, scheme: str) -> None:
    signed = {**VERSION, "authorization": f"{scheme} lakeone:c2lnbmF0dXJl"}
    response = await client.get(f"{BLOB}/lake/sales/a.txt", headers=signed)
    assert (response.status_code, code_of(response)) == (403, "KeyBasedAuthenticationNotPermitted")


async def test_the_firewall_stands_before_the_sign_in(cloud: Cloud, client: httpx.AsyncClient) -> None:
    set_network(cloud, {**LETS_US_IN, "ipRules": []})
    for signed in (headers(cloud, OWNER), VERSION):
        response = await client.get(f"{DFS}/lake/sales/a.txt", headers=signed)
        assert (response.status_code, code_of(response)) == (403, "AuthorizationFailure")


async def test_the_right_to_read_is_no_right_to_write(cloud: Cloud, client: httpx.AsyncClient) -> None:
    for object_id in (READER, NOBODY):
        signed = headers(cloud, object_id, x_ms_blob_type="BlockBlob")
        response = await client.put(f"{BLOB}/lake/sales/a.txt", content=b"other", headers=signed)
        assert (response.status_code, code_of(response)) == (403, "AuthorizationPermissionMismatch")
    held = await client.get(f"{BLOB}/lake/sales/a.txt", headers=headers(cloud, READER))
    assert held.content == b"content"


@pytest.mark.parametrize(
    ("method", "address", "more"),
    [
        ("PUT", "/lake/dir?resource=directory", {}),
        ("PUT", "/lake/f?resource=file", {"x-ms-permissions": "0700"}),
        ("PUT", "/lake/moved", {"x-ms-rename-source": "/lake/sales/a.txt"}),
        ("HEAD", "/lake/sales/a.txt?action=getAccessControl", {}),
        ("HEAD", "/lake/sales/a.txt?action=getStatus", {}),
        ("PATCH", "/lake/sales/a.txt?action=setAccessControl", {"x-ms-permissions": "0700"}),
        ("PATCH", "/lake?action=setAccessControlRecursive&mode=modify", {"x-ms-acl": f"user:{READER}:r-x"}),
    ],
)
async def test_a_flat_namespace_has_no_directories_and_no_lists(
    cloud: Cloud, client: httpx.AsyncClient, method: str, address: str, more: dict[str, str]
) -> None:
    signed = {**headers(cloud, OWNER), **more}
    response = await client.request(method, f"/storage/{FLAT}.dfs.core.windows.net{address}", headers=signed)
    assert (response.status_code, code_of(response)) == (400, "HierarchicalNamespaceNotEnabled")


async def test_a_flat_namespace_shows_no_directories(cloud: Cloud, client: httpx.AsyncClient) -> None:
    signed, base = headers(cloud, OWNER), f"/storage/{FLAT}.blob.core.windows.net/lake"
    listed = await client.get(f"{base}?restype=container&comp=list", headers=signed)
    names = [element.text for element in xml(listed).iter("Name")]
    assert names == ["sales/a.txt"]
    assert (await client.head(f"{base}/sales", headers=signed)).status_code == 404
    assert (await client.delete(f"{base}/sales/a.txt", headers=signed)).status_code == 202
    assert not [node for node in cloud.table("storage.nodes").by("account", FLAT) if node["path"]]


async def test_a_signature_reads_what_it_was_made_for_and_no_more(
    cloud: Cloud, client: httpx.AsyncClient, wall: Wall
) -> None:
    file(cloud, "salesman/a.txt", b"other")
    signature = issue_sas(cloud, "lakeone", "lake", "sales", "rl", 600)
    listing = f"{BLOB}/lake?restype=container&comp=list"

    async def status(address: str, method: str = "GET", **options: dict[str, str]) -> int:
        joint = "&" if "?" in address else "?"
        return (await client.request(method, f"{address}{joint}{signature}", **options)).status_code  # type: ignore[arg-type]

    assert await status(f"{BLOB}/lake/sales/a.txt") == 200
    assert await status(f"{listing}&prefix=sales/") == 200
    assert await status(f"{DFS}/lake?resource=filesystem&recursive=true&directory=sales") == 200
    for address in (f"{BLOB}/lake/salesman/a.txt", listing, f"{listing}&prefix=sales", f"{listing}&prefix=salesman/"):
        assert await status(address) == 403
    assert await status(f"{BLOB}/lake/sales/a.txt", "DELETE") == 403
    assert await status(f"{BLOB}/lake/sales/b.txt", "PUT", headers={"x-ms-blob-type": "BlockBlob"}) == 403
    signature = signature.replace("sp=rl", "sp=rwl")
    assert await status(f"{BLOB}/lake/sales/a.txt") == 403
    signature = issue_sas(cloud, "lakeone", "lake", "sales", "rl", 600)
    wall.seconds += 601
    assert await status(f"{BLOB}/lake/sales/a.txt") == 403


async def test_a_signature_meets_the_firewall(cloud: Cloud, client: httpx.AsyncClient) -> None:
    signature = issue_sas(cloud, "lakeone", "lake", "sales", "rl", 600)
    set_network(cloud, {**LETS_US_IN, "ipRules": []})
    response = await client.get(f"{BLOB}/lake/sales/a.txt?{signature}")
    assert code_of(response) == "AuthorizationFailure"


async def test_the_log_tells_reads_from_writes(cloud: Cloud, client: httpx.AsyncClient) -> None:
    signed = headers(cloud, OWNER)
    await client.head(f"{DFS}/lake/sales?action=getAccessControl", headers=signed)
    await client.patch(f"{DFS}/lake/sales?action=setAccessControl", headers={**signed, "x-ms-permissions": "0755"})
    assert [(each["service"], each["effect"]) for each in cloud.requests] == [("storage", "read"), ("storage", "write")]


async def test_a_signature_is_no_right_to_the_container_itself(cloud: Cloud, client: httpx.AsyncClient) -> None:
    signature = issue_sas(cloud, "lakeone", "lake", "", "racwdlmeop", 600)
    assert (await client.get(f"{BLOB}/lake/sales/a.txt?{signature}")).status_code == 200
    for method, mark in (("DELETE", ""), ("HEAD", ""), ("PUT", "&comp=metadata")):
        response = await client.request(method, f"{BLOB}/lake?restype=container{mark}&{signature}", headers=VERSION)
        assert (response.status_code, code_of(response)) == (403, "AuthorizationPermissionMismatch")
    response = await client.delete(f"{DFS}/lake?resource=filesystem&{signature}", headers=VERSION)
    assert response.status_code == 403


@pytest.mark.parametrize("path", ["a//b", "a/%2E%2E/b", "%2E/a", "/".join("d" * 64), "x" * 1025])
async def test_paths_that_can_not_be(cloud: Cloud, client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"{LAKE}/lake/{path}", headers=headers(cloud, OWNER))
    assert (response.status_code, code_of(response)) == (400, "InvalidUri")


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: x", b"\x00"])
async def test_metadata_can_not_smuggle_headers(cloud: Cloud, client: httpx.AsyncClient, value: bytes) -> None:
    change = {"x-ms-properties": "k=" + base64.b64encode(value).decode()}
    response = await client.patch(
        f"{DFS}/lake/sales/a.txt?action=setProperties", headers={**headers(cloud, OWNER), **change}
    )
    assert (response.status_code, code_of(response)) == (400, "InvalidMetadata")
