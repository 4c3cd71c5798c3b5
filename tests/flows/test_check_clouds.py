"""A block tried out: all that it is asked for works, or it says what doesn't and what to do; never a secret."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.client.schemas.objects import State
from pydantic import SecretStr

from blocks import UnityMirrorClouds
from flows.check_clouds import check_clouds
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.prefect_api import seen
from unity_mirror.spec import load_spec

SALES = load_spec(EXAMPLES / "sales.yaml")
WRONG = "planted-wrong-secret-0123456789"


def _asked() -> dict[str, str]:
    assert SALES.storage is not None
    return {
        "databricks_workspace": SALES.databricks.workspace,
        "storage_account": str(SALES.storage.resource_id),
    }


async def test_a_good_block_is_told_what_each_api_shows(cloud: SampleCloud) -> None:
    found = await cloud.block.check({}, **_asked())
    told = {answer.api: (answer.outcome, answer.what) for answer in found.answers}
    assert found.ok, str(found)
    assert told["Entra ID"][1].startswith("signed in as application ")
    assert told["Fabric"] == ("works", "2 workspaces")
    assert told["OneLake"] == ("works", "Lakehouse planning shows 1 of its tables' folders")
    assert told["Power BI"] == ("works", "semantic model Regional Targets shows 0 of its refreshes")
    assert "contosolake" in told["Azure Resource Manager"][1]
    assert {outcome for outcome, _ in told.values()} == {"works"}
    assert cloud.writes() == []


async def test_what_is_not_given_is_not_asked(cloud: SampleCloud) -> None:
    found = await cloud.block.check({})
    assert {answer.api for answer in found.answers if answer.outcome == "not asked"} >= {
        "Databricks",
        "Azure Resource Manager",
    }


async def test_a_wrong_secret_is_told_by_entra_id_and_nobody_else_is_asked(cloud: SampleCloud) -> None:
    block = cloud.block.model_copy(update={"client_secret": SecretStr(WRONG)})
    found = await block.check({}, **_asked())
    (answer,) = found.answers
    assert (answer.api, answer.outcome, found.ok) == ("Entra ID", "failed", False)
    assert "What to do: " in answer.what
    assert WRONG not in f"{found}{found!r}{answer.row}"


async def test_an_address_that_cannot_be_used_is_told(cloud: SampleCloud) -> None:
    block = UnityMirrorClouds(cloud="public", ca_file="no/such/file.pem")
    found = await block.check({"UNITY_MIRROR_DEADLINE_SECONDS": "soon"})
    assert [answer.api for answer in found.answers] == ["Settings"]
    assert "UNITY_MIRROR_DEADLINE_SECONDS" in str(found)


@pytest.mark.parametrize("good", [True, False])
async def test_the_flow_ends_as_the_check_does(cloud: SampleCloud, good: bool) -> None:
    block = cloud.block if good else cloud.block.model_copy(update={"client_secret": SecretStr(WRONG)})
    state: State[Any] = await check_clouds(block, **_asked(), return_state=True)
    assert state.is_completed() is good, state.message
    shown = await seen(state, tasks=0, events=0)
    assert shown.rows("check-clouds")[0]["API"] == "Entra ID"
    assert WRONG not in shown.text()
    assert "Traceback" not in shown.log
