"""Functions that answer about the session, the server and the catalog; and those of T-SQL that aren't served.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from cloud_emulator.sql import errors
from cloud_emulator.sql.literals import literal
from cloud_emulator.sql.types import COLLATION_NAME, SqlType

Session = Mapping[str, Any]
Answer = Callable[[exp.Anonymous, Session], exp.Expr]

NOT_SERVED = frozenset(
    {
        "ASCII", "BINARY_CHECKSUM", "CHECKSUM", "CHOOSE", "COL_LENGTH", "COL_NAME", "COMPRESS", "CONNECTIONPROPERTY",
        "CONTEXT_INFO", "CUME_DIST", "CURRENT_TIMEZONE", "DATALENGTH", "DATEDIFF_BIG", "DATETIMEFROMPARTS",
        "DATE_BUCKET", "DIFFERENCE", "FILE_ID", "GREATEST", "GROUPING", "HASHBYTES", "INDEXPROPERTY", "ISDATE",
        "ISJSON", "ISNUMERIC", "JSON_ARRAY", "JSON_OBJECT", "JSON_QUERY", "JSON_VALUE", "LEAST", "NCHAR", "NEWID",
        "OBJECT_DEFINITION", "PATINDEX", "PERCENTILE_CONT", "PERCENTILE_DISC", "PERCENT_RANK", "QUOTENAME",
        "SESSIONPROPERTY", "SESSION_CONTEXT", "SOUNDEX", "SPACE", "STDEVP", "STR", "STRING_ESCAPE", "STRING_SPLIT",
        "SWITCHOFFSET", "TODATETIMEOFFSET", "TRANSLATE", "TYPE_ID", "UNICODE", "VAR", "VARP",
    }
)  # fmt: skip
"""Functions that the real endpoint has and the emulator hasn't."""
_MAY = frozenset({"SELECT", "CONNECT", "VIEW DEFINITION", "ANY"})


def object_id(node: exp.ObjectId, session: Session) -> exp.Expr:
    """The number of a table, or NULL."""
    given = node.this.this if isinstance(node.this, exp.Cast) else node.this
    if isinstance(given, exp.Null):
        return exp.Null()
    if not isinstance(given, exp.Literal | exp.National):
        raise errors.not_served("OBJECT_ID of what is no constant")
    parts = given.name.replace("[", "").replace("]", "").split(".")
    found = session["objects"].get((parts[-2] if len(parts) > 1 else "dbo", parts[-1]))
    return exp.Null() if found is None else exp.Literal.number(found)


def schema_name(node: exp.CurrentSchema, session: Session) -> exp.Expr:
    """The session's schema, or the name of the one with a number."""
    if node.this is None:
        return exp.Literal.string("dbo")
    return _by_number(node.this, {number: name for name, number in session["schemas"].items()})


def collated(node: exp.Collate) -> exp.Expr:
    """A text under the only collation that there is."""
    if node.expression.name.lower() != COLLATION_NAME.lower():
        raise errors.not_served(f"the collation {node.expression.name}")
    return exp.paren(node.this)


def _by_number(number: exp.Expr, names: Mapping[int, str]) -> exp.Expr:
    """The name that goes with a number."""
    whens = [
        exp.If(this=exp.EQ(this=number.copy(), expression=exp.Literal.number(key)), true=exp.Literal.string(name))
        for key, name in names.items()
    ]
    return exp.Case(ifs=whens) if whens else exp.Null()


def _told(key: str) -> Answer:
    return lambda _node, session: exp.Literal.string(session[key])


def _always(value: int) -> Answer:
    return lambda _node, _session: exp.Literal.number(value)


def _property(node: exp.Anonymous, session: Session) -> exp.Expr:
    asked = node.expressions[-1].name if node.expressions else ""
    value = session["properties"].get(asked.lower())
    if value is None:
        return exp.Null()
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)


def _now(_node: exp.Anonymous, session: Session) -> exp.Expr:
    return literal(session["now"], SqlType("datetime2", scale=6))


def _object_name(place: int) -> Answer:
    """Schema (0) or name (1) of the object with a number."""

    def answer(node: exp.Anonymous, session: Session) -> exp.Expr:
        return _by_number(_first(node), {number: name[place] for name, number in session["objects"].items()})

    return answer


def _type_name(node: exp.Anonymous, session: Session) -> exp.Expr:
    return _by_number(_first(node), session["types"])


def _first(node: exp.Anonymous) -> exp.Expr:
    if not node.expressions:
        raise errors.SqlError(174, f"The {node.name.lower()} function requires 1 argument(s).", severity=15)
    found: exp.Expr = node.expressions[0]
    return found


def _database_id(node: exp.Anonymous, session: Session) -> exp.Expr:
    asked = node.expressions[0].name if node.expressions else session["database"]
    found = session["databases"].get(asked)
    return exp.Null() if found is None else exp.Literal.number(found)


def _has_access(node: exp.Anonymous, session: Session) -> exp.Expr:
    return exp.Literal.number(1) if _first(node).name in session["databases"] else exp.Null()


def _has_permission(node: exp.Anonymous, _session: Session) -> exp.Expr:
    asked = node.expressions[2].name.upper() if len(node.expressions) > 2 else ""
    return exp.Literal.number(int(asked in _MAY))


def _object_property(node: exp.Anonymous, _session: Session) -> exp.Expr:
    asked = node.expressions[-1].name.lower() if node.expressions else ""
    return exp.Literal.number(int(asked in ("istable", "isusertable")))


ANSWERED: dict[str, Answer] = {
    "DB_NAME": _told("database"),
    "DB_ID": _database_id,
    "SUSER_SNAME": _told("user"),
    "SUSER_NAME": _told("user"),
    "USER_NAME": _told("user"),
    "ORIGINAL_LOGIN": _told("user"),
    "HOST_NAME": _told("host"),
    "APP_NAME": _told("application"),
    "SERVERPROPERTY": _property,
    "DATABASEPROPERTYEX": _property,
    "HAS_DBACCESS": _has_access,
    "HAS_PERMS_BY_NAME": _has_permission,
    "IS_SRVROLEMEMBER": _always(0),
    "IS_MEMBER": _always(0),
    "IS_ROLEMEMBER": _always(0),
    "OBJECT_NAME": _object_name(1),
    "OBJECT_SCHEMA_NAME": _object_name(0),
    "TYPE_NAME": _type_name,
    "COLUMNPROPERTY": _always(0),
    "OBJECTPROPERTY": _object_property,
    "SYSDATETIME": _now,
    "SYSUTCDATETIME": _now,
    "GETUTCDATE": _now,
}
"""Of a table's columns none is an identity or computed, so that COLUMNPROPERTY is 0."""
