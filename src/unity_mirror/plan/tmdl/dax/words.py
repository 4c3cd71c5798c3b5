"""The words of a metric view's SQL expression, read one after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SKIPPED = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?![\w.]))|(?P<string>'(?:[^'\\]|\\.|'')*')|(?P<name>[A-Za-z_]\w*|`[^`]+`)"
    r"|(?P<sign><=|>=|<>|!=|[-+*/(),=<>.])",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)|''", re.DOTALL)
_THEMSELVES = frozenset("'\"\\")
"""What a backslash leaves as it is; behind others (``\\n``, ``\\%`` ...) stands what DAX writes otherwise."""


class NotSayableError(Exception):
    """DAX can't say it, or this translation doesn't know how; the message says what."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word or sign, and its kind: ``number``, ``string``, ``name`` or ``sign``; at the end, an empty one."""

    kind: str = ""
    text: str = ""


@dataclass(slots=True)
class Words:
    """The words of an expression and the place up to which they are read. Comments aren't among them."""

    all: tuple[Word, ...]
    at: int = field(default=0)

    @classmethod
    def of(cls, text: str) -> Words:
        """Split an expression. Raises NotSayableError where a sign isn't known."""
        found: list[Word] = []
        at = _past_blanks(text, 0)
        while at < len(text):
            match = _WORD.match(text, at)
            if match is None:
                raise NotSayableError(f"{text[at:].strip()[:20]!r} in it isn't understood")
            found.append(Word(match.lastgroup or "", match[0]))
            at = _past_blanks(text, match.end())
        return cls(tuple(found))

    @property
    def next(self) -> Word:
        """The word that comes next, without going past it."""
        return self.all[self.at] if self.at < len(self.all) else Word()

    @property
    def ended(self) -> bool:
        """Whether all are read."""
        return self.at >= len(self.all)

    def take(self, *signs: str) -> str:
        """Go past the next word if it is one of these signs or words, and return it; else return nothing."""
        text = self.next.text.upper()
        if text not in signs:
            return ""
        self.at += 1
        return text

    def need(self, sign: str) -> None:
        """Go past a sign. Raises NotSayableError when another stands there."""
        if not self.take(sign):
            raise NotSayableError(f"{self.next.text or 'its end'!r} stands where {sign!r} is expected")

    def pop(self) -> Word:
        """Go past the next word and return it. Raises NotSayableError at the end."""
        if self.ended:
            raise NotSayableError("it ends too early")
        self.at += 1
        return self.all[self.at - 1]


def _past_blanks(text: str, at: int) -> int:
    skipped = _SKIPPED.match(text, at)
    return skipped.end() if skipped else at


def plain(name: str) -> str:
    """A name without its backquotes."""
    return name.strip("`")


def string_value(literal: str) -> str:
    """What a literal between single quotes says. Raises NotSayableError for what can't be said on one line of DAX."""

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return "'"
        if found[1] not in _THEMSELVES:
            raise NotSayableError(f"{found[0]!r} in a text isn't translated")
        return found[1]

    text = _ESCAPED.sub(value, literal[1:-1])
    if not text.isprintable():
        raise NotSayableError("a text in it holds a character that nobody sees")
    return text
