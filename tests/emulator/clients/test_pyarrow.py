"""``pyarrow.fs.AzureFileSystem`` (Azure's C++ clients), unmodified, over TLS, on ADLS and OneLake.

What it needs, found out with pyarrow 26:

- ``SSL_CERT_FILE`` in the environment names the authority to trust; ``AZURE_AUTHORITY_HOST``, where to sign in.
- ``blob_storage_authority`` and ``dfs_storage_authority`` are ``localhost:<port>/storage``; it puts the account's name
  behind them. Whatever doesn't begin with a dot is taken so.
- It doesn't move here: it leaves out the account when it asks for the rename, since it takes it for part of the host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyarrow.fs import AzureFileSystem, FileSelector, FileType

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import files
from tests.emulator.served import Address, running
from tests.emulator.storage_onelake_world import LAKE, MIRROR, SPACE, open_onelake_cloud
from tests.emulator.storage_world import ACCOUNT, CONTAINER, FLAT, MOUNTS, NOBODY, OWNER
from tests.emulator.support import RUNNER, TENANT

Connect = Callable[[str, str], AzureFileSystem]


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A workspace with a mirrored catalog; the account lets us in as well."""
    return open_onelake_cloud(tmp_path, time.time)


@pytest.fixture
def at(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """Where it is served, which the client trusts."""
    with running(cloud, MOUNTS) as address:
        monkeypatch.setenv("SSL_CERT_FILE", address.authority)
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", address.url)
        yield address


@pytest.fixture
def connect(cloud: Cloud, at: Address) -> Connect:
    """An account as one principal sees it."""

    def made(account: str, object_id: str) -> AzureFileSystem:
        principal = cloud.directory.by_object_id(object_id)
        assert principal is not None
        where = f"{at.url.removeprefix('https://')}/storage"
        return AzureFileSystem(
            account, blob_storage_authority=where, dfs_storage_authority=where,
            tenant_id=TENANT, client_id=principal["appId"], client_secret=principal["secret"],
        )  # fmt: skip

    return made


@pytest.mark.parametrize("account", [ACCOUNT, FLAT])
def test_a_file_is_written_read_appended_to_and_copied(cloud: Cloud, connect: Connect, account: str) -> None:
    lake = connect(account, OWNER)
    with lake.open_output_stream("lake/new/a b.txt", metadata={"Content-Type": "text/plain", "k": "v"}) as stream:
        stream.write(b"hello " * 3)
    assert lake.open_input_stream("lake/new/a b.txt").metadata()["Content-Type"] == b"text/plain"
    with lake.open_append_stream("lake/new/a b.txt") as stream:
        stream.write(b"world")
    assert lake.open_input_stream("lake/new/a b.txt").read() == b"hello hello hello world"
    assert lake.open_input_file("lake/new/a b.txt").read_at(5, 18) == b"world"
    lake.copy_file("lake/new/a b.txt", "lake/new/copy")
    copied = files.stat(cloud, account, CONTAINER, "new/copy")
    assert copied is not None
    assert files.content(cloud, copied) == b"hello hello hello world"


def test_directories_are_made_listed_and_deleted(cloud: Cloud, connect: Connect) -> None:
    lake = connect(ACCOUNT, OWNER)
    lake.create_dir("lake/x/y", recursive=True)
    lake.create_dir("fresh")
    assert [each.path for each in lake.get_file_info(FileSelector(""))] == ["fresh", "lake"]
    assert [each.path for each in lake.get_file_info(FileSelector("lake/x", recursive=True))] == ["lake/x/y"]
    with lake.open_output_stream("lake/x/file") as stream:
        stream.write(b"content")
    lake.delete_file("lake/x/file")
    assert lake.get_file_info("lake/x/file").type == FileType.NotFound
    lake.delete_dir_contents("lake/x")
    lake.delete_dir("lake/x")
    lake.delete_dir("fresh")
    assert files.stat(cloud, ACCOUNT, CONTAINER, "x") is None
    assert files.container(cloud, ACCOUNT, "fresh") is None


def test_a_directory_of_a_flat_account_is_deleted(cloud: Cloud, connect: Connect) -> None:
    lake = connect(FLAT, OWNER)
    for name in "ab":
        with lake.open_output_stream(f"lake/x/y/{name}") as stream:
            stream.write(b"content")
    lake.delete_dir("lake/x")
    assert list(files.walk(cloud, FLAT, CONTAINER, "")) == []


def test_onelake_is_listed_and_read(connect: Connect) -> None:
    mirror = connect("onelake", RUNNER)
    found = mirror.get_file_info(FileSelector(f"{SPACE}/{MIRROR}/Tables", recursive=True))
    logs = [each.path for each in found if each.path.endswith("00.json")]
    assert len(logs) == 1
    assert mirror.open_input_stream(logs[0]).read() != b""


def test_a_lakehouses_files_are_written(connect: Connect) -> None:
    lake, folder = connect("onelake", RUNNER), f"{SPACE}/{LAKE}/Files/in"
    lake.create_dir(folder)
    with lake.open_output_stream(f"{folder}/a.bin") as stream:
        stream.write(b"contents")
    assert lake.open_input_stream(f"{folder}/a.bin").read() == b"contents"
    assert [each.base_name for each in lake.get_file_info(FileSelector(folder))] == ["a.bin"]
    lake.delete_dir(folder)
    assert lake.get_file_info(folder).type == FileType.NotFound


def test_what_is_refused_is_told(connect: Connect) -> None:
    with pytest.raises(OSError, match="AuthorizationPermissionMismatch"):
        connect(ACCOUNT, NOBODY).get_file_info(FileSelector("lake"))
    owner = connect(ACCOUNT, OWNER)
    with owner.open_output_stream("lake/file") as stream:
        stream.write(b"contents")
    with pytest.raises(OSError, match="is no address of storage here"):
        owner.move("lake/file", "lake/moved")
    with pytest.raises(OSError, match="holds no blobs whose names end in a slash"):
        connect(FLAT, OWNER).create_dir("lake/x")
    with pytest.raises(OSError, match="BlobImmutable"):
        connect("onelake", RUNNER).open_output_stream(f"{SPACE}/{MIRROR}/Files/x")
