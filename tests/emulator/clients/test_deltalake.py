"""delta-rs (``deltalake``), unmodified, over TLS: writing to ADLS, reading through ADLS and OneLake.

What it needs, found out with deltalake 1.6:

- ``SSL_CERT_FILE`` in the environment is honoured, read anew for each table that is opened. Without it the emulator's
  certificate is refused (``invalid peer certificate``); there is no storage option that names an authority.
- ADLS: ``az://<container>/<path>`` with ``azure_storage_endpoint=https://localhost:<port>/storage/<account>`` (also
  ``…/<account>.blob.core.windows.net``; the ``.dfs.`` one can't serve it, since delta-rs speaks the Blob protocol) and
  ``account_name``, which is required although the endpoint says it; ``abfss://<container>@<account>.dfs.core.windows.net/…``
  with the endpoint brings the account's name along.
- OneLake: ``az://<workspace id>/<item id>/Tables/…`` with ``azure_storage_endpoint=…/storage/onelake`` and
  ``account_name=onelake``.
- Signing in: ``bearer_token``; or ``azure_client_id``, ``azure_client_secret``, ``azure_tenant_id`` with the emulator
  as ``azure_authority_host`` (option, or ``AZURE_AUTHORITY_HOST`` in the environment); or ``sas_token`` (vended by
  Unity Catalog).
- ``max_retries=0`` keeps refusals quick.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import files, seed
from cloud_emulator.storage.sas import issue_sas
from tests.emulator.served import Address, running
from tests.emulator.storage_onelake_world import LAKE, MIRROR, SPACE, TABLE, open_onelake_cloud
from tests.emulator.storage_world import (
    ACCOUNT,
    CONTAINER,
    LETS_US_IN,
    MOUNTS,
    NOBODY,
    OWNER,
    READER,
    Credential,
    set_network,
)
from tests.emulator.support import RUNNER, TENANT

ROWS = pa.table({"id": [1, 2, 3], "part": ["x", "y y", "z/ä"]})


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A workspace with a mirrored catalog; the account lets us in as well."""
    return open_onelake_cloud(tmp_path / "cloud", time.time)


@pytest.fixture
def at(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """Where it is served; delta-rs trusts it."""
    with running(cloud, MOUNTS) as address:
        monkeypatch.setenv("SSL_CERT_FILE", address.authority)
        yield address


def options(cloud: Cloud, at: Address, account: str, object_id: str, host: str = "") -> dict[str, str]:
    """Storage options with a bearer token."""
    return {
        "azure_storage_endpoint": f"{at.url}/storage/{account}{host}", "account_name": account,
        "bearer_token": Credential(cloud, object_id).token, "max_retries": "0",
    }  # fmt: skip


def rows(address: str, storage_options: dict[str, str]) -> int:
    """How many rows a table has."""
    return int(DeltaTable(address, storage_options=storage_options).to_pyarrow_table().num_rows)


@pytest.mark.parametrize("host", ["", ".blob.core.windows.net"])
def test_a_table_is_written_and_read_in_adls(cloud: Cloud, at: Address, host: str) -> None:
    address, signed = "az://lake/new/table", options(cloud, at, ACCOUNT, OWNER, host)
    write_deltalake(address, ROWS, storage_options=signed, partition_by=["part"])
    write_deltalake(address, ROWS, storage_options=signed, mode="append")
    assert rows(address, signed) == 6
    without_name = {name: value for name, value in signed.items() if name != "account_name"}
    assert rows("abfss://lake@lakeone.dfs.core.windows.net/new/table", without_name) == 6
    with pytest.raises(OSError, match="Account must be specified"):
        rows(address, without_name)
    assert files.stat(cloud, ACCOUNT, CONTAINER, "new/table/_delta_log/00000000000000000001.json") is not None


def test_a_table_is_compacted_checkpointed_and_vacuumed(cloud: Cloud, at: Address) -> None:
    address, signed = "az://lake/new/table", options(cloud, at, ACCOUNT, OWNER)
    for _ in range(3):
        write_deltalake(address, ROWS, storage_options=signed, mode="append")
    table = DeltaTable(address, storage_options=signed)
    table.optimize.compact()
    table.create_checkpoint()
    removed = table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert len(removed) == 3
    assert rows(address, signed) == 9
    left = [node["path"] for node in files.walk(cloud, ACCOUNT, CONTAINER, "new/table")]
    assert sum(path.endswith(".parquet") for path in left) == 2


def test_a_large_table_goes_up_in_blocks(cloud: Cloud, at: Address) -> None:
    texts = [str(index * 7919) for index in range(2_000_000)]
    big = pa.table({"id": range(2_000_000), "text": texts})
    address, signed = "az://lake/new/big", options(cloud, at, ACCOUNT, OWNER)
    write_deltalake(address, big, storage_options=signed)
    assert rows(address, signed) == 2_000_000


def test_the_role_of_a_reader_writes_nothing(cloud: Cloud, at: Address) -> None:
    before = len(cloud.table(files.NODES))
    with pytest.raises(DeltaError, match="403"):
        write_deltalake("az://lake/new/table", ROWS, storage_options=options(cloud, at, ACCOUNT, READER))
    assert len(cloud.table(files.NODES)) == before


def test_without_the_authority_the_certificate_is_refused(
    cloud: Cloud, at: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(OSError, match="invalid peer certificate"):
        rows("az://lake/new/table", options(cloud, at, ACCOUNT, OWNER))


@pytest.fixture
def mirrored(cloud: Cloud, tmp_path: Path) -> Cloud:
    """A real table where the mirrored one lies."""
    held = files.stat(cloud, ACCOUNT, CONTAINER, TABLE)
    assert held is not None
    files.remove(cloud, held)
    write_deltalake(tmp_path / "local", ROWS)
    seed.ingest_folder(cloud, ACCOUNT, CONTAINER, TABLE, tmp_path / "local")
    cloud.store.commit()
    return cloud


def test_a_client_secret_signs_in(mirrored: Cloud, at: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {
        "azure_storage_endpoint": f"{at.url}/storage/{ACCOUNT}", "account_name": ACCOUNT, "azure_tenant_id": TENANT,
        "azure_client_id": "11110000-0000-4000-8000-00000000b000", "azure_client_secret": "owner-secret",
    }  # fmt: skip
    assert rows(f"az://lake/{TABLE}", {**secret, "azure_authority_host": at.url}) == 3
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", at.url)
    assert rows(f"az://lake/{TABLE}", secret) == 3


def test_vended_credentials_read_their_table_only(mirrored: Cloud, at: Address) -> None:
    def vended(path: str) -> dict[str, str]:
        signature = issue_sas(mirrored, ACCOUNT, CONTAINER, path, "rl", 600)
        signed = options(mirrored, at, ACCOUNT, OWNER)
        return {**{name: value for name, value in signed.items() if name != "bearer_token"}, "sas_token": signature}

    assert rows(f"az://lake/{TABLE}", vended(TABLE)) == 3
    with pytest.raises(OSError, match="403"):
        rows(f"az://lake/{TABLE}", vended("sales/other"))
    with pytest.raises(DeltaError, match="403"):
        write_deltalake(f"az://lake/{TABLE}", ROWS, storage_options=vended(TABLE), mode="append")


@pytest.mark.parametrize("path", [f"{SPACE}/{MIRROR}/Tables/orders/lines", f"{SPACE}/{LAKE}/Tables/dbo/lines"])
@pytest.mark.parametrize("host", ["", ".blob.fabric.microsoft.com"])
def test_a_mirrored_table_is_read_through_onelake(mirrored: Cloud, at: Address, path: str, host: str) -> None:
    assert rows(f"az://{path}", options(mirrored, at, "onelake", RUNNER, host)) == 3


def test_a_table_is_written_below_a_lakehouses_files(cloud: Cloud, at: Address) -> None:
    address, signed = f"az://{SPACE}/{LAKE}/Files/raw/lines", options(cloud, at, "onelake", RUNNER)
    write_deltalake(address, ROWS, storage_options=signed)
    write_deltalake(address, ROWS, storage_options=signed, mode="append")
    assert (rows(address, signed), DeltaTable(address, storage_options=signed).version()) == (6, 1)


def test_onelake_reads_nothing_for_who_may_not_or_without_the_rule(mirrored: Cloud, at: Address) -> None:
    address = f"az://{SPACE}/{MIRROR}/Tables/orders/lines"
    for object_id in (NOBODY, OWNER):
        with pytest.raises(OSError, match="403"):
            rows(address, options(mirrored, at, "onelake", object_id))
    set_network(mirrored, LETS_US_IN)
    with pytest.raises(OSError, match="403"):
        rows(address, options(mirrored, at, "onelake", RUNNER))
    assert rows(f"az://lake/{TABLE}", options(mirrored, at, ACCOUNT, OWNER)) == 3
