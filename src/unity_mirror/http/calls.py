"""A request as the clients describe it, and the deadline it runs under."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from unity_mirror.clock import Clock

Effect = Literal["read", "write", "auth"]
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to a service.

    ``operation`` says in words what it does, for errors. ``scope`` is the token's (None: unauthenticated). ``budget``
    names what is throttled together (default: the service). ``idempotent`` says that sending it twice does no harm
    (default: by method; every PATCH here sets values, so it may be repeated). ``patience`` is how many seconds an
    answer that calls itself retriable is put up with (None: the setting). ``target`` is the raw request target, for
    continuation URIs that have to be sent exactly as they came.
    """

    service: str
    operation: str
    method: str
    url: str
    scope: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: Effect | None = None
    idempotent: bool | None = None
    budget: str = ""
    patience: float | None = None
    target: str | None = None

    @property
    def is_idempotent(self) -> bool:
        """Tell whether it may be sent again without knowing what became of it."""
        return self.method in _IDEMPOTENT if self.idempotent is None else self.idempotent

    @property
    def effect_or_default(self) -> Effect:
        """Return what it does to the cloud, by method unless said otherwise."""
        return self.effect or ("read" if self.method in _READS else "write")

    @property
    def budget_or_default(self) -> str:
        """Return the name of what is throttled together."""
        return self.budget or self.service

    def at(self, url: str, *, target: str | None = None) -> "Call":
        """Return the same call for another URL, without parameters: a next page."""
        return replace(self, url=url, params={}, target=target)


class Deadline:
    """A moment after which nothing more is tried."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self.seconds = seconds

    def restart(self) -> None:
        """Count from now."""
        self._start = self._clock.monotonic()

    @property
    def elapsed(self) -> float:
        """Return the seconds since it was set."""
        return self._clock.monotonic() - self._start

    @property
    def remaining(self) -> float:
        """Return the seconds left; negative when it has passed."""
        return self.seconds - self.elapsed
