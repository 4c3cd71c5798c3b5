"""What all tasks of a catalog's run have in common: how they end, what is tried again, what Prefect keeps of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import httpx
from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed, Failed

from tasks.limits import limited
from tasks.session import Session
from unity_mirror.errors import (
    OperationFailed,
    PreconditionFailed,
    PrerequisiteFailed,
    UnexpectedError,
    UnityMirrorError,
)
from unity_mirror.plan.model import Check
from unity_mirror.plan.render_markdown import failed_checks_text, remedy_text
from unity_mirror.redaction import Redactor

RETRY_DELAYS = (5.0, 30.0)
"""Seconds before the second and the third attempt."""


class PrefectUnreachable(UnityMirrorError):
    """Prefect's own API could not be reached. Errors of httpx come from there only: our transport maps its own."""

    def __init__(self, why: str) -> None:
        remedy = "See whether Prefect's server runs; then run again: what is there is read, what is left is done."
        super().__init__("Prefect's API could not be reached", why=why, remedy=remedy)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.why,)


class Discreet(Protocol):
    """Any session: it knows the secrets that no text may hold."""

    @property
    def redactor(self) -> Redactor:
        """Takes them out."""


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Discreet)
TaskOver = Task[[S], Coroutine[Any, Any, "State[None]"]]
"""A task over a session of some kind, which ends in a state of its own making."""
StepTask = TaskOver[Session]


def step_task(
    name: str, *, minutes: float, writes_to: set[str] | None = None
) -> Callable[[Callable[[S], Awaitable[str]]], TaskOver[S]]:
    """Make a task of a function that works on a session and says in a few words what it did.

    These words become the message of the task's Completed state, a refusal's text that of its Failed state, so the
    graph of a run can be read without opening logs. What we raise on purpose leaves no traceback in them; what nobody
    foresaw is told with its traceback, without secrets, whatever locals or messages held them. ``minutes``
    is a last resort, above all deadlines of the requests within. The clouds that a task writes to become its tags, so
    that Prefect's limits for tags can bound how many write to one at a time, over all runs.
    """

    def make(work: Callable[[S], Awaitable[str]]) -> TaskOver[S]:
        @wraps(work)
        async def run(session: S) -> State[None]:
            try:
                return Completed(message=await work(session))
            except UnityMirrorError as error:
                return Failed(message=explain(error), data=error)
            except (httpx.HTTPError, ConnectionError) as error:
                away = PrefectUnreachable(session.redactor.redact(f"{type(error).__name__}: {error}"))
                return Failed(message=explain(away), data=away)
            except Exception as error:  # noqa: BLE001  (whatever it is, no one but us may write it into the log)
                told = log_unexpected(error, session.redactor)
                return Failed(message=explain(told), data=told)

        return task(
            name=name,
            description=work.__doc__,
            tags=writes_to or set(),
            retries=len(RETRY_DELAYS),
            retry_delay_seconds=list(RETRY_DELAYS),
            retry_condition_fn=worth_retrying,
            timeout_seconds=minutes * 60,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(run)

    return make


def log_unexpected(error: Exception, redactor: Redactor) -> UnexpectedError:
    """Write an exception that nobody foresaw into the run's log, without secrets; returns what to tell of it."""
    told = redactor.unexpected(error)
    get_run_logger().error("%s\n%s", told.message, told.trace)
    return told


def idle(task: Task[P, R]) -> Task[P, R]:
    """The task of something that finds nothing to write: it doesn't wait until it may write to a cloud."""
    return task.with_options(tags=())


async def state_of(task: TaskOver[S], session: S) -> State[None]:
    """Run a task and give its final state, however it ended. It carries those of its tags that bound something."""
    bounded = task.with_options(tags=await limited(task.tags)) if task.tags else task
    return await cast("Awaitable[State[None]]", bounded(session, return_state=True))


def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether running a whole step again can help. A step starts by reading, so running it again is always safe.

    Requests are repeated by the transport, as long as that makes sense: what it gave up on (throttling, faults,
    deadlines) isn't tried again here, else patience would multiply. Refusals, missing prerequisites and an outgrown
    plan need a person. What remains:

    - somebody changed a thing between our reading and our writing (PreconditionFailed): reading again settles it;
    - a long-running operation failed, and the service says that another may succeed: the transport never starts one
      anew;
    - Prefect's own API could not be reached.
    """
    error = _error_of(state)
    if isinstance(error, OperationFailed):
        return error.retriable
    return isinstance(error, (PreconditionFailed, PrefectUnreachable, httpx.HTTPError, ConnectionError))


def explain(error: UnityMirrorError) -> str:
    """An error as a state's message: its text and, for failed prerequisites, each of them with its remedy."""
    if isinstance(error, PrerequisiteFailed):
        return f"{error.message}\n{failed_checks_text(each for each in error.checks if isinstance(each, Check))}"
    return str(error)


def remedy_of(error: UnityMirrorError) -> str:
    """What to do about an error; for failed prerequisites, about each of them."""
    if isinstance(error, PrerequisiteFailed):
        checks = (each for each in error.checks if isinstance(each, Check))
        return "\n".join(remedy_text(check.remedy) for check in checks if check.remedy)
    return error.remedy


def _error_of(state: State[Any]) -> object:
    """The exception that a state holds: as it is where Prefect made the state, in a record where a task returned it."""
    return getattr(state.data, "result", state.data)
