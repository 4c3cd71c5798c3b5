"""T-SQL at SQL analytics endpoints, through Microsoft's driver mssql-python (the optional dependency ``sql``).

The driver blocks, so each connection runs in a thread. Sign-in is by an Entra token, given as the driver's attribute
1256 (SQL_COPT_SS_ACCESS_TOKEN): its length, then UTF-16LE. It never stands in the connection string.
"""

from __future__ import annotations

import asyncio
import ctypes.util
import struct
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unity_mirror.errors import CloudError

SERVICE = "SQL analytics endpoint"
_ACCESS_TOKEN = 1256
_INSTALL = "pip install 'unity-mirror[sql]'"
_NOT_LOADED = ("failed to load the driver", "cannot open shared object", "ltdl")
_LIBRARY = "Debian and Ubuntu: apt-get install libltdl7; Fedora and RHEL: dnf install libtool-ltdl"


class SqlUnavailable(CloudError):
    """The driver can't be used on this machine; the remedy says what to install."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What one statement answered: columns and rows, or why it was refused."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str = ""


class SqlClient:
    """Runs queries. ``address`` gives the server to connect to for the one that Fabric names."""

    def __init__(self, token: Callable[[], Awaitable[str]], address: Callable[[str], str]) -> None:
        self._token = token
        self._address = address

    async def queries(self, server: str, database: str, statements: Sequence[str]) -> list[QueryResult]:
        """Run statements one after the other over one connection; the answers in their order.

        Raises SqlUnavailable without the driver or what it needs, CloudError when the login fails.
        """
        if not statements:
            return []
        options = {"Server": self._address(server), "Database": database, "Encrypt": "yes"}
        text = "".join(f"{name}={{{value}}};" for name, value in options.items())
        token = await self._token()
        return await asyncio.to_thread(_run, text, token, tuple(statements), server)


def _run(connection_text: str, token: str, statements: Sequence[str], server: str) -> list[QueryResult]:
    driver = _driver()
    encoded = token.encode("utf-16-le")
    try:
        connection = driver.connect(
            connection_text, attrs_before={_ACCESS_TOKEN: struct.pack("<I", len(encoded)) + encoded}
        )
    except driver.Error as error:
        raise _login_failed(server, error) from None
    except (ImportError, OSError, RuntimeError) as error:
        raise _unavailable(error) from error
    try:
        cursor = connection.cursor()
        return [_statement(driver, cursor, statement) for statement in statements]
    finally:
        connection.close()


def _driver() -> Any:
    try:
        import mssql_python
    except ModuleNotFoundError as error:
        message = "the tables can't be previewed by T-SQL"
        raise SqlUnavailable(message, service=SERVICE, why="mssql-python isn't installed", remedy=_INSTALL) from error
    except (ImportError, OSError, RuntimeError) as error:
        raise _unavailable(error) from error
    return mssql_python


def _statement(driver: Any, cursor: Any, statement: str) -> QueryResult:
    try:
        cursor.execute(statement)
        columns = tuple(str(each[0]) for each in cursor.description or ())
        return QueryResult(columns, tuple(tuple(row) for row in cursor.fetchall()))
    except driver.Error as error:
        return QueryResult(error=str(error))


def _login_failed(server: str, error: Exception) -> CloudError:
    if any(word in str(error).lower() for word in _NOT_LOADED):
        return _unavailable(error)
    return CloudError(
        "could not connect to the SQL analytics endpoint",
        service=SERVICE,
        operation=server,
        why=str(error),
        remedy="The identity that runs unity-mirror needs a role in the workspace, and port 1433 has to be open.",
    )


def _unavailable(error: Exception) -> SqlUnavailable:
    """The driver's own words don't say what is missing. On Linux it is the system library ltdl, as a rule."""
    again = f"install the driver anew: {_INSTALL}"
    missing = sys.platform == "linux" and ctypes.util.find_library("ltdl") is None
    if missing or "ltdl" in str(error):
        remedy = f"Install the system library ltdl. {_LIBRARY}."
    elif sys.platform == "linux":
        remedy = f"See that the system library ltdl is there ({_LIBRARY}), or {again}."
    else:
        remedy = again.capitalize()
    message = "Microsoft's SQL driver can't be loaded on this machine"
    return SqlUnavailable(message, service=SERVICE, why=str(error), remedy=remedy)
