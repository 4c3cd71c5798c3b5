"""The sample cloud: what it promises to those who build on it."""

from __future__ import annotations

import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from deltalake import DeltaTable

from cloud_emulator.arm.access import permitted
from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.fabric import semantic_models
from cloud_emulator.seeds.contoso import azure, fabric, identities
from cloud_emulator.seeds.contoso.catalogs import CATALOGS, HR_HOST, LOGISTICS, SALES, SALES_HOST
from cloud_emulator.seeds.contoso.tables import SampleCatalog
from cloud_emulator.seeds.contoso.writing import type_text, write_catalogs
from cloud_emulator.seeds.loading import SeedError, fill, load_seed
from cloud_emulator.services import mounts
from cloud_emulator.storage.access import Source, check
from cloud_emulator.unity_catalog import access
from cloud_emulator.unity_catalog.state import table_of
from tests.emulator.served import Address, free_port, running
from tests.emulator.support import token

HOSTS = {"sales": SALES_HOST, "hr": HR_HOST, "logistics": SALES_HOST}
READER = identities.SALES_READER.app_id
FROM_HERE = Source("203.0.113.10")
STORAGE = "https://storage.azure.com"


@dataclass(frozen=True)
class Contoso:
    """The sample cloud, and the processor time that it took to fill it."""

    cloud: Cloud
    seconds: float


@pytest.fixture(scope="module")
def contoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contoso]:
    """The sample cloud, filled once."""
    started = time.process_time()
    cloud = open_cloud(tmp_path_factory.mktemp("contoso"))
    fill(cloud, "contoso")
    yield Contoso(cloud, time.process_time() - started)
    cloud.close()


@pytest.fixture(scope="module")
def address(contoso: Contoso) -> Iterator[Address]:
    """The sample cloud, served over TLS."""
    with running(contoso.cloud, mounts()) as served:
        yield served


def _stored() -> list[tuple[SampleCatalog, str]]:
    """Every table with Delta files, by its full name."""
    return [
        (catalog, f"{catalog.name}.{schema.name}.{table.name}")
        for catalog in CATALOGS
        for schema, table in catalog.stored()
        if table.data_source_format == "DELTA"
    ]


def _state(cloud: Cloud) -> bytes:
    """Everything, as the control plane shows it."""
    return orjson.dumps(cloud.store.dump(), option=orjson.OPT_SORT_KEYS)


def _table(cloud: Cloud, full_name: str) -> Mapping[str, Any]:
    found = access.table(cloud, HOSTS[full_name.partition(".")[0]], full_name)
    assert found is not None, full_name
    return found


def test_it_is_filled_within_seconds(contoso: Contoso) -> None:
    assert contoso.seconds < 10
    assert {each.name for each in contoso.cloud.folder.iterdir()} >= {"blobs", "state.sqlite", "seed.sqlite", "tls"}
    assert not list(contoso.cloud.folder.glob("seeding-*"))


def test_sales_has_a_star_and_some_thirty_delta_tables() -> None:
    delta = [table for _, table in SALES.stored() if table.data_source_format == "DELTA"]
    assert len(delta) >= 30
    assert [table.rows for table in delta if table.name == "fact_sales"] == [100_000]
    types = {column.type.partition("<")[0].partition("(")[0] for table in delta for column in table.columns}
    assert types >= {"decimal", "timestamp_ntz", "timestamp", "binary", "struct", "array", "map", "date"}
    assert any(table.partition_by for table in delta)


@pytest.mark.parametrize(("catalog", "full_name"), _stored(), ids=[name for _, name in _stored()])
def test_a_table_is_in_storage_as_unity_catalog_says(
    contoso: Contoso, address: Address, monkeypatch: pytest.MonkeyPatch, catalog: SampleCatalog, full_name: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", address.authority)
    described = _table(contoso.cloud, full_name)
    container, _, rest = described["storage_location"].removeprefix("abfss://").partition("@")
    account, _, path = rest.partition("/")
    account = account.partition(".")[0]
    connector = token(contoso.cloud, identities.ACCESS_CONNECTOR.object_id, STORAGE).removeprefix("Bearer ")
    options = {
        "azure_storage_account_name": account,
        "azure_storage_endpoint": f"{address.url}/storage/{account}",
        "azure_storage_token": connector,
    }
    delta = DeltaTable(f"az://{container}/{path}", storage_options=options)
    wanted = next(table for schema, table in catalog.stored() if full_name.endswith(f".{schema.name}.{table.name}"))
    rows = delta.to_pyarrow_table()
    assert rows.num_rows == wanted.rows
    assert delta.version() == wanted.commits - 1
    assert [(each["name"], each["type_text"], each["nullable"]) for each in described["columns"]] == [
        (column.name, column.type, not column.required) for column in wanted.columns
    ]
    for key in wanted.primary_key:
        assert rows.column(key).null_count == 0
    if len(wanted.primary_key) == 1:
        assert len(rows.column(wanted.primary_key[0]).unique()) == wanted.rows


def test_keys_and_comments_are_described(contoso: Contoso) -> None:
    sales = _table(contoso.cloud, "sales.orders.fact_sales")
    parents = {each["foreign_key_constraint"]["parent_table"] for each in sales["table_constraints"][1:]}
    assert sales["table_constraints"][0]["primary_key_constraint"]["child_columns"] == ["sale_key"]
    assert {"sales.orders.dim_customer", "sales.orders.dim_product", "sales.orders.dim_date"} <= parents
    assert all(_table(contoso.cloud, parent) for parent in parents)
    assert sales["comment"]
    assert sales["columns"][0]["comment"] == "Surrogate key."
    ledger = _table(contoso.cloud, "sales.finance.ledger_entries")
    assert [each["name"] for each in ledger["columns"] if each.get("partition_index") == 0] == ["fiscal_year"]
    slots = _table(contoso.cloud, "sales.orders.delivery_slots")
    assert slots["properties"]["delta.feature.timestampNtz"] == "supported"


@pytest.mark.parametrize(
    ("full_name", "expected"),
    [
        ("sales.orders.recent_sales", {"table_type": "VIEW"}),
        ("sales.orders.daily_revenue", {"table_type": "MATERIALIZED_VIEW"}),
        ("sales.orders.order_events", {"table_type": "STREAMING_TABLE"}),
        ("sales.partners.crm_accounts", {"table_type": "FOREIGN"}),
        ("sales.partners.market_prices", {"data_source_format": "DELTASHARING"}),
        ("sales.inventory.supplier_feed", {"table_type": "EXTERNAL", "data_source_format": "PARQUET"}),
    ],
)
def test_kinds_that_are_not_mirrored(contoso: Contoso, full_name: str, expected: dict[str, str]) -> None:
    described = _table(contoso.cloud, full_name)
    assert {name: described[name] for name in expected} == expected


def test_guarded_tables(contoso: Contoso) -> None:
    assert _table(contoso.cloud, "sales.finance.commissions")["row_filter"]["input_column_names"] == ["region"]
    leads = _table(contoso.cloud, "sales.marketing.leads")
    assert [each["name"] for each in leads["columns"] if each.get("mask")] == ["email"]
    elsewhere = _table(contoso.cloud, "sales.inventory.legacy_stock")["storage_location"]
    assert "@contosoother.dfs.core.windows.net/" in elsewhere


def test_what_the_sales_reader_may_and_may_not(contoso: Contoso) -> None:
    cloud = contoso.cloud
    assert access.vend(cloud, SALES_HOST, READER, "sales.orders.fact_sales") is None
    assert access.readable(cloud, SALES_HOST, READER, "sales.staging.raw_orders") is None
    denial = access.vend(cloud, SALES_HOST, READER, "sales.staging.raw_orders")
    assert denial is not None
    assert "EXTERNAL USE SCHEMA" in denial.message
    assert [each["name"] for each in access.visible_tables(cloud, SALES_HOST, READER, "sales", "restricted")] == [
        "pricing_rules"
    ]
    assert "archive" in [each["name"] for each in access.visible_schemas(cloud, SALES_HOST, READER, "sales")]
    assert access.visible_tables(cloud, SALES_HOST, READER, "sales", "archive") == []
    assert [each["name"] for each in access.visible_catalogs(cloud, SALES_HOST, READER)] == ["sales", "logistics"]
    assert not access.signs_in(cloud, HR_HOST, READER)


def test_hr_is_read_with_vended_credentials(contoso: Contoso) -> None:
    reader = identities.HR_READER.app_id
    assert access.vend(contoso.cloud, HR_HOST, reader, "hr.people.employees") is None
    found = check(
        contoso.cloud, object_id=None, account="contosohr", container="people", path="hr", want="list",
        source=Source(None),
    )  # fmt: skip
    assert found is None


def test_the_lake_lets_the_runner_in_and_others_out(contoso: Contoso) -> None:
    def denial(object_id: str, source: Source) -> str | None:
        found = check(
            contoso.cloud, object_id=object_id, account="contosolake", container="lake", path="sales/orders",
            want="list", source=source,
        )  # fmt: skip
        return found.code if found is not None else None

    assert denial(identities.RUNNER.object_id, FROM_HERE) is None
    assert denial(identities.RUNNER.object_id, Source("203.0.113.99")) == "AuthorizationFailure"
    assert denial(identities.SALES_READER.object_id, FROM_HERE) == "AuthorizationPermissionMismatch"


def test_the_runner_has_what_the_tool_needs_and_no_more(contoso: Contoso) -> None:
    cloud, runner = contoso.cloud, identities.RUNNER
    lake, other = azure.account_id("contosolake"), azure.account_id("contosoother")
    for action in ("Microsoft.Storage/storageAccounts/write", "Microsoft.Authorization/roleAssignments/write"):
        assert permitted(cloud, runner.object_id, action, lake)
        assert not permitted(cloud, runner.object_id, action, other)
    for name, host in HOSTS.items():
        seen = [each["name"] for each in access.visible_catalogs(cloud, host, runner.app_id)]
        assert name in seen
    denial = access.readable(cloud, SALES_HOST, runner.app_id, "sales.orders.fact_sales")
    assert denial is not None
    assert "SELECT" in denial.message
    assert len(access.visible_tables(cloud, SALES_HOST, runner.app_id, "sales", "restricted")) == 2


def test_object_ids_are_never_application_ids(contoso: Contoso) -> None:
    principals = list(contoso.cloud.directory.principals.values())
    app_ids = [each["appId"] for each in principals if each.get("appId")]
    assert len(app_ids) == len(set(app_ids)) == len(identities.APPS)
    assert not {each["objectId"] for each in principals} & set(app_ids)
    names = {each["name"]: each["externalId"] for each in table_of(contoso.cloud, "identities").values()}
    assert names["sales-analysts"] == identities.SALES_ANALYSTS.object_id
    assert names["workspace-testers"] is None


def test_what_other_people_made_is_there(contoso: Contoso) -> None:
    cloud = contoso.cloud
    items = [(each["workspaceId"], each["type"], each["displayName"]) for each in cloud.table("fabric.items").values()]
    assert (fabric.SALES_WORKSPACE, "Lakehouse", "planning") in items
    assert (fabric.SANDBOX_WORKSPACE, "Lakehouse", "sales_lake") in items
    models = [each for each in cloud.table("fabric.items").values() if each["type"] == "SemanticModel"]
    assert [semantic_models.tables_of(cloud, model) for model in models] == [[], []]
    assert len(cloud.table("fabric.connections")) == 2
    assert not cloud.table("jobs"), "nothing is left to happen by itself"
    acls = cloud.table("arm.storageAccounts")["contosolake"]["properties"]["networkAcls"]
    assert (acls["defaultAction"], acls["bypass"], len(acls["ipRules"])) == ("Deny", "None", 2)
    assert len(acls["virtualNetworkRules"]) == len(acls["ipv6Rules"]) == len(acls["resourceAccessRules"]) == 1
    folder = cloud.table("storage.nodes")["contosolake/lake/sales"]["acl"]
    assert f"default:user:{identities.ACCESS_CONNECTOR.object_id}:rwx" in folder


def test_it_fills_an_empty_cloud_only(contoso: Contoso) -> None:
    before = _state(contoso.cloud)
    with pytest.raises(SeedError, match="empty cloud"):
        load_seed(contoso.cloud, {"name": "contoso"})
    assert _state(contoso.cloud) == before


def test_reset_goes_back_to_the_seed(contoso: Contoso) -> None:
    cloud = contoso.cloud
    before = _state(cloud)
    with cloud.store.transaction():
        cloud.table("fabric.items").clear()
        del cloud.table("storage.nodes")["contosolake/lake/sales"]
        cloud.table("fabric.workspaces")["new"] = {"id": "new"}
    assert _state(cloud) != before
    cloud.reset()
    assert _state(cloud) == before


def test_the_data_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_catalogs([LOGISTICS], tmp_path / name)
    one, two = (
        DeltaTable(tmp_path / name / "logistics/shipping/shipments").to_pyarrow_table() for name in ("one", "two")
    )
    assert one.equals(two)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("long", "bigint"),
        ("decimal(10,2)", "decimal(10,2)"),
        ({"type": "map", "keyType": "string", "valueType": {"type": "array", "elementType": "integer"}},
         "map<string,array<int>>"),
        ({"type": "struct", "fields": [{"name": "a", "type": "short"}, {"name": "b", "type": "date"}]},
         "struct<a:smallint,b:date>"),
    ],
)  # fmt: skip
def test_types_as_text(form: Any, text: str) -> None:
    assert type_text(form) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tenant: {id: 72f988bf-0000-4000-8000-00000000c0de}\nunknown: 1\n", "unknown"),
        ("tenant: [", "not YAML"),
        ("tenant: {id: t}\nazure: {role_assignments: [{scope: /, principal_id: x, role: Reader}]}\n", "names nobody"),
    ],
)
def test_a_bad_seed_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(text)
    cloud = open_cloud(tmp_path / "cloud")
    with pytest.raises(SeedError, match=message):
        fill(cloud, str(path))
    assert cloud.store.is_empty()
    cloud.close()


def _cli(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cloud_emulator.cli", *arguments]


def _wait_for(url: str, authority: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if authority.exists() and httpx.get(f"{url}/_emulator/health", verify=_context(authority)).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the emulator did not start")


def _context(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


@pytest.mark.e2e
def test_served_from_the_command_line_and_after_it_was_killed(tmp_path: Path) -> None:
    port, data = str(free_port()), tmp_path / "cloud"
    location = ("--port", port, "--data", str(data))
    authority, url = data / "tls" / "ca.pem", f"https://localhost:{port}"
    states = []
    for seed, end in ((("--seed", "contoso"), signal.SIGKILL), ((), signal.SIGTERM)):
        with subprocess.Popen(_cli("serve", *location, *seed), stderr=subprocess.PIPE) as process:
            try:
                _wait_for(url, authority)
                with httpx.Client(base_url=f"{url}/_emulator", verify=_context(authority)) as control:
                    if seed:
                        control.post("/clock", json={"advance_seconds": 5}).raise_for_status()
                    states.append(control.get("/state").content)
                    assert control.get("/state").content == states[-1]
                exports = subprocess.run(_cli("env", *location), capture_output=True, text=True, check=True).stdout
            finally:
                process.send_signal(end)
                process.wait(timeout=20)
    assert states[0] == states[1]
    assert f"export AZURE_CLIENT_ID={identities.RUNNER.app_id}" in exports
    assert "export SALES_DATABRICKS_SECRET=" in exports
    assert f"export UNITY_MIRROR_FABRIC_URL={url}/v1" in exports
