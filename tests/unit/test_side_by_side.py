"""Reads side by side: all of them, in order, and not more begun at once than make sense."""

from __future__ import annotations

import asyncio

import pytest

from unity_mirror.steps.context import AT_ONCE, side_by_side


async def test_answers_come_in_the_order_of_the_reads_and_not_all_are_begun_at_once() -> None:
    running, most = 0, 0

    async def read(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return number

    count = 2 * AT_ONCE + 1
    assert await side_by_side(read(number) for number in range(count)) == list(range(count))
    assert most == AT_ONCE


async def test_the_first_failure_ends_all_and_what_was_not_begun_never_is() -> None:
    begun = 0

    async def read(number: int) -> int:
        nonlocal begun
        begun += 1
        if number == 3:
            raise ValueError("the third")
        await asyncio.Event().wait()
        return number

    with pytest.raises(ValueError, match="the third"):
        await side_by_side(read(number) for number in range(2 * AT_ONCE))
    assert begun == AT_ONCE


async def test_nothing_to_read_is_nothing() -> None:
    assert await side_by_side([]) == []
