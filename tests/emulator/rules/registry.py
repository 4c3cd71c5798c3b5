"""Which test breaks which rule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.emulator.rules.world import World

Breaking = Callable[[World], Awaitable[None]]
Test = TypeVar("Test", bound=Breaking)
BREAKING: dict[str, list[Breaking]] = {}
"""Tests by the id of the rule that they break; filled when their modules are imported."""


def breaks(*rules: str) -> Callable[[Test], Test]:
    """Marks a test that breaks these rules through the API, and so fails when any one of them is off."""

    def mark(test: Test) -> Test:
        for rule in rules:
            BREAKING.setdefault(rule, []).append(test)
        return test

    return mark
