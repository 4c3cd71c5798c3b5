"""Requests to Prefect may be refused, or their answers be lost, as when an API replica dies: runs end all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.cloud import SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.interrupted import SCENARIOS, Stage, at_each_write, at_one, played, staged
from tests.flows.unreliable import nothing


@pytest.fixture(scope="module")
def stage(
    prefect_server: PrefectServer, contoso: SampleCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """One for all of these tests."""
    with staged(prefect_server, contoso, tmp_path_factory.mktemp("interrupted")) as made:
        yield made


@pytest.mark.parametrize("name", SCENARIOS)
async def test_each_write_is_refused_then_done_without_an_answer_and_the_run_ends_as_it_would(
    cloud: SampleCloud, stage: Stage, name: str
) -> None:
    goal = await played(stage, SCENARIOS[name], nothing)
    assert goal.locked == []
    ending = await played(stage, SCENARIOS[name], at_each_write("503 before", "502 after"))
    assert ending.differs(goal) == []
    struck = {str(each) for each in stage.proxy.struck if each.again == 1}
    assert struck >= {str(each) for each in stage.proxy.requests if each.writes and each.path != "/logs"}


async def test_a_connection_that_breaks_before_the_answer(cloud: SampleCloud, stage: Stage) -> None:
    watched = SCENARIOS["watch-metastore"]
    goal = await played(stage, watched, nothing)
    ending = await played(stage, watched, at_one("POST /events", "answer cut"))
    assert [str(each) for each in stage.proxy.struck] == ["POST /events"]
    assert ending.differs(goal) == []
