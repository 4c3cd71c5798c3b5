"""The SQL client: how it signs in, what it answers, and what it says when the driver or its library is missing."""

from __future__ import annotations

import ctypes.util
import struct
import sys
from types import ModuleType
from typing import Any

import pytest

from unity_mirror.clients.sql import SqlClient, SqlUnavailable
from unity_mirror.errors import CloudError, SettingsError
from unity_mirror.settings import Settings

TOKEN = "eyJ-a-token"
SERVER = "x.datawarehouse.fabric.microsoft.com"


class Driver(ModuleType):
    """Stands in for mssql-python: answers by statement, or fails."""

    class Error(Exception):
        """DB-API's."""

    def __init__(self, answers: dict[str, Any] | None = None, login: Exception | None = None) -> None:
        super().__init__("mssql_python")
        self.answers, self.login = answers or {}, login
        self.connected: list[tuple[str, dict[int, bytes]]] = []
        self.closed = 0
        self.description: list[tuple[str]] = []
        self.rows: list[tuple[Any, ...]] = []

    def connect(self, text: str, *, attrs_before: dict[int, bytes]) -> Driver:
        if self.login is not None:
            raise self.login
        self.connected.append((text, attrs_before))
        return self

    def cursor(self) -> Driver:
        return self

    def execute(self, statement: str) -> None:
        answer = self.answers[statement]
        if isinstance(answer, Exception):
            raise answer
        self.description, self.rows = [(name,) for name in answer[0]], answer[1]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def close(self) -> None:
        self.closed += 1


async def token() -> str:
    return TOKEN


def client(monkeypatch: pytest.MonkeyPatch, driver: Driver | None) -> SqlClient:
    monkeypatch.setitem(sys.modules, "mssql_python", driver)
    return SqlClient(token, Settings.from_environment({}).endpoints.sql_server)


async def test_it_signs_in_by_token_and_encrypts(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver({"SELECT 1": (["n"], [(1,)])})
    (answer,) = await client(monkeypatch, driver).queries(SERVER, "sales", ["SELECT 1"])
    assert (answer.columns, answer.rows, answer.error) == (("n",), ((1,),), "")
    text, before = driver.connected[0]
    assert text == f"Server={{{SERVER}}};Database={{sales}};Encrypt={{yes}};"
    length, encoded = before[1256][:4], before[1256][4:]
    assert struct.unpack("<I", length) == (len(encoded),)
    assert encoded.decode("utf-16-le") == TOKEN
    assert TOKEN not in text
    assert driver.closed == 1


async def test_a_statement_that_is_refused_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver({"a": Driver.Error("Invalid object name 'a'."), "b": (["n"], [])})
    first, second = await client(monkeypatch, driver).queries(SERVER, "sales", ["a", "b"])
    assert first.error == "Invalid object name 'a'."
    assert second.error == ""
    assert driver.closed == 1


async def test_nothing_to_ask_connects_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await client(monkeypatch, None).queries(SERVER, "sales", []) == []


async def test_a_login_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(login=Driver.Error("Login failed for user '<token-identified principal>'."))
    with pytest.raises(CloudError, match="Login failed") as failure:
        await client(monkeypatch, driver).queries(SERVER, "sales", ["SELECT 1"])
    assert "role in the workspace" in failure.value.remedy
    assert TOKEN not in str(failure.value)


async def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SqlUnavailable) as failure:
        await client(monkeypatch, None).queries(SERVER, "sales", ["SELECT 1"])
    assert "unity-mirror[sql]" in failure.value.remedy


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Failed to load the driver. Please verify installation."),
        ImportError("libltdl.so.7: cannot open shared object file: No such file or directory"),
        Driver.Error("Can't open lib 'libmsodbcsql-18.so' : cannot open shared object"),
    ],
)
async def test_without_its_system_library_it_says_which_package(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(SqlUnavailable, match="apt-get install libltdl7"):
        await client(monkeypatch, Driver(login=error)).queries(SERVER, "sales", ["SELECT 1"])


def test_the_server_can_be_elsewhere() -> None:
    here = Settings.from_environment({"UNITY_MIRROR_SQL_SERVER": "localhost,1444"}).endpoints
    assert here.sql_server(SERVER) == "localhost,1444"
    with pytest.raises(SettingsError, match="UNITY_MIRROR_SQL_SERVER"):
        Settings.from_environment({"UNITY_MIRROR_SQL_SERVER": "localhost;Encrypt=no"})
