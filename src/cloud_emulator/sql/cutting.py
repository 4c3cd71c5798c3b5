"""Cuts a batch into statements: T-SQL needs no semicolons, and IF and BEGIN … END hold other statements.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot.tokenizer_core import Token, TokenType

from cloud_emulator.sql import errors
from cloud_emulator.sql.words import between, word, words

_STARTS = frozenset(
    {
        "SELECT", "SET", "DECLARE", "IF", "BEGIN", "PRINT", "EXEC", "EXECUTE", "USE", "WHILE", "BREAK", "CONTINUE",
        "RETURN", "RAISERROR", "THROW", "WAITFOR", "GOTO", "COMMIT", "ROLLBACK", "SAVE", "INSERT", "UPDATE", "DELETE",
        "MERGE", "TRUNCATE", "CREATE", "ALTER", "DROP", "GRANT", "DENY", "REVOKE", "DBCC", "KILL",
    }
)  # fmt: skip
"""Reserved words with which a statement begins, so that the one before ends there."""
_WHOLE = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "CREATE", "ALTER", "DROP", "GRANT", "DENY", "REVOKE"}
)
"""Statements that hold words with which others begin. None is run here: they last to the semicolon."""
_MODULES = frozenset({"VIEW", "PROC", "PROCEDURE", "FUNCTION", "TRIGGER"})
_SETS = ("UNION", "ALL", "EXCEPT", "INTERSECT")
_NO_BLOCKS = ("TRY", "CATCH", "ATOMIC", "DISTRIBUTED", "CONVERSATION", "DIALOG")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A statement that holds no other."""

    text: str


@dataclass(frozen=True, slots=True)
class Branches:
    """An IF: its condition, and the statements of either side."""

    condition: str
    then: tuple[Part, ...]
    otherwise: tuple[Part, ...]


Part = Leaf | Branches


def cut(text: str) -> tuple[Part, ...]:
    """The statements of a batch. Raises a SQL error for blocks and branches without their end or content."""
    return _Cutter(text).batch()


class _Cutter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = words(text)
        self._at = 0

    def batch(self) -> tuple[Part, ...]:
        """All statements."""
        found = self._several()
        if self._at < len(self._tokens):
            raise errors.syntax(self._tokens[self._at].text)
        return found

    def _several(self) -> tuple[Part, ...]:
        """Statements, up to an END or ELSE that belongs to none of them."""
        found: list[Part] = []
        while self._at < len(self._tokens) and self._word() not in ("END", "ELSE"):
            if self._tokens[self._at].token_type is TokenType.SEMICOLON:
                self._at += 1
            else:
                found += self._one()
        return tuple(found)

    def _one(self) -> tuple[Part, ...]:
        """One statement; a block is the statements in it."""
        first = self._word()
        if first == "IF":
            return (self._branches(),)
        if first == "BEGIN" and not self._word(1).startswith("TRAN"):
            return self._block()
        start = self._at
        self._at += 1
        self._skip(first)
        return (Leaf(between(self._text, self._tokens[start : self._at])),)

    def _block(self) -> tuple[Part, ...]:
        if self._word(1) in _NO_BLOCKS:
            raise errors.not_served(f"BEGIN {self._word(1)}")
        self._at += 1
        found = self._several()
        if self._word() != "END" or not found:
            raise errors.syntax(self._word() or "BEGIN")
        self._at += 1
        return found

    def _branches(self) -> Branches:
        self._at += 1
        start = self._at
        self._skip("IF")
        condition = between(self._text, self._tokens[start : self._at])
        then = self._branch()
        before = self._at
        while self._at < len(self._tokens) and self._tokens[self._at].token_type is TokenType.SEMICOLON:
            self._at += 1
        if self._word() != "ELSE":
            self._at = before
            return Branches(condition, then, ())
        self._at += 1
        return Branches(condition, then, self._branch())

    def _branch(self) -> tuple[Part, ...]:
        if self._at >= len(self._tokens) or not self._begins():
            raise errors.syntax(self._word() or "IF")
        return self._one()

    def _skip(self, first: str) -> None:
        """Goes to the end of a statement that began with this word, or of a condition."""
        if first in ("CREATE", "ALTER") and _MODULES & {self._word(place) for place in range(3)}:
            self._at = len(self._tokens)  # what a module holds belongs to it
        depth, cases = int(first == "("), 0
        holds_select = first == "WITH"
        while self._at < len(self._tokens):
            found = self._word()
            if not depth and not cases and (found in ("END", "ELSE", ";") or self._ends(first, holds_select)):
                return
            holds_select = holds_select and not (not depth and found in _STARTS)
            depth += {"(": 1, ")": -1}.get(found, 0)
            cases += {"CASE": 1, "END": -1}.get(found, 0)
            self._at += 1

    def _ends(self, first: str, holds_select: bool) -> bool:
        """Whether another statement begins here."""
        if first in _WHOLE or not self._begins():
            return False
        is_part = self._word() == "SELECT" and self._word(-1) in _SETS
        return not is_part and not holds_select

    def _begins(self) -> bool:
        is_common_table = self._word() == "WITH" and (
            word(self._token(2)) in ("AS", "(") and self._word(1) not in ("(", "")
        )
        return self._word() in _STARTS or is_common_table

    def _word(self, further: int = 0) -> str:
        return word(self._token(further))

    def _token(self, further: int) -> Token | None:
        place = self._at + further
        return self._tokens[place] if 0 <= place < len(self._tokens) else None


__all__ = ["Branches", "Leaf", "Part", "cut"]
