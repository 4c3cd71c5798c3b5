"""Killed anywhere: the writes of an onboarding, struck once each before or after their effect.

``make bench`` strikes every write with every fault. Here is a part of that table, chosen by these rules:

- of the smaller onboarding, all kills;
- of the larger one, every write is killed once, before its effect and after it in turn;
- of the larger one, every write that starts an operation meets one of the faults of operations, and every other write
  one of the other faults, in turn.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import cycle

import pytest
import pytest_asyncio

from cloud_emulator.core.faults import FaultRule
from cloud_emulator.environment import variables
from cloud_emulator.services import mounts
from tests.contract.world import SharedTime
from tests.emulator.served import running
from tests.onboarding.states import differences, timeless
from tests.onboarding.strikes import KILLS, LOST, OPERATIONS, STATUSES, Goal, onboardings, prepared, strike, undisturbed
from tests.onboarding.world import EXAMPLES, World, trusting


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = prepared(tmp_path_factory.mktemp("struck"), SharedTime())
    yield world
    world.cloud.close()


@pytest_asyncio.fixture(scope="module")
async def goals(place: World) -> AsyncIterator[Mapping[str, Goal]]:
    yield {name: await undisturbed(place, spec) for name, spec in onboardings().items()}


async def test_the_writes_are_those_of_the_emulators_log(place: World) -> None:
    goal = await undisturbed(place, onboardings()["sales"])
    assert len(goal.writes) == sum(1 for request in place.cloud.requests if request["effect"] == "write")


async def test_a_small_onboarding_killed_at_any_write_comes_to_the_same_state(
    place: World, goals: Mapping[str, Goal]
) -> None:
    goal = goals["hr"]
    await _come_to_the_goal(place, goal, [(at, fault) for at in range(len(goal.writes)) for fault in KILLS])


async def test_a_large_onboarding_killed_at_any_write_comes_to_the_same_state(
    place: World, goals: Mapping[str, Goal]
) -> None:
    goal = goals["sales"]
    await _come_to_the_goal(place, goal, [(at, KILLS[at % 2]) for at in range(len(goal.writes))])


async def test_other_faults_come_to_the_same_state(place: World, goals: Mapping[str, Goal]) -> None:
    goal = goals["sales"]
    cells = list(_in_turn(goal))
    assert {fault for _, fault in cells} == {*LOST, *STATUSES, *OPERATIONS}
    await _come_to_the_goal(place, goal, cells)


def _in_turn(goal: Goal) -> Iterator[tuple[int, str]]:
    operations, others = cycle(OPERATIONS), cycle((*LOST, *STATUSES))
    for at in range(len(goal.writes)):
        yield at, next(operations if at in goal.operations else others)


async def _come_to_the_goal(place: World, goal: Goal, cells: list[tuple[int, str]]) -> None:
    wrong = {
        f"{fault}: {goal.writes[at]}": moved
        for at, fault in cells
        if (moved := (await strike(place, goal, fault, at)).moved)
    }
    assert wrong == {}


@pytest.mark.parametrize("path", ["/mirroredAzureDatabricksCatalogs$"])
def test_a_process_that_is_really_killed(live: World, path: str) -> None:
    """kill -9 by the emulator, right after the effect; a new process finds nothing missing and doubles nothing."""
    command = [sys.executable, "-m", "unity_mirror.cli", "apply", str(EXAMPLES / "hr.yaml"), "--yes"]
    with running(live.cloud, mounts()) as address:
        port = int(address.url.rpartition(":")[2])
        environment = {**trusting(address.authority), **variables(live.cloud.folder, port)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rule = {"action": "kill", "method": "POST", "path": path, "when": "after", "pid": process.pid, "times": 1}
        live.cloud.faults.set([FaultRule.model_validate(rule)])
        assert process.wait(timeout=60) == -signal.SIGKILL
        again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert again.returncode == 0, again.stderr
        killed = timeless(live.dump())
        live.cloud.reset()
        assert subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode == 0
        kept = {name: rows for name, rows in live.dump().items() if not name.startswith("fabric.refresh")}
    assert differences(timeless(kept), {name: killed[name] for name in kept}) == {}
