"""Leases on blobs and containers: their states, who may change what is leased, and what is told of them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import files
from tests.emulator.storage_world import ACCOUNT, CONTAINER, VERSION
from tests.emulator.test_storage_protocol import code_of, xml

BLOB = f"/storage/{ACCOUNT}.blob.core.windows.net/{CONTAINER}"
DFS = f"/storage/{ACCOUNT}.dfs.core.windows.net/{CONTAINER}"
ONE, OTHER = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
FILE = f"{BLOB}/dir/a"


@pytest.fixture(autouse=True)
def file(cloud: Cloud) -> None:
    """A file to lease."""
    files.put_file(cloud, ACCOUNT, CONTAINER, "dir/a", b"contents")
    cloud.store.commit()


async def lease(client: httpx.AsyncClient, action: str, address: str = f"{FILE}?comp=lease", **more: Any) -> Any:
    """One operation on a lease: its status, and the code of a refusal."""
    named = {f"x-ms-{name.replace('_', '-')}": str(value) for name, value in more.items()}
    answer = await client.put(address, headers={"x-ms-lease-action": action, **named})
    return answer.status_code if answer.is_success else (answer.status_code, code_of(answer))


async def acquire(client: httpx.AsyncClient, seconds: int = 15, proposed: str = ONE) -> Any:
    return await lease(client, "acquire", lease_duration=seconds, proposed_lease_id=proposed)


async def state(client: httpx.AsyncClient) -> str:
    return str((await client.head(FILE)).headers["x-ms-lease-state"])


async def write(client: httpx.AsyncClient, lease_id: str = "") -> Any:
    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-lease-id": lease_id}
    answer = await client.put(FILE, content=b"x", headers=headers)
    return answer.status_code if answer.is_success else (answer.status_code, code_of(answer))


async def test_a_lease_is_taken_renewed_and_ends(cloud: Cloud, client: httpx.AsyncClient) -> None:
    before = (await client.head(FILE)).headers
    assert await acquire(client) == 201
    assert await acquire(client, proposed=OTHER) == (409, "LeaseAlreadyPresent")
    assert await acquire(client) == 201  # by who has it
    found = (await client.head(FILE)).headers
    told = [found[f"x-ms-lease-{name}"] for name in ("status", "state", "duration")]
    assert (told, found["etag"]) == (["locked", "leased", "fixed"], before["etag"])
    cloud.clock.advance(10)
    assert await lease(client, "renew", lease_id=OTHER) == (409, "LeaseIdMismatchWithLeaseOperation")
    assert await lease(client, "renew", lease_id=ONE) == 200
    cloud.clock.advance(14)
    assert await state(client) == "leased"
    cloud.clock.advance(2)
    assert await state(client) == "expired"
    assert await write(client, ONE) == (412, "LeaseLost")
    assert await lease(client, "renew", lease_id=ONE) == 200
    cloud.clock.advance(16)
    assert await write(client) == 201
    assert await lease(client, "renew", lease_id=ONE) == (409, "LeaseIdMismatchWithLeaseOperation")
    assert await acquire(client, -1, OTHER) == 201
    assert (await client.head(FILE)).headers["x-ms-lease-duration"] == "infinite"


async def test_a_lease_is_changed_and_given_up(client: httpx.AsyncClient) -> None:
    nothing = (409, "LeaseNotPresentWithLeaseOperation")
    assert await lease(client, "change", lease_id=ONE, proposed_lease_id=OTHER) == nothing
    assert await lease(client, "release", lease_id=ONE) == nothing
    assert await lease(client, "break") == nothing
    assert await acquire(client, -1) == 201
    mismatch = (409, "LeaseIdMismatchWithLeaseOperation")
    assert await lease(client, "change", lease_id=OTHER, proposed_lease_id=VERSION) == (400, "InvalidHeaderValue")
    assert await lease(client, "release", lease_id=OTHER) == mismatch
    assert await lease(client, "change", lease_id=ONE, proposed_lease_id=OTHER) == 200
    assert await lease(client, "release", lease_id=ONE) == mismatch
    assert await lease(client, "release", lease_id=OTHER) == 200
    assert await state(client) == "available"


async def test_a_lease_is_broken_after_a_while_or_at_once(cloud: Cloud, client: httpx.AsyncClient) -> None:
    assert await acquire(client, 60) == 201
    broken = {"x-ms-lease-action": "break", "x-ms-lease-break-period": "20"}
    answer = await client.put(f"{FILE}?comp=lease", headers=broken)
    assert (answer.status_code, answer.headers["x-ms-lease-time"]) == (202, "20")
    assert await state(client) == "breaking"
    assert await write(client) == (412, "LeaseIdMissing")
    assert await acquire(client) == (409, "LeaseIsBreakingAndCannotBeAcquired")
    assert await acquire(client, proposed=OTHER) == (409, "LeaseAlreadyPresent")
    assert await lease(client, "renew", lease_id=ONE) == (409, "LeaseIsBrokenAndCannotBeRenewed")
    changed = await lease(client, "change", lease_id=ONE, proposed_lease_id=OTHER)
    assert changed == (409, "LeaseIsBreakingAndCannotBeChanged")
    cloud.clock.advance(21)
    assert await state(client) == "broken"
    assert await lease(client, "renew", lease_id=ONE) == (409, "LeaseIsBrokenAndCannotBeRenewed")
    assert await acquire(client, -1, OTHER) == 201
    assert await lease(client, "break") == 202
    assert await state(client) == "broken"
    assert await write(client) == 201


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("acquire", {}),
        ("acquire", {"lease_duration": 14}),
        ("acquire", {"lease_duration": "long"}),
        ("acquire", {"lease_duration": 15, "proposed_lease_id": "mine"}),
        ("break", {"lease_break_period": 61}),
        ("renew", {}),
        ("change", {"lease_id": ONE}),
        ("steal", {"lease_id": ONE}),
    ],
)
async def test_what_is_no_operation_on_a_lease(client: httpx.AsyncClient, action: str, more: dict[str, Any]) -> None:
    assert await acquire(client, -1) == 201
    assert (await lease(client, action, **more))[0] == 400
    assert await state(client) == "leased"


CHANGES = [
    ("PUT", FILE, {"x-ms-blob-type": "BlockBlob"}),
    ("PUT", f"{FILE}?comp=block&blockid=YQ%3D%3D", {}),
    ("PUT", f"{FILE}?comp=metadata", {"x-ms-meta-a": "b"}),
    ("PUT", f"{FILE}?comp=properties", {}),
    ("PUT", f"{DFS}/dir/a?resource=file", {}),
    ("PATCH", f"{DFS}/dir/a?action=append&position=8", {}),
    ("PATCH", f"{DFS}/dir/a?action=flush&position=8", {}),
    ("PUT", f"{DFS}/dir/b", {"x-ms-rename-source": f"/{CONTAINER}/dir/a"}),
    ("PUT", f"{DFS}/other", {"x-ms-rename-source": f"/{CONTAINER}/dir"}),
    ("DELETE", f"{DFS}/dir/a", {}),
    ("DELETE", f"{DFS}/dir?recursive=true", {}),
    ("DELETE", FILE, {}),
]


@pytest.mark.parametrize(("method", "address", "headers"), CHANGES)
async def test_what_is_leased_is_changed_with_its_lease_only(
    cloud: Cloud, client: httpx.AsyncClient, method: str, address: str, headers: dict[str, str]
) -> None:
    content = b"x" if "comp=block" in address or "append" in address or (address == FILE and method == "PUT") else b""
    assert await acquire(client, -1) == 201
    before = dict(cloud.table(files.NODES))
    refused = await client.request(method, address, headers=headers, content=content)
    assert (refused.status_code, code_of(refused)) == (412, "LeaseIdMissing")
    assert dict(cloud.table(files.NODES)) == before
    if "/dir/a" in address or headers.get("x-ms-rename-source", "").endswith("/a"):
        name = "x-ms-source-lease-id" if "x-ms-rename-source" in headers else "x-ms-lease-id"
        wrong = await client.request(method, address, headers={**headers, name: OTHER}, content=content)
        assert (wrong.status_code, code_of(wrong)) == (412, "LeaseIdMismatchWithBlobOperation")
        right = await client.request(method, address, headers={**headers, name: ONE}, content=content)
        assert right.is_success


async def test_reading_takes_no_lease_and_no_wrong_one(client: httpx.AsyncClient) -> None:
    named = {"x-ms-lease-id": ONE}
    assert code_of(await client.get(FILE, headers=named)) == "LeaseNotPresentWithBlobOperation"
    assert await acquire(client) == 201
    assert (await client.get(FILE)).status_code == 200
    assert (await client.get(FILE, headers=named)).status_code == 200
    refused = await client.get(FILE, headers={"x-ms-lease-id": OTHER})
    assert (refused.status_code, code_of(refused)) == (412, "LeaseIdMismatchWithBlobOperation")
    listed = xml(await client.get(f"{BLOB}?restype=container&comp=list&prefix=dir/"))
    assert [each.text for each in listed.iter("LeaseState")] == ["leased"]
    unasked = await client.get(f"{BLOB}?restype=container&comp=list", headers=named)
    assert (unasked.status_code, code_of(unasked)) == (412, "LeaseNotPresentWithBlobOperation")


async def test_a_leased_container_is_deleted_with_its_lease_only(cloud: Cloud, client: httpx.AsyncClient) -> None:
    address = f"{BLOB}?restype=container"
    assert await lease(client, "acquire", f"{address}&comp=lease", lease_duration=-1, proposed_lease_id=ONE) == 201
    assert (await client.head(address)).headers["x-ms-lease-state"] == "leased"
    assert await write(client) == 201
    assert (await client.put(f"{address}&comp=metadata", headers={"x-ms-meta-a": "b"})).status_code == 200
    refused = await client.delete(address)
    assert (refused.status_code, code_of(refused)) == (412, "LeaseIdMissing")
    wrong = await client.delete(address, headers={"x-ms-lease-id": OTHER})
    assert (wrong.status_code, code_of(wrong)) == (412, "LeaseIdMismatchWithContainerOperation")
    assert (await client.delete(address, headers={"x-ms-lease-id": ONE})).status_code == 202
    assert files.container(cloud, ACCOUNT, CONTAINER) is None
