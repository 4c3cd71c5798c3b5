"""Processes that outlive the command that started them, and are stopped by exactly what was recorded of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = (10.0, 5.0)
"""Seconds after each signal that asks to stop, before SIGKILL. Prefect's worker sometimes needs a second one."""
_KILL_SECONDS = 5.0
_POLL = 0.1
_SAYS_NOTHING = ("An exception occurred.", "(Background on this error at:")
"""How Prefect's command line and SQLAlchemy end what they say."""


class StackError(Exception):
    """Something of the stack didn't work; the message says what, and where the log is."""


@dataclass(frozen=True)
class Process:
    """A process that we started, the leader of a group of its own. ``born`` tells it from a later one of its number;
    ``stop_signal`` is what asks it to stop at once, and in good order."""

    name: str
    pid: int
    born: str
    log: str
    stop_signal: int = signal.SIGTERM

    def is_running(self) -> bool:
        """Whether this very process still runs."""
        return _born(self.pid) == self.born


def start(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Process:
    """Start a program in the background with its output in ``log``; it begins a session, so Ctrl-C doesn't reach it.

    Not by subprocess, which holds that whoever starts a process also sees its end.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawnp(command[0], list(command), dict(environment), file_actions=files, setsid=True)
    return Process(name, pid, _born(pid) or "", str(log), int(stop_signal))


def stop(process: Process) -> None:
    """Stop the process and what it started in its group. Does nothing when another process has its number by now."""
    if not process.is_running():
        return
    for sent, seconds in [*((process.stop_signal, each) for each in _PATIENCE), (signal.SIGKILL, _KILL_SECONDS)]:
        _signal(process.pid, sent)
        if _ended(process.pid, seconds):
            return
    raise StackError(f"{process.name} (process {process.pid}) doesn't stop; its log is {process.log}")


def run(what: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> None:
    """Run a program to its end. Raises StackError, with its last words, when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise StackError(f"{what} failed; {last_words(log)}")


def last_words(log: Path) -> str:
    """Which log it is, and the last line of it that says anything."""
    lines = (line.strip() for line in reversed(log.read_text(errors="replace").splitlines()))
    said = next((line for line in lines if line and not line.startswith(_SAYS_NOTHING)), None)
    return f"its log, {log}, ends with: {said}" if said else f"its log, {log}, is empty"


def _signal(group: int, sent: int) -> None:
    try:
        os.killpg(group, sent)
    except ProcessLookupError:
        return


def _ended(group: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_members(group)):
            return True
        time.sleep(_POLL)
    return False


def _born(pid: int) -> str | None:
    """When a process started, in a form only to be compared; None when it is gone or waits to be buried."""
    fields = _status(Path(f"/proc/{pid}/stat"))
    if fields is not None:
        return fields[19] if fields[0] != "Z" else None
    if Path("/proc/self/stat").exists():
        return None
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return shown.stdout.strip() or None


def _members(group: int) -> Iterator[int]:
    """Living processes of a group; ``_status`` counts from the third field of stat(5) on."""
    if not Path("/proc/self/stat").exists():
        yield from [group] if _born(group) else []
        return
    for folder in Path("/proc").iterdir():
        fields = _status(folder / "stat") if folder.name.isdigit() else None
        if fields is not None and fields[2] == str(group) and fields[0] != "Z":
            yield int(folder.name)


def _status(stat: Path) -> list[str] | None:
    """Fields of /proc/PID/stat after the program's name, which may itself hold blanks and parentheses."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return None
