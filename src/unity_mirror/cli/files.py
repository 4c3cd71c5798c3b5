"""The files that a command is told to write: found impossible before anything is asked of a cloud, not after it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from unity_mirror.errors import UnityMirrorError

_FILES = ("out", "remedies")
_REMEDY = "Give a path that can be written to."


def check_files(options: argparse.Namespace) -> None:
    """Raises UnityMirrorError when a file that the options name can't be written, and makes the report's folder."""
    for name in _FILES:
        path = getattr(options, name, None)
        if path is not None:
            _check(path)
    folder = getattr(options, "report", None)
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error


def _check(path: Path) -> None:
    place = path if path.exists() else path.parent
    if path.is_dir() or not place.exists() or not os.access(place, os.W_OK):
        why = "it is a folder" if path.is_dir() else "its folder isn't there, or may not be written to"
        raise UnityMirrorError("the file can't be written", where=str(path), why=why, remedy=_REMEDY)


def write(path: Path, lines: Iterable[str]) -> None:
    """Writes a text file. Raises UnityMirrorError."""
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> UnityMirrorError:
    """The error to raise for a file that could not be written."""
    why = error.strerror or str(error)
    return UnityMirrorError("the file could not be written", where=str(path), why=why, remedy=_REMEDY)
