"""What a task tries again, and what it leaves to people."""

from __future__ import annotations

from typing import cast

import httpx
import pytest
from prefect import flow
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Failed

from tasks.options import state_of, step_task, worth_retrying
from tasks.session import Session
from tasks.steps import STEP_TASKS
from unity_mirror import errors
from unity_mirror.plan.model import StepName

CLOUD_ERRORS = [errors.Throttled, errors.ServiceUnavailable, errors.PermissionDenied, errors.NotFound, errors.Conflict]


def _retries(error: BaseException) -> bool:
    task = STEP_TASKS[StepName.MIRROR]
    return worth_retrying(task, cast("TaskRun", None), Failed(data=error))


@pytest.mark.parametrize("kind", CLOUD_ERRORS)
def test_what_the_transport_gave_up_on_or_a_cloud_refused_is_not_tried_again(kind: type[errors.CloudError]) -> None:
    assert not _retries(kind("no"))


def test_what_a_person_has_to_put_right_is_not_tried_again() -> None:
    for error in (
        errors.DeadlineExceeded("a sync", "Running", 30),
        errors.PlanOutgrown("more"),
        errors.PrerequisiteFailed("missing"),
        errors.SpecError([errors.SpecProblem("catalog", "no")]),
        errors.CredentialError("no"),
        TypeError("a mistake of ours"),
        TimeoutError("too long"),
    ):
        assert not _retries(error), error


def test_what_reading_again_can_settle_is_tried_again() -> None:
    for error in (
        errors.PreconditionFailed("changed meanwhile"),
        errors.OperationFailed("failed", retriable=True),
        httpx.ConnectError("Prefect is away"),
    ):
        assert _retries(error), error
    assert not _retries(errors.OperationFailed("failed", retriable=False))


async def test_a_step_that_lost_a_race_runs_again(prefect_server: None) -> None:
    attempts: list[int] = []

    async def lose_once(session: Session) -> str:
        """Lose a race once."""
        attempts.append(len(attempts))
        if len(attempts) == 1:
            raise errors.PreconditionFailed("somebody was faster")
        return "done"

    task = step_task("Lose once", minutes=1)(lose_once).with_options(retry_delay_seconds=0)

    @flow
    async def race() -> State[None]:
        return await state_of(task, cast("Session", object()))

    await race()
    assert attempts == [0, 1]
    assert (task.name, task.description) == ("Lose once", "Lose a race once.")


def test_every_step_has_a_task_with_a_name_a_purpose_and_an_end() -> None:
    assert set(STEP_TASKS) == set(StepName)
    for task in STEP_TASKS.values():
        assert task.description
        assert task.timeout_seconds
        assert not task.persist_result
