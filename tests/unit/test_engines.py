"""Which engine reads which table: each feature is reported for the engines that it hinders, and for no others."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.delta_logs import LOGS, add, metadata, protocol, table
from unity_mirror.clients.delta import read_delta_state
from unity_mirror.models.delta import described_state
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.engines import (
    ANY_CAPACITY,
    ENGINES,
    Engine,
    Verdict,
    guardrail_of,
    judge,
    readers_table,
    unknown,
)
from unity_mirror.plan.engines.facts import GUARDRAILS

REF = TableRef("s", "t")
EVERY = "SDRFPKL"
SHORT = dict(zip(ENGINES, EVERY, strict=True))
"""S SQL endpoint, D Direct Lake, R Spark, F Dataflows, P Pipelines, K KQL, L Lakehouse preview."""

HINDERED = {
    "plain": ("", ""),
    "writer features": ("", ""),
    "vacuum check": ("", ""),
    "mapping by name": ("P", ""),
    "mapping by name, old": ("P", ""),
    "mapping by id": ("SFPKL", ""),
    "deletion vectors": ("P", ""),
    "clustering": ("K", ""),
    "timestamp_ntz": ("SDFPK", ""),
    "v2 checkpoints": ("SL", "DFPK"),
    "uniform": ("SDFPKL", ""),
    "type widening": (EVERY, ""),
    "type widening, preview": (EVERY, ""),
    "collations": (EVERY, ""),
    "variant": (EVERY, ""),
    "catalog-managed": (EVERY, ""),
    "catalog-owned": (EVERY, ""),
    "coordinated": (EVERY, ""),
    "something new": ("", EVERY),
}
"""By log: the engines that can't read it, and those of which the documentation says nothing."""


def letters(verdicts: Any, wanted: Verdict) -> str:
    return "".join(SHORT[engine] for engine in ENGINES if verdicts[engine] is wanted)


def test_every_log_is_judged() -> None:
    assert HINDERED.keys() == LOGS.keys()


@pytest.mark.parametrize("about", LOGS)
async def test_a_feature_is_reported_for_the_right_engines_and_no_others(about: str) -> None:
    judged = judge(REF, await read_delta_state(table(*LOGS[about])))
    no, undocumented = HINDERED[about]
    assert letters(judged.verdicts, Verdict.NO) == no
    assert letters(judged.verdicts, Verdict.UNDOCUMENTED) == undocumented
    assert {SHORT[engine] for engine in ENGINES if judged.obstacle(engine)} == set(no + undocumented)
    assert all(bool(judged.reasons[engine]) == bool(judged.obstacle(engine)) for engine in ENGINES)


@pytest.mark.parametrize("about", LOGS)
async def test_unity_catalogs_properties_tell_the_same(about: str) -> None:
    """Databricks shows the protocol and the properties of a Delta table among its table's."""
    state = await read_delta_state(table(*LOGS[about]))
    features = {f"delta.feature.{name}": "supported" for name in state.features}
    described = Table.model_validate(
        {
            "name": "t", "catalog_name": "c", "schema_name": "s",
            "properties": {**state.properties, **features, "delta.minReaderVersion": "3"},
            "columns": [{"name": name, "type_name": kind.upper()} for name, kind in state.column_types.items()],
        }
    )  # fmt: skip
    by_log, by_catalog = judge(REF, state), judge(REF, described_state(described))
    assert by_catalog.verdicts == by_log.verdicts
    assert by_catalog.source == "Unity Catalog"


def test_what_unity_catalog_does_not_tell_is_unknown_unless_a_type_gives_it_away() -> None:
    bare: dict[str, Any] = {"name": "t", "catalog_name": "c", "schema_name": "s"}
    nothing = judge(REF, described_state(Table.model_validate(bare)))
    assert set(nothing.verdicts.values()) == {Verdict.UNKNOWN}
    assert not nothing.hindered
    ntz = Table.model_validate({**bare, "columns": [{"name": "at", "type_name": "TIMESTAMP_NTZ"}]})
    judged = judge(REF, described_state(ntz))
    assert letters(judged.verdicts, Verdict.NO) == "SDFPK"
    assert letters(judged.verdicts, Verdict.UNKNOWN) == "RL"


async def test_guardrails_are_the_capacitys() -> None:
    files = [add(f"{number}.parquet", rows=400_000) for number in range(1_001)]
    state = await read_delta_state(table(protocol(versions=(1, 2)), metadata(), *files))
    assert (state.files, state.rows, state.size_bytes) == (1_001, 400_400_000, 100_100)
    small, large = guardrail_of("F8"), guardrail_of("P1")
    assert small is not None
    assert large is not None
    assert not judge(REF, state, large).hindered
    judged = judge(REF, state, small)
    assert letters(judged.verdicts, Verdict.NO) == "D"
    assert "1,001 files" in judged.obstacle(Engine.DIRECT_LAKE)
    assert "400,400,000 rows" in judged.obstacle(Engine.DIRECT_LAKE)
    fallen = judge(REF, state, small, falls_back=True)
    assert not fallen.hindered
    assert any("falls back to DirectQuery" in remark for remark in fallen.remarks)


async def test_past_ten_thousand_files_no_model_is_framed() -> None:
    files = [add(f"{number}.parquet") for number in range(10_001)]
    state = await read_delta_state(table(protocol(versions=(1, 2)), metadata(), *files))
    fallen = judge(REF, state, guardrail_of("F2048"), falls_back=True)
    assert fallen.obstacle(Engine.DIRECT_LAKE) == "10,001 files; past 10,000 a model can't be framed"
    assert "the largest capacity takes 10,000" in judge(REF, state, ANY_CAPACITY).obstacle(Engine.DIRECT_LAKE)


async def test_values_that_direct_lake_does_not_take_are_told() -> None:
    """NaN where the statistics show it, and texts whose declared length is too long."""
    declared = {"__CHAR_VARCHAR_TYPE_STRING": "varchar(40000)"}
    fields = [
        {"name": "ratio", "type": "double", "metadata": {"delta.columnMapping.physicalName": "col-1"}},
        {"name": "NaN", "type": "string", "metadata": declared},
        {"name": "short", "type": "string", "metadata": {"__CHAR_VARCHAR_TYPE_STRING": "char(5)"}},
        {"name": "clean", "type": "double", "metadata": {}},
    ]
    described = metadata()
    described["metaData"]["schemaString"] = json.dumps({"type": "struct", "fields": fields})
    stats = {"numRecords": 2, "minValues": {"clean": 1.0, "NaN": "NaN"}, "maxValues": {"col-1": "NaN", "NaN": "NaN"}}
    state = await read_delta_state(table(protocol(versions=(1, 2)), described, add("a", stats=json.dumps(stats))))
    assert (state.rows, state.nan_columns) == (2, ("ratio",))
    judged = judge(REF, state)
    assert not judged.hindered
    assert judged.remarks == (
        "Direct Lake doesn't take NaN, which stands in ratio",
        "Direct Lake takes 32,764 characters of a text; NaN may hold more",
    )
    column = {"name": "note", "type_name": "STRING", "type_text": "varchar(32765)"}
    by_catalog = described_state(Table.model_validate(
        {"name": "t", "catalog_name": "c", "schema_name": "s", "columns": [column]}
    ))  # fmt: skip
    assert any("note may hold more" in remark for remark in judge(REF, by_catalog).remarks)


def test_larger_capacities_take_at_least_as_much() -> None:
    sizes = [GUARDRAILS[f"F{2**power}"] for power in range(1, 12)]
    for smaller, larger in pairwise(sizes):
        assert smaller.files <= larger.files
        assert smaller.rows <= larger.rows
        assert smaller.memory_gb <= larger.memory_gb
    assert guardrail_of("A1") is None
    assert guardrail_of("ft1") == GUARDRAILS["F64"]


@pytest.mark.parametrize("sign", "\"'#%+:?\\`")
async def test_signs_in_names_are_told(sign: str) -> None:
    state = await read_delta_state(table(*LOGS["plain"]))
    judged = judge(TableRef("s", f"a{sign}b"), state)
    assert not judged.hindered
    assert sign in judged.remarks[0]
    assert judge(TableRef("s", "a b_ü-1"), state).plain


async def test_the_matrix_has_a_row_for_each_table_and_marks_those_to_look_at() -> None:
    nested = table(protocol(versions=(1, 2)), metadata({"a": {"type": "array", "elementType": "long"}, "b": "long"}))
    judged = [
        judge(TableRef("s", "plain"), await read_delta_state(table(*LOGS["plain"]))),
        judge(TableRef("s", "ntz"), await read_delta_state(table(*LOGS["timestamp_ntz"]))),
        judge(TableRef("s", "nested"), await read_delta_state(nested)),
        unknown(TableRef("s", "dark"), "nobody could look"),
    ]
    matrix = readers_table(judged)
    assert [row[0] for row in matrix.rows] == ["s.dark", "s.nested", "s.ntz", "s.plain"]
    assert matrix.remarkable == {0, 1, 2}
    assert {len(row) for row in matrix.rows} == {len(matrix.columns)}
    assert "not at the SQL endpoint: a" in matrix.rows[1][-2]
    assert matrix.rows[2][1:8] == ("no", "no", "yes", "no", "no", "no", "yes")
    assert matrix.rows[0][-2] == "nobody could look"
