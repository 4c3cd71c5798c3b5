"""Where the command line's words go: text for people, or one JSON document for machines."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from unity_mirror.cli.documents import failure_document
from unity_mirror.errors import SpecError, UnityMirrorError

_WIDTH_WITHOUT_TERMINAL = 120


class Output:
    """With ``as_json`` text goes to standard error, and exactly one document to standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        stream = sys.stderr if as_json else sys.stdout
        width = None if stream.isatty() else _WIDTH_WITHOUT_TERMINAL
        self.console = Console(file=stream, highlight=False, emoji=False, width=width, soft_wrap=True)

    def document(self, document: Mapping[str, Any]) -> None:
        """Writes the document, when one is wanted."""
        if self.as_json:
            json.dump(document, sys.stdout, indent=2, default=str)
            sys.stdout.write("\n")

    def text(self, text: str) -> None:
        """Writes text as it is, to be piped into a file. Raises UnityMirrorError where that would not hold it."""
        encoding = sys.stdout.encoding or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError as error:
            why = f"its encoding is {encoding}, which hasn't got {error.object[error.start]!a}"
            remedy = "Give --out FILE, or set PYTHONUTF8=1."
            raise UnityMirrorError("standard output can't take the spec", why=why, remedy=remedy) from None
        sys.stdout.write(text)

    def failure(self, error: UnityMirrorError) -> None:
        """Says what went wrong, on standard error, without a traceback."""
        console = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
        console.print(Text("unity-mirror: ", style="bold red") + Text(_explain(error)))
        self.document(failure_document(error))

    def ask(self, question: str) -> bool:
        """Whether the person at the terminal says yes. Raises KeyboardInterrupt, which asyncio would put off."""
        ours = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return self.console.input(f"{question} [y/N] ", markup=False).strip().lower() in ("y", "yes")
        except EOFError:
            self.console.print()
            return False
        finally:
            signal.signal(signal.SIGINT, ours)


def _explain(error: UnityMirrorError) -> str:
    return str(error) if isinstance(error, SpecError) else str(error).replace(". What to do: ", ".\nWhat to do: ")
