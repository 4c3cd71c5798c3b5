"""Azure's own storage client over our transport, at an address with a path."""

import json
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.unit.cloud_fakes import Bench, Handler, answer, bench
from unity_mirror.clients.storage import StorageClient
from unity_mirror.errors import FirewallDenied, NotFound, PermissionDenied, PreconditionFailed, ServiceUnavailable
from unity_mirror.models.storage import Acl
from unity_mirror.settings import Limits

ADDRESS = "https://localhost:9999/storage/{}.dfs.core.windows.net"
DFS = "/storage/contosolake.dfs.core.windows.net"
ACL = "user::rwx,group::r-x,other::---"


@asynccontextmanager
async def storage(
    *script: Any, handler: Handler | None = None, **options: Any
) -> AsyncIterator[tuple[StorageClient, Bench]]:
    b = bench(*script, handler=handler, **options)
    client = StorageClient(b.transport, ADDRESS.format, "https://storage.azure.com/.default")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield client, b
        await client.close()


async def test_reads_an_access_control_list() -> None:
    held = answer(
        200,
        None,
        x_ms_owner="o",
        x_ms_group="$superuser",
        x_ms_permissions="rwxr-x---",
        x_ms_acl=ACL,
        etag='"0x1"',
        last_modified="Mon, 10 Aug 2026 10:00:00 GMT",
    )
    async with storage(held) as (client, b):
        control = await client.access_control("contosolake", "lake", "sales/a b")
    assert control.owner == "o"
    assert control.acl.format() == ACL
    assert control.etag == '"0x1"'
    (request,) = b.wire.requests
    assert request.method == "HEAD"
    assert request.url.raw_path.startswith(f"{DFS}/lake/sales/a%20b?".encode())
    assert request.url.params["action"] == "getAccessControl"
    assert request.headers["authorization"] == "Bearer token-1"
    assert b.meter.total(effect="read", service="Azure Storage") == 1


async def test_reads_the_root() -> None:
    async with storage(answer(200, None, x_ms_acl=ACL, etag='"1"')) as (client, b):
        await client.access_control("contosolake", "lake", "")
    assert b.wire.requests[0].url.path.rstrip("/") == f"{DFS}/lake"


async def test_writes_only_what_has_not_changed() -> None:
    changed = answer(412, {"error": {"code": "ConditionNotMet", "message": "changed"}}, x_ms_request_id="req-9")
    async with storage(answer(200, None, etag='"2"'), changed) as (client, b):
        acl = Acl.parse(f"{ACL},user:me:r-x")
        await client.set_access_control("contosolake", "lake", "sales", acl, '"0x1"')
        with pytest.raises(PreconditionFailed, match=r"contosolake/lake/sales .*request id req-9"):
            await client.set_access_control("contosolake", "lake", "sales", acl, '"0x1"')
    request = b.wire.requests[0]
    assert (request.method, request.url.params["action"]) == ("PATCH", "setAccessControl")
    assert request.headers["x-ms-acl"] == f"{ACL},user:me:r-x"
    assert request.headers["if-match"] == '"0x1"'
    assert b.meter.total(effect="write") == 2


async def test_merges_below_a_folder_batch_by_batch() -> None:
    first = {
        "directoriesSuccessful": 2,
        "filesSuccessful": 3,
        "failureCount": 1,
        "failedEntries": [{"name": "sales/x", "type": "FILE", "errorMessage": "denied"}],
    }
    second = {"directoriesSuccessful": 0, "filesSuccessful": 1, "failureCount": 0, "failedEntries": []}
    async with storage(answer(200, first, x_ms_continuation="next"), answer(200, second)) as (client, b):
        progress = await client.modify_acl_recursive("contosolake", "lake", "sales", "user:me:r-x")
        assert (progress.directories_successful, progress.files_successful, progress.failure_count) == (2, 3, 1)
        assert progress.failed_paths == ("sales/x",)
        assert progress.continuation == "next"
        entries = Acl.parse("user:me:r-x")
        progress = await client.modify_acl_recursive("contosolake", "lake", "sales", entries, "next")
        assert progress.continuation is None
    params = b.wire.requests[1].url.params
    assert (params["action"], params["mode"], params["continuation"]) == ("setAccessControlRecursive", "modify", "next")


async def test_lists_all_pages() -> None:
    page = {"paths": [{"name": "sales/orders", "isDirectory": "true", "etag": "0x1", "contentLength": "0"}]}
    last = {"paths": [{"name": "sales/a.json", "contentLength": "7", "lastModified": "Mon, 10 Aug 2026 10:00:00 GMT"}]}
    async with storage(answer(200, page, x_ms_continuation="c"), answer(200, last)) as (client, b):
        found = await client.list_paths("contosolake", "lake", "/sales/", recursive=True)
    assert [(entry.name, entry.is_directory, entry.content_length) for entry in found] == [
        ("sales/orders", True, 0),
        ("sales/a.json", False, 7),
    ]
    assert b.wire.requests[0].url.params["directory"] == "sales"
    assert b.wire.requests[1].url.params["continuation"] == "c"


async def test_reads_a_file() -> None:
    async with storage(httpx.Response(200, content=b'{"commitInfo": {}}'), httpx.Response(200)) as (client, b):
        assert json.loads(await client.read("contosolake", "lake", "sales/_delta_log/0 0.json")) == {"commitInfo": {}}
        assert await client.read("contosolake", "lake", "empty") == b""
    assert b.wire.requests[0].url.raw_path == f"{DFS}/lake/sales/_delta_log/0%200.json".encode()


async def test_a_firewall_is_told_from_missing_rights() -> None:
    denied = answer(403, None, x_ms_error_code="AuthorizationFailure", x_ms_request_id="r")
    rights = answer(403, None, x_ms_error_code="AuthorizationPermissionMismatch")
    async with storage(denied, rights, answer(404, None, x_ms_error_code="FilesystemNotFound"), answer(200)) as (
        client,
        b,
    ):
        with pytest.raises(FirewallDenied, match="firewall"):
            await client.reachable("contosolake", "lake")
        with pytest.raises(PermissionDenied):
            await client.reachable("contosolake", "lake")
        with pytest.raises(NotFound):
            await client.reachable("contosolake", "lake")
        await client.reachable("contosolake", "lake")
    assert b.wire.sent[0] == f"HEAD {DFS}/lake"


async def test_through_azures_client_too() -> None:
    denied = answer(403, {"error": {"code": "AuthorizationFailure", "message": "no"}})
    async with storage(denied) as (client, _):
        with pytest.raises(FirewallDenied, match="read the access control list of contosolake/lake/sales"):
            await client.access_control("contosolake", "lake", "sales")


async def test_retries_are_ours_alone() -> None:
    async with storage(handler=lambda _: answer(500), limits=Limits(max_attempts=3)) as (client, b):
        with pytest.raises(ServiceUnavailable):
            await client.access_control("contosolake", "lake", "sales")
    assert len(b.wire.requests) == 3
    async with storage(answer(503, retry_after=5), answer(200, None, x_ms_acl=ACL)) as (client, b):
        await client.access_control("contosolake", "lake", "sales")
    assert b.clock.sleeps == [5.0]
