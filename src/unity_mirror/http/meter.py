"""Counts of the requests that went out."""

from collections import Counter
from typing import NamedTuple

from unity_mirror.http.calls import Effect


class Metered(NamedTuple):
    """What requests are counted by."""

    service: str
    method: str
    effect: Effect


class CallMeter:
    """How many requests went out, by service, method and effect; and how many answers said "too many"."""

    def __init__(self) -> None:
        self._counts: Counter[Metered] = Counter()
        self.throttled = 0

    def count(self, service: str, method: str, effect: Effect) -> None:
        """Count one request, repeats included."""
        self._counts[Metered(service, method, effect)] += 1

    @property
    def calls(self) -> dict[Metered, int]:
        """Return the counts so far."""
        return dict(self._counts)

    def total(self, *, service: str | None = None, effect: Effect | None = None) -> int:
        """Return how many requests went out, of one service or effect or of all."""
        return sum(
            count
            for key, count in self._counts.items()
            if service in {None, key.service} and effect in {None, key.effect}
        )
