"""The folder that holds a cloud: who uses it, and whether it can be used."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_emulator.core.cloud import Cloud, open_cloud


class UnusableFolder(Exception):
    """The folder can't hold a cloud, or another emulator serves it; the message says which, and what to do."""


@contextmanager
def opened(folder: Path) -> Iterator[Cloud]:
    """The cloud of a folder, which is ours until the end: two emulators would overwrite each other's state.

    Raises :class:`UnusableFolder`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            cloud = open_cloud(folder)
            try:
                yield cloud
            finally:
                cloud.close()
    except BlockingIOError as error:
        raise UnusableFolder(f"another emulator serves {folder}; stop it, or give another --data.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnusableFolder(f"{folder} can't hold a cloud: {reason}; give another --data.") from error
    except sqlite3.DatabaseError as error:
        message = f"{folder}/state.sqlite holds no cloud ({error}); remove the folder, or give another --data."
        raise UnusableFolder(message) from error
