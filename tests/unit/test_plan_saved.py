"""Saved plans: what they hold, what makes them unusable, and the report's page."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.spec_samples import WORKSPACE_URL
from unity_mirror.errors import SpecError
from unity_mirror.plan.model import Action, AfterApply, Change, Plan, StepName, StepPlan
from unity_mirror.plan.report import report_page
from unity_mirror.plan.saved import moved, read_saved, save
from unity_mirror.spec import load_spec

MINIMAL = {"catalog": "sales", "databricks": {"workspace": WORKSPACE_URL}, "fabric": {"workspace": "Sales Analytics"}}
CONNECTION = Change(
    StepName.CONNECTIONS,
    Action.CREATE,
    "Fabric connection",
    "databricks-sales",
    "none fits",
    after={"id": AfterApply(StepName.CONNECTIONS, "databricks_connection"), "kinds": ("ServicePrincipal",)},
)
ITEM = Change(StepName.MIRROR, Action.CREATE, "Item", "sales", "it isn't there", after={"tables": 3})


def plan(*changes: Change) -> Plan:
    return Plan("sales", "Sales Analytics", tuple(StepPlan(change.step, (change,)) for change in changes))


def saved(*changes: Change) -> Any:
    document = save([(load_spec(MINIMAL), plan(*changes))], prune=True)
    return read_saved(json.loads(json.dumps(document)), "plan.json")[0]


def test_a_saved_plan_is_the_same_plan() -> None:
    found = saved(CONNECTION, ITEM)
    assert found.prune
    assert load_spec(found.spec) == load_spec(MINIMAL)
    assert moved(found, plan(CONNECTION, ITEM)) == ()


MOVED = {
    "new": (plan(CONNECTION, ITEM), "needed now: create Item sales"),
    "gone": (plan(), "no longer needed: create Fabric connection databricks-sales"),
    "other": (plan(replace(CONNECTION, after={"id": "1"})), "with other values now: create Fabric connection"),
}


@pytest.mark.parametrize("what", MOVED)
def test_whatever_moved_is_named(what: str) -> None:
    now, told = MOVED[what]
    assert told in "; ".join(moved(saved(CONNECTION), now))


@pytest.mark.parametrize(
    "document",
    [{"version": 2}, {"version": 1}, {"version": 1, "catalogs": []}, {"version": 1, "catalogs": [{"spec": None}]}],
)
def test_what_is_no_saved_plan_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as refused:
        read_saved(document, "plan.json")
    assert "plan.json" in str(refused.value)


def test_an_edit_of_the_file_is_told() -> None:
    document = save([(load_spec(MINIMAL), plan(CONNECTION))], prune=False)
    document["catalogs"][0]["spec"]["fabric"]["workspace"] = "People Analytics"
    with pytest.raises(SpecError, match="digest: it isn't as unity-mirror wrote it"):
        read_saved(document, "plan.json")


def test_the_page_holds_text_as_text() -> None:
    """Names of the clouds are other people's words: they never become markup."""
    run = {
        "command": "plan", "finished_at": "2026-08-12T10:00:00+00:00", "seconds": 1.5, "exit_code": 2, "calls": [],
        "catalogs": [{"catalog": "<script>alert(1)</script>", "workspace": "a & b", "steps": [], "left_out": []}],
    }  # fmt: skip
    page = report_page(run)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "a &amp; b" in page
