"""Variables of a batch: their declaration, their types, and what is assigned to them.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp

from cloud_emulator.sql import errors
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.statements import Query, Variable
from cloud_emulator.sql.types import SqlType
from cloud_emulator.sql.words import between, separated, word, words

_NAME = r"(@[\w$#@]+)"
_DECLARED = re.compile(
    rf"{_NAME}\s+(?:AS\s+)?\[?([A-Za-z]\w*)\]?\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*(?:=\s*(.+))?$",
    re.IGNORECASE | re.DOTALL,
)
_SET = re.compile(rf"SET\s+{_NAME}\s*([-+*/%&|^]?)=\s*(.+)$", re.IGNORECASE | re.DOTALL)
_TYPES = {
    "bit": SqlType("bit"), "tinyint": SqlType("tinyint"), "smallint": SqlType("smallint"), "int": SqlType("int"),
    "integer": SqlType("int"), "bigint": SqlType("bigint"), "real": SqlType("real"), "float": SqlType("float"),
    "money": SqlType("decimal", 19, 4), "smallmoney": SqlType("decimal", 10, 4), "date": SqlType("date"),
    "time": SqlType("time", scale=6), "datetime": SqlType("datetime2", scale=6),
    "datetime2": SqlType("datetime2", scale=6), "smalldatetime": SqlType("datetime2", scale=6),
    "varchar": SqlType("varchar"), "nvarchar": SqlType("varchar"), "char": SqlType("varchar"),
    "nchar": SqlType("varchar"), "sysname": SqlType("varchar"), "varbinary": SqlType("varbinary"),
    "uniqueidentifier": SqlType("uniqueidentifier"),
}  # fmt: skip
_DECIMALS = ("decimal", "numeric", "dec")
_TEXTS = ("varchar", "nvarchar", "char", "nchar", "varbinary")
_NOT_SERVED = frozenset(
    {
        "binary", "cursor", "datetimeoffset", "geography", "geometry", "hierarchyid", "image", "json", "ntext",
        "rowversion", "sql_variant", "table", "text", "timestamp", "xml",
    }
)  # fmt: skip
_DEFAULT_PRECISION = "18"


def declared(text: str) -> Iterator[tuple[Variable, str]]:
    """The variables that a list such as ``@a int = 1, @b date`` declares, and the expression given to each."""
    for part in separated(words(text)):
        found = _DECLARED.match(between(text, part))
        if found is None:
            raise _wrong(between(text, part), {word(token) for token in part})
        name, kind, first, second, value = found.groups()
        yield _variable(name, kind.lower(), first or "", second or ""), (value or "").strip()


def _wrong(text: str, found: set[str]) -> errors.SqlError:
    other = next((each for each in ("TABLE", "CURSOR", "OUTPUT", "OUT", "READONLY") if each in found), None)
    return errors.not_served(f"variables with {other}") if other else errors.syntax(text[:40] or "DECLARE")


def _variable(name: str, kind: str, first: str, second: str) -> Variable:
    if kind in _NOT_SERVED:
        raise errors.not_served(f"variables of the type {kind}")
    if kind in _DECIMALS:
        precision, scale = int(first or _DEFAULT_PRECISION), int(second or 0)
        return Variable(name, f"decimal({precision}, {scale})", SqlType("decimal", precision, scale))
    if kind not in _TYPES:
        message = f"Column, parameter, or variable {name}: Cannot find data type {kind}."
        raise errors.SqlError(2715, message)
    if kind not in _TEXTS:
        return Variable(name, "nvarchar(128)" if kind == "sysname" else kind, _TYPES[kind])
    length = first or "1"
    width = int(length) if kind in ("char", "nchar") and length.isdigit() else 0
    return Variable(name, f"{kind}({length})", _TYPES[kind], width)


def assignment(text: str) -> tuple[str, str] | None:
    """The variable and the expression of ``SET @x = …`` or ``SET @x += …``; ``None`` for other statements."""
    found = _SET.match(text)
    if found is None:
        return None
    name, operator, value = found.groups()
    return name, f"{name} {operator} ({value})" if operator else value


def known(variables: Mapping[str, Variable], name: str) -> Variable:
    """The variable of a name. Raises SQL error 137."""
    found = variables.get(name)
    if found is None:
        raise errors.unknown_variable(name)
    return found


def check_names(tree: exp.Expr, names: Iterable[str]) -> None:
    """Raises SQL error 137 for variables that aren't declared."""
    for node in tree.find_all(exp.Parameter):
        is_global = isinstance(node.this, exp.Parameter) or isinstance(node.parent, exp.Parameter)
        if not is_global and f"@{node.name}" not in names:
            raise errors.unknown_variable(f"@{node.name}")


def assigned(tree: exp.Query) -> list[tuple[str, exp.Expr]]:
    """Names and values of a SELECT that assigns, and nothing for one that doesn't. Raises SQL error 141 for both."""
    if not isinstance(tree, exp.Select):
        return []
    pairs = [
        (f"@{each.this.name}", each.expression)
        for each in tree.expressions
        if isinstance(each, exp.EQ) and isinstance(each.this, exp.Parameter)
    ]
    if pairs and len(pairs) < len(tree.expressions):
        message = "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval"
        raise errors.SqlError(141, f"{message} operations.", severity=15)
    names = {name for name, _ in pairs}
    uses = {f"@{node.name}" for _, value in pairs for node in value.find_all(exp.Parameter)}
    if tree.args.get("from_") is not None and names & uses:
        raise errors.not_served("a SELECT that gathers values of several rows in a variable")
    return pairs


def variable_of(parameter: Parameter, name: str) -> Variable:
    """A parameter that a driver hands over, as a variable of the batch."""
    kind = parameter.type
    sized = {"decimal": f"decimal({kind.precision}, {kind.scale})"}
    written = sized.get(kind.name, f"{kind.name}(max)" if kind.name in _TEXTS else kind.name)
    return Variable(name, written, kind)


def any_variable(name: str) -> Variable:
    """A parameter of which only the name counts, as while a statement is prepared."""
    return Variable(name, "varchar(max)", SqlType("varchar"))


def conversion(variable: Variable) -> Query:
    """A query for the value of a variable in the variable's own type."""
    value = exp.Parameter(this=exp.Var(this=variable.name.removeprefix("@")))
    target = exp.DataType.build(variable.written, dialect="tsql")
    return Query(exp.Select(expressions=[exp.Cast(this=value, to=target)]))
