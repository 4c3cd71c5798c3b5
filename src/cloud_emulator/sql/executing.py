"""``EXEC`` as text: the procedure that is called, and its arguments.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token

from cloud_emulator.sql import errors
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.statements import Argument, Execute
from cloud_emulator.sql.types import SqlType
from cloud_emulator.sql.words import between, separated, word, words

CALL = re.compile(r"EXEC(?:UTE)?\s+(?:\[?\w+\]?\s*\.\s*){0,2}\[?(\w+)\]?(?!\w)\s*", re.IGNORECASE)
TEXT = re.compile(r"EXEC(?:UTE)?\s*\((.+)\)$", re.IGNORECASE | re.DOTALL)
_LARGEST_INT = 2**31 - 1


def call(text: str) -> Execute | None:
    """The call that a statement is. Raises SQL errors for arguments that aren't served."""
    found = CALL.match(text)
    if found is None:
        return None
    rest = text[found.end() :]
    return Execute(found[1], tuple(_arguments(rest)))


def _arguments(text: str) -> Iterator[Argument]:
    for tokens in separated(words(text)):
        named = [word(token) for token in tokens[:3]]
        is_named = len(tokens) > 3 and named[0] == "@" and named[2] == "="
        value = tokens[3:] if is_named else tokens
        if tokens and word(value[0]) != "DEFAULT":
            yield Argument(f"@{tokens[1].text}" if is_named else "", _value(text, value))


def _value(text: str, tokens: Sequence[Token]) -> exp.Expr:
    written = between(text, tokens)
    try:
        value = sqlglot.parse_one(written, read="tsql")
    except (ParseError, TokenError) as error:
        raise errors.syntax(written[:40]) from error
    if isinstance(value, exp.Column) and len(tokens) == 1:
        return exp.Literal.string(value.name)  # a word without quotes is a text here
    is_global = isinstance(value, exp.Parameter) and isinstance(value.this, exp.Parameter)
    if is_global or not isinstance(value, exp.Literal | exp.National | exp.Null | exp.Neg | exp.Parameter):
        raise errors.not_served(f"arguments such as {written[:40]!r}")
    return value


def constant(name: str, value: exp.Expr) -> Parameter:
    """A constant of an argument, with the type that it has by itself."""
    if isinstance(value, exp.Null):
        return Parameter(name, SqlType("int"), None)
    if value.is_string or isinstance(value, exp.National):
        return Parameter(name, SqlType("varchar"), str(value.this))
    written = value.sql("tsql").replace(" ", "")
    if written.lstrip("-").isdigit():
        kind = "int" if abs(int(written)) <= _LARGEST_INT else "bigint"
        return Parameter(name, SqlType(kind), int(written))
    if "e" in written.lower():
        return Parameter(name, SqlType("float"), float(written))
    digits = Decimal(written).as_tuple()
    scale = max(-int(digits.exponent), 0)
    return Parameter(name, SqlType("decimal", max(len(digits.digits), scale), scale), Decimal(written))
