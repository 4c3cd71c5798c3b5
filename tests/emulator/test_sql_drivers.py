"""Unmodified drivers against the SQL endpoints, certificates verified: python-tds and Microsoft's mssql-python."""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytds
import pytest

from .sql_world import World, endpoint_id, unchanged

CLIENT = Path(__file__).parent / "mssql_client.py"
MOMENT = datetime.fromisoformat("2024-02-29T12:30:15.123456")
ROWS = [
    (
        1, 10, 1, -1, "Ärger", Decimal("1.10"), 0.5, 0.5, True, date(2024, 2, 29),
        MOMENT, b"\x00\x01",
    ),
    (
        2, 20, 2, 0, "a'b", Decimal("-2.00"), 1.5, 1.5, False, date(1, 1, 1),
        MOMENT, b"",
    ),
    (3, None, 3, 1, None, None, None, None, None, None, None, None),
]  # fmt: skip
NAMES = ["id", "number", "small", "tiny", "name", "price", "ratio", "single", "open", "day", "at", "raw"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A served cloud that no test changes."""
    with unchanged(tmp_path_factory.mktemp("sql")) as served:
        yield served


@pytest.fixture
def cursor(world: World) -> Iterator[Any]:
    """A cursor of python-tds on the database ``sales``."""
    with world.connect() as connection:
        yield connection.cursor()


def microsoft(world: World, *statements: Any, token: str | None = None, **how: Any) -> Any:
    """What mssql-python answers; see :mod:`mssql_client`."""
    if ctypes.util.find_library("ltdl") is None:
        pytest.skip("mssql-python needs the system package libltdl7: apt-get install libltdl7")
    options = {
        "Server": f"localhost,{world.port}", "Database": "sales", "Encrypt": "yes", **how.get("options", {}),
    }  # fmt: skip
    asked = {
        "connection": "".join(f"{name}={value};" for name, value in options.items()),
        "token": token or world.token(),
        "statements": statements,
    }
    trusted = {"SSL_CERT_FILE": str(how.get("authority", world.authority))}
    ran = subprocess.run(
        [sys.executable, CLIENT], input=json.dumps(asked), env={**os.environ, **trusted, **how.get("environment", {})},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def plain(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as the client script writes them."""
    return [
        [
            value.hex() if isinstance(value, bytes) else str(value) if isinstance(value, Decimal | date) else value
            for value in row
        ]
        for row in rows
    ]


def test_python_tds_reads_every_type(cursor: Any) -> None:
    cursor.execute("SELECT * FROM orders.lines ORDER BY id")
    assert [each[0] for each in cursor.description] == NAMES
    assert cursor.fetchall() == ROWS


@pytest.mark.parametrize("provider", ["msodbcsql18", "mssql-odbc"])
@pytest.mark.parametrize("encrypt", ["yes", "strict"])
def test_microsofts_driver_reads_every_type(world: World, provider: str, encrypt: str) -> None:
    """TDS 7.4 with TLS inside, and TDS 8.0 with TLS outside."""
    read, counted = microsoft(
        world,
        ["SELECT * FROM orders.lines ORDER BY id"],
        ["SELECT COUNT(*) AS n FROM customers.people"],
        options={"Encrypt": encrypt},
        environment={"MSSQL_PYTHON_NATIVE_PROVIDER": provider},
    )
    assert read == {"columns": NAMES, "rows": plain(ROWS)}
    assert counted == {"columns": ["n"], "rows": [[2]]}


def test_microsofts_driver_passes_parameters(world: World) -> None:
    answers = microsoft(
        world,
        ["SELECT id FROM orders.lines WHERE id = ? AND name = ?", 1, "Ärger"],
        ["SELECT ? AS a, ? AS b, ? AS c, ? AS d", 1.5, None, 12345678901234, "é"],
        ["SELECT id FROM orders.lines WHERE id = ? AND name = ?", 2, "a'b"],
    )
    assert [each["rows"] for each in answers] == [[[1]], [[1.5, None, 12345678901234, "é"]], [[2]]]


def test_microsofts_driver_shows_the_servers_errors(world: World) -> None:
    missing, written, after = microsoft(
        world, ["SELECT * FROM orders.nothing"], ["DELETE FROM orders.lines"], ["SELECT 1 AS one"]
    )
    assert "Invalid object name 'orders.nothing'." in missing["error"]
    assert "(DML) statements are not supported" in written["error"]
    assert after["rows"] == [[1]]


@pytest.mark.parametrize("fault", ["expired", "audience", "forged"])
def test_microsofts_driver_is_refused_with_a_bad_token(world: World, fault: str) -> None:
    good = world.token()
    token = {
        "expired": world.token(seconds=-1),
        "audience": world.token(audience="https://api.fabric.microsoft.com"),
        "forged": good[:-8] + ("A" * 8 if not good.endswith("A" * 8) else "B" * 8),
    }[fault]
    assert "Login failed for user '<token-identified principal>'." in microsoft(world, token=token)["error"]


def test_microsofts_driver_verifies_the_certificate(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("")
    refused = microsoft(world, ["SELECT 1"], authority=other)
    assert "certificate verify failed" in refused["error"]


def test_microsofts_driver_opens_a_database_by_its_id(world: World) -> None:
    database = endpoint_id(world.cloud, world.mirrored_id)
    (answer,) = microsoft(world, ["SELECT DB_NAME() AS name"], options={"Database": database})
    assert answer["rows"] == [["sales"]]


def test_python_tds_passes_parameters(cursor: Any) -> None:
    cursor.execute("SELECT id FROM orders.lines WHERE id = %s AND name = %s", (1, "Ärger"))
    assert cursor.fetchall() == [(1,)]
    values = (True, -5, 2**40, 1.25, Decimal("-12.345"), MOMENT, date(1999, 12, 31), "é𝄞", "x" * 9000)
    cursor.execute("SELECT " + ", ".join(["%s"] * len(values)), values)
    assert cursor.fetchall() == [values]


def test_several_results_and_long_ones(cursor: Any) -> None:
    cursor.execute("SET NOCOUNT ON; SELECT 1 AS x; USE lake; SELECT DB_NAME() AS y")
    assert cursor.fetchall() == [(1,)]
    assert cursor.nextset()
    assert cursor.fetchall() == [("lake",)]
    digits = " CROSS JOIN ".join(f"(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS t{each}(d)" for each in range(5))
    cursor.execute(f"SELECT t0.d + 10 * t1.d AS n, 'some text' AS t FROM {digits} ORDER BY n")
    rows = cursor.fetchall()
    assert len(rows) == 100_000
    assert rows[-1] == (99, "some text")


def test_an_unfinished_result_can_be_left(cursor: Any, world: World) -> None:
    digits = " CROSS JOIN ".join(f"(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS t{each}(d)" for each in range(4))
    cursor.execute(f"SELECT t0.d FROM {digits}")
    assert cursor.fetchone() is not None
    cursor.execute("SELECT 2 AS two")
    assert cursor.fetchall() == [(2,)]


def test_a_query_is_cancelled_when_the_client_no_longer_waits(world: World) -> None:
    digits = " CROSS JOIN ".join(f"(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS t{n}(d)" for n in range(11))
    with world.connect(timeout=1) as connection:
        cursor = connection.cursor()
        with pytest.raises(pytds.TimeoutError):
            cursor.execute(f"SELECT COUNT_BIG(*) FROM {digits} WHERE t0.d * t1.d * t9.d > t3.d * t10.d")
        connection._tds_socket.sock.settimeout(60)  # what comes after the cancelling is waited for
        cursor.execute("SELECT 3 AS three")
        assert cursor.fetchall() == [(3,)]


def test_transactions_begin_and_end(world: World) -> None:
    with world.connect(autocommit=False) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT @@TRANCOUNT AS n")
        assert cursor.fetchall() == [(1,)]
        connection.commit()
        connection.rollback()
        cursor.execute("SELECT COUNT(*) FROM orders.lines")
        assert cursor.fetchall() == [(3,)]


def test_prepared_statements_are_found_by_their_handle(cursor: Any) -> None:
    with pytest.raises(pytds.DatabaseError) as raised:
        cursor.callproc("sp_execute", [77])
    assert raised.value.number == 8179
    with pytest.raises(pytds.DatabaseError) as raised:
        cursor.callproc("sp_helpdb", [])
    assert raised.value.number == 2812


def test_a_pooled_connection_is_as_new(world: World) -> None:
    with world.connect(pooling=True) as connection:
        cursor = connection.cursor()
        cursor.execute("USE lake; SELECT DB_NAME() AS name")
        assert cursor.fetchall() == [("lake",)]
    with world.connect(pooling=True) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT DB_NAME() AS name")
        assert cursor.fetchall() == [("sales",)]


def test_encryption_is_required(world: World) -> None:
    with pytest.raises(pytds.Error, match="encryption"):
        world.connect(cafile=None)


def test_requests_are_logged(world: World) -> None:
    world.cloud.requests.clear()
    with world.connect() as connection, pytest.raises(pytds.DatabaseError):
        connection.cursor().execute("SELECT * FROM nothing")
    logged = [(each["service"], each["method"], each["path"], each["status"]) for each in world.cloud.requests]
    assert logged == [("sql", "LOGIN", "sales", 200), ("sql", "BATCH", "sales", 208)]
