"""Standard output and error as a program needs them: there, and able to take any text."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import TextIO, cast

_FAULTS = (errno.EPIPE, errno.ENOSPC)


def prepare() -> None:
    """A stream that the caller closed leads nowhere; what an encoding hasn't got is escaped, and no error."""
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def is_fault(error: BaseException) -> bool:
    """Whether nobody reads standard output any more, or the file behind it can't grow."""
    return isinstance(error, OSError) and error.errno in _FAULTS


def give_up() -> None:
    """What is still to be written goes nowhere, lest it fails once more when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
