"""How long to wait before sending again, and whether to."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from unity_mirror.clock import Clock
from unity_mirror.http.calls import Call
from unity_mirror.settings import Limits

_LEAST = 0.05
_FAULTS = frozenset({408, 500, 502, 503, 504})


def retry_after(response: httpx.Response, clock: Clock) -> float | None:
    """Return the seconds that the service asks to wait, from seconds or an HTTP date; None when it doesn't ask.

    A date is reckoned from the answer's own ``Date``, because the service's clock and ours may differ.
    """
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _between(moment(response.headers.get("date", "")) or clock.now(), moment(text))
    return seconds if 0 <= seconds < float("inf") else None


def moment(text: str) -> datetime | None:
    """Return the moment that an HTTP date names; None when it is none."""
    try:
        named = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return named if named.tzinfo else named.replace(tzinfo=UTC)


def _between(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else max(0.0, (then - now).total_seconds())


def backoff(limits: Limits, attempt: int, rng: Callable[[], float]) -> float:
    """Return a wait of our own: full jitter under a bound that doubles with each attempt, counted from 1."""
    bound = min(limits.backoff_cap, limits.backoff_base * 2.0 ** min(attempt, 30))
    return max(_LEAST, bound * rng())


def is_throttled(response: httpx.Response) -> bool:
    """Tell whether the answer says "too many requests": nothing was done."""
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS or (
        response.status_code == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" in response.headers
    )


def is_fault(response: httpx.Response) -> bool:
    """Tell whether the answer is a fault of the server's, which leaves open what it did."""
    return response.status_code in _FAULTS


def never_sent(fault: httpx.TransportError) -> bool:
    """Tell whether the request can't have reached the server: there was no connection to send it over."""
    return isinstance(fault, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))


def may_repeat(call: Call, fault: httpx.TransportError) -> bool:
    """Tell whether to send again after no answer came."""
    return call.is_idempotent or never_sent(fault)


def is_ours(fault: httpx.TransportError) -> bool:
    """Tell whether the request itself can't be sent, such as a token with a line break: trying again won't help."""
    return isinstance(fault, (httpx.LocalProtocolError, httpx.UnsupportedProtocol))
