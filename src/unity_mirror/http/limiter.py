"""One shared budget: how many requests run at once, and until when all of them hold still."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from unity_mirror.clock import Clock
from unity_mirror.http.calls import Deadline

_SUCCESSES_TO_GROW = 10


class Closed(Exception):
    """The budget stays closed longer than the caller may wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Limiter:
    """Lets at most some requests run at once, fewer after each "too many requests", slowly more after successes.

    When the service says how long to wait, nobody sends before then: one quota is shared by all who use the identity.
    ``rng`` gives numbers from 0 to 1; up to a second of it spreads those who waited.
    """

    def __init__(self, clock: Clock, most: int, rng: Callable[[], float]) -> None:
        self._clock = clock
        self._most = most
        self._rng = rng
        self._limit = most
        self._running = 0
        self._successes = 0
        self._opens = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """Return how many may run at once now."""
        return self._limit

    @asynccontextmanager
    async def slot(self, begin: Callable[[], Deadline]) -> AsyncIterator[None]:
        """Hold one of the places, once the budget is open. Raises Closed when it won't open before the deadline.

        ``begin`` gives the deadline when it is one's turn: a wait for a place isn't the service's doing.
        """
        await self._acquire()
        try:
            await self._until_open(begin())
            yield
        finally:
            self._running -= 1
            self._wake()

    async def _until_open(self, deadline: Deadline) -> None:
        while (wait := self._opens - self._clock.monotonic()) > 0:
            if wait > deadline.remaining:
                raise Closed(wait)
            await self._clock.sleep(wait + self._rng())

    async def _acquire(self) -> None:
        while self._running >= self._limit:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                else:
                    self._wake()
                raise
        self._running += 1

    def _wake(self) -> None:
        free = self._limit - self._running
        while self._waiting and free > 0:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1

    def succeeded(self) -> None:
        """Note an answer that wasn't "too many requests"."""
        self._successes += 1
        if self._successes >= _SUCCESSES_TO_GROW and self._limit < self._most:
            self._successes = 0
            self._limit += 1
            self._wake()

    def throttled(self, retry_after: float | None) -> None:
        """Note "too many requests": halve what may run at once, and hold still as long as the service asks."""
        self._successes = 0
        self._limit = max(1, self._limit // 2)
        if retry_after is not None:
            self._opens = max(self._opens, self._clock.monotonic() + retry_after)
