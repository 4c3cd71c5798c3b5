"""Signs of life while a command is at work."""

from __future__ import annotations

import asyncio
from io import StringIO

from unity_mirror.cli.pulse import Pulse
from unity_mirror.clock import ManualClock


class Terminal(StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


class Beats(ManualClock):
    """A clock whose sleepers wake when told."""

    def __init__(self) -> None:
        super().__init__()
        self.due = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        await self.due.acquire()
        self.advance(seconds)

    async def beat(self) -> None:
        self.due.release()
        for _ in range(4):
            await asyncio.sleep(0)


async def test_a_terminal_hears_what_goes_on() -> None:
    stream, clock = Terminal(), Beats()
    pulse = Pulse(stream, clock)
    async with pulse.beating():
        await clock.beat()
        async with pulse.at_work("Mirror"):
            await clock.beat()
            await pulse.progress(300, 2000, "folders")
            await clock.beat()
            await pulse.progress(0, 0, "Fabric's sync (InProgress)")
            await clock.beat()
    assert stream.getvalue().splitlines() == [
        "still at it: Looking 10 s",
        "Mirror …",
        "still at it: Mirror 10 s",
        "still at it: Mirror 20 s; 300 of 2,000 folders",
        "still at it: Mirror 30 s; waiting for Fabric's sync (InProgress)",
    ]


async def test_a_file_gets_the_beginnings_alone() -> None:
    stream, clock = StringIO(), Beats()
    pulse = Pulse(stream, clock)
    async with pulse.beating(), pulse.at_work("Identity"):
        await clock.beat()
    assert stream.getvalue() == "Identity …\n"
