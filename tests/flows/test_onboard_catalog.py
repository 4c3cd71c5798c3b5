"""The flow against the sample cloud: how it ends, what it shows, and what the clouds hold afterwards."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from prefect.blocks.system import Secret
from prefect.client.schemas.objects import State
from prefect.utilities.urls import url_for

from flows.onboard_catalog import onboard_catalog
from tasks.steps import STEP_TASKS
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.prefect_api import Seen, seen
from unity_mirror.spec import CatalogSpec, load_spec

MISSION = [
    "Validate prerequisites",
    "Create the connections",
    "Mirror the catalog",
    "Assign ADLS roles and ACLs",
    "Enable trusted workspace access",
    "Create lakehouse shortcuts",
    "Build the semantic model",
]
ALL_TASKS = 1 + len(STEP_TASKS)
DOUBTS = "; 1 check could not be made"
"""Of a group that is local to the Databricks workspace nobody knows an Entra object id."""


def example(name: str, *sets: str) -> CatalogSpec:
    return load_spec(EXAMPLES / f"{name}.yaml", sets=sets)


async def run(
    cloud: SampleCloud, spec: CatalogSpec, *, tasks: int = ALL_TASKS, events: int = 1, **parameters: bool
) -> tuple[State[Any], Seen]:
    """Run the flow as a caller in Python does; returns how it ended and what is to be seen of it."""
    state: State[Any] = await onboard_catalog(spec, clouds=cloud.block, return_state=True, **parameters)
    return state, await seen(state, tasks=tasks, events=events)


async def test_sales_is_onboarded_and_shown_and_a_second_run_writes_nothing(cloud: SampleCloud) -> None:
    state, shown = await run(cloud, example("sales"))
    assert state.is_completed(), state.message
    tables, left_out = len(shown.rows("sales-tables")), len(shown.rows("sales-left-out"))
    assert tables == 25
    counted = f"sales is onboarded: {tables} tables mirrored, {left_out} left out; "
    changed = re.fullmatch(re.escape(counted) + r"(\d+) changes made" + DOUBTS, str(state.message))
    assert changed, state.message
    assert (shown.run.name, "catalog:sales" in shown.run.tags) == ("onboard sales", True)
    assert [shown.task(name).state_type for name in MISSION] == ["COMPLETED"] * len(MISSION)
    _shows_everything(shown)
    _holds_no_secret(shown, cloud)
    assert [item["displayName"] for item in cloud.items("Sales Analytics", "mirroredAzureDatabricksCatalogs")] == [
        "sales"
    ]
    assert "Sales" in [item["displayName"] for item in cloud.items("Sales Analytics", "semanticModels")]
    (event,) = shown.events
    assert event.event == "unity-mirror.catalog.onboarded"
    assert event.resource.id == "unity-catalog.77770000-0000-4000-8000-00000000c0de.sales"
    counts = {"catalog": "sales", "tables": tables, "left_out": left_out, "changes": int(changed[1])}
    run_of_it = {"flow_run_id": str(shown.run.id), "flow_run": "onboard sales", "link": url_for(shown.run)}
    assert event.payload == counts | run_of_it

    cloud.forget_requests()
    state, again = await run(cloud, example("sales"))
    assert state.message == f"{counted}there was nothing to do{DOUBTS}"
    assert cloud.writes() == []
    assert again.events[0].id != event.id


def _shows_everything(shown: Seen) -> None:
    plan = shown.artifacts["sales-plan"].data
    assert isinstance(plan, str)
    assert plan.startswith("# Plan for catalog sales")
    assert "| Mirror | create Mirrored Azure Databricks catalog | sales |" in plan
    results = {row["Step"]: row["What it did"] for row in shown.rows("sales-result")}
    assert results["Mirror"] == "created Mirrored Azure Databricks catalog sales"
    assert re.fullmatch(r"\d+ checks passed", results["Verification"])
    assert {row["Read through OneLake"] for row in shown.rows("sales-tables")} == {"passed"}
    with_shortcut = {row["Table"] for row in shown.rows("sales-tables") if row["Lakehouse shortcut"]}
    assert {name.partition(".")[0] for name in with_shortcut} == {"orders"}
    left_out = {row["What"]: row["Why"] for row in shown.rows("sales-left-out")}
    assert left_out["finance.commissions"] == "has a row filter"
    missing = {row["About"]: row["What to do"] for row in shown.rows("sales-checks")}
    assert "GRANT EXTERNAL USE SCHEMA ON SCHEMA" in missing["schema staging"]
    assert "https://app.fabric.microsoft.com/groups/" in str(shown.artifacts["sales-semantic-model"].data)
    access = {row["Principal"]: row for row in shown.rows("sales-who-can-read-what")}
    assert access["sales-analysts"]["Reads in OneLake"] == access["sales-analysts"]["Reads in Unity Catalog"]
    assert access["workspace-testers"]["Remark"] == "no Entra object id is known for it"
    readers = {row["Table"]: row["Direct Lake"] for row in shown.rows("sales-who-can-read-it")}
    assert readers["orders.delivery_slots"] == "no"
    assert str(shown.artifacts["sales-model-picture"].data).startswith("data:image/svg+xml;base64,")
    assert "Refresh of the SQL endpoint's metadata" in str(shown.artifacts["sales-sql-details"].data)
    summary = str(shown.artifacts["sales-summary"].data)
    assert "sales is onboarded: 25 tables mirrored" in summary
    assert "```\nGRANT EXTERNAL USE SCHEMA ON SCHEMA `sales`.`staging`" in summary
    assert "| has a row filter | 1 | finance.commissions |" in summary
    assert "[Semantic model Sales](https://app.fabric.microsoft.com/groups/" in summary
    assert "The connecting principal has EXTERNAL USE SCHEMA (schema staging): failed." in shown.log


def _holds_no_secret(shown: Seen, cloud: SampleCloud) -> None:
    for name, value in cloud.environment.items():
        if name.endswith("_SECRET"):
            assert value not in shown.text(), name


async def test_a_dry_run_shows_the_plan_and_writes_nothing(cloud: SampleCloud) -> None:
    state, shown = await run(cloud, example("hr"), dry_run=True, tasks=1, events=0)
    assert state.is_completed()
    assert str(state.message).startswith("Dry run, nothing was written. ")
    assert set(shown.artifacts) == {"hr-plan"}
    assert cloud.writes() == []


async def test_a_missing_prerequisite_stops_before_any_write_and_says_what_to_do(cloud: SampleCloud) -> None:
    cloud.forbid_external_access()
    cloud.forget_requests()
    state, shown = await run(cloud, example("hr"), tasks=2)
    assert state.is_failed()
    message = str(state.message)
    assert "External data access is enabled on the metastore (catalog hr): external_access_enabled is false" in message
    assert "What to do: " in message
    assert shown.task("Validate prerequisites").state_type == "FAILED"
    assert "What stops it" in str(shown.artifacts["hr-plan"].data)
    assert "is onboarded" not in str(shown.artifacts["hr-summary"].data)
    assert cloud.writes() == []
    assert "Traceback" not in shown.log
    (failed,) = shown.events
    assert failed.event == "unity-mirror.catalog.failed"
    told = {"catalog": "hr", "ending": "failed", "message": message, "step": "Validate prerequisites"}
    assert told.items() <= failed.payload.items()
    assert failed.payload["remedy"] in message
    assert failed.resource.id == "unity-catalog.77770000-0000-4000-8000-00000000c0de.hr"


async def test_a_spec_that_the_cloud_contradicts_fails_with_the_fields_path(cloud: SampleCloud) -> None:
    state, shown = await run(cloud, example("hr", 'select.include=["nothing_like_it.*"]'), tasks=1)
    assert state.is_failed()
    assert "select.include" in str(state.message)
    assert [task.state_type for task in shown.tasks] == ["FAILED"]
    assert shown.tasks[0].run_count == 1, "what a person has to put right isn't tried again"
    assert cloud.writes() == []
    assert "Traceback" not in shown.log


async def test_a_run_that_fails_is_rolled_back_where_the_spec_asks_for_it(cloud: SampleCloud) -> None:
    before = cloud.names("People Analytics")
    cloud.strike({"method": "POST", "path": "semanticModels$", "status": 403})
    state = await onboard_catalog(example("hr", "on_failure=rollback"), clouds=cloud.block, return_state=True)
    cloud.strike()
    assert state.is_failed()
    message = str(state.message)
    assert "Undone: Mirrored Azure Databricks catalog hr, Fabric connection databricks-hr." in message, message
    assert cloud.names("People Analytics") == before


async def test_a_secret_comes_from_a_prefect_block(cloud: SampleCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HR_DATABRICKS_SECRET")
    written = yaml.safe_load((EXAMPLES / "hr.yaml").read_text())
    written["databricks"]["connection"]["auth"]["secret"] = {"block": "hr-databricks"}
    spec = load_spec(written)
    state = await onboard_catalog(spec, clouds=cloud.block, return_state=True)
    assert state.is_failed()
    assert "there is no Prefect block 'hr-databricks'" in str(state.message)

    await Secret(value=cloud.environment["HR_DATABRICKS_SECRET"]).save("hr-databricks")
    state, shown = await run(cloud, spec)
    assert state.is_completed(), state.message
    assert [item["displayName"] for item in cloud.items("People Analytics", "mirroredAzureDatabricksCatalogs")] == [
        "hr"
    ]
    _holds_no_secret(shown, cloud)
