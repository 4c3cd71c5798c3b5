"""Reads side by side: all of them, in order, and not more begun at once than make sense."""

from __future__ import annotations

import asyncio

import pytest

from unity_mirror.steps.context import AT_ONCE, Reads, side_by_side


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


@pytest.mark.parametrize("others", [True, False])
async def test_a_step_about_to_write_reads_again_what_may_have_changed(others: bool) -> None:
    shared = Reads()
    ours, theirs = Reads(shared), Reads(shared)
    asked: list[str] = []

    async def once(reads: Reads, name: str) -> None:
        async def read() -> None:
            asked.append(name)

        await reads.once((name,), read)

    names = ["capacities", "connection types", "policies before creation", *(["items", "policies"] if others else [])]
    for name in names:
        await once(ours, name)
    asked.clear()
    ours.renew()
    for name in names:
        await once(ours, name)
    assert asked == (["items", "policies"] if others else [])
    await once(theirs, "capacities")
    assert "capacities" not in asked
