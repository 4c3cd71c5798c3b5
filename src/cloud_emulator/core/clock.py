"""The emulator's time: the machine's, plus what a test has moved it by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cloud_emulator.core.store import Table


class Clock:
    """Tells the time in seconds since 1970 and as the services' strings; the offset survives a restart."""

    def __init__(self, settings: Table, wall: Callable[[], float]) -> None:
        self._settings = settings
        self._wall = wall

    @property
    def offset(self) -> float:
        """Seconds that the clock has been moved forward."""
        return float(self._settings.get("clock", {}).get("offset", 0.0))

    def advance(self, seconds: float) -> None:
        """Moves the clock forward."""
        self._settings["clock"] = {"offset": self.offset + seconds}

    def time(self) -> float:
        """Seconds since 1970."""
        return self._wall() + self.offset

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def iso(self, *, ahead: float = 0.0) -> str:
        """ISO 8601 with microseconds and ``Z``, ``ahead`` seconds from now."""
        return (self.now() + timedelta(seconds=ahead)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
