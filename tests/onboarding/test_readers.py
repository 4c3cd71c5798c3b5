"""Who can read it: told before anything is made, kept out of the model, refused by the engines, cheap to repeat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud_emulator.seeds.contoso import azure
from cloud_emulator.storage import files
from tests.onboarding.world import World, example, failed
from tests.unit.delta_logs import COMMIT, LOGS, add, lines
from unity_mirror.errors import OperationFailed
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import DataTable, Plan, StepName
from unity_mirror.plan.tmdl import tables_shown
from unity_mirror.steps.verification import Depth

ACCOUNT, CONTAINER = "contosolake", "lake"
TABLE = "orders.dim_promotion"
MATRIX_COLUMNS = {"sql": 1, "direct_lake": 2, "in_the_way": -2, "seen_in": -1}


def rewrite_log(world: World, table: str, about: str, *more: Any) -> None:
    """Gives a table another protocol and other properties, by a commit after its last."""
    folder = f"sales/{table.replace('.', '/')}/_delta_log"
    logged = files.children(world.cloud, ACCOUNT, CONTAINER, folder)
    version = sum(node["path"].endswith(".json") for node in logged)
    protocol, metadata = LOGS[about]
    schema = next(
        line for line in files.content(world.cloud, logged[0]).splitlines() if b"schemaString" in line
    )  # the columns stay as they are
    held = json.loads(schema)["metaData"]
    metadata = {"metaData": {**held, "configuration": metadata["metaData"]["configuration"]}}
    name = COMMIT.format(version).rpartition("/")[2]
    files.put_file(world.cloud, ACCOUNT, CONTAINER, f"{folder}/{name}", lines(protocol, metadata, *more))
    world.cloud.store.commit()


def matrix(plan: Plan) -> DataTable:
    return plan.step(StepName.SQL_ENDPOINT).tables[0]


def row_of(plan: Plan, table: str = TABLE) -> dict[str, str]:
    row = next(row for row in matrix(plan).rows if row[0] == table)
    return {name: row[place] for name, place in MATRIX_COLUMNS.items()}


def log_requests(world: World) -> list[str]:
    """Lists and reads of logs; access control lists are looked at by HEAD."""
    return [
        request["path"]
        for request in world.cloud.requests
        if "_delta_log" in str(request) and request["method"] == "GET"
    ]


ODD = (
    "mapping by id", "deletion vectors", "timestamp_ntz", "v2 checkpoints", "uniform", "variant", "catalog-owned",
    "something new",
)  # fmt: skip


@pytest.mark.parametrize("about", ODD)
async def test_what_an_engine_cannot_read_stays_out_of_it(world: World, about: str) -> None:
    """The plan foresees what the emulated engines then do: nothing fails, and nothing is left out needlessly."""
    rewrite_log(world, TABLE, about)
    plan = (await world.plan(example("sales"))).plan
    row = row_of(plan)
    left_out = {left.subject: left for left in plan.left_out}
    in_model, at_sql = f"{TABLE} in the semantic model", f"{TABLE} at the SQL endpoint"
    assert (in_model in left_out) == (row["direct_lake"] != "yes")
    assert (at_sql in left_out) == (row["sql"] != "yes")
    result = await world.apply(example("sales"))
    assert failed(result.verification) == [], "framing would fail if an unreadable table were in the model"
    assert [left for step in result.steps for left in step.done.left_out] == []
    parts = await definition(world, str(result.known.semantic_model))
    assert (TableRef.parse(TABLE) in tables_shown(parts)) == (row["direct_lake"] == "yes")
    assert (await world.plan(example("sales"))).plan.changes == ()


async def test_through_the_sql_endpoint_that_has_to_read_it_as_well(world: World) -> None:
    rewrite_log(world, TABLE, "mapping by id")
    spec = example("sales", **{"semantic_model.storage_mode": "sql_endpoint"})
    details = {left.subject: left.detail for left in (await world.plan(spec)).plan.left_out}
    assert "SQL analytics endpoint can't read: column mapping by id" in details[f"{TABLE} in the semantic model"]
    result = await world.apply(spec)
    assert failed(result.verification) == [], "framing would fail if it were in the model"


async def definition(world: World, model_id: str) -> dict[str, str]:
    async with world.context(example("sales")) as context:
        return await context.clients.fabric.semantic_models.definition("55550000-0000-4000-8000-00000000f001", model_id)


@pytest.mark.parametrize("about", ["timestamp_ntz", "type widening", "variant", "catalog-managed", "v2 checkpoints"])
async def test_the_engines_do_refuse(world: World, about: str) -> None:
    """What was readable when it was onboarded and isn't any more: framing and the endpoint's refresh fail by it."""
    result = await world.apply(example("sales"))
    rewrite_log(world, TABLE, about)
    async with world.context(example("sales")) as context:
        fabric, workspace_id = context.clients.fabric, result.known.surveyed.workspace.id
        statuses = await fabric.sql_endpoints.refresh_metadata(workspace_id, str(result.known.sql_endpoint))
        assert [status.table_name for status in statuses if status.status == "Failure"] == [
            "orders.delivery_slots", TABLE,
        ]  # fmt: skip
        powerbi = context.clients.powerbi
        refresh = await powerbi.refresh(workspace_id, str(result.known.semantic_model), {"type": "full"})
        with pytest.raises(OperationFailed, match="Direct Lake does not read"):
            await powerbi.wait_for_refresh(workspace_id, str(result.known.semantic_model), refresh)


async def test_too_many_files_for_the_capacity(world: World) -> None:
    """Files past the guardrail: out of the model, and framing fails by it where it is in."""
    result = await world.apply(example("sales"))
    rewrite_log(world, TABLE, "plain", *(add(f"more-{number}.parquet") for number in range(5_001)))
    async with world.context(example("sales")) as context:
        powerbi, place = context.clients.powerbi, (result.known.surveyed.workspace.id, str(result.known.semantic_model))
        with pytest.raises(OperationFailed, match="5002 files"):
            await powerbi.wait_for_refresh(*place, await powerbi.refresh(*place, {"type": "full"}))
    plan = (await world.plan(example("sales"))).plan
    assert row_of(plan)["direct_lake"] == "no", "because framing failed, the logs of the model's tables were read again"
    assert plan.changes == ()
    assert "Sales/dim_promotion" in [change.name for change in plan.step(StepName.SEMANTIC_MODEL).prunable]
    again = await world.apply(example("sales"), prune=True)
    assert failed(again.verification) == []


async def test_verify_sees_a_table_that_falls_back_silently(world: World) -> None:
    """Through the SQL endpoint a model is framed whatever its tables have grown to."""
    spec = example("sales", **{"semantic_model.storage_mode": "sql_endpoint"})
    await world.apply(spec)
    rewrite_log(world, TABLE, "plain", add("more.parquet", rows=2_000_000_000))
    assert (await world.plan(spec)).plan.changes == ()
    (check,) = failed(await world.verify(spec, Depth.FRESH_READ_ONLY), "direct_lake")
    assert f"{TABLE}: Direct Lake falls back to DirectQuery: 2,000,000," in check.evidence
    assert check.remedy is not None
    assert check.remedy.commands == ("OPTIMIZE `sales`.`orders`.`dim_promotion`",)


async def test_before_there_is_anything_each_log_is_read_once(world: World) -> None:
    plan = (await world.plan(example("sales"))).plan
    assert {row[-1] for row in matrix(plan).rows} == {"Delta log"}
    read = [path for path in log_requests(world) if path.endswith(".json")]
    assert len(read) == len(set(read)) >= len(matrix(plan).rows)
    world.cloud.requests.clear()
    result = await world.apply(example("sales"))
    assert len(result.known.mirrored) == 25


async def test_a_run_with_nothing_to_do_reads_no_log_but_that_of_the_odd_table(world: World) -> None:
    await world.apply(example("sales"))
    world.cloud.requests.clear()
    plan = (await world.plan(example("sales"))).plan
    assert plan.changes == ()
    assert {row[0] for row in matrix(plan).rows if row[-1] == "Delta log"} == {"orders.delivery_slots"}
    assert len(log_requests(world)) <= 2
    world.cloud.requests.clear()
    await world.plan(example("sales", **{"engines.check": "never"}))
    assert log_requests(world) == []
    always = (await world.plan(example("sales", **{"engines.check": "always"}))).plan
    assert {row[-1] for row in matrix(always).rows} == {"Delta log"}


def turn_us_away(world: World) -> None:
    """Takes the address of whoever runs unity-mirror off the storage account's firewall."""
    accounts = world.cloud.table("arm.storageAccounts")
    properties = accounts[azure.LAKE]["properties"]
    acls = {**properties["networkAcls"], "ipRules": []}
    accounts[azure.LAKE] = {**accounts[azure.LAKE], "properties": {**properties, "networkAcls": acls}}
    world.cloud.store.commit()


async def test_behind_a_firewall_logs_are_read_once_the_tables_are_mirrored(world: World) -> None:
    """Where the firewall refuses us Unity Catalog's word is taken; Fabric is let in, so OneLake shows the logs."""
    await world.apply(example("sales"))
    turn_us_away(world)
    always = example("sales", **{"engines.check": "always"})
    assert {row[-1] for row in matrix((await world.plan(always)).plan).rows} == {"Delta log"}
    world.cloud.reset()
    turn_us_away(world)
    rewrite_log(world, TABLE, "type widening")
    plan = (await world.plan(example("sales"))).plan
    assert {row[-1] for row in matrix(plan).rows} == {"Unity Catalog"}
    (note,) = plan.step(StepName.SQL_ENDPOINT).notes
    assert "and 22 more tables is Unity Catalog's word" in note
    assert "firewall turns this machine away" in note
    assert [path for path in log_requests(world) if path.endswith(".json")] == []


async def test_without_rights_on_the_files_unity_catalogs_word_is_taken_and_that_is_told(world: World) -> None:
    (note,) = (await world.plan(example("hr"))).plan.step(StepName.SQL_ENDPOINT).notes
    assert note.endswith("the identity that runs unity-mirror may not read its files.")
