"""Each write to Prefect of a run of each flow, struck alone by each fault; tests/flows strikes them all in one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.flows.cloud import SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.interrupted import SCENARIOS, Ending, Stage, at_each_write, at_one, played, staged
from tests.flows.unreliable import Fault, Request, nothing

FAULTS: tuple[Fault, ...] = ("503 before", "502 after")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SCENARIOS)
async def test_whatever_is_struck_the_run_ends_as_it_would(
    cloud: SampleCloud, prefect_server: PrefectServer, tmp_path: Path, name: str
) -> None:
    with staged(prefect_server, cloud, tmp_path) as stage:
        goal = await played(stage, SCENARIOS[name], nothing)
        wrong: list[str] = []
        marks: list[str] = []
        for write in _writes(stage.proxy.requests):
            found = {fault: await _struck(stage, name, write, fault, goal) for fault in FAULTS}
            print(f"{name}: {write}: " + ", ".join(f"{fault} {mark}" for fault, mark in found.items()))  # noqa: T201
            marks += found.values()
            wrong += [f"{fault} {write}: {mark}" for fault, mark in found.items() if mark not in _RIGHT]
        cut = await played(stage, SCENARIOS[name], at_each_write("answer cut"))
        assert [*wrong, *cut.differs(goal)] == []
        assert marks.count(_UNSENT) < len(marks) / 4, "most of them were struck"


_UNSENT = "not sent this time"
_RIGHT = ("=", "= (an artifact twice)", _UNSENT)


def _writes(requests: Sequence[Request]) -> list[str]:
    """The writes, by name. How many parts a log is sent in differs between runs."""
    return [str(each) for each in requests if each.writes and not (each.path == "/logs" and each.nth > 1)]


async def _struck(stage: Stage, name: str, write: str, fault: Fault, goal: Ending) -> str:
    ending = await played(stage, SCENARIOS[name], at_one(write, fault))
    if not stage.proxy.struck:
        return _UNSENT
    if differs := ending.differs(goal):
        return "; ".join(differs)
    return "= (an artifact twice)" if ending.doubled(goal) else "="
