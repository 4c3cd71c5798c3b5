"""Throttling: how many requests a caller may make of a service, and of each of its APIs, as buckets of tokens that
refill steadily."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud_emulator.core.clock import Clock

ServiceName = Literal["fabric", "powerbi", "unity_catalog", "arm", "storage", "entra", "sql"]
EACH = "*"
"""Stands for each API that isn't named."""


class RateLimit(BaseModel):
    """What one caller may ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_second: float = Field(gt=0, description="Requests a second, in the long run.")
    burst: int = Field(ge=1, description="Requests at once, after a rest.")


class ServiceLimits(BaseModel):
    """What one caller may ask of a service: in all, of each API, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_second: float | None = Field(None, gt=0, description="Requests a second in all, in the long run.")
    burst: int | None = Field(None, ge=1, description="Requests in all at once, after a rest.")
    apis: dict[str, RateLimit] = Field(
        default_factory=dict,
        description="The same for one API, by its operation's name in docs/emulator.md; '*': each that isn't named.",
    )

    @model_validator(mode="after")
    def _go_together(self) -> ServiceLimits:
        if (self.per_second is None) != (self.burst is None):
            raise ValueError("per_second and burst go together")
        return self

    def buckets(self, api: str) -> Iterator[tuple[str, RateLimit]]:
        """The buckets from which a request for an API takes, by name: the service's is the empty one."""
        if self.per_second is not None and self.burst is not None:
            yield "", RateLimit(per_second=self.per_second, burst=self.burst)
        limit = self.apis.get(api) or self.apis.get(EACH)
        if limit is not None:
            yield api, limit


class Throttle:
    """The buckets, by service, API and caller. Time is the cloud's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}

    def take(self, service: str, api: str, caller: str, limits: ServiceLimits) -> int:
        """Takes a token from each bucket, or from none. 0, or after how many whole seconds (1 or more) all have one."""
        now = self._clock.time()
        found = [((service, name, caller), limit) for name, limit in limits.buckets(api)]
        tokens = {key: self._tokens(key, limit, now) for key, limit in found}
        waits = [(1 - tokens[key]) / limit.per_second for key, limit in found if tokens[key] < 1]
        for key, _ in found:
            self._buckets[key] = (tokens[key] if waits else tokens[key] - 1, now)
        return max(1, math.ceil(max(waits))) if waits else 0

    def _tokens(self, key: tuple[str, str, str], limit: RateLimit, now: float) -> float:
        tokens, since = self._buckets.get(key, (float(limit.burst), now))
        return min(float(limit.burst), tokens + (now - since) * limit.per_second)

    def clear(self) -> None:
        """Fills all buckets."""
        self._buckets.clear()
