"""The catalog's procedures, as drivers call them for tools that list tables, columns and keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .sql_world import World, unchanged
from .test_sql_drivers import NAMES, microsoft

PROVIDERS = ["msodbcsql18", "mssql-odbc"]
LINES, PEOPLE = ("sales", "orders", "lines", "TABLE", None), ("sales", "customers", "people", "TABLE", None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A served cloud that no test changes."""
    with unchanged(tmp_path_factory.mktemp("sql")) as served:
        yield served


def called(world: World, procedure: str, *arguments: Any, **named: Any) -> list[dict[str, Any]]:
    """The rows with which a procedure answers python-tds, by column."""
    with world.connect() as connection:
        cursor = connection.cursor()
        cursor.callproc(procedure, {f"@{name}": value for name, value in named.items()} if named else arguments)
        names = [each[0] for each in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_microsofts_driver_lists_tables(world: World, provider: str) -> None:
    every, one, typed, none = microsoft(
        world,
        {"tables": {}},
        {"tables": {"table": "li%"}},
        {"tables": {"schema": "customers", "tableType": "TABLE"}},
        {"tables": {"table": "nothing"}},
        environment={"MSSQL_PYTHON_NATIVE_PROVIDER": provider},
    )
    assert every["columns"] == ["TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"]
    assert [tuple(row) for row in every["rows"] if row[3] == "TABLE"] == [PEOPLE, LINES]
    assert ["sales", "INFORMATION_SCHEMA", "COLUMNS", "VIEW", None] in every["rows"]
    assert one["rows"] == [list(LINES)]
    assert typed["rows"] == [list(PEOPLE)]
    assert none["rows"] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_microsofts_driver_lists_columns_and_no_keys(world: World, provider: str) -> None:
    columns, some, primary, foreign, special = microsoft(
        world,
        {"columns": {"table": "lines"}},
        {"columns": {"schema": "orders", "table": "lines", "column": "n%"}},
        {"primaryKeys": {"table": "lines"}},
        {"foreignKeys": {"table": "lines"}},
        {"rowIdColumns": {"table": "lines"}},
        environment={"MSSQL_PYTHON_NATIVE_PROVIDER": provider},
    )
    assert [row[3] for row in columns["rows"]] == NAMES
    assert [row[16] for row in columns["rows"]] == list(range(1, len(NAMES) + 1))
    by_name = {row[3]: row[4:9] for row in columns["rows"]}
    assert by_name["id"] == [-5, "bigint", 19, 8, 0]
    assert by_name["name"] == [12, "varchar", 0, 0, None]
    assert by_name["price"] == [3, "decimal", 10, 12, 2]
    assert by_name["open"] == [-7, "bit", 1, 1, None]
    assert by_name["day"] == [91, "date", 10, 6, None]
    assert by_name["at"] == [93, "datetime2", 26, 16, 6]
    assert [row[3] for row in some["rows"]] == ["number", "name"]
    assert [each["rows"] for each in (primary, foreign, special)] == [[], [], []]


def test_python_tds_calls_them(world: World) -> None:
    found = called(world, "sp_columns", "people")
    assert [(each["TABLE_OWNER"], each["COLUMN_NAME"], each["TYPE_NAME"]) for each in found] == [
        ("customers", "id", "bigint"), ("customers", "line", "bigint"), ("customers", "part", "varchar"),
    ]  # fmt: skip
    assert len(found[0]) == 19
    assert (found[2]["DATA_TYPE"], found[2]["PRECISION"], found[2]["SS_DATA_TYPE"]) == (-1, 2147483647, 39)
    assert [each["TABLE_NAME"] for each in called(world, "sp_tables", table_type="'TABLE'")] == ["people", "lines"]


def test_dates_are_texts_to_what_is_older_than_them(world: World) -> None:
    (old,) = called(world, "sp_columns", table_name="lines", column_name="day")
    (new,) = called(world, "sp_columns_100", table_name="lines", column_name="day", ODBCVer=3)
    assert [old[name] for name in ("DATA_TYPE", "PRECISION", "LENGTH", "SQL_DATETIME_SUB")] == [-9, 10, 20, None]
    assert [new[name] for name in ("DATA_TYPE", "SQL_DATA_TYPE", "SQL_DATETIME_SUB")] == [91, 9, 1]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("sp_tables lines", [LINES]),
        ("EXEC sp_tables @table_name = 'l_nes'", [LINES]),
        ("EXEC sp_tables @table_name = '[^a-k]ines'", [LINES]),
        ("EXEC sp_tables @table_name = 'l_nes', @fUsePattern = 0", []),
        ("EXEC [sys].[sp_tables] 'Lines'", []),
        ("DECLARE @n sysname = 'people' EXEC sp_tables @table_name = @n, @table_type = DEFAULT", [PEOPLE]),
        ("EXEC sp_tables '', '', '%'", [("lake", None, None, None, None), ("sales", None, None, None, None)]),
        ("EXEC sp_tables '', '', '', '%'",
         [(None, None, None, each, None) for each in ("SYSTEM TABLE", "TABLE", "VIEW")]),
        ("EXEC sp_tableswc 'people', '%', '%'", [("lake", "dbo", "people", "TABLE", None), PEOPLE]),
    ],
)  # fmt: skip
def test_as_text(world: World, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert world.query(text) == rows


def test_a_table_of_dbo_comes_before_others_of_its_name(world: World) -> None:
    assert world.query("EXEC sp_pkeys people", database="lake") == []
    found = world.query("EXEC sp_columns people", database="lake")
    assert [row[:4] for row in found] == [("lake", "dbo", "people", name) for name in ("id", "line", "part")]
    assert found[2][4:8] == (12, "varchar", 8000, 8000)


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("EXEC sp_columns", 201, "expects parameter '@table_name', which was not supplied."),
        ("EXEC sp_columns 'a', 'b', 'sales', 'd', 3, 6", 8144, "too many arguments"),
        ("EXEC sp_columns @nope = 1", 8145, "@nope is not a parameter for procedure sp_columns."),
        ("EXEC sp_columns 'lines', 'orders', 'lake'", 15250, "must be the name of the current database."),
        ("EXEC sp_fkeys @fktable_name = 'lines', @fktable_qualifier = 'x'", 15250, "the current database."),
        ("EXEC sp_tables @table_name OUTPUT", 50501, "arguments such as '@table_name OUTPUT'"),
        ("EXEC sp_statistics lines", 50501, "the procedure sp_statistics"),
        ("EXEC sp_nothing", 2812, "Could not find stored procedure 'sp_nothing'."),
    ],
)
def test_refusals(world: World, text: str, number: int, message: str) -> None:
    found, told = world.refused(text)
    assert (found, message in told) == (number, True), told
