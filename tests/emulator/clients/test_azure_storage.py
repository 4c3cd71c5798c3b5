"""Azure's own storage clients, unmodified, over TLS: azure-storage-file-datalake (sync and async), azure-storage-blob.

They take ``https://localhost:<port>/storage/<account>`` as account URL, and with ``.dfs.core.windows.net`` behind the
account as well: the Data Lake client turns ``.dfs.`` into ``.blob.`` where it speaks the Blob protocol. They trust the
authority that ``connection_verify`` or ``REQUESTS_CA_BUNDLE`` names; the async ones that of ``SSL_CERT_FILE``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient, ContentSettings
from azure.storage.filedatalake import AccessControlChangeResult, DataLakeServiceClient, FileSystemClient
from azure.storage.filedatalake.aio import DataLakeServiceClient as AsyncDataLakeServiceClient

from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import files
from cloud_emulator.storage.sas import issue_sas
from tests.emulator.served import Address, running
from tests.emulator.storage_onelake_world import LAKE, MIRROR, SPACE, onelake_cloud
from tests.emulator.storage_world import (
    ACCOUNT,
    CONTAINER,
    LETS_US_IN,
    MOUNTS,
    NOBODY,
    OWNER,
    READER,
    AsyncCredential,
    Credential,
    set_network,
    storage_cloud,
)
from tests.emulator.support import RUNNER, TENANT

PLAIN = "user::rwx,group::r-x,other::---"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """Both accounts, on the machine's time, since the SDKs look at it."""
    return storage_cloud(tmp_path, time.time)


@pytest.fixture
def at(cloud: Cloud) -> Iterator[Address]:
    """Where it is served."""
    with running(cloud, MOUNTS) as address:
        yield address


@pytest.fixture(params=["lakeone", "lakeone.dfs.core.windows.net"])
def lake(cloud: Cloud, at: Address, request: pytest.FixtureRequest) -> Iterator[FileSystemClient]:
    """The file system, as the super-user, at both kinds of address."""
    with _data_lake(cloud, at, request.param, OWNER) as service:
        yield service.get_file_system_client(CONTAINER)


@pytest.fixture(params=["lakeone", "lakeone.blob.core.windows.net"])
def container(cloud: Cloud, at: Address, request: pytest.FixtureRequest) -> Iterator[ContainerClient]:
    """The container, as the super-user, at both kinds of address."""
    with _blobs(cloud, at, request.param) as service:
        yield service.get_container_client(CONTAINER)


def _data_lake(cloud: Cloud, at: Address, host: str, object_id: str) -> DataLakeServiceClient:
    return DataLakeServiceClient(
        f"{at.url}/storage/{host}",
        credential=Credential(cloud, object_id),
        connection_verify=at.authority,
        retry_total=0,
    )


def _blobs(cloud: Cloud, at: Address, host: str, **options: Any) -> BlobServiceClient:
    return BlobServiceClient(
        f"{at.url}/storage/{host}", credential=Credential(cloud, OWNER), connection_verify=at.authority, retry_total=0,
        **options,
    )  # fmt: skip


def counts(result: AccessControlChangeResult) -> tuple[int, int, int]:
    """Directories and files that were changed, and failures."""
    found = result.counters
    assert found is not None
    return found.directories_successful, found.files_successful, found.failure_count


def code_of(error: HttpResponseError) -> str:
    """The storage error code, which the clients put on their errors."""
    code = vars(error)["error_code"]
    return str(getattr(code, "value", code))


def test_files_are_written_and_read_back(lake: FileSystemClient) -> None:
    directory = lake.create_directory("sales/größe & ä")
    client = directory.create_file("a b.txt", metadata={"k": "v"})
    client.append_data(b"hello ", 0)
    client.append_data(b"world", 6)
    client.flush_data(11)
    assert client.download_file().readall() == b"hello world"
    assert client.download_file(offset=6, length=3).readall() == b"wor"
    properties = client.get_file_properties()
    assert (properties.size, properties.metadata) == (11, {"k": "v"})
    client.upload_data(b"other", overwrite=True)
    assert client.download_file().readall() == b"other"
    with pytest.raises(ResourceExistsError):
        client.upload_data(b"again", overwrite=False)
    assert directory.get_directory_properties().metadata == {"hdi_isfolder": "true"}
    assert [(path.name, path.is_directory) for path in lake.get_paths()] == [
        ("sales", True), ("sales/größe & ä", True), ("sales/größe & ä/a b.txt", False),
    ]  # fmt: skip
    assert not lake.get_file_client("none").exists()


def test_empty_and_large_files(cloud: Cloud, lake: FileSystemClient) -> None:
    lake.create_file("empty")
    assert lake.get_file_client("empty").download_file().readall() == b""
    content = bytes(range(256)) * 40_000
    lake.get_file_client("large").upload_data(content, overwrite=True, chunk_size=4_000_000)
    assert lake.get_file_client("large").download_file().readall() == content


def test_paths_are_renamed_and_deleted(lake: FileSystemClient) -> None:
    directory = lake.create_directory("old")
    directory.create_file("f").upload_data(b"x", overwrite=True)
    moved = directory.rename_directory(f"{CONTAINER}/new name")
    assert moved.get_file_client("f").download_file().readall() == b"x"
    moved.get_file_client("f").rename_file(f"{CONTAINER}/g")
    assert [path.name for path in lake.get_paths()] == ["g", "new name"]
    lake.delete_file("g")
    lake.delete_directory("new name")
    assert list(lake.get_paths()) == []
    with pytest.raises(ResourceNotFoundError):
        lake.delete_file("g")


def test_access_control_is_read_and_written_under_its_etag(lake: FileSystemClient) -> None:
    directory = lake.create_directory("dir")
    held = directory.get_access_control()
    assert (held["owner"], held["permissions"], held["acl"]) == (OWNER, "rwxr-x---", PLAIN)
    condition = {"etag": held["etag"], "match_condition": MatchConditions.IfNotModified}
    directory.set_access_control(acl=f"{PLAIN},user:{READER}:r-x,mask::r-x", **condition)
    assert f"user:{READER}:r-x" in directory.get_access_control()["acl"]
    with pytest.raises(ResourceModifiedError):
        directory.set_access_control(acl=PLAIN, **condition)
    directory.set_access_control(owner=READER)
    assert directory.get_access_control()["owner"] == READER
    root = lake.get_directory_client("/")
    assert root.get_access_control()["acl"] == PLAIN
    assert root.get_directory_properties().etag


def test_access_control_is_changed_on_a_tree_in_batches(cloud: Cloud, lake: FileSystemClient) -> None:
    directory = lake.create_directory("tree")
    for index in range(7):
        directory.create_file(f"f{index}")
    seen: list[int] = []
    entry = f"user:{READER}:r-x,default:user:{READER}:r-x"
    result = directory.update_access_control_recursive(
        entry, batch_size=2, progress_hook=lambda progress: seen.append(progress.batch_counters.files_successful)
    )
    assert counts(result) == (1, 7, 0)
    assert len(seen) == 4
    assert all(READER in node["acl"] for node in files.walk(cloud, ACCOUNT, CONTAINER, "tree"))
    first = directory.remove_access_control_recursive(f"user:{READER}", batch_size=2, max_batches=2)
    assert (counts(first), bool(first.continuation)) == ((1, 3, 0), True)
    rest = directory.remove_access_control_recursive(f"user:{READER}", continuation_token=first.continuation)
    assert (counts(rest), rest.continuation) == ((0, 4, 0), None)
    assert not any(f"user:{READER}" in node["acl"] for node in files.walk(cloud, ACCOUNT, CONTAINER, "tree"))
    everything = directory.set_access_control_recursive(PLAIN)
    assert counts(everything) == (1, 7, 0)
    assert {node["acl"] for node in files.walk(cloud, ACCOUNT, CONTAINER, "tree")} == {PLAIN}


def test_failures_on_a_tree_are_reported(cloud: Cloud, at: Address, lake: FileSystemClient) -> None:
    lake.get_directory_client("/").set_access_control(acl=f"{PLAIN},user:{NOBODY}:--x")
    for name, owner in (("tree", NOBODY), ("tree/a", NOBODY), ("tree/b", READER)):
        lake.create_directory(name).set_access_control(owner=owner)
    with _data_lake(cloud, at, "lakeone", NOBODY) as theirs:
        directory = theirs.get_directory_client(CONTAINER, "tree")
        failed: list[str] = []
        result = directory.update_access_control_recursive(
            f"user:{READER}:r-x",
            continue_on_failure=True,
            progress_hook=lambda progress: failed.extend(each.name for each in progress.batch_failures),
        )
    assert counts(result) == (2, 0, 1)
    assert failed == ["tree/b"]


def test_file_systems(cloud: Cloud, at: Address) -> None:
    with _data_lake(cloud, at, "lakeone.dfs.core.windows.net", OWNER) as service:
        made = service.create_file_system("extra", metadata={"k": "v"})
        assert [each.name for each in service.list_file_systems()] == ["extra", "lake"]
        assert made.get_file_system_properties().metadata == {"k": "v"}
        with pytest.raises(ResourceExistsError):
            service.create_file_system("extra")
        service.delete_file_system("extra")
        assert not made.exists()


def test_a_long_list_is_read_page_by_page(cloud: Cloud, lake: FileSystemClient) -> None:
    for index in range(5):
        files.put_file(cloud, ACCOUNT, CONTAINER, f"dir/{index}", b"")
    cloud.behaviour = Behaviour(page_size=2)
    pages = [[path.name for path in page] for page in lake.get_paths(path="dir").by_page()]
    assert pages == [["dir/0", "dir/1"], ["dir/2", "dir/3"], ["dir/4"]]


async def test_the_async_client(cloud: Cloud, at: Address) -> None:
    url = f"{at.url}/storage/lakeone.dfs.core.windows.net"
    async with AsyncDataLakeServiceClient(
        url, credential=AsyncCredential(cloud, OWNER), connection_verify=at.authority, retry_total=0
    ) as service:
        lake = service.get_file_system_client(CONTAINER)
        directory = await lake.create_directory("dir")
        client = await directory.create_file("f")
        await client.upload_data(b"hello", overwrite=True)
        assert await (await client.download_file()).readall() == b"hello"
        progress = await directory.update_access_control_recursive(f"user:{READER}:r-x", batch_size=1)
        assert counts(progress) == (1, 1, 0)
        held = await directory.get_access_control()
        assert f"user:{READER}:r-x" in held["acl"]
        await directory.set_access_control(acl=PLAIN, etag=held["etag"], match_condition=MatchConditions.IfNotModified)
        assert [path.name async for path in lake.get_paths()] == ["dir", "dir/f"]
        await directory.delete_directory()
        assert [path.name async for path in lake.get_paths()] == []


def test_blobs_are_written_listed_copied_and_deleted(container: ContainerClient) -> None:
    client = container.upload_blob("dir/a b.txt", b"hello", metadata={"k": "v"})
    with pytest.raises(ResourceExistsError):
        container.upload_blob("dir/a b.txt", b"other")
    assert client.download_blob().readall() == b"hello"
    assert client.download_blob(offset=1, length=3).readall() == b"ell"
    listed = {blob.name: blob for blob in container.list_blobs(include=["metadata"])}
    assert (listed["dir/a b.txt"].size, listed["dir/a b.txt"].metadata) == (5, {"k": "v"})
    assert [entry.name for entry in container.walk_blobs(delimiter="/")] == ["dir/"]
    copied: BlobClient = container.get_blob_client("dir/copy")
    assert copied.start_copy_from_url(client.url)["copy_status"] == "success"
    copied.set_blob_metadata({"x": "y"})
    assert copied.get_blob_properties().metadata == {"x": "y"}
    copied.set_http_headers(ContentSettings(content_type="text/plain"))
    assert copied.get_blob_properties().content_settings.content_type == "text/plain"
    container.upload_blob("dir/gone", b"x").delete_blob()
    assert not container.get_blob_client("dir/gone").exists()
    container.delete_blobs("dir/a b.txt", "dir/copy")
    assert [blob.name for blob in container.list_blobs()] == ["dir"]
    assert not client.exists()


def test_blobs_in_blocks(cloud: Cloud, at: Address) -> None:
    with _blobs(cloud, at, "lakeone", max_single_put_size=1000, max_block_size=1000) as service:
        client = service.get_blob_client(CONTAINER, "blocks")
        client.upload_blob(b"z" * 3500)
        committed, _ = client.get_block_list()
        assert [block.size for block in committed] == [1000, 1000, 1000, 500]
        assert len(client.download_blob().readall()) == 3500


def test_containers_and_the_account(cloud: Cloud, at: Address) -> None:
    with _blobs(cloud, at, "lakeone.blob.core.windows.net") as service:
        assert service.get_account_information()["is_hns_enabled"]
        made = service.create_container("extra")
        made.set_container_metadata({"k": "v"})
        assert made.get_container_properties().metadata == {"k": "v"}
        assert [each.name for each in service.list_containers()] == ["extra", "lake"]
        service.delete_container("extra")
        assert not made.exists()


def test_a_client_secret_signs_in(at: Address) -> None:
    credential = ClientSecretCredential(
        TENANT, "11110000-0000-4000-8000-00000000b000", "owner-secret", authority=at.url,
        disable_instance_discovery=True, connection_verify=at.authority,
    )  # fmt: skip
    url = f"{at.url}/storage/lakeone"
    with credential, DataLakeServiceClient(url, credential=credential, connection_verify=at.authority) as service:
        assert [each.name for each in service.list_file_systems()] == ["lake"]


def test_a_signature_signs_in(cloud: Cloud, at: Address) -> None:
    files.put_file(cloud, ACCOUNT, CONTAINER, "sales/f", b"x")
    signature = issue_sas(cloud, ACCOUNT, CONTAINER, "sales", "rl", 600)
    url = f"{at.url}/storage/lakeone"
    with DataLakeServiceClient(url, credential=signature, connection_verify=at.authority, retry_total=0) as service:
        lake = service.get_file_system_client(CONTAINER)
        assert lake.get_file_client("sales/f").download_file().readall() == b"x"
        assert [path.name for path in lake.get_paths(path="sales")] == ["sales/f"]
        with pytest.raises(HttpResponseError, match="not authorized to perform"):
            lake.get_file_client("sales/g").upload_data(b"y", overwrite=True)


def test_account_keys_are_refused(at: Address) -> None:
    key = {"account_name": ACCOUNT, "account_key": "c2VjcmV0"}
    url = f"{at.url}/storage/lakeone"
    with (
        DataLakeServiceClient(url, credential=key, connection_verify=at.authority, retry_total=0) as service,
        pytest.raises(HttpResponseError) as refused,
    ):
        list(service.list_file_systems())
    assert code_of(refused.value) == "KeyBasedAuthenticationNotPermitted"


def test_the_firewall_shows_as_such(cloud: Cloud, lake: FileSystemClient) -> None:
    set_network(cloud, {**LETS_US_IN, "ipRules": []})
    with pytest.raises(HttpResponseError) as refused:
        lake.create_directory("dir")
    assert (refused.value.status_code, code_of(refused.value)) == (403, "AuthorizationFailure")


@pytest.mark.parametrize("host", ["onelake", "onelake.dfs.fabric.microsoft.com"])
def test_onelake_is_listed_and_read(tmp_path: Path, host: str) -> None:
    cloud = onelake_cloud(tmp_path / "cloud", time.time)
    with running(cloud, MOUNTS) as at, _data_lake(cloud, at, host, RUNNER) as service:
        workspace = service.get_file_system_client(SPACE)
        assert [path.name for path in workspace.get_paths(recursive=False)] == [MIRROR, LAKE]
        log = f"{LAKE}/Tables/dbo/lines/_delta_log"
        assert [path.name for path in workspace.get_paths(path=log)] == [f"{log}/00000000000000000000.json"]
        content = workspace.get_file_client(f"{log}/00000000000000000000.json").download_file().readall()
        assert content == b'{"commitInfo":{}}\n'
        directory = workspace.get_directory_client(f"{MIRROR}/Tables")
        assert directory.get_access_control()["permissions"] == "---------"
        with pytest.raises(HttpResponseError):
            directory.set_access_control(acl=PLAIN)


@pytest.mark.parametrize("host", ["onelake", "onelake.dfs.fabric.microsoft.com"])
def test_a_lakehouses_files_are_written_moved_and_deleted(tmp_path: Path, host: str) -> None:
    cloud = onelake_cloud(tmp_path / "cloud", time.time)
    with running(cloud, MOUNTS) as at, _data_lake(cloud, at, host, RUNNER) as service:
        workspace = service.get_file_system_client(SPACE)
        folder = workspace.create_directory(f"{LAKE}/Files/in")
        file = folder.create_file("a.csv")
        file.upload_data(b"a,b\n", overwrite=True)
        assert file.download_file().readall() == b"a,b\n"
        moved = file.rename_file(f"{SPACE}/{LAKE}/Files/in/b.csv")
        assert [path.name for path in workspace.get_paths(path=f"{LAKE}/Files")] == [
            f"{LAKE}/Files/in", f"{LAKE}/Files/in/b.csv",
        ]  # fmt: skip
        moved.delete_file()
        folder.delete_directory()
        assert list(workspace.get_paths(path=f"{LAKE}/Files")) == []


def test_a_blob_and_a_container_are_leased(container: ContainerClient) -> None:
    blob = container.upload_blob("leased", b"1")
    lease = blob.acquire_lease(15)
    lease.renew()
    lease.change("aaaaaaaa-0000-4000-8000-000000000001")
    assert (blob.get_blob_properties().lease.state, lease.id[:8]) == ("leased", "aaaaaaaa")
    with pytest.raises(HttpResponseError) as refused:
        blob.upload_blob(b"2", overwrite=True)
    assert (refused.value.status_code, code_of(refused.value)) == (412, "LeaseIdMissing")
    blob.upload_blob(b"2", overwrite=True, lease=lease)
    with pytest.raises(ResourceExistsError):
        blob.acquire_lease(15)
    assert lease.break_lease(lease_break_period=0) == 0
    blob.delete_blob()
    whole = container.acquire_lease()
    with pytest.raises(HttpResponseError):
        container.delete_container()
    whole.release()
    assert container.get_container_properties().lease.state == "available"


def test_a_path_is_leased(lake: FileSystemClient) -> None:
    file = lake.create_file("leased")
    lease = file.acquire_lease()
    with pytest.raises(HttpResponseError) as refused:
        file.append_data(b"x", 0)
    assert code_of(refused.value) == "LeaseIdMissing"
    file.append_data(b"x", 0, lease=lease)
    file.flush_data(1, lease=lease)
    moved = file.rename_file(f"{CONTAINER}/moved", source_lease=lease)
    assert moved.get_file_properties().lease.state == "available"


def test_the_data_lake_clients_own_layer(cloud: Cloud, at: Address) -> None:
    """Where it speaks the Blob protocol, the Data Lake client has the operations of its own all the same, in the layer
    that was generated from the DFS protocol's specification."""
    with _data_lake(cloud, at, f"{ACCOUNT}.dfs.core.windows.net", OWNER) as service:
        listed = [name for each in service._client.service.list_file_systems() for name in _names(each)]
        assert CONTAINER in listed
        fresh = service.get_file_system_client("fresh")
        fresh._client.file_system.create()
        fresh._client.file_system.set_properties(properties="purpose=dGVzdA==")
        told: dict[str, Any] = {}
        fresh._client.file_system.get_properties(cls=lambda *answer: told.update(answer[2]))
        assert told["x-ms-properties"] == "purpose=dGVzdA=="
        file = fresh.create_file("folder/file")
        file.upload_data(b"contents", overwrite=True)
        path = file._client.path
        path.update("setProperties", "set", b"", properties="colour=Ymx1ZQ==")
        path.get_properties(cls=lambda *answer: told.update(answer[2]))
        assert (told["x-ms-properties"], told["Content-Length"]) == ("colour=Ymx1ZQ==", 8)
        path.get_properties(action="getStatus", cls=lambda *answer: told.update(answer[2]))
        assert told["x-ms-resource-type"] == "file"
        assert b"".join(path.read()) == b"contents"
        fresh._client.file_system.delete()
        assert files.container(cloud, ACCOUNT, "fresh") is None


def _names(entry: Any) -> list[str]:
    return [each.name for each in entry.filesystems] if hasattr(entry, "filesystems") else [entry.name]
