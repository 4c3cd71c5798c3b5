"""Throttling: how many requests a caller may make of a service, as a bucket of tokens that refills steadily."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_emulator.core.clock import Clock

ServiceName = Literal["fabric", "powerbi", "unity_catalog", "arm", "storage", "entra"]
ThrottledService = Literal["fabric", "powerbi", "unity_catalog", "arm", "storage"]


class RateLimit(BaseModel):
    """What one caller may ask of one service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_second: float = Field(gt=0, description="Requests a second, in the long run.")
    burst: int = Field(ge=1, description="Requests at once, after a rest.")


class Throttle:
    """The buckets, by service and caller. Time is the cloud's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, service: str, caller: str, limit: RateLimit) -> int:
        """Takes a token. 0, or after how many whole seconds (1 or more) the next one is there."""
        now = self._clock.time()
        tokens, since = self._buckets.get((service, caller), (float(limit.burst), now))
        tokens = min(float(limit.burst), tokens + (now - since) * limit.per_second)
        passes = tokens >= 1
        self._buckets[service, caller] = (tokens - 1 if passes else tokens, now)
        return 0 if passes else max(1, math.ceil((1 - tokens) / limit.per_second))

    def clear(self) -> None:
        """Fills all buckets."""
        self._buckets.clear()
