"""Keeps secrets out of texts: what a service echoes or an exception repeats passes through here before people see it.

A value is looked for as it is and in the forms in which it travels: quoted for URLs and JSON, and in base64 at each of
the three places where it can begin within a longer text.
"""

import base64
import html
import json
import string
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, quote_plus

from unity_mirror.errors import UnexpectedError

MASK = "***"
_BASE64 = frozenset(string.ascii_letters + string.digits + "+/-_=")
_SHORTEST = 6
"""Shorter values would take ordinary words out of texts, and protect nothing."""


class Redactor:
    """Takes the values that it has learnt out of texts. It never shows them."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._written: list[str] = []
        self._coded: list[str] = []
        self.learn(*values)

    def learn(self, *values: str) -> None:
        """Take these out from now on."""
        told = [value for value in values if len(value) >= _SHORTEST]
        self._written = _longest_first({*self._written, *(form for value in told for form in forms(value))})
        self._coded = _longest_first({*self._coded, *(form for value in told for form in coded_forms(value))})

    def redact(self, text: str) -> str:
        """Return the text with asterisks in place of what it must not say."""
        for form in self._written:
            text = text.replace(form, MASK)
        for form in self._coded:
            text = _without_run(text, form)
        return text

    def unexpected(self, error: BaseException) -> UnexpectedError:
        """Return what to tell people of an exception that nobody foresaw, with its traceback, both without secrets."""
        words = self.redact(f"{type(error).__name__}: {error}".strip().rstrip(":"))
        told = UnexpectedError(
            f"something unexpected happened: {words}",
            where=_place(error.__traceback__),
            remedy="This is a mistake in unity-mirror; report it with the traceback in the log. "
            "Running again is safe: what was done stays, the rest is done.",
        )
        told.trace = self.redact("".join(traceback.format_exception(error)))
        return told

    def __repr__(self) -> str:
        return "Redactor()"


def _longest_first(found: set[str]) -> list[str]:
    """Else what is left of a longer form would tell the rest of it."""
    return sorted(found, key=lambda form: (-len(form), form))


def _without_run(text: str, form: str) -> str:
    """Takes out whole runs of base64: what is beside the form holds parts of the value's first and last characters."""
    while (at := text.find(form)) >= 0:
        begin, end = at, at + len(form)
        while begin > 0 and text[begin - 1] in _BASE64:
            begin -= 1
        while end < len(text) and text[end] in _BASE64:
            end += 1
        text = text[:begin] + MASK + text[end:]
    return text


def forms(value: str) -> set[str]:
    """The ways in which a value may be written down, but for base64."""
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    written = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    return {value, html.escape(value), *written, *quoted, *map(_lower_escapes, quoted)}


def _lower_escapes(quoted: str) -> str:
    """Percent-encoding with small letters, as some servers write it."""
    head, *rest = quoted.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def coded_forms(value: str) -> set[str]:
    """What of the value's base64 doesn't hang on the bytes around it, wherever it begins among them."""
    data = value.encode()
    found = set()
    for before in range(3):
        begin, end = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(bytes(before) + data).decode()[begin:end])
    return found


def _place(trace: TracebackType | None) -> str:
    """Where it was raised: the last line of ours."""
    frames = traceback.extract_tb(trace)
    ours = [frame for frame in frames if not {"site-packages", "asyncio"} & set(Path(frame.filename).parts)]
    frame = next(iter([*ours[-1:], *frames[-1:]]), None)
    return f"{Path(frame.filename).name}, line {frame.lineno}, in {frame.name}" if frame else ""
