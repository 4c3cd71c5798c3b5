"""Row groups counted by Parquet footers: only where they may be past the limit, and no more footers than needed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.unit.delta_logs import MemoryTable, add, metadata, protocol, table
from unity_mirror.clients import parquet as footers
from unity_mirror.clients.delta import read_delta_state
from unity_mirror.clients.parquet import SMALLEST_GROUP, count_row_groups
from unity_mirror.models.delta import DataFile
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.engines import Engine, guardrail_of, judge


def a_file(groups: int, columns: int = 1) -> bytes:
    """A Parquet file with one row in each of its row groups."""
    sink = pa.BufferOutputStream()
    rows = pa.table({f"a rather long name for column {number}": range(groups) for number in range(columns)})
    parquet.write_table(rows, sink, row_group_size=1)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def stored(groups: Iterable[int], columns: int = 1) -> tuple[MemoryTable, list[DataFile]]:
    """Files with so many row groups each, of which no statistics tell the rows."""
    contents = {f"part {number}.parquet": a_file(each, columns) for number, each in enumerate(groups)}
    files = [DataFile(name.replace(" ", "%20"), len(content), None) for name, content in contents.items()]
    return MemoryTable(contents), files


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a byte be a row group's least size, so that small files are looked at."""
    monkeypatch.setattr(footers, "SMALLEST_GROUP", 1)


async def test_small_tables_are_not_looked_at() -> None:
    source, files = stored([1, 1])
    assert await count_row_groups(source, files, 1_000) is None
    assert source.asked == []
    few_rows = [DataFile("a", 100 * SMALLEST_GROUP, 5), DataFile("b", 100 * SMALLEST_GROUP, 6)]
    assert await count_row_groups(source, few_rows, 11) is None


@pytest.mark.usefixtures("small_groups")
async def test_groups_are_counted_and_footers_read_only_until_it_is_sure() -> None:
    source, files = stored([1] * 200)
    assert await count_row_groups(source, files, 500) == 200
    assert len(source.asked) == footers.AT_ONCE
    source, files = stored([30] * 40)
    assert await count_row_groups(source, files, 100) == 480 + 24, "at least one in each file not looked at"
    assert len(source.asked) == footers.AT_ONCE
    source, files = stored([*range(1, 41)])
    assert await count_row_groups(source, files, 819) == sum(range(1, 41)), "over the limit by one"
    assert sorted(source.asked) == sorted({*source.asked})


@pytest.mark.usefixtures("small_groups")
async def test_a_footer_longer_than_the_first_read() -> None:
    source, files = stored([60], columns=40)
    assert files[0].size > footers.TAIL
    assert await count_row_groups(source, files, 59) == 60
    assert len(source.asked) == 2


@pytest.mark.usefixtures("small_groups")
async def test_where_nobody_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    source, files = stored([5])
    elsewhere = [DataFile("abfss://c@a.dfs.core.windows.net/x.parquet", 10_000, None)]
    assert await count_row_groups(source, elsewhere, 1) is None
    broken = MemoryTable({"part 0.parquet": b"\0" * files[0].size})
    assert await count_row_groups(broken, files, 1) is None
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert await count_row_groups(source, files, 1) is None


async def test_past_the_guardrail_of_row_groups() -> None:
    state = await read_delta_state(table(protocol(versions=(1, 2)), metadata(), add("a.parquet")))
    small = guardrail_of("F2")
    assert small is not None
    judged = judge(TableRef("s", "t"), replace(state, row_groups=1_001), small)
    assert judged.obstacle(Engine.DIRECT_LAKE) == "at least 1,001 row groups; the capacity takes 1,000"
    assert not judge(TableRef("s", "t"), replace(state, row_groups=1_000), small).hindered
