"""Which Delta tables the SQL analytics endpoint and Direct Lake refuse: each feature, and the capacity's guardrails.

Held against what unity-mirror says of the same logs, though neither knows of the other.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric.items import CAPACITIES, ITEMS
from cloud_emulator.fabric.sql_endpoints import endpoint_of
from cloud_emulator.storage import files
from tests.unit.delta_logs import LOGS, add, lines, metadata, protocol, table
from unity_mirror.clients.delta import read_delta_state
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.engines import Engine, Readability, Verdict, guardrail_of, judge

from .fabric_cloud import CAPACITY, FIREWALLED, WORKSPACE, Fabric
from .fabric_data_cloud import data_cloud, mirror, result, settle
from .test_fabric_data_models import make_model, refresh

FOLDER = "sales/customers/people"
GB = 1024**3


CLOUD = data_cloud


def put_log(cloud: Cloud, *actions: Mapping[str, Any]) -> None:
    name = f"{FOLDER}/_delta_log/{0:020}.json"
    files.put_file(cloud, FIREWALLED, "lake", name, lines(*actions))
    cloud.store.commit()


async def judged(sku: str, *actions: Mapping[str, Any]) -> Readability:
    """What unity-mirror says of a log."""
    state = await read_delta_state(table(*actions))
    return judge(TableRef("customers", "people"), state, guardrail_of(sku))


async def endpoint_says(fabric: Fabric, item_id: str) -> str:
    endpoint = endpoint_of(fabric.cloud, fabric.cloud.table(ITEMS)[item_id])
    assert endpoint is not None
    path = f"/workspaces/{WORKSPACE}/sqlEndpoints/{endpoint['id']}/refreshMetadata"
    statuses = (await result(fabric, "POST", path))["value"]
    return str(next(each["status"] for each in statuses if each["tableName"] == "customers.people"))


@pytest.mark.parametrize("about", LOGS)
async def test_each_feature(fabric: Fabric, about: str) -> None:
    """What isn't documented to be read is refused: by the protocol a reader refuses what it doesn't know."""
    item_id = await mirror(fabric)
    model_id = await make_model(fabric, item_id)
    await settle(fabric)
    actions = LOGS[about]
    put_log(fabric.cloud, *actions)
    by_us = await judged("F64", *actions)
    status = await endpoint_says(fabric, item_id)
    assert (status == "Success") == (by_us.verdicts[Engine.SQL_ENDPOINT] is Verdict.YES), by_us
    framed = await refresh(fabric, model_id)
    assert (framed["status"] == "Completed") == (by_us.verdicts[Engine.DIRECT_LAKE] is Verdict.YES), framed


PAST = {
    "files": [add(f"{number}.parquet") for number in range(1_001)],
    "rows": [add("a.parquet", rows=200_000_000), add("b.parquet", rows=100_000_001)],
    "size": [add("a.parquet", size=10 * GB), add("b.parquet", size=1)],
}
WITHIN = {
    "files": PAST["files"][1:],
    "rows": [add("a.parquet", rows=300_000_000)],
    "size": [add("a.parquet", size=10 * GB)],
}


def resize(cloud: Cloud, sku: str) -> None:
    capacities = cloud.table(CAPACITIES)
    capacities[CAPACITY] = {**capacities[CAPACITY], "sku": sku}
    cloud.store.commit()


@pytest.mark.parametrize("what", PAST)
async def test_the_guardrails_of_the_capacity(fabric: Fabric, what: str) -> None:
    model_id = await make_model(fabric, await mirror(fabric))
    plain = (protocol(versions=(1, 2)), metadata())
    for sku, adds, refused in (("F2", PAST, True), ("F2", WITHIN, False), ("F64", PAST, False)):
        resize(fabric.cloud, sku)
        put_log(fabric.cloud, *plain, *adds[what])
        framed = await refresh(fabric, model_id)
        assert (framed["status"] == "Failed") == refused, (sku, framed)
        if what != "size":
            assert (await judged(sku, *plain, *adds[what])).hindered == refused


async def test_the_guardrail_of_row_groups(fabric: Fabric) -> None:
    """They stand in the footers of the files alone."""
    model_id = await make_model(fabric, await mirror(fabric))
    sink = io.BytesIO()
    parquet.write_table(pa.table({"id": range(1_001)}), sink, row_group_size=1)
    files.put_file(fabric.cloud, FIREWALLED, "lake", f"{FOLDER}/a.parquet", sink.getvalue())
    put_log(fabric.cloud, protocol(versions=(1, 2)), metadata(), add("a.parquet", rows=1_001))
    assert (await refresh(fabric, model_id))["status"] == "Completed"
    resize(fabric.cloud, "F8")
    failed = await refresh(fabric, model_id)
    assert "1001 row groups" in failed["messages"][0]["message"]
