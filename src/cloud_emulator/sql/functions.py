"""Functions and operators: which the endpoint has, which it answers itself, and which mean something else in DuckDB.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from cloud_emulator.sql import about, errors
from cloud_emulator.sql.about import ANSWERED, NOT_SERVED
from cloud_emulator.sql.literals import literal
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.types import SqlType

_KNOWN = (
    exp.Abs, exp.Acos, exp.And, exp.Asin, exp.Atan, exp.Atan2, exp.Avg, exp.Case, exp.Cast, exp.Ceil, exp.Chr,
    exp.Coalesce, exp.Collate, exp.Concat, exp.ConcatWs, exp.Cos, exp.Count, exp.CurrentDate, exp.CurrentSchema,
    exp.CurrentTimestamp, exp.CurrentUser, exp.DateAdd, exp.DateDiff, exp.DateFromParts, exp.Day, exp.DenseRank,
    exp.Exists, exp.Exp, exp.Extract, exp.FirstValue, exp.Floor, exp.GroupConcat, exp.If, exp.Lag, exp.LastDay,
    exp.LastValue, exp.Lead, exp.Left, exp.Length, exp.Ln, exp.Log, exp.Lower, exp.Max, exp.Min, exp.Month,
    exp.Ntile, exp.Nullif, exp.ObjectId, exp.Or, exp.Pow, exp.Rand, exp.Rank, exp.Repeat, exp.Replace, exp.Reverse,
    exp.Right, exp.Round, exp.RowNumber, exp.Sign, exp.Sin, exp.Sqrt, exp.Stddev, exp.StrPosition, exp.Stuff,
    exp.Substring, exp.Sum, exp.Tan, exp.TimeStrToTime, exp.TimeToStr, exp.Trim, exp.TryCast, exp.TsOrDsToDate,
    exp.Upper, exp.Variance, exp.Year,
)  # fmt: skip
"""Functions of T-SQL that are served, as sqlglot calls them."""

_VARIABLES = {
    "VERSION", "SPID", "TRANCOUNT", "LANGUAGE", "SERVERNAME", "MAX_PRECISION", "ROWCOUNT", "ERROR", "OPTIONS",
    "MICROSOFTVERSION", "LOCK_TIMEOUT", "DATEFIRST", "NESTLEVEL", "FETCH_STATUS", "SERVICENAME",
}  # fmt: skip
_INTEGERS = ("TINYINT", "UTINYINT", "SMALLINT", "INT")
_ZERO_DIVISION = "SQL:8134"
"""What DuckDB's error function says for a division by zero."""


def check(tree: exp.Expr) -> None:
    """Raises SQL error 195 for functions that aren't served; DuckDB's own, which read files, stay out of reach."""
    for function in tree.find_all(exp.Func):
        if isinstance(function, exp.Anonymous):
            _check_named(function)
        elif isinstance(function, exp.Convert):
            _check_convert(function)
        elif not isinstance(function, _KNOWN):
            raise errors.not_served(f"the function {function.sql('tsql').partition('(')[0]}")


def _check_named(function: exp.Anonymous) -> None:
    name = function.name.upper()
    if isinstance(function.parent, exp.Dot):
        raise errors.unknown_user_function(function.parent.sql("tsql").partition("(")[0])
    if name in NOT_SERVED:
        raise errors.not_served(f"the function {name}")
    if name not in ANSWERED:
        raise errors.unknown_function(function.name)


def fill_in(tree: exp.Query, parameters: Mapping[str, Parameter], session: Mapping[str, Any]) -> exp.Expr:
    """Puts values in the place of parameters, global variables, and functions about the session."""

    def value(node: exp.Expr) -> exp.Expr:
        return _variable(node, parameters, session) if isinstance(node, exp.Parameter) else node

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.CurrentTimestamp):
            return literal(session["now"], SqlType("datetime2", scale=6))
        if isinstance(node, exp.CurrentDate):
            return literal(session["now"].date(), SqlType("date"))
        if isinstance(node, exp.CurrentUser):
            return exp.Literal.string(session["user"])
        if isinstance(node, exp.ObjectId):
            return about.object_id(node, session)
        if isinstance(node, exp.CurrentSchema):
            return about.schema_name(node, session)
        if isinstance(node, exp.Collate):
            return about.collated(node)
        if isinstance(node, exp.Anonymous):
            return ANSWERED[node.name.upper()](node, session)
        return node

    return tree.transform(value).transform(replace)  # functions look at their arguments' values


def rewrite(tree: exp.Expr) -> exp.Expr:
    """Makes the typed query mean in DuckDB what it means in T-SQL."""
    for node in reversed(list(tree.walk(bfs=True))):  # what is inside first
        handler = _REWRITES.get(type(node))
        if handler is not None:
            handler(node)
    return tree


def _variable(node: exp.Parameter, parameters: Mapping[str, Parameter], session: Mapping[str, Any]) -> exp.Expr:
    if isinstance(node.this, exp.Parameter):
        name = node.this.name.upper()
        if name not in _VARIABLES:
            raise errors.unknown_variable(f"@@{node.this.name}")
        return literal(session[f"@@{name}"], SqlType("varchar" if isinstance(session[f"@@{name}"], str) else "int"))
    found = parameters.get(f"@{node.name}")
    if found is None:
        raise errors.unknown_variable(f"@{node.name}")
    return literal(found.value, found.type)


def _of(node: exp.Expr) -> str:
    kind = node.type
    return kind.this.name if isinstance(kind, exp.DataType) and isinstance(kind.this, exp.DataType.Type) else ""


def _wrap(node: exp.Expr, target: str) -> None:
    """Casts an aggregate, together with its OVER clause."""
    whole = node.parent if isinstance(node.parent, exp.Window) else node
    place = exp.Cast(this=exp.Null(), to=exp.DataType.build(target, dialect="duckdb"))
    place.type = place.args["to"]
    whole.replace(place)
    place.set("this", whole)


def _count(node: exp.Expr) -> None:
    _wrap(node, "BIGINT" if node.args.get("big_int") else "INT")


def _sum(node: exp.Expr) -> None:
    kind = _of(node.this)
    if kind in _INTEGERS:
        _wrap(node, "INT")
    elif kind == "BIGINT":
        _wrap(node, "BIGINT")
    elif kind == "DECIMAL":
        _wrap(node, f"DECIMAL(38, {_scale(node.this)})")


def _avg(node: exp.Expr) -> None:
    kind = _of(node.this)
    if kind in (*_INTEGERS, "BIGINT"):
        inner = node.parent if isinstance(node.parent, exp.Window) else node
        place = exp.Anonymous(this="TRUNC", expressions=[exp.Null()])
        inner.replace(place)
        place.set("expressions", [inner])
        _wrap(place, "BIGINT" if kind == "BIGINT" else "INT")
    elif kind == "DECIMAL":
        _wrap(node, f"DECIMAL(38, {max(_scale(node.this), 6)})")


def _scale(node: exp.Expr) -> int:
    kind = node.type
    sizes = kind.expressions if isinstance(kind, exp.DataType) else []
    return int(sizes[1].name) if len(sizes) > 1 else 0


def _divide(node: exp.Expr) -> None:
    """Integers divide to integers, decimals to decimals, and nothing by zero."""
    left, right = node.args["this"], node.args["expression"]
    kinds = {_of(left), _of(right)}
    by_zero = exp.Anonymous(this="ERROR", expressions=[exp.Literal.string(_ZERO_DIVISION)])
    is_zero = exp.EQ(this=_inner(right.copy()), expression=exp.Literal.number(0))
    guarded = exp.Case(ifs=[exp.If(this=is_zero, true=by_zero)], default=_inner(right.copy()))
    if isinstance(node, exp.Mod):
        right.replace(exp.paren(guarded))
    elif kinds <= {*_INTEGERS, "BIGINT"}:
        place = exp.Anonymous(this="DIVIDE", expressions=[left.copy(), guarded])
        place.type = exp.DataType.build("BIGINT" if "BIGINT" in kinds else "INT")
        node.replace(place)
    else:
        right.replace(exp.paren(guarded))
        if kinds <= {*_INTEGERS, "BIGINT", "DECIMAL"}:
            _wrap(node, "DECIMAL(38, 6)")


def _inner(node: exp.Expr) -> exp.Expr:
    return node if isinstance(node, exp.Literal | exp.Column | exp.Paren) else exp.paren(node)


def _add(node: exp.Expr) -> None:
    kinds = {_of(node.args["this"]), _of(node.args["expression"])}
    if kinds & {*_TEXTS} and kinds <= {*_TEXTS, "", "UNKNOWN", "NULL"}:
        place = exp.DPipe(this=node.this.copy(), expression=node.expression.copy(), safe=False)
        place.type = exp.DataType.build("TEXT")
        node.replace(place)


def _length(node: exp.Expr) -> None:
    """LEN doesn't count spaces at the end."""
    inner = node.this.this if isinstance(node.this, exp.Cast) else node.this
    text = exp.Cast(this=inner.copy(), to=exp.DataType.build("TEXT"))
    node.set("this", exp.Anonymous(this="RTRIM", expressions=[text]))


def _date_add(node: exp.Expr) -> None:
    if _of(node.this) == "DATE":
        _wrap(node, "DATE")


def _check_convert(node: exp.Convert) -> None:
    style = node.args.get("style")
    if style is not None and style.name not in _STYLES:
        raise errors.not_served(f"CONVERT with the style {style.name}")


def _convert(node: exp.Expr) -> None:
    """CONVERT without a style is CAST; with one, a time becomes text in that style."""
    value, target, style = node.args["expression"], node.this, node.args.get("style")
    if style is not None and _of(value) in _TIMES and target.this.name in _TEXTS:
        layout = _STYLES[style.name]
        layout = layout.split(" ")[0] if _of(value) == "DATE" else layout
        value = exp.Anonymous(this="STRFTIME", expressions=[value.copy(), exp.Literal.string(layout)])
    place = exp.Cast(this=value.copy(), to=target.copy())
    place.type = target.copy()
    node.replace(place)
    _cast(place)


_TIMES = ("DATE", "DATETIME", "DATETIME2", "TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMPTZ")
_TEXTS = ("VARCHAR", "NVARCHAR", "CHAR", "NCHAR", "TEXT")
_STYLES = {
    "23": "%Y-%m-%d", "101": "%m/%d/%Y", "103": "%d/%m/%Y", "104": "%d.%m.%Y", "108": "%H:%M:%S", "112": "%Y%m%d",
    "120": "%Y-%m-%d %H:%M:%S", "121": "%Y-%m-%d %H:%M:%S.%f", "126": "%Y-%m-%dT%H:%M:%S.%f",
}  # fmt: skip


def _cast(node: exp.Expr) -> None:
    target = node.args["to"]
    kind = target.this.name if isinstance(target.this, exp.DataType.Type) else ""
    if kind in _TEXTS:
        length = target.expressions[0].name if target.expressions else ""
        node.set("to", exp.DataType.build("TEXT"))
        if length.isdigit():
            place = exp.Left(this=exp.Null(), expression=exp.Literal.number(length))
            place.type = node.type
            node.replace(place)
            place.set("this", node)
    elif kind in _CASTS:
        node.set("to", exp.DataType.build(_CASTS[kind], dialect="duckdb"))


_CASTS = {
    "BIT": "BOOLEAN", "FLOAT": "DOUBLE", "MONEY": "DECIMAL(19, 4)", "SMALLMONEY": "DECIMAL(10, 4)",
    "DATETIME": "TIMESTAMP", "DATETIME2": "TIMESTAMP", "SMALLDATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMPTZ", "VARBINARY": "BLOB", "BINARY": "BLOB", "UNIQUEIDENTIFIER": "UUID",
}  # fmt: skip

_REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.Count: _count,
    exp.Sum: _sum,
    exp.Avg: _avg,
    exp.Div: _divide,
    exp.Mod: _divide,
    exp.Add: _add,
    exp.Length: _length,
    exp.DateAdd: _date_add,
    exp.Convert: _convert,
    exp.Cast: _cast,
    exp.TryCast: _cast,
}
