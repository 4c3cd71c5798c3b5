"""Keeps secrets out of texts: what a service echoes or an exception repeats passes through here before people see it.

A value is looked for as it is and in the forms in which it travels: quoted for URLs and JSON, and in base64 at each of
the three places where it can begin within a longer text.
"""

import base64
import html
import json
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, quote_plus

from unity_mirror.errors import UnexpectedError

MASK = "***"
_SHORTEST = 6
"""Shorter values would take ordinary words out of texts, and protect nothing."""


class Redactor:
    """Takes the values that it has learnt out of texts. It never shows them."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: list[str] = []
        self.learn(*values)

    def learn(self, *values: str) -> None:
        """Take these out from now on."""
        known = set(self._forms)
        for value in values:
            if len(value) >= _SHORTEST:
                known |= forms(value)
        # The longest first: else what is left of a form would tell the rest of it.
        self._forms = sorted(known, key=lambda form: (-len(form), form))

    def redact(self, text: str) -> str:
        """Return the text with asterisks in place of what it must not say."""
        for form in self._forms:
            text = text.replace(form, MASK)
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


def forms(value: str) -> set[str]:
    """All the ways in which a value may be written down."""
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    written = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    return {value, html.escape(value), *written, *quoted, *map(_lower_escapes, quoted), *_base64(value)}


def _lower_escapes(quoted: str) -> str:
    """Percent-encoding with small letters, as some servers write it."""
    head, *rest = quoted.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def _base64(value: str) -> set[str]:
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
