"""The one transport: every request to every service goes through it, and retries happen here only."""

import logging
import random
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from typing import TypeVar

import httpx

from unity_mirror.clock import Clock
from unity_mirror.credentials import TokenSource
from unity_mirror.errors import CloudError, Conflict, OperationFailed, Throttled
from unity_mirror.http.calls import Call, Deadline
from unity_mirror.http.client import timeout
from unity_mirror.http.failures import ONELAKE, STORAGE, is_certificate_fault, to_error, unreachable
from unity_mirror.http.limiter import Closed, Limiter
from unity_mirror.http.meter import CallMeter
from unity_mirror.http.patience import backoff, is_fault, is_ours, is_throttled, may_repeat, never_sent, retry_after
from unity_mirror.http.requests import to_request
from unity_mirror.settings import Limits, Timeouts

T = TypeVar("T")
_log = logging.getLogger(__name__)
_SAY_AFTER, _SAY_EVERY = 10.0, 60.0
"""Seconds of waiting for one answer after which people are told, and how often."""
_FILES_FACTOR = 8
"""Azure Storage and OneLake take thousands of requests a second, where the management APIs take some in a minute."""


class Doubtful(Exception):
    """A request that isn't safe to repeat may or may not have taken effect. ``error`` is what to raise in the end."""

    def __init__(self, error: CloudError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class _Attempts:
    """What one request has been through so far."""

    deadline: Deadline
    queued: bool = False
    """Whether its time is yet to begin: of hundreds that wait for a place, the last would be late before they begin."""
    faults: int = 0
    throttled: int = 0
    doubtful: bool = False
    say_at: float = _SAY_AFTER

    def begin(self) -> Deadline:
        """Return the deadline, which begins when the request is first let through."""
        if self.queued:
            self.queued = False
            self.deadline.restart()
        return self.deadline

    def say_waiting(self, error: CloudError) -> None:
        """Tells people that a request waits, and for what; unless told otherwise, logging does so on standard error."""
        if self.deadline.elapsed >= self.say_at:
            self.say_at = self.deadline.elapsed + _SAY_EVERY
            _log.warning("still waiting after %.0f s, and trying again: %s", self.deadline.elapsed, error)


class Transport:
    """Sends calls: signs in, keeps to the shared budget, retries what may be retried, maps errors, counts.

    Every wait for a service ends at a deadline, which begins when the budget has a place for the request.
    ``Retry-After`` is a floor: up to a second is added, nothing multiplied.
    """

    def __init__(
        self,
        wire: httpx.AsyncBaseTransport,
        tokens: TokenSource,
        *,
        clock: Clock,
        meter: CallMeter,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        rng: Callable[[], float] | None = None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self.redact = redact
        self._wire = wire
        self._tokens = tokens
        self.clock = clock
        self.meter = meter
        self.timeouts = timeouts or Timeouts()
        self.limits = limits or Limits()
        self._extensions = {"timeout": timeout(self.timeouts).as_dict()}
        self._rng = rng or random.SystemRandom().random
        self._limiters: dict[str, Limiter] = {}

    def signed_in_by(self, tokens: TokenSource) -> "Transport":
        """Return the same transport, budgets included, with another sign-in."""
        theirs = copy(self)
        theirs._tokens = tokens
        return theirs

    def limiter(self, budget: str) -> Limiter:
        """Return the limiter that all calls of one budget share."""
        if budget not in self._limiters:
            most = self.limits.max_concurrency * (_FILES_FACTOR if budget.startswith((STORAGE, ONELAKE)) else 1)
            self._limiters[budget] = Limiter(self.clock, most, self._rng)
        return self._limiters[budget]

    def deadline(self, seconds: float | None = None) -> Deadline:
        """Return a deadline that starts now; without seconds, that of one request."""
        return Deadline(self.clock, self.timeouts.request if seconds is None else seconds)

    async def send(self, call: Call, deadline: Deadline | None = None) -> httpx.Response:
        """Send a call and return its successful answer.

        Raises a CloudError for what the service refuses, and for what still failed when attempts or time ran out.
        """
        try:
            return await self._persist(call, self._attempts(deadline))
        except Doubtful as doubt:
            raise doubt.error from doubt.__cause__

    async def create(
        self,
        call: Call,
        *,
        found: Callable[[], Awaitable[T | None]],
        read: Callable[[httpx.Response], Awaitable[T]],
        deadline: Deadline | None = None,
    ) -> T:
        """Send a call that must not take effect twice, and return what it made.

        ``read`` makes the result out of a successful answer. When an attempt leaves open whether it took effect (the
        connection broke, or a server fault), ``found`` looks; only if it finds nothing is the call sent again.
        """
        attempts = self._attempts(deadline)
        while True:
            try:
                return await read(await self._persist(call, attempts))
            except Doubtful as doubt:
                attempts.doubtful = True
                given_up = await self._paused(attempts, doubt.error, self.limits.poll_floor)
                made = await found()
                if made is not None:
                    return made
                if given_up:
                    raise given_up from doubt.__cause__
            except CloudError as refusal:
                if not attempts.doubtful:
                    raise
                return await self._late(found, attempts, refusal)

    async def _late(self, found: Callable[[], Awaitable[T | None]], attempts: _Attempts, refusal: CloudError) -> T:
        """Return what an earlier attempt made that was still at work when we looked, and stood in the way of this one.

        Services have many words for that, so the refusal's code says nothing. Raises it when nothing appears.
        """
        while True:
            made = await found()
            if made is not None:
                return made
            if not isinstance(refusal, Conflict | OperationFailed):
                raise refusal
            given_up = await self._paused(attempts, refusal, self.limits.poll_floor)
            if given_up:
                raise given_up

    def _attempts(self, deadline: Deadline | None) -> _Attempts:
        return _Attempts(deadline or self.deadline(), queued=deadline is None)

    async def _persist(self, call: Call, attempts: _Attempts) -> httpx.Response:
        """Send until there is an answer to stand by, or one that isn't worth another attempt."""
        limiter = self.limiter(call.budget_or_default)
        while True:
            try:
                async with limiter.slot(attempts.begin):
                    response = await self._once(call)
            except Closed as closed:
                raise self._out_of_budget(call, attempts, closed) from None
            except httpx.TransportError as fault:
                await self._after_no_answer(call, fault, attempts)
                continue
            self._tell(limiter, response, attempts)
            if response.is_success or (attempts.doubtful and _gone(call, response)):
                return response
            await self._after_refusal(call, response, attempts)

    async def _once(self, call: Call) -> httpx.Response:
        """Send with the scope's token, and with a new one, once, when the service refuses it."""
        if call.scope is None:
            return await self._exchange(call, None)
        token = await self._tokens.token(call.scope)
        response = await self._exchange(call, token)
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return response
        self._tokens.invalidate(call.scope, token)
        fresh = await self._tokens.token(call.scope)
        return response if fresh == token else await self._exchange(call, fresh)

    async def _exchange(self, call: Call, token: str | None) -> httpx.Response:
        """Send one request. An ``httpx.AsyncClient`` would look for redirects, cookies and proxies each time."""
        request = to_request(call, token, self._extensions)
        self.meter.count(call.service, call.method, call.effect_or_default)
        try:
            response = await self._wire.handle_async_request(request)
            await response.aread()
        except httpx.DecodingError as error:  # a body that isn't compressed as it says: cut off, or a proxy's
            raise httpx.RemoteProtocolError(f"the answer can't be decoded: {error}") from error
        response.request = request
        return response

    def _tell(self, limiter: Limiter, response: httpx.Response, attempts: _Attempts) -> None:
        if is_throttled(response):
            attempts.throttled += 1
            self.meter.throttled += 1
            asked = retry_after(response, self.clock)
            limiter.throttled(asked or backoff(self.limits, attempts.throttled, self._rng))
        else:
            limiter.succeeded()

    async def _after_no_answer(self, call: Call, fault: httpx.TransportError, attempts: _Attempts) -> None:
        error = unreachable(call, fault, attempts.faults + 1, self.redact)
        if is_certificate_fault(fault) or is_ours(fault):
            raise error from fault
        if not may_repeat(call, fault):
            raise Doubtful(error) from fault
        attempts.doubtful = attempts.doubtful or not never_sent(fault)
        await self._pause(attempts, error)

    async def _after_refusal(self, call: Call, response: httpx.Response, attempts: _Attempts) -> None:
        if is_throttled(response):
            # The limiter now holds everyone still. Who answers 503 may be in front of the one who did it all the same.
            attempts.doubtful |= response.status_code == httpx.codes.SERVICE_UNAVAILABLE
            return
        error = to_error(call, response, self.redact)
        if is_fault(response):
            if not call.is_idempotent:
                raise Doubtful(error)
            attempts.doubtful = True
            await self._pause(attempts, error)
        elif error.retriable and attempts.deadline.elapsed < self._patience(call):
            await self._wait_as_told(attempts, error, retry_after(response, self.clock))
        else:
            raise _given_up(error, attempts)

    def _patience(self, call: Call) -> float:
        return self.timeouts.retriable if call.patience is None else call.patience

    async def _pause(self, attempts: _Attempts, error: CloudError) -> None:
        """Wait before the attempt after a fault; raise the error instead when attempts or time have run out."""
        given_up = await self._paused(attempts, error)
        if given_up:
            raise given_up from error.__cause__

    async def _paused(self, attempts: _Attempts, error: CloudError, least: float = 0.0) -> CloudError | None:
        attempts.faults += 1
        wait = max(least, backoff(self.limits, attempts.faults, self._rng))
        if attempts.faults >= self.limits.max_attempts or wait > attempts.deadline.remaining:
            return _given_up(error, attempts)
        attempts.say_waiting(error)
        await self.clock.sleep(wait)
        return None

    async def _wait_as_told(self, attempts: _Attempts, error: CloudError, asked: float | None) -> None:
        """Wait because the answer says that the same request will be taken later."""
        wait = max(asked or 0.0, self.limits.poll_floor) + self._rng()
        if wait > attempts.deadline.remaining:
            raise _given_up(error, attempts)
        attempts.say_waiting(error)
        await self.clock.sleep(wait)

    def _out_of_budget(self, call: Call, attempts: _Attempts, closed: Closed) -> Throttled:
        return Throttled(
            f"could not {call.operation}",
            service=call.service,
            operation=f"{call.method} {call.url.partition('?')[0]}",
            status=httpx.codes.TOO_MANY_REQUESTS,
            retriable=True,
            why=f"the service is throttling this identity for another {closed.seconds:.0f} s, longer than the "
            f"{attempts.deadline.seconds:.0f} s deadline allows (last status 429)",
            remedy=f"run again in {closed.seconds:.0f} s",
        )


def _gone(call: Call, response: httpx.Response) -> bool:
    """Tell whether an earlier attempt at deleting, whose answer was lost, has done it."""
    return call.method == "DELETE" and response.status_code == httpx.codes.NOT_FOUND


def _given_up(error: CloudError, attempts: _Attempts) -> CloudError:
    waited = attempts.deadline.elapsed
    if waited >= 1:
        status = f"last status {error.status}" if error.status else "no answer"
        error.why = f"{error.why} (gave up after {waited:.0f} s, {status})"
    return error
