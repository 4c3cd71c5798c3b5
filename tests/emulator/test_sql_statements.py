"""T-SQL beyond queries: variables, branches, messages, and batches in texts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytds
import pytest

from .sql_world import World, unchanged
from .test_sql_drivers import microsoft

MOMENT = datetime.fromisoformat("2024-02-29T12:30:15.123")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A served cloud that no test changes."""
    with unchanged(tmp_path_factory.mktemp("sql")) as served:
        yield served


def answers(world: World, text: str) -> list[list[tuple[Any, ...]]]:
    """All results of a batch, by python-tds."""
    found = []
    with world.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(text)
        while True:
            if cursor.description:
                found.append(cursor.fetchall())
            if not cursor.nextset():
                return found


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("DECLARE @x int = 1, @y varchar(3) = 'abcdef'; SELECT @x, @y", [(1, "abc")]),
        ("DECLARE @x int SELECT @x", [(None,)]),
        ("declare @a int = 1, @b int = @a + 1 select @b", [(2,)]),
        ("DECLARE @x decimal(10, 2) = 1.255, @m money = 1.5 SELECT @x, @m", [(Decimal("1.26"), Decimal("1.5"))]),
        ("DECLARE @d AS date = '2024-02-29', @t datetime2 = '2024-02-29 12:30:15.123' SELECT @d, @t",
         [(date(2024, 2, 29), MOMENT)]),
        ("DECLARE @f float = 0.1, @b bit = 1 SELECT @f, @b", [(0.1, True)]),
        ("DECLARE @g uniqueidentifier = '6f9619ff-8b86-d011-b42d-00c04fc964ff' SELECT @g",
         [(uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"),)]),
        ("DECLARE @c char(3) = 'a' SELECT '[' + @c + ']'", [("[a  ]",)]),
        ("DECLARE @x varchar = 'abc' SELECT @x", [("a",)]),
        ("DECLARE @n bigint = 7 SELECT @n = id FROM orders.lines WHERE id > 99 SELECT @n", [(7,)]),
        ("DECLARE @n bigint SELECT @n = id FROM orders.lines ORDER BY id SELECT @n, @@ROWCOUNT", [(3, 3)]),
        ("DECLARE @n int = 1 SET @n += 2 SET @n = @n * 3 SELECT @n", [(9,)]),
        ("DECLARE @n nvarchar(9) = N'Ärger' SELECT id FROM orders.lines WHERE name = @n", [(1,)]),
        ("IF 1 = 0 DECLARE @z int = 5 SELECT @z", [(None,)]),
        ("DECLARE @t sysname = 'orders.lines' IF OBJECT_ID(@t) IS NOT NULL SELECT 'there'", [("there",)]),
        ("DECLARE @n int = (SELECT MAX(id) FROM orders.lines) IF @n > 2 SELECT 'more' ELSE SELECT 'less'", [("more",)]),
        ("IF EXISTS (SELECT 1 FROM orders.lines WHERE id = 9) SELECT 1; ELSE IF 1 = 2 SELECT 2 ELSE BEGIN SELECT 3 END",
         [(3,)]),
        ("IF NULL = 1 SELECT 1 ELSE SELECT 0", [(0,)]),
        ("IF CASE WHEN 1 = 1 THEN 2 ELSE 3 END = 2 SELECT CASE WHEN 1 = 1 THEN 4 ELSE 5 END ELSE SELECT 6", [(4,)]),
        ("IF OBJECT_ID('orders.gone') IS NOT NULL DROP TABLE orders.gone; SELECT 1", [(1,)]),
        ("IF 1 = 0 DELETE FROM orders.lines ELSE SELECT 'kept'", [("kept",)]),
        ("IF @@TRANCOUNT > 0 COMMIT TRAN; SELECT 1", [(1,)]),
        ("BEGIN SELECT 1; END", [(1,)]),
        ("DECLARE @s nvarchar(max) = N'SELECT @a + 1', @v int = 4 EXEC sp_executesql @s, N'@a int', @v", [(5,)]),
        ("DECLARE @s nvarchar(99) = N'SELECT ' EXEC (@s + '6')", [(6,)]),
        ("EXEC sp_executesql N'DECLARE @q int = @p SET @q += 1 SELECT @q', N'@p int', @p = 41", [(42,)]),
        ("EXEC sp_executesql N'EXEC sp_executesql N''SELECT 9'''", [(9,)]),
        ("EXEC sp_executesql N'USE lake'; SELECT DB_NAME()", [("sales",)]),
    ],
)  # fmt: skip
def test_answers(world: World, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert answers(world, text) == [rows]


def test_statements_need_no_semicolons(world: World) -> None:
    common = "WITH c AS (SELECT 4 AS id) SELECT id FROM c"
    text = f"SELECT 1 SELECT 2 UNION ALL SELECT 3 {common} IF 1 = 1 BEGIN SELECT 5 SELECT 6 END"
    assert answers(world, text) == [[(1,)], [(2,), (3,)], [(4,)], [(5,)], [(6,)]]


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("SELECT 1; SELECT @x", 137, 'Must declare the scalar variable "@x".'),
        ("SET @x = 1", 137, 'Must declare the scalar variable "@x".'),
        ("DECLARE @x int = @x", 137, 'Must declare the scalar variable "@x".'),
        ("DECLARE @x int EXEC sp_executesql N'SELECT @x'", 137, 'Must declare the scalar variable "@x".'),
        ("DECLARE @x int IF 1 = 0 DECLARE @x int", 134, "The variable name '@x' has already been declared."),
        ("DECLARE @x nope", 2715, "Cannot find data type nope."),
        ("DECLARE @x int = 'abc'", 245, "converting the varchar value 'abc' to data type int."),
        ("DECLARE @x tinyint = 300", 220, "Arithmetic overflow error for data type tinyint, value = 300."),
        ("DECLARE @x int SELECT @x = 1, 2", 141, "must not be combined with data-retrieval operations."),
        ("DECLARE @x", 102, "Incorrect syntax near '@x'."),
        ("DECLARE @x xml", 50501, "variables of the type xml"),
        ("DECLARE @t TABLE (id int)", 50501, "variables with TABLE"),
        ("DECLARE c CURSOR FOR SELECT 1", 50501, "variables with CURSOR"),
        ("DECLARE @x varchar(9) = '' SELECT @x = @x + name FROM orders.lines", 50501, "gathers values of several rows"),
        ("DECLARE @x int = 1 SELECT @x += 1", 50501, "an operator such as +="),
        ("IF 1 SELECT 1", 4145, "An expression of non-boolean type"),
        ("SELECT CASE WHEN 1 THEN 2 END", 4145, "An expression of non-boolean type"),
        ("IF 1 = 1", 102, "Incorrect syntax near 'IF'."),
        ("IF 1 = 1 BEGIN END", 102, "Incorrect syntax near 'END'."),
        ("BEGIN SELECT 1", 102, "Incorrect syntax near 'BEGIN'."),
        ("SELECT 1 END", 102, "Incorrect syntax near 'END'."),
        ("IF 1 = 0 SELECT id FROM orders.lines LIMIT 1", 102, "Incorrect syntax near 'LIMIT'."),
        ("IF 1 = 1 DELETE FROM orders.lines", 24559, "(DML) statements are not supported"),
        ("IF 1 = 1 DROP TABLE orders.lines", 262, "DROP TABLE permission denied"),
        ("BEGIN TRY SELECT 1 END TRY BEGIN CATCH SELECT 2 END CATCH", 50501, "BEGIN TRY"),
        ("WHILE 1 = 1 BREAK", 50501, "statements that begin with WHILE"),
        ("PRINT", 102, "Incorrect syntax near 'PRINT'."),
        ("PRINT (SELECT 1)", 1046, "Subqueries are not allowed in this context."),
        ("PRINT GETDATE()", 50501, "PRINT of the type datetime2"),
        ("EXEC sp_executesql N'SELECT @a', N'@a int'", 8178, "expects the parameter '@a', which was not supplied."),
        ("EXEC sp_executesql N'SELECT @a', N'@a int OUTPUT', 1", 50501, "variables with OUTPUT"),
        ("EXEC sp_executesql N'SELECT 1', N'', @@SPID", 50501, "arguments such as '@@SPID'"),
        ("EXEC @rc = sp_tables", 50501, "calls such as 'EXEC @rc = sp_tables'"),
        ("SELECT OBJECT_ID(name) FROM orders.lines", 50501, "OBJECT_ID of what is no constant"),
    ],
)  # fmt: skip
def test_refusals(world: World, text: str, number: int, message: str) -> None:
    found, told = world.refused(text)
    assert (found, message in told) == (number, True), told


def test_messages_come_in_their_order(world: World) -> None:
    text = "DECLARE @x int = 1 PRINT @x SELECT @x AS x PRINT CONCAT('then ', @x) PRINT N'é'"
    with world.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(text)
        assert cursor.fetchall() == [(1,)]
        while cursor.nextset():
            pass
        assert [told.args[0] for _, told in cursor.messages] == ["1", "then 1", "é"]


@pytest.mark.parametrize("provider", ["msodbcsql18", "mssql-odbc"])
def test_microsofts_driver_declares_branches_and_prints(world: World, provider: str) -> None:
    declared, printed, refused = microsoft(
        world,
        ["DECLARE @x int = 2; IF @x > 1 SELECT @x AS x ELSE SELECT 0 AS y"],
        ["PRINT 'first' SELECT 1 AS one"],
        ["DECLARE @x int SELECT @y"],
        environment={"MSSQL_PYTHON_NATIVE_PROVIDER": provider},
    )
    assert declared == {"columns": ["x"], "rows": [[2]]}
    assert (printed["columns"], printed["rows"]) == (["one"], [[1]])
    assert [text.rpartition("]")[2] for text in printed["messages"]] == ["first"]
    assert 'Must declare the scalar variable "@y".' in refused["error"]


def test_a_parameter_may_be_set_but_not_asked_back(world: World) -> None:
    with world.connect() as connection:
        cursor = connection.cursor()
        cursor.callproc("sp_executesql", ["SET @a += 1 SELECT @a", "@a int", 4])
        assert cursor.fetchall() == [(5,)]
        with pytest.raises(pytds.DatabaseError, match="output parameters"):
            cursor.callproc("sp_executesql", ["SET @a += 1", "@a int OUTPUT", pytds.output(param_type=int)])
