"""T-SQL's words, and lists of them between commas.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from cloud_emulator.sql import errors

_QUOTED = (TokenType.IDENTIFIER, TokenType.STRING, TokenType.NATIONAL_STRING)


class _Tokenizer(TSQL.Tokenizer):
    """The dialect's own takes all behind words such as PRINT for one text."""

    COMMANDS: ClassVar[set[TokenType]] = set()


def words(text: str) -> list[Token]:
    """The words and signs of a text, without its comments. Raises SQL error 105."""
    try:
        return list(_Tokenizer(dialect="tsql").tokenize(text))
    except TokenError as error:
        raise errors.unclosed(text.rpartition("'")[2][:40]) from error


def word(token: Token | None) -> str:
    """A word in capitals; nothing for quoted names and texts, which are no words."""
    return "" if token is None or token.token_type in _QUOTED else token.text.upper()


def between(text: str, tokens: Sequence[Token]) -> str:
    """The text from the first of these words to the last."""
    return text[tokens[0].start : tokens[-1].end + 1] if tokens else ""


def separated(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The parts between the commas that stand in no parentheses."""
    part: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(word(token), 0)
        if token.token_type is TokenType.COMMA and not depth:
            yield part
            part = []
        else:
            part.append(token)
    yield part
