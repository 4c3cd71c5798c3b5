"""Onboarding the sample catalogs: what the clouds hold afterwards, and what delta-rs reads through OneLake."""

from __future__ import annotations

import pytest

from cloud_emulator.seeds.contoso import azure
from cloud_emulator.services import mounts
from tests.emulator.served import running
from tests.onboarding.delta import at_its_source, checksum, through_onelake
from tests.onboarding.test_drift import register, write_log
from tests.onboarding.world import World, example, failed
from unity_mirror.plan.model import Reason, StepName
from unity_mirror.plan.ownership import read_mark

WORKSPACE = "55550000-0000-4000-8000-00000000f001"


async def test_sales_is_onboarded_and_everything_can_be_read(world: World) -> None:
    result = await world.apply(example("sales"))
    assert failed(result.verification) == []
    assert len(result.known.mirrored) == len(result.known.surveyed.selection.refs) == 25
    assert {str(ref) for ref in result.known.shortcuts} == {
        str(ref) for ref in result.known.mirrored if ref.schema == "orders"
    }


async def test_one_of_each_kind_is_left_out_with_its_reason(world: World) -> None:
    plan = (await world.plan(example("sales"))).plan
    reasons = {left.subject: left.reason for left in plan.left_out}
    assert reasons == {
        "archive": Reason.EMPTY_SCHEMA,
        "finance.commissions": Reason.ROW_FILTER,
        "finance.tmp_reconciliation": Reason.FILTERED,
        "inventory.legacy_stock": Reason.OTHER_ACCOUNT,
        "inventory.supplier_feed": Reason.UNSUPPORTED_FORMAT,
        "marketing.leads": Reason.COLUMN_MASK,
        "orders.daily_revenue": Reason.UNSUPPORTED_TYPE,
        "orders.delivery_slots at the SQL endpoint": Reason.UNREADABLE,
        "orders.delivery_slots in the semantic model": Reason.UNREADABLE,
        "orders.order_events": Reason.UNSUPPORTED_TYPE,
        "orders.recent_sales": Reason.UNSUPPORTED_TYPE,
        "partners.crm_accounts": Reason.UNSUPPORTED_TYPE,
        "partners.market_prices": Reason.UNSUPPORTED_TYPE,
        "restricted.margins": Reason.NO_PRIVILEGE,
        "staging.raw_customers": Reason.NO_EXTERNAL_USE,
        "staging.raw_orders": Reason.NO_EXTERNAL_USE,
    }


@pytest.mark.parametrize("name", ["sales", "hr"])
async def test_a_second_run_finds_nothing_to_do_and_writes_nothing(world: World, name: str) -> None:
    await world.apply(example(name))
    world.cloud.requests.clear()
    before = world.dump()
    assert (await world.plan(example(name))).plan.changes == ()
    result = await world.apply(example(name))
    assert failed(result.verification) == []
    assert "write" not in world.effects()
    assert world.dump() == before


async def test_what_is_ours_carries_a_mark_and_the_others_things_stay(world: World) -> None:
    before = world.dump()
    result = await world.apply(example("sales"))
    after = world.dump()
    item = after["fabric.items"][str(result.known.item)]
    mark = read_mark(item["description"])
    assert mark is not None
    assert mark.catalog == "sales"
    assert {made.value for made in mark.made} == {
        "acl", "acl-0", "databricks-connection", "identity", "identity-role", "network-rule", "storage-connection",
    }  # fmt: skip
    for table in ("fabric.items", "fabric.connections", "fabric.shortcuts", "arm.roleAssignments"):
        kept = {key: after[table].get(key) for key in before.get(table, {})}
        assert kept == before.get(table, {}), table


async def test_the_network_rule_is_added_last_and_the_others_stay_in_order(world: World) -> None:
    before = world.dump()["arm.storageAccounts"][azure.LAKE]["properties"]["networkAcls"]
    await world.apply(example("sales"))
    after = world.dump()["arm.storageAccounts"][azure.LAKE]["properties"]["networkAcls"]
    rules = after["resourceAccessRules"]
    assert rules[: len(before["resourceAccessRules"])] == before["resourceAccessRules"]
    assert [rule["resourceId"].rsplit("/", 1)[-1] for rule in rules[len(before["resourceAccessRules"]) :]] == [
        WORKSPACE
    ]
    assert {name: value for name, value in after.items() if name != "resourceAccessRules"} == {
        name: value for name, value in before.items() if name != "resourceAccessRules"
    }


async def test_hr_needs_neither_identity_nor_storage_connection(world: World) -> None:
    result = await world.apply(example("hr"))
    assert failed(result.verification) == []
    done = {step.step for step in result.steps if step.plan.changes}
    assert done == {StepName.CONNECTIONS, StepName.MIRROR, StepName.SQL_ENDPOINT, StepName.SEMANTIC_MODEL}


async def test_delta_rs_reads_every_table_through_onelake(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row counts and checksums equal the source's, on the mirrored item and through the lakehouse's shortcuts."""
    result = await world.apply(example("sales"))
    locations = {table.ref: table.storage_location or "" for table in result.known.surveyed.selection.selected}
    with running(world.cloud, mounts()) as address:
        monkeypatch.setenv("SSL_CERT_FILE", address.authority)
        for ref in result.known.mirrored:
            wanted = checksum(at_its_source(world, address, locations[ref]))
            items = [result.known.item, *([result.known.lakehouse] if ref in result.known.shortcuts else [])]
            for item in items:
                assert checksum(through_onelake(world, address, WORKSPACE, str(item), ref)) == wanted, ref


ODD = (
    "o'brien",
    "straße",
    "a&b",
    "semi;colon",
    "back`tick",
    "[brackets]",
    "100%_ok",
    "plus+one",
    "x#y",
    "q?r",
    'quo"te',
)
"""Names that Unity Catalog takes; the last five no OneLake shortcut can have."""


async def test_tables_of_odd_names_are_mirrored_and_what_a_shortcut_cannot_hold_is_told(world: World) -> None:
    for place, name in enumerate(ODD):
        folder = f"sales/odd/{place}"
        await write_log(world, folder)
        await register(world, "orders", name, f"abfss://lake@contosolake.dfs.core.windows.net/{folder}")
    spec = example("sales")
    result = await world.apply(spec)
    assert failed(result.verification) == []
    assert {f"orders.{name}" for name in ODD} <= {str(ref) for ref in result.known.mirrored}
    told = {left.subject for left in result.left_out if left.reason is Reason.UNUSABLE_NAME}
    assert told == {f"orders.{name} in the lakehouse" for name in ODD[6:]}
    assert (await world.plan(spec)).plan.changes == ()
