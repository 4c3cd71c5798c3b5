"""``EXEC sp_executesql`` as text: the statement that it holds, with its parameters' values in their places.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from cloud_emulator.sql import errors

CALL = re.compile(r"EXEC(?:UTE)?\s+(?:\[?sys\]?\s*\.\s*)?\[?sp_executesql\]?\s+", re.IGNORECASE)
_DEFINITION = re.compile(r"(@[\w$#@]+)\s+(?:AS\s+)?([A-Za-z]\w*(?:\s*\([^)]*\))?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Executed:
    """The statement, and its parameters' values as expressions."""

    text: str
    values: dict[str, exp.Expr]

    def filled(self, tree: exp.Query) -> exp.Query:
        """The statement's query with the values in the parameters' places."""

        def replace(node: exp.Expr) -> exp.Expr:
            found = self.values.get(f"@{node.name}") if isinstance(node, exp.Parameter) else None
            return found.copy() if found is not None else node

        return cast("exp.Query", tree.transform(replace))


def executed(text: str) -> Executed:
    """What a call holds; ``text`` begins behind the procedure's name. Raises SqlError."""
    arguments = [_argument(tokens) for tokens in _separated(text)]
    texts = [value for _, value in arguments[:2] if value.is_string or isinstance(value, exp.National)]
    if len(texts) < min(len(arguments), 2) or not texts:
        raise errors.SqlError(214, "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.")
    defined = _DEFINITION.findall(str(texts[1].this)) if len(texts) > 1 else []
    values: dict[str, exp.Expr] = {}
    for place, (name, value) in enumerate(arguments[2:]):
        key, kind = next(
            (each for each in defined if each[0] == name),
            defined[place] if not name and place < len(defined) else ("", ""),
        )
        if not key:
            raise errors.SqlError(8145, f"{name or 'A parameter'} is not a parameter for procedure sp_executesql.")
        values[key] = exp.Cast(this=value, to=exp.DataType.build(kind, dialect="tsql"))
    return Executed(str(texts[0].this), values)


def _separated(text: str) -> Iterator[list[Token]]:
    try:
        tokens = sqlglot.tokenize(text, read="tsql")
    except TokenError as error:
        raise errors.unclosed(text.strip()[:40]) from error
    part: list[Token] = []
    for token in tokens:
        if token.token_type is TokenType.COMMA:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _argument(tokens: list[Token]) -> tuple[str, exp.Expr]:
    """The name of an argument, if it has one, and its value: a constant."""
    words = "".join(token.text for token in tokens[:3])
    named = re.match(r"(@\w+)=", words)
    rest = tokens[3 if tokens and tokens[0].text == "@" else 2 :] if named else tokens
    sql = " ".join(_written(token) for token in rest)
    try:
        value = sqlglot.parse_one(sql, read="tsql")
    except (ParseError, TokenError) as error:
        raise errors.syntax(sql[:40]) from error
    if not isinstance(value, exp.Literal | exp.National | exp.Null | exp.Neg):
        raise errors.not_served(f"arguments such as {sql[:40]!r}")
    return (named[1] if named else ""), value


def _written(token: Token) -> str:
    if token.token_type in (TokenType.STRING, TokenType.NATIONAL_STRING):
        return "'" + token.text.replace("'", "''") + "'"
    return token.text
