"""Reading tables with delta-rs, through OneLake and at their source."""

from __future__ import annotations

import hashlib

import pyarrow as pa
from deltalake import DeltaTable

from cloud_emulator.seeds.contoso import identities
from tests.emulator.served import Address
from tests.onboarding.world import World
from unity_mirror.models.table_ref import TableRef


def through_onelake(world: World, address: Address, workspace: str, item: str, ref: TableRef) -> pa.Table:
    """A table of an item, as the runner."""
    options = _options(world, address, "onelake", "onelake", identities.RUNNER)
    return DeltaTable(f"az://{workspace}/{item}/{ref.onelake_path}", storage_options=options).to_pyarrow_table()


def at_its_source(world: World, address: Address, location: str) -> pa.Table:
    """A table where it lies, ``abfss://container@account.../path``, as an administrator."""
    container, _, rest = location.removeprefix("abfss://").partition("@")
    host, _, path = rest.partition("/")
    account = host.partition(".")[0]
    options = _options(world, address, account, account, identities.PLATFORM)
    return DeltaTable(f"az://{container}/{path}", storage_options=options).to_pyarrow_table()


def checksum(table: pa.Table) -> tuple[int, str]:
    """Rows and a digest of the content, independent of the order of files."""
    rows = sorted(repr(row) for row in table.to_pylist())
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _options(world: World, address: Address, endpoint: str, account: str, who: identities.App) -> dict[str, str]:
    principal = world.cloud.directory.by_object_id(who.object_id)
    assert principal is not None
    token = world.cloud.tokens.issue(principal, "https://storage.azure.com", "https://login.test/v2.0")
    return {
        "azure_storage_endpoint": f"{address.url}/storage/{endpoint}",
        "account_name": account,
        "bearer_token": token,
        "max_retries": "0",
    }
