"""Runs statements through Microsoft's driver in a process of its own, as the driver and its choice of native library
last as long as the process. Reads what to do from standard input as JSON, and answers the same way."""

from __future__ import annotations

import json
import struct
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_ACCESS_TOKEN = 1256


def main() -> None:
    """``{"connection": text, "token": text, "statements": [[text, parameters…]…]}`` leads to a list with, for each
    statement, ``{"columns": […], "rows": […]}`` or ``{"error": text}``; to ``{"error": text}`` when the login fails.
    ``{"tables": {argument: value…}}`` in place of a statement calls that function of the driver's catalog. What the
    server says besides is added as ``messages``."""
    asked = json.load(sys.stdin)
    json.dump(_run(asked), sys.stdout)


def _run(asked: dict[str, Any]) -> Any:
    import mssql_python

    token = asked["token"].encode("utf-16-le")
    try:
        connection = mssql_python.connect(
            asked["connection"], attrs_before={_ACCESS_TOKEN: struct.pack("<I", len(token)) + token}
        )
    except mssql_python.Error as error:
        return {"error": str(error)}
    try:
        cursor = connection.cursor()
        return [_answer(mssql_python, cursor, each) for each in asked["statements"]]
    finally:
        connection.close()


def _answer(driver: Any, cursor: Any, asked: Any) -> dict[str, Any]:
    try:
        if isinstance(asked, dict):
            ((function, arguments),) = asked.items()
            getattr(cursor, function)(**arguments)
        else:
            cursor.execute(*asked)
        messages = [text for _, text in cursor.messages]
        while cursor.description is None and cursor.nextset():
            messages += [text for _, text in cursor.messages]
        return _result(cursor) | ({"messages": messages} if messages else {})
    except driver.Error as error:
        return {"error": str(error)}


def _result(cursor: Any) -> dict[str, Any]:
    columns = [each[0] for each in cursor.description or ()]
    return {"columns": columns, "rows": [[_plain(value) for value in row] for row in cursor.fetchall()]}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, Decimal | date | datetime) else value


if __name__ == "__main__":
    main()
