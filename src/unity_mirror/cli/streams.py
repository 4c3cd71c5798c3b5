"""Standard output and error as a program needs them: there, and able to take any text."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from pathlib import Path
from typing import TextIO, cast

_FAULTS = (errno.EPIPE, errno.ENOSPC)
_PLAIN = {"✓": "ok", "✗": "X", "→": "->", "…": "..."}
"""Our own signs, for encodings that haven't got them, such as that of a pipe on Windows."""


def prepare() -> None:
    """A stream that the caller closed leads nowhere; what an encoding hasn't got is spelt or escaped, and no error."""
    codecs.register_error("plainly", _plainly)
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plainly")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    spelt = [_PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in missing]
    return "".join(spelt), error.end


def _nowhere(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def is_fault(error: BaseException) -> bool:
    """Whether nobody reads standard output any more, or the file behind it can't grow."""
    return isinstance(error, OSError) and error.errno in _FAULTS


def give_up() -> None:
    """What is still to be written goes nowhere, lest it fails once more when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
