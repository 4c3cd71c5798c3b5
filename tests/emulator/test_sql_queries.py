"""T-SQL over Delta tables: what it answers, and what it refuses with which number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from .sql_world import World, unchanged


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A served cloud that no test changes."""
    with unchanged(tmp_path_factory.mktemp("sql")) as served:
        yield served


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT TOP 2 id FROM orders.lines ORDER BY id DESC", [(3,), (2,)]),
        ("SELECT TOP (1) [id] AS [a b] FROM orders.lines WITH (NOLOCK) ORDER BY [a b]", [(1,)]),
        ("SELECT COUNT(*), COUNT(number), COUNT(DISTINCT ratio) FROM orders.lines", [(3, 2, 2)]),
        (
            "SELECT l.id, p.part FROM orders.lines AS l LEFT JOIN customers.people p ON p.line = l.id ORDER BY l.id",
            [(1, "n"), (2, None), (3, "s")],
        ),
        ("SELECT orders.lines.id FROM orders.lines WHERE lines.name = 'Ärger'", [(1,)]),
        ("SELECT id FROM orders.lines WHERE name = 'ärger'", []),
        ("SELECT id FROM sales.orders.lines WHERE [open] = 1", [(1,)]),
        ("SELECT id FROM lake.dbo.people ORDER BY id", [(1,), (2,)]),
        (
            "WITH c AS (SELECT part, COUNT(*) AS n FROM customers.people GROUP BY part) SELECT * FROM c ORDER BY part",
            [("n", 1), ("s", 1)],
        ),
        (
            "SELECT id FROM orders.lines UNION ALL SELECT id FROM customers.people "  # noqa: ISC004
            "ORDER BY id OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY",
            [(1,), (2,)],
        ),
        ("SELECT id FROM orders.lines WHERE id IN (SELECT line FROM customers.people) ORDER BY id", [(1,), (3,)]),
        ("SELECT number FROM orders.lines ORDER BY number", [(None,), (10,), (20,)]),
        ("SELECT 7 / 2, 7.0 / 2, 7 % 4, -7 / 2", [(3, 3.5, 3, -3)]),
        ("SELECT price / 2 FROM orders.lines WHERE id = 1", [(Decimal("0.55"),)]),
        ("SELECT SUM(number), AVG(number), SUM(id), AVG(ratio) FROM orders.lines", [(30, 15, 6, 1.0)]),
        ("SELECT AVG(id) FROM (VALUES (1), (2)) AS v(id)", [(1,)]),
        ("SELECT SUM(price), AVG(price) FROM orders.lines", [(Decimal("-0.90"), Decimal("-0.45"))]),
        ("SELECT id, SUM(id) OVER (ORDER BY id) FROM orders.lines ORDER BY id", [(1, 1), (2, 3), (3, 6)]),
        ("SELECT name + '!', LEN('ab  '), ISNULL(name, '-') FROM orders.lines WHERE id = 2", [("a'b!", 2, "a'b")]),
        ("SELECT CONVERT(varchar(10), at, 120) FROM orders.lines WHERE id = 1", [("2024-02-29",)]),
        ("SELECT CAST(price AS varchar(3)) FROM orders.lines WHERE id = 1", [("1.1",)]),
        ("SELECT DATEADD(day, 1, day), YEAR(day) FROM orders.lines WHERE id = 1", [(date(2024, 3, 1), 2024)]),
        ("SELECT CASE WHEN id > 1 THEN 'many' END FROM orders.lines ORDER BY id", [(None,), ("many",), ("many",)]),
        ("SELECT YEAR(GETDATE()), MONTH(GETUTCDATE())", [(2026, 9)]),
        ("SELECT DB_NAME(), SUSER_SNAME(), SERVERPROPERTY('EngineEdition')", [("sales", "runner", 11)]),
        ("-- a comment; with a semicolon\nSELECT ';' /* ; */", [(";",)]),
        ("SET NOCOUNT ON SET ANSI_NULLS ON USE lake SELECT DB_NAME()", [("lake",)]),
        ("EXEC sp_executesql N'SELECT id FROM orders.lines WHERE id = @x', N'@x bigint', @x = 2", [(2,)]),
        (
            "exec sys.sp_executesql N'SELECT @a + ''!'', @b, @c', N'@a varchar(9), @b int, @c date', 'it''s', -3, NULL",
            [("it's!", -3, None)],
        ),
        ("SELECT part COLLATE Latin1_General_100_BIN2_UTF8 FROM customers.people WHERE id = 1", [("n",)]),
        ("SELECT part FROM customers.people WHERE id = 1 OPTION (MAXDOP 1, LABEL = 'x')", [("n",)]),
        (
            "SELECT id FROM orders.lines l WHERE NOT EXISTS (SELECT 1 FROM customers.people p WHERE p.line = l.id)",
            [(2,)],
        ),
    ],
)  # fmt: skip
def test_answers(world: World, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert world.query(text) == rows


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("SELECT * FROM orders.nothing", 208, "Invalid object name 'orders.nothing'."),
        ("SELECT * FROM lines", 208, "Invalid object name 'lines'."),
        ("SELECT * FROM Orders.Lines", 208, "Invalid object name 'Orders.Lines'."),
        ("SELECT * FROM nowhere.orders.lines", 208, "Invalid object name 'nowhere.orders.lines'."),
        ("SELECT * FROM information_schema.tables", 208, "Invalid object name 'information_schema.tables'."),
        ("SELECT ID FROM orders.lines", 207, "Invalid column name 'ID'."),
        ("SELECT tags FROM orders.lines", 207, "Invalid column name 'tags'."),
        ("SELECT [where] FROM orders.lines", 207, "Invalid column name 'where'."),
        ("SELECT x.id FROM orders.lines AS l", 4104, 'The multi-part identifier "x.id" could not be bound.'),
        ("SELECT id FROM orders.lines l JOIN customers.people p ON l.id = p.id", 209, "Ambiguous column name 'id'."),
        ("SELECT id, COUNT(*) FROM orders.lines", 8120, "Column 'id' is invalid in the select list"),
        ("SELECT id FROM orders.lines WHERE [open]", 4145, "non-boolean type"),
        ("SELECT @x", 137, 'Must declare the scalar variable "@x".'),
        ("SELECT 1 / 0", 8134, "Divide by zero error encountered."),
        ("SELECT 1 % (id - id) FROM orders.lines", 8134, "Divide by zero error encountered."),
        ("SELECT @@NOPE", 137, 'Must declare the scalar variable "@@NOPE".'),
        ("SELECT CAST('2020-13-01' AS date)", 241, "converting date and/or time from character string."),
        ("SELECT CAST(300 AS tinyint)", 220, "Arithmetic overflow error for data type tinyint, value = 300."),
        ("SELECT SUM(name) FROM orders.lines", 8117, "Operand data type varchar is invalid for sum operator."),
        ("SELECT id FROM orders.lines WHERE COUNT(*) > 1", 147, "An aggregate may not appear in the WHERE clause"),
        ("SELECT (SELECT id FROM orders.lines)", 512, "Subquery returned more than 1 value."),
        ("SELECT 1 UNION SELECT 1, 2", 205, "must have an equal number of expressions in their target lists."),
        ("SELECT 'abc", 105, "Unclosed quotation mark after the character string 'abc'."),
        ("SELECT dbo.f(1)", 4121, 'user-defined function or aggregate "dbo.f"'),
        ("SELECT DATALENGTH(name) FROM orders.lines", 50501, "the function DATALENGTH"),
        ("SELECT name COLLATE German_CI_AS FROM orders.lines", 50501, "the collation German_CI_AS"),
        ("SELECT * FROM sys.database_principals", 50501, "sys.database_principals"),
        ("SELECT * FROM sys.dm_exec_sessions", 50501, "sys.dm_exec_sessions"),
        ("SELECT * FROM sys.nothing", 208, "Invalid object name 'sys.nothing'."),
        ("EXEC sp_executesql", 201, "expects parameter '@statement', which was not supplied."),
        ("EXEC sp_executesql @statement", 137, 'Must declare the scalar variable "@statement".'),
        ("EXEC sp_executesql 1", 214, "expects parameter '@statement'"),
        ("EXEC sp_executesql N'SELECT 1', N'@x int', @y = 1", 8145, "@y is not a parameter"),
        ("EXEC sp_executesql N'DROP TABLE orders.lines'", 262, "DROP TABLE"),
        ("SELECT CAST('abc' AS int)", 245, "converting the varchar value 'abc' to data type int."),
        ("SELECT SUM(number * 100000000) FROM orders.lines", 8115, "Arithmetic overflow error"),
        ("SELEC 1", 102, "Incorrect syntax near 'SELEC'."),
        ("SELECT id FROM orders.lines LIMIT 1", 102, "LIMIT"),
        ("SELECT id::int FROM orders.lines", 102, "::"),
        ("SELECT id > 1 FROM orders.lines", 102, "id > 1"),
        ("SELECT TRUE", 102, "TRUE"),
        ("SELECT * EXCLUDE (id) FROM orders.lines", 102, "Incorrect syntax"),
        ("SELECT id FROM orders.lines ORDER BY id NULLS LAST", 102, "NULLS"),
        ("SELECT getenv('HOME')", 195, "'getenv' is not a recognized built-in function name."),
        ("SELECT * FROM read_text('/etc/hostname')", 50501, "READ_TEXT"),
        ("SELECT * FROM [/etc/hostname]", 208, "Invalid object name '/etc/hostname'."),
        ("USE nowhere", 911, "Database 'nowhere' does not exist."),
        ("EXEC sp_who", 2812, "Could not find stored procedure 'sp_who'."),
        ("SELECT TOP 50 PERCENT id FROM orders.lines", 50501, "PERCENT"),
        ("SELECT id FROM orders.lines FOR JSON PATH", 50501, "FOR JSON"),
    ],
)  # fmt: skip
def test_refusals(world: World, text: str, number: int, message: str) -> None:
    found, told = world.refused(text)
    assert (found, message in told) == (number, True), told


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("INSERT INTO orders.lines (id) VALUES (1)", 24559),
        ("UPDATE orders.lines SET id = 1", 24559),
        ("DELETE FROM orders.lines", 24559),
        ("TRUNCATE TABLE orders.lines", 24559),
        ("MERGE orders.lines AS t USING customers.people AS s ON t.id = s.id WHEN MATCHED THEN DELETE;", 24559),
        ("WITH c AS (SELECT 1 AS id) DELETE FROM orders.lines", 24559),
        ("SELECT 1; DROP TABLE orders.lines", 262),
        ("CREATE TABLE dbo.x (id int)", 262),
        ("ALTER TABLE orders.lines ADD x int", 262),
        ("SELECT * INTO dbo.x FROM orders.lines", 262),
        ("CREATE VIEW dbo.v AS SELECT 1 AS x", 50501),
    ],
)
def test_nothing_can_be_written(world: World, text: str, number: int) -> None:
    assert world.refused(text)[0] == number
    assert world.query("SELECT COUNT(*) FROM orders.lines") == [(3,)]


def test_what_tools_ask_at_first(world: World) -> None:
    """About the server, the session and the catalog, as SSMS, sqlcmd and Power BI ask before anything else."""
    asked = "SET LOCK_TIMEOUT 10000; SELECT SERVERPROPERTY('EngineEdition'), @@OPTIONS, @@MICROSOFTVERSION / 16777216"
    assert world.query(asked) == [(11, 5432, 12)]
    names = (
        "SELECT SCHEMA_NAME(t.schema_id), OBJECT_NAME(t.object_id), OBJECT_SCHEMA_NAME(t.object_id) FROM sys.tables t"
    )
    assert sorted(world.query(names)) == [("customers", "people", "customers"), ("orders", "lines", "orders")]
    types = (
        "SELECT TYPE_NAME(c.system_type_id), COLUMNPROPERTY(c.object_id, c.name, 'IsIdentity') FROM sys.all_columns c "
        "WHERE c.object_id = OBJECT_ID('orders.lines') AND c.name = 'price'"
    )
    assert world.query(types) == [("decimal", 0)]
    rights = "SELECT HAS_DBACCESS('sales'), HAS_DBACCESS('x'), HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER'), IS_MEMBER('x')"
    assert world.query(rights) == [(1, None, 0, 0)]
    assert [row[0] for row in world.query("SELECT name FROM master.sys.databases WHERE database_id = DB_ID()")] == [
        "sales"
    ]


@pytest.mark.parametrize(
    "view",
    [
        "INFORMATION_SCHEMA.TABLE_CONSTRAINTS", "INFORMATION_SCHEMA.KEY_COLUMN_USAGE", "INFORMATION_SCHEMA.ROUTINES",
        "INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS", "sys.foreign_keys", "sys.indexes", "sys.procedures",
        "sys.extended_properties", "sys.key_constraints", "sys.synonyms",
    ],
)  # fmt: skip
def test_a_mirrored_catalog_has_no_keys_indexes_nor_procedures(world: World, view: str) -> None:
    assert world.query(f"SELECT * FROM {view}") == []


def test_expressions_have_no_name(world: World) -> None:
    with world.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT COUNT(*), MAX(id) AS top_id, 1 FROM orders.lines")
        assert [each[0] for each in cursor.description] == ["", "top_id", ""]


def test_the_catalog_is_told(world: World) -> None:
    tables = "SELECT TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES ORDER BY 2"
    assert world.query(tables) == [
        ("sales", "customers", "people", "BASE TABLE"),
        ("sales", "orders", "lines", "BASE TABLE"),
    ]
    joined = (
        "SELECT s.name, t.name, COUNT(*) FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id "
        "JOIN sys.columns c ON c.object_id = t.object_id GROUP BY s.name, t.name ORDER BY t.name"
    )
    assert world.query(joined) == [("orders", "lines", 12), ("customers", "people", 3)]
    assert world.query("SELECT name FROM sys.databases ORDER BY name") == [("lake",), ("sales",)]
    assert world.query("SELECT name FROM sys.objects WHERE object_id = OBJECT_ID('orders.lines')") == [("lines",)]


def test_columns_have_the_endpoints_types(world: World) -> None:
    """Structs, arrays and maps are absent; tinyint is smallint, float is real, double is float [D]."""
    columns = (
        "SELECT COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'lines' "
        "ORDER BY ORDINAL_POSITION"
    )
    assert world.query(columns) == [
        ("id", "bigint"), ("number", "int"), ("small", "smallint"), ("tiny", "smallint"), ("name", "varchar"),
        ("price", "decimal"), ("ratio", "float"), ("single", "real"), ("open", "bit"), ("day", "date"),
        ("at", "datetime2"), ("raw", "varbinary"),
    ]  # fmt: skip
    longest = "SELECT CHARACTER_MAXIMUM_LENGTH FROM INFORMATION_SCHEMA.COLUMNS WHERE COLUMN_NAME = 'part'"
    assert world.query(longest) == [(-1,)]
    assert world.query(longest, database="lake") == [(8000,)]
    collation = "SELECT DISTINCT COLLATION_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE DATA_TYPE = 'varchar'"
    assert world.query(collation) == [("Latin1_General_100_BIN2_UTF8",)]


def test_a_failed_statement_comes_after_the_results_before_it(world: World) -> None:
    with world.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1 AS one; SELECT * FROM nothing")
        assert cursor.fetchall() == [(1,)]
        with pytest.raises(Exception, match="Invalid object name"):
            cursor.nextset()
