"""Signs of life on standard error while a command is at work, because the clouds may take many minutes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TextIO

from unity_mirror.clock import Clock

BEAT = 10.0
"""Seconds between two lines."""


class Pulse:
    """Says which steps begin and, at a terminal, how far what takes long has got."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._since: dict[str, float] = {}
        self._far = ""

    async def progress(self, done: int, total: int, what: str) -> None:
        """Hears how far a long step has got; the next line tells it."""
        if total:
            self._far = f"{done:,} of {total:,} {what}" if done < total else ""
        else:
            self._far = f"waiting for {what}"

    @asynccontextmanager
    async def at_work(self, what: str) -> AsyncIterator[None]:
        """Says that it begins, and for as long as it lasts that it goes on."""
        self._say(f"{what} …")
        self._since[what] = self._clock.monotonic()
        try:
            yield
        finally:
            del self._since[what]

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """While this is entered, a terminal gets a line every ten seconds."""
        if not self._stream.isatty():
            yield
            return
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            with suppress(asyncio.CancelledError):
                await beat

    async def _beat(self) -> None:
        begun = self._clock.monotonic()
        while True:
            await self._clock.sleep(BEAT)
            now = self._clock.monotonic()
            working = self._since or {"Looking": begun}
            steps = ", ".join(f"{what} {now - since:.0f} s" for what, since in working.items())
            self._say(f"still at it: {steps}{f'; {self._far}' if self._far else ''}")

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()
