"""What other services ask of Unity Catalog: membership, sight, reading, vending."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.unity_catalog import access, state
from cloud_emulator.unity_catalog.bulk import add_tables
from cloud_emulator.unity_catalog.seed import UnityCatalogSeed, load
from cloud_emulator.unity_catalog.state import Securable, named
from tests.emulator.support import small_cloud
from tests.emulator.uc_world import (
    BARE_HOST,
    HOST,
    METASTORE,
    OTHER_HOST,
    OWNER,
    OWNER_PAT,
    READER,
    READER_APP,
    STRANGER_APP,
    account,
    uc_cloud,
)

CUSTOMERS = "sales.orders.customers"


CLOUD = uc_cloud


def grant(cloud: Cloud, full_name: str, *privileges: str, principal: str = READER_APP) -> None:
    where = named(full_name)
    held = dict(state.grants_on(cloud, METASTORE, where))
    state.put_grants(cloud, METASTORE, where, {**held, principal: [*held.get(principal, ()), *privileges]})


def allow_outside(cloud: Cloud) -> None:
    table = state.table_of(cloud, "metastores")
    table[METASTORE] = {**table[METASTORE], "external_access_enabled": True}


def code(denial: access.UcDenial | None) -> str | None:
    return denial.code if denial is not None else None


def test_members_sign_in_by_application_id_and_through_nested_groups(cloud: Cloud) -> None:
    assert access.signs_in(cloud, HOST, READER_APP)
    assert not access.signs_in(cloud, HOST, READER)
    assert not access.signs_in(cloud, OTHER_HOST, READER_APP)
    assert not access.signs_in(cloud, HOST, STRANGER_APP)
    assert not access.signs_in(cloud, "adb-9.9.azuredatabricks.net", READER_APP)


def test_a_personal_access_token_belongs_to_one_workspace_and_is_not_kept(cloud: Cloud) -> None:
    assert access.principal_of_token(cloud, HOST, OWNER_PAT) == OWNER
    assert access.principal_of_token(cloud, OTHER_HOST, OWNER_PAT) is None
    assert OWNER_PAT not in str(cloud.store.dump())


def test_ip_access_lists_shut_fabric_out(cloud: Cloud) -> None:
    assert access.reachable_by_fabric(cloud, HOST)
    table = state.table_of(cloud, "workspaces")
    table[HOST] = {**table[HOST], "ip_access_lists_enabled": True}
    assert not access.reachable_by_fabric(cloud, HOST)


@pytest.mark.parametrize("missing", ["USE_CATALOG", "USE_SCHEMA", "SELECT"])
def test_reading_needs_the_whole_way(cloud: Cloud, missing: str) -> None:
    wanted = {"USE_CATALOG": "sales", "USE_SCHEMA": "sales.orders", "SELECT": CUSTOMERS}
    for privilege, where in wanted.items():
        if privilege != missing:
            grant(cloud, where, privilege)
    denial = access.readable(cloud, HOST, READER_APP, CUSTOMERS)
    assert denial is not None
    assert denial.code == "PERMISSION_DENIED"
    assert f"{missing.replace('_', ' ')} on" in denial.message
    assert access.visible_tables(cloud, HOST, READER_APP, "sales", "orders") == []
    grant(cloud, wanted[missing], missing)
    assert access.readable(cloud, HOST, READER_APP, CUSTOMERS) is None
    assert [each["name"] for each in access.visible_tables(cloud, HOST, READER_APP, "sales", "orders")] == ["customers"]


def test_privileges_are_inherited_and_reach_through_groups(cloud: Cloud) -> None:
    grant(cloud, "sales", "USE_CATALOG", "USE_SCHEMA", "SELECT", principal="everyone")
    assert access.readable(cloud, HOST, READER_APP, CUSTOMERS) is None
    assert [each["name"] for each in access.visible_schemas(cloud, HOST, READER_APP, "sales")] == ["orders", "staging"]
    assert len(access.visible_tables(cloud, HOST, READER_APP, "sales", "orders")) == 6


def test_owning_a_parent_reads_nothing(cloud: Cloud) -> None:
    tables = state.table_of(cloud, "tables")
    key = state.key(METASTORE, CUSTOMERS)
    tables[key] = {**tables[key], "body": {**tables[key]["body"], "owner": "admins"}}
    assert "SELECT" in str(access.readable(cloud, HOST, OWNER, CUSTOMERS))
    assert "customers" in [each["name"] for each in access.visible_tables(cloud, HOST, OWNER, "sales", "orders")]


def test_browsing_shows_metadata_without_where_it_lies(cloud: Cloud) -> None:
    grant(cloud, "sales", "BROWSE")
    (catalog,) = access.visible_catalogs(cloud, HOST, READER_APP)
    assert catalog["browse_only"] is True
    (customers, *_) = access.visible_tables(cloud, HOST, READER_APP, "sales", "orders")
    assert customers["browse_only"] is True
    assert "storage_location" not in customers
    assert code(access.readable(cloud, HOST, READER_APP, CUSTOMERS)) == "PERMISSION_DENIED"


def test_isolated_catalogs_stay_in_their_workspaces(cloud: Cloud) -> None:
    assert [each["name"] for each in access.visible_catalogs(cloud, HOST, OWNER)] == ["sales"]
    assert [each["name"] for each in access.visible_catalogs(cloud, OTHER_HOST, OWNER)] == ["sales", "hr"]
    assert access.table(cloud, BARE_HOST, CUSTOMERS) is None


def test_vending_needs_the_switch_and_external_use_schema(cloud: Cloud) -> None:
    grant(cloud, "sales", "ALL_PRIVILEGES")
    assert code(access.vend(cloud, HOST, READER_APP, CUSTOMERS)) == "EXTERNAL_ACCESS_DISABLED_ON_METASTORE"
    allow_outside(cloud)
    denial = access.vend(cloud, HOST, READER_APP, CUSTOMERS)
    assert denial is not None
    assert "EXTERNAL USE SCHEMA on Schema 'sales.orders'" in denial.message
    grant(cloud, "sales", "EXTERNAL_USE_SCHEMA")
    assert access.vend(cloud, HOST, READER_APP, CUSTOMERS) is None
    assert access.vend(cloud, HOST, READER_APP, "SALES.Orders.Customers") is None


def test_owning_a_schema_does_not_vend(cloud: Cloud) -> None:
    allow_outside(cloud)
    assert access.readable(cloud, HOST, OWNER, CUSTOMERS) is None
    assert code(access.vend(cloud, HOST, OWNER, CUSTOMERS)) == "PERMISSION_DENIED"


@pytest.mark.parametrize("name", ["masked", "filtered", "parquet", "recent"])
def test_what_cannot_be_read_from_outside_is_not_vended(cloud: Cloud, name: str) -> None:
    allow_outside(cloud)
    grant(cloud, "sales", "ALL_PRIVILEGES", "EXTERNAL_USE_SCHEMA")
    assert access.vend(cloud, HOST, READER_APP, f"sales.orders.{name}") is not None


def test_a_policy_above_forbids_vending(cloud: Cloud) -> None:
    allow_outside(cloud)
    grant(cloud, "sales", "ALL_PRIVILEGES", "EXTERNAL_USE_SCHEMA")
    where = state.grants_key(METASTORE, Securable("SCHEMA", "sales.orders"))
    state.table_of(cloud, "policies")[where] = {"on": where, "body": {"name": "hide"}}
    assert code(access.vend(cloud, HOST, READER_APP, CUSTOMERS)) == "PERMISSION_DENIED"


def test_a_seed_that_grants_to_an_object_id_is_refused(tmp_path: Path) -> None:
    section = account()
    section["metastores"][0]["catalogs"][0]["grants"] = {READER: ["SELECT"]}
    with pytest.raises(ValueError, match="object id"):
        load(small_cloud(tmp_path), UnityCatalogSeed.model_validate(section))


def test_ten_thousand_tables_are_made_and_listed_quickly(cloud: Cloud) -> None:
    add_tables(
        cloud, METASTORE, "sales", OWNER, schemas=10, tables_each=1000, root="abfss://lake@big.dfs.core.windows.net"
    )
    cloud.store.commit()
    assert len(access.visible_tables(cloud, HOST, OWNER, "sales", "schema_0010")) == 1000
