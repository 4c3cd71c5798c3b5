"""Killed anywhere: for each write of an onboarding, once before and once after its effect."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio

from cloud_emulator.core.faults import FaultRule
from cloud_emulator.environment import variables
from cloud_emulator.services import mounts
from tests.emulator.served import running
from tests.onboarding.states import State, differences, timeless
from tests.onboarding.strikes import KILLS, struck, undisturbed
from tests.onboarding.world import EXAMPLES, World, trusting


@dataclass(frozen=True)
class Goal:
    """The undisturbed run: the state it comes to, and its writes."""

    state: State
    writes: Sequence[str]


@pytest_asyncio.fixture
async def goal(contoso: World) -> AsyncIterator[Goal]:
    state, writes = await undisturbed(contoso)
    logged = [request for request in contoso.cloud.requests if request["effect"] == "write"]
    assert len(logged) == len(writes)
    yield Goal(state, writes)
    contoso.cloud.faults.set([])


@pytest.mark.parametrize("fault", KILLS)
async def test_killed_at_any_write_the_next_run_comes_to_the_same_state(contoso: World, goal: Goal, fault: str) -> None:
    wrong = {
        f"{fault} {write}": moved
        for position, write in enumerate(goal.writes)
        if (moved := await struck(contoso, fault, position, goal.state))
    }
    assert wrong == {}


SAMPLE = {
    "429": (3, 12),
    "500 after": (0, 12, 15),
    "reset after": (1, 13, 15, 17, 18, 20),
    "operation failed after": (15, 18, 20),
    "operation forgotten": (15, 17),
}
"""A few of each of the other faults; ``make bench`` has them all."""


@pytest.mark.parametrize("fault", SAMPLE)
async def test_other_faults_come_to_the_same_state(contoso: World, goal: Goal, fault: str) -> None:
    wrong = {
        f"{fault} {goal.writes[position]}": moved
        for position in SAMPLE[fault]
        if (moved := await struck(contoso, fault, position, goal.state))
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
