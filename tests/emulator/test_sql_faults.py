"""Faults and latency at the SQL endpoints: logins and queries that fail, are cut off, hang or come late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytds
import pytest

from cloud_emulator.core.faults import FaultRule

from .served import eventually
from .sql_world import World, running, sql_cloud

COUNT = "SELECT COUNT(*) FROM orders.lines"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sql")
    cloud, item_id = sql_cloud(folder / "cloud", folder / "scratch")
    with running(cloud, item_id) as world:
        world.query(COUNT)  # what is slow to import
        yield world


@pytest.fixture
def world(served: World) -> Iterator[World]:
    served.cloud.requests.clear()
    yield served
    served.cloud.faults.set([])
    served.behave(latency_ms={}, throttling={})
    served.cloud.throttle.clear()


def strike(world: World, **rule: Any) -> None:
    world.cloud.faults.set([FaultRule.model_validate({"service": "sql", **rule})])


def told(world: World) -> list[tuple[str, int]]:
    return [(each["method"], each["status"]) for each in world.cloud.requests]


def number_of(world: World) -> int:
    with pytest.raises(pytds.DatabaseError) as raised:
        world.query(COUNT)
    return int(raised.value.number)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_query_fails_with_an_error_of_choice(world: World, when: str) -> None:
    strike(world, method="batch", nth=1, sql_error=10928, error_message="The limit has been reached.", when=when)
    assert number_of(world) == 10928
    assert world.query(COUNT) == [(3,)]
    assert told(world) == [("LOGIN", 200), ("BATCH", 10928), ("LOGIN", 200), ("BATCH", 200)]


def test_a_login_fails_with_an_error_of_choice_and_is_tried_again_by_the_driver(world: World) -> None:
    strike(world, method="LOGIN", path="^sales$", times=1)
    world.connect(login_timeout=6, disable_connect_retry=False).close()
    assert (told(world)[0], told(world)[-1]) == (("LOGIN", 40613), ("LOGIN", 200))


CUTS = [("reset", "before"), ("reset", "after"), ("half_body", "after")]


@pytest.mark.parametrize(("action", "when"), CUTS)
def test_an_answer_is_cut_off(world: World, action: str, when: str) -> None:
    strike(world, method="BATCH", action=action, when=when)
    with pytest.raises((pytds.Error, OSError)):
        world.query(COUNT)
    assert told(world) == [("LOGIN", 200), ("BATCH", 0)]


def test_a_login_is_cut_off(world: World) -> None:
    strike(world, method="LOGIN", action="reset", times=1)
    with pytest.raises((pytds.Error, OSError)):
        world.connect()
    assert world.query(COUNT) == [(3,)]
    assert told(world) == [("LOGIN", 0), ("LOGIN", 200), ("BATCH", 200)]


def test_an_answer_never_comes(world: World) -> None:
    strike(world, method="BATCH", action="hang", times=1)
    connection = world.connect(timeout=0.3)
    with pytest.raises((pytds.Error, OSError)):
        connection.cursor().execute(COUNT)
    connection.close()
    eventually(lambda: ("BATCH", 0) in told(world), "the query is in the log")
    assert world.query(COUNT) == [(3,)]
    assert told(world) == [("LOGIN", 200), ("BATCH", 0), ("LOGIN", 200), ("BATCH", 200)]


def slept(monkeypatch: pytest.MonkeyPatch) -> Sequence[float]:
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("cloud_emulator.sql.interference.asyncio.sleep", sleep)
    return found


def test_answers_are_as_late_as_they_shall_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = slept(monkeypatch)
    world.query(COUNT)
    assert found == []
    world.behave(latency_ms={"sql": 250, "fabric": 7})
    world.query(COUNT)
    assert found == [0.25, 0.25]


def test_callers_have_a_bucket_of_queries_and_of_logins(world: World) -> None:
    slow = {"per_second": 0.001, "burst": 2}
    world.behave(throttling={"sql": {"apis": {"BATCH": slow}}})
    assert [world.query(COUNT), world.query(COUNT), number_of(world)] == [[(3,)], [(3,)], 24801]
    assert told(world)[-1] == ("BATCH", 24801)
    world.cloud.throttle.clear()
    assert world.query(COUNT) == [(3,)]
    world.behave(throttling={"sql": {"apis": {"LOGIN": {**slow, "burst": 1}}}})
    world.connect().close()
    with pytest.raises(pytds.DatabaseError):
        world.connect()
    assert told(world)[-2:] == [("LOGIN", 200), ("LOGIN", 24801)]


def test_other_services_faults_are_not_sqls(world: World) -> None:
    world.cloud.faults.set([FaultRule.model_validate({"service": "fabric", "status": 503})])
    assert world.query(COUNT) == [(3,)]
