"""Databricks' own SDK, unmodified, against the emulator over TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.identity import ClientSecretCredential
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.credentials_provider import CredentialsStrategy
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.service.catalog import (
    CredentialPurpose,
    DataSourceFormat,
    PathOperation,
    PermissionsChange,
    Privilege,
    TableOperation,
    TableType,
)

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.entra.service import make_service as make_entra
from cloud_emulator.unity_catalog.service import make_service
from tests.emulator.served import Address, running
from tests.emulator.support import RUNNER_APP, TENANT
from tests.emulator.uc_world import HOST, LAKE, METASTORE, OWNER, OWNER_PAT, READER, READER_APP, uc_cloud

AUDIENCE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
CUSTOMERS = "sales.orders.customers"


class EntraSignIn(CredentialsStrategy):
    """Gives the SDK tokens that azure-identity gets."""

    def __init__(self, credential: ClientSecretCredential) -> None:
        self._credential = credential

    def auth_type(self) -> str:
        return "azure-identity"

    def __call__(self, cfg: Config) -> Callable[[], dict[str, str]]:
        return lambda: {"Authorization": f"Bearer {self._credential.get_token(f'{AUDIENCE}/.default').token}"}


@dataclass
class World:
    """A served cloud."""

    cloud: Cloud
    address: Address
    stack: ExitStack

    def with_token(self, token: str) -> WorkspaceClient:
        """A client with a personal access token."""
        return WorkspaceClient(
            config=Config(host=self.address.url, token=token, auth_type="pat", retry_timeout_seconds=2)
        )

    def signed_in(self, app_id: str, secret: str) -> WorkspaceClient:
        """A client signed in through azure-identity."""
        credential = ClientSecretCredential(
            TENANT,
            app_id,
            secret,
            authority=self.address.url,
            disable_instance_discovery=True,
            connection_verify=self.address.authority,
        )
        strategy = EntraSignIn(self.stack.enter_context(credential))
        return WorkspaceClient(
            config=Config(host=self.address.url, credentials_strategy=strategy, retry_timeout_seconds=2)
        )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    cloud = uc_cloud(tmp_path)
    service = make_service()
    mounts = [("/api", service), ("/.well-known/databricks-config", service), ("/", make_entra())]
    with running(cloud, mounts) as address, ExitStack() as stack:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", address.authority)
        yield World(cloud, address, stack)


def grant(client: WorkspaceClient, kind: str, name: str, *privileges: Privilege, to: str = READER_APP) -> None:
    client.grants.update(kind, name, changes=[PermissionsChange(principal=to, add=list(privileges))])


def test_reading_metadata(world: World) -> None:
    client = world.signed_in(RUNNER_APP, "runner-secret")
    summary = client.metastores.summary()
    assert (summary.metastore_id, summary.external_access_enabled) == (METASTORE, False)
    assert client.metastores.current().metastore_id == METASTORE
    assert client.metastores.get(METASTORE).name == "contoso"
    assert [each.name for each in client.catalogs.list()] == ["sales"]
    assert client.catalogs.get("sales").owner == OWNER
    assert [each.name for each in client.schemas.list("sales")] == ["orders", "staging"]
    assert client.schemas.get("sales.orders").full_name == "sales.orders"
    listed = {each.name: each for each in client.tables.list("sales", "orders")}
    assert not listed["customers"].table_constraints
    table = client.tables.get(CUSTOMERS, include_manifest_capabilities=True)
    assert table.table_constraints
    assert table.columns is not None
    assert table.table_type is TableType.EXTERNAL
    assert table.securable_kind_manifest is not None
    assert client.tables.exists(CUSTOMERS).table_exists
    assert len(list(client.tables.list_summaries("sales"))) == 7
    assert [each.name for each in client.external_locations.list()] == ["lake"]
    assert client.external_locations.get("lake").url == f"{LAKE}/sales"
    assert [each.name for each in client.storage_credentials.list()] == ["connector"]
    assert client.storage_credentials.get("connector").owner == OWNER
    assert [each.name for each in client.credentials.list_credentials(purpose=CredentialPurpose.STORAGE)] == [
        "connector"
    ]
    assert client.credentials.get_credential("connector").name == "connector"
    assert list(client.policies.list_policies("TABLE", CUSTOMERS, include_inherited=True)) == []
    (tag,) = client.entity_tag_assignments.list("tables", CUSTOMERS)
    assert (tag.tag_key, tag.tag_value) == ("pii", "yes")


def test_the_way_to_credentials(world: World) -> None:
    admin, owner, reader = (
        world.signed_in(RUNNER_APP, "runner-secret"),
        world.with_token(OWNER_PAT),
        world.signed_in(READER_APP, "reader-secret"),
    )
    with pytest.raises(PermissionDenied):
        owner.metastores.update(METASTORE, external_access_enabled=True)
    admin.metastores.update(METASTORE, external_access_enabled=True)
    table_id = admin.tables.get(CUSTOMERS).table_id
    with pytest.raises(PermissionDenied):
        reader.temporary_table_credentials.generate_temporary_table_credentials(
            operation=TableOperation.READ, table_id=table_id
        )
    grant(owner, "CATALOG", "sales", Privilege.USE_CATALOG)
    grant(owner, "SCHEMA", "sales.orders", Privilege.USE_SCHEMA, Privilege.SELECT, Privilege.EXTERNAL_USE_SCHEMA)
    vended = reader.temporary_table_credentials.generate_temporary_table_credentials(
        operation=TableOperation.READ, table_id=table_id
    )
    assert vended.azure_user_delegation_sas is not None
    effective = admin.grants.get_effective("TABLE", CUSTOMERS, principal=READER_APP)
    rows = effective.privilege_assignments or []
    assert [row.principal for row in rows] == [READER_APP]
    assert [(each.privilege, each.inherited_from_name) for each in rows[0].privileges or ()] == [
        (Privilege.SELECT, "sales.orders")
    ]
    assert admin.grants.get("SCHEMA", "sales.orders").privilege_assignments
    grant(owner, "EXTERNAL_LOCATION", "lake", Privilege.EXTERNAL_USE_LOCATION, Privilege.READ_FILES)
    path = reader.temporary_path_credentials.generate_temporary_path_credentials(
        f"{LAKE}/sales/customers", PathOperation.PATH_READ
    )
    assert path.url == f"{LAKE}/sales/customers"


def test_making_and_dropping(world: World) -> None:
    admin, owner = world.signed_in(RUNNER_APP, "runner-secret"), world.with_token(OWNER_PAT)
    admin.metastores.update(METASTORE, external_access_enabled=True)
    owner.schemas.create("fresh", "sales")
    grant(owner, "SCHEMA", "sales.fresh", Privilege.EXTERNAL_USE_SCHEMA, to=OWNER)
    needed = (Privilege.EXTERNAL_USE_LOCATION, Privilege.CREATE_EXTERNAL_TABLE)
    grant(owner, "EXTERNAL_LOCATION", "lake", *needed, to=OWNER)
    made = owner.tables.create("t", "sales", "fresh", TableType.EXTERNAL, DataSourceFormat.DELTA, f"{LAKE}/sales/t")
    assert made.full_name == "sales.fresh.t"
    owner.tables.update("sales.fresh.t", owner="analysts")
    owner.schemas.update("sales.fresh", comment="new")
    owner.catalogs.update("sales", comment="Sales")
    owner.tables.delete("sales.fresh.t")
    owner.schemas.delete("sales.fresh")
    with pytest.raises(NotFound):
        owner.schemas.get("sales.fresh")


def test_workspace_apis(world: World) -> None:
    client = world.signed_in(RUNNER_APP, "runner-secret")
    assert {each.display_name for each in client.groups_v2.list()} == {"admins", "analysts", "everyone"}
    (group,) = client.groups_v2.list(filter='displayName eq "analysts"')
    assert client.groups_v2.get(str(group.id)).external_id == group.external_id
    assert {each.application_id for each in client.service_principals_v2.list()} >= {READER_APP}
    assert [each.user_name for each in client.users_v2.list()] == [OWNER]
    assert client.current_user.me().user_name is not None
    assert client.workspace_conf.get_status("enableIpAccessLists") == {"enableIpAccessLists": None}
    assert list(client.ip_access_lists.list()) == []
    (reader,) = (each for each in client.service_principals_v2.list() if each.application_id == READER_APP)
    assert client.service_principals_v2.get(str(reader.id)).application_id == READER_APP
    (person,) = client.users_v2.list()
    assert client.users_v2.get(str(person.id)).user_name == OWNER


def test_an_ip_access_list_is_read(world: World) -> None:
    client = world.signed_in(RUNNER_APP, "runner-secret")
    host = next(iter(world.cloud.table("unity_catalog.workspaces")))
    held = world.cloud.table("unity_catalog.workspaces")[host]
    ours = {
        "list_id": "1", "label": "office", "list_type": "ALLOW", "ip_addresses": ["203.0.113.0/24"], "enabled": True,
        "address_count": 1,
    }  # fmt: skip
    world.cloud.table("unity_catalog.workspaces")[host] = {**held, "ip_access_lists": [ours]}
    world.cloud.store.commit()
    found = client.ip_access_lists.get("1").ip_access_list
    assert found is not None
    assert (found.label, found.ip_addresses) == ("office", ["203.0.113.0/24"])


def test_refusals_become_the_sdks_own_errors(world: World) -> None:
    with pytest.raises(Unauthenticated):
        world.with_token("dapi-wrong").catalogs.get("sales")
    with pytest.raises(PermissionDenied):
        world.signed_in(READER_APP, "reader-secret").catalogs.get("sales")
    with pytest.raises(NotFound):
        world.signed_in(RUNNER_APP, "runner-secret").catalogs.get("none")
    with pytest.raises(NotFound, match="Could not find principal"):
        grant(world.with_token(OWNER_PAT), "CATALOG", "sales", Privilege.SELECT, to=READER)
    assert HOST in world.cloud.table("unity_catalog.workspaces")
