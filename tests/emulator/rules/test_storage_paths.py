"""Rules of storage, broken: paths, protocols, shared access signatures."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import CONNECTOR_APP, OPEN, OWNER, RUNNER
from tests.emulator.rules.test_storage import BOX, RIGHTS, listing, make_box
from tests.emulator.rules.world import Answer, World


@breaks("storage.leases.needed")
async def test_a_leased_path_without_its_lease(world: World) -> None:
    await make_box(world)
    path = f"{BOX}/leased"
    (await world.storage("PUT", f"{path}?resource=file")).ok()
    taken = await world.storage("PUT", f"{path}?comp=lease", x_ms_lease_action="acquire", x_ms_lease_duration="-1")
    assert taken.status == 201
    assert (await world.storage("DELETE", path)).verdict == (412, "LeaseIdMissing")


@breaks("storage.paths.recursive")
async def test_a_directory_that_is_not_empty(world: World) -> None:
    await make_box(world)
    (await world.storage("PUT", f"{BOX}/child?resource=file")).ok()
    assert (await world.storage("DELETE", f"{BOX}?recursive=false")).verdict == (409, "DirectoryNotEmpty")


@breaks("storage.paths.kind")
async def test_a_file_in_a_directorys_place(world: World) -> None:
    await make_box(world)
    (await world.storage("PUT", f"{OPEN}/lake/file?resource=file")).ok()
    answer = await world.storage("PUT", BOX, x_ms_rename_source="/lake/file")
    assert answer.verdict == (409, "InvalidSourceOrDestinationResourceType")


@breaks("storage.paths.flush")
async def test_a_flush_beyond_what_was_appended(world: World) -> None:
    file = f"{OPEN}/lake/file"
    (await world.storage("PUT", f"{file}?resource=file")).ok()
    (await world.storage("PATCH", f"{file}?action=append&position=0", b"abc")).ok()
    assert (await world.storage("PATCH", f"{file}?action=flush&position=5")).verdict == (400, "InvalidFlushPosition")
    assert (await world.storage("HEAD", file)).headers["content-length"] == "0"


@breaks("storage.protocol.version")
async def test_no_service_version(world: World) -> None:
    assert (await world.storage("GET", listing(), x_ms_version="")).verdict == (400, "MissingRequiredHeader")


@breaks("storage.protocol.endpoint")
async def test_a_whole_blob_to_the_dfs_address(world: World) -> None:
    answer = await world.storage("PUT", f"{OPEN}.dfs.core.windows.net/lake/file", b"abc")
    assert answer.verdict == (400, "IncorrectEndpointError")


@breaks("storage.protocol.length")
async def test_a_body_in_chunks(world: World) -> None:
    file = f"{OPEN}/lake/file"
    (await world.storage("PUT", f"{file}?resource=file")).ok()
    append = await world.storage("PATCH", f"{file}?action=append&position=0", chunks(b"abc"))
    assert append.verdict == (411, "MissingContentLengthHeader")


@breaks("storage.protocol.query")
async def test_an_unknown_query_parameter(world: World) -> None:
    answer = await world.storage("GET", f"{listing()}&nonsense=1")
    assert answer.verdict == (400, "UnsupportedQueryParameter")


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    """A body whose length isn't told beforehand."""
    yield content


async def signature(world: World, table: str = "hr.staff.people", operation: str = "READ") -> str:
    """What Unity Catalog vends for a table."""
    body = {"table_id": (await world.unity("GET", f"/tables/{table}")).ok()["table_id"], "operation": operation}
    made = (await world.unity("POST", "/api/2.0/unity-catalog/temporary-table-credentials", body)).ok()
    return str(made["azure_user_delegation_sas"]["sas_token"])


async def signed(world: World, method: str, path: str, sas: str, **headers: str) -> Answer:
    mark = "&" if "?" in path else "?"
    return await world.storage(method, f"{path}{mark}{sas}", b"", RUNNER, authorization="", **headers)


PEOPLE = listing(directory="hr/staff/people")


@breaks("storage.sas.signed")
async def test_a_signature_that_was_tampered_with(world: World) -> None:
    sas = await signature(world)
    assert (await signed(world, "GET", PEOPLE, sas)).status == 200
    more = sas.replace("sp=rl", "sp=racwdl")
    assert (await signed(world, "GET", PEOPLE, more)).verdict == (403, "AuthenticationFailed")


@breaks("storage.sas.expires")
async def test_a_signature_that_has_ended(world: World) -> None:
    sas = await signature(world)
    await world.wait(3601)
    assert (await signed(world, "GET", PEOPLE, sas)).verdict == (403, "AuthenticationFailed")


@breaks("storage.sas.folder")
async def test_a_signature_for_another_folder(world: World) -> None:
    grant = {"changes": [{"principal": CONNECTOR_APP, "add": ["MODIFY"]}]}
    (await world.unity("PATCH", "/permissions/schema/sales.orders", grant, OWNER)).ok()
    place = "sales/orders/external"
    (await world.storage("PUT", f"{OPEN}/lake/{place}?resource=directory")).ok()
    sas = await signature(world, "sales.orders.external", "READ_WRITE")
    source = f"/lake/hr/staff/people/_delta_log/{0:020}.json"
    answer = await signed(world, "PUT", f"{OPEN}/lake/{place}/taken", sas, x_ms_rename_source=source)
    assert answer.verdict == RIGHTS


@breaks("storage.sas.permissions")
async def test_a_signature_to_read_writes(world: World) -> None:
    sas = await signature(world)
    path = f"{OPEN}/lake/hr/staff/people/new?resource=file"
    assert (await signed(world, "PUT", path, sas)).verdict == RIGHTS


@breaks("storage.protocol.ranges")
async def test_a_range_of_a_file(world: World) -> None:
    file = f"{OPEN}/lake/hr/staff/people/_delta_log/{0:020}.json"
    answer = await world.storage("GET", file, x_ms_range="bytes=1-1")
    assert (answer.status, answer.text, answer.headers["content-range"]) == (206, "}", "bytes 1-1/2")


@breaks("storage.protocol.start_from")
async def test_where_a_list_starts(world: World) -> None:
    query = "restype=container&comp=list&prefix=hr/&startFrom=hr/staff/people"
    answer = await world.storage("GET", f"{OPEN}/lake?{query}", accept="application/xml")
    assert "<Name>hr/staff/people</Name>" in answer.text
