"""A run whose process was killed is followed by a new one with the same parameters, which counts (prefect.yaml)."""

from __future__ import annotations

from flows.outcomes import Stopped

MAX_STARTS = 3
"""How often a run whose process is killed is started again before people have to look."""


def give_up(start: int) -> Stopped | None:
    """Why this start is one too many; None when it isn't."""
    if start <= MAX_STARTS:
        return None
    remedy = "See the worker's log, memory first; then retry."
    return Stopped(f"Its process was killed {MAX_STARTS} times. {remedy}", remedy=remedy)
