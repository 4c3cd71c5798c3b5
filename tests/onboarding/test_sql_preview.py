"""T-SQL through Microsoft's driver at the sample cloud's SQL endpoints: counts, first rows, keys that aren't unique."""

from __future__ import annotations

import asyncio
import ctypes.util
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytds
import pytest
import yaml

from cloud_emulator.environment import remember_sql_port, variables
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.server import make_server
from cloud_emulator.services import mounts
from cloud_emulator.sql.listener import SqlListener
from tests.emulator.served import free_port
from tests.onboarding.world import EXAMPLES, World, example, failed
from unity_mirror.clients.sql import QueryResult, SqlClient
from unity_mirror.errors import CloudError
from unity_mirror.plan.model import Outcome, StepName
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps.runner import Result, apply_plan, make_plan
from unity_mirror.steps.sql_preview import SAME
from unity_mirror.steps.sql_values import REFERRED, SHORT, UNIQUE
from unity_mirror.steps.verification import Depth, verify


@contextmanager
def served(world: World) -> Iterator[dict[str, str]]:
    """The cloud's APIs and SQL endpoints on one loop; gives the environment to reach them."""
    port, sql_port = free_port(), free_port()
    server = make_server(world.cloud, mounts(), host="127.0.0.1", port=port)
    listener = SqlListener(world.cloud)

    async def serve() -> None:
        await listener.start(host="127.0.0.1", port=sql_port)
        try:
            await server.serve()
        finally:
            await listener.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    remember_sql_port(world.cloud.folder, sql_port)
    try:
        yield {**os.environ, **variables(world.cloud.folder, port)}
    finally:
        remember_sql_port(world.cloud.folder, None)
        server.should_exit = True
        thread.join(timeout=20)


def apply(environment: dict[str, str], spec: Path) -> dict[str, Any]:
    """What ``unity-mirror apply --json`` says, in a process of its own: the driver lasts as long as its process."""
    command = [sys.executable, "-m", "unity_mirror.cli", "apply", str(spec), "--yes", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def step_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(step for step in document["steps"] if step["step"] == name)


def written(tmp_path: Path, **model: Any) -> Path:
    document = yaml.safe_load((EXAMPLES / "sales.yaml").read_text(encoding="utf-8"))
    document["sql_endpoint"] = {"preview": True, "rows": 2}
    document["semantic_model"] |= {"check_keys": True, "check_texts": True, **model}
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_counts_first_rows_and_keys(live: World, tmp_path: Path) -> None:
    if ctypes.util.find_library("ltdl") is None:
        pytest.skip("mssql-python needs the system package libltdl7: apt-get install libltdl7")
    with served(live) as environment:
        wish = {"from_column": "orders.dim_customer.country", "to_column": "orders.dim_store.country"}
        document = apply(environment, written(tmp_path, more_relationships=[wish]))
        tables = {table["title"]: table for table in step_of(document, "sql_endpoint")["tables"]}
        counts = {row[0]: row[1:] for row in tables["Rows by T-SQL"]["rows"]}
        assert len(counts) == 24, "all but the one that the endpoint can't read"
        assert counts["orders.fact_returns"] == ["4,000", "4,000", ""]
        assert {row[-1] for row in counts.values()} == {""}, "as many rows as the Delta logs say"
        first = tables["First rows of orders.dim_product_category"]
        assert first["columns"] == ["category_key", "category_name"]
        assert len(first["rows"]) == 2
        assert "labels" not in tables["First rows of orders.order_documents"]["columns"], "arrays are absent"
        keys = {(row[0], row[1]): row[2:] for row in tables["Keys of the one sides"]["rows"]}
        assert keys["orders.dim_product", "product_key"][-1] == ""
        assert keys["orders.fact_sales", "sale_key"][-1] == ""
        references = {(row[0], row[1], row[2]): row[3] for row in tables["References of the many sides"]["rows"]}
        assert references["orders.fact_returns", "sale_key", "orders.fact_sales.sale_key"] == ""
        texts = {(row[0], row[1]): row[2] for row in tables["Longest texts"]["rows"]}
        assert 3 < int(texts["orders.dim_store", "country"]) < 50
        refreshed = {row[0]: row[1:3] for row in tables["Refresh of the SQL endpoint's metadata"]["rows"]}
        assert refreshed["orders.delivery_slots"] == ["Failure", "never"]
        assert refreshed["orders.dim_date"][0] == "Success"
        assert "repeat a value" in keys["orders.dim_store", "country"][-1]
        notes = step_of(document, "sql_endpoint")["notes"]
        assert any("orders.dim_store.country is the one side" in note for note in notes)
        for name, (counted, *_) in counts.items():
            assert by_python_tds(live, environment, f"SELECT COUNT_BIG(*) FROM {name}") == int(counted.replace(",", ""))


def by_python_tds(world: World, environment: dict[str, str], query: str) -> int:
    """What another driver that others wrote reads, as the runner and with the server's certificate verified."""
    principal = world.cloud.directory.by_object_id(identities.RUNNER.object_id)
    assert principal is not None
    token = world.cloud.tokens.issue(principal, "https://database.windows.net", "https://login.test/v2.0")
    host, _, port = environment["UNITY_MIRROR_SQL_SERVER"].partition(",")
    with warnings.catch_warnings():  # python-tds checks the server's name by means that pyOpenSSL deprecates
        warnings.filterwarnings("ignore", message="X509", category=DeprecationWarning)
        connection = pytds.connect(
            host,
            database="sales",
            port=int(port),
            access_token_callable=lambda: token,
            cafile=environment["SSL_CERT_FILE"],
            autocommit=True,
            disable_connect_retry=True,
        )
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchall()[0][0])


class Answers(SqlClient):
    """Stands in for the driver: every table has as many rows as asked for, or the login fails."""

    def __init__(self, rows: int = 3, refusal: CloudError | None = None) -> None:
        self.rows, self.refusal = rows, refusal
        self.asked: list[str] = []

    async def queries(self, server: str, database: str, statements: Sequence[str]) -> list[QueryResult]:
        if self.refusal is not None:
            raise self.refusal
        self.asked += statements
        return [QueryResult(("n", "a"), ((self.rows, 1, 1, 1),)) for _ in statements]


async def run(world: World, sql: SqlClient, **changes: Any) -> Result:
    """Applies examples/sales.yaml with changes of parts of it."""
    described = example("sales").model_dump()
    for part, fields in changes.items():
        described[part] = {**(described[part] or {}), **fields}
    async with world.context(CatalogSpec.model_validate(described)) as context:
        context = replace(context, clients=replace(context.clients, sql=sql))
        return await apply_plan(context, await make_plan(context))


def notes_of(result: Result, name: StepName) -> tuple[str, ...]:
    return next(step for step in result.steps if step.step is name).done.notes


async def test_nothing_is_asked_unless_the_spec_says_so(world: World) -> None:
    sql = Answers()
    result = await run(world, sql)
    assert sql.asked == []
    assert notes_of(result, StepName.SQL_ENDPOINT) == ()


async def test_a_count_that_differs_from_the_source_is_told(world: World) -> None:
    sql = Answers(rows=7)
    result = await run(world, sql, sql_endpoint={"preview": True, "rows": 0})
    assert all("TOP" not in statement for statement in sql.asked)
    notes = notes_of(result, StepName.SQL_ENDPOINT)
    assert any(
        "orders.fact_returns has 7 rows at the SQL endpoint and 4,000 in its Delta log" in note for note in notes
    )


async def test_a_preview_that_fails_fails_nothing_else(world: World) -> None:
    result = await run(world, Answers(refusal=CloudError("no driver here")), sql_endpoint={"preview": True})
    assert notes_of(result, StepName.SQL_ENDPOINT) == ("no driver here",)
    assert failed(result.verification) == []


async def test_keys_are_looked_at_when_only_the_model_changes(world: World) -> None:
    await run(world, Answers())
    wish = {"from_column": "orders.dim_customer.country", "to_column": "orders.dim_store.country"}
    sql = Answers()
    result = await run(world, sql, semantic_model={"check_keys": True, "more_relationships": [wish]})
    assert any("COUNT_BIG(DISTINCT [country])" in statement for statement in sql.asked)
    assert any("orders.dim_store.country is the one side" in note for note in notes_of(result, StepName.SEMANTIC_MODEL))


async def verified(world: World, sql: SqlClient, **changes: Any) -> dict[str, tuple[Outcome, str]]:
    """What ``unity-mirror verify`` says of the data, by the checks' titles."""
    described = example("sales").model_dump()
    for part, fields in changes.items():
        described[part] = {**(described[part] or {}), **fields}
    async with world.context(CatalogSpec.model_validate(described)) as context:
        context = replace(context, clients=replace(context.clients, sql=sql))
        found = await verify(context, (await make_plan(context)).known, Depth.FRESH_READ_ONLY)
    return {each.title: (each.outcome, each.evidence) for each in found.checks if each.id in ("values", "direct_lake")}


async def test_verify_looks_at_the_data_whether_anything_changed_or_not(world: World) -> None:
    await run(world, Answers())
    within = "The semantic model's tables are within what Direct Lake takes"
    assert list(await verified(world, Answers())) == [within]
    asked = {"sql_endpoint": {"preview": True, "rows": 0}, "semantic_model": {"check_keys": True, "check_texts": True}}
    found = await verified(world, Answers(rows=40_000), **asked)
    assert {title: outcome for title, (outcome, _) in found.items()} == {
        within: Outcome.PASSED, SAME: Outcome.FAILED, UNIQUE: Outcome.FAILED, REFERRED: Outcome.PASSED,
        SHORT: Outcome.FAILED,
    }  # fmt: skip
    assert "orders.fact_returns has 40,000 rows at the SQL endpoint and 4,000 in its Delta log" in found[SAME][1]
    assert "a text of 40,000 characters; Direct Lake takes 32,764" in found[SHORT][1]
    unable = await verified(world, Answers(refusal=CloudError("no driver here")), **asked)
    assert {unable[title] for title in (SAME, UNIQUE)} == {(Outcome.UNKNOWN, "no driver here")}


async def test_references_to_nothing_are_wrong_where_integrity_is_supposed(world: World) -> None:
    await run(world, Answers())
    wish = {"from_column": "orders.fact_sales.store_key", "to_column": "orders.dim_store.store_key"}
    supposed = {"check_keys": True, "more_relationships": [{**wish, "referential_integrity": True}]}
    found = await verified(world, Answers(rows=5), semantic_model=supposed)
    outcome, evidence = found[REFERRED]
    assert outcome is Outcome.FAILED
    assert evidence == (
        "orders.fact_sales.store_key refers to orders.dim_store.store_key, but 5 of its rows refer to nothing there."
    )
