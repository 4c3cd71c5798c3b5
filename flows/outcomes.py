"""How a run ended when it didn't end well: told once to people, by its state, and to automations, by an event.

Prefect calls ``tell_ending`` for whatever fails, crashes or is cancelled: in the run's process or, when that was
killed, in its worker's. So it is the one place that tells of failures. A run whose machine is gone as well is told by
Prefect itself (docs/operations.md).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from uuid import UUID

from prefect import Flow, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Failed

from flows.events import tell_of_catalog, tell_of_fleet, this_run
from tasks.options import S, TaskOver, explain, remedy_of, state_of
from unity_mirror.errors import UnityMirrorError

_why: ContextVar[tuple[UUID, UnityMirrorError]] = ContextVar("why this context's run failed")
"""For ``tell_ending``, which follows in the same context. The state doesn't bring it there when its acceptance was
answered too late: then Prefect goes on with the server's copy, which holds no error."""
_AGAIN = "Run it again: it reads what is there and does what is left."
_FOLLOWED = "Nothing, unless the run that follows by itself ends badly, too. An offboarding asks again for approval."
_BROKE_OFF = [StateType.RUNNING, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED, StateType.CANCELLING]


class Stopped(UnityMirrorError):
    """Why a run went no further: a message for people that holds the remedy as well, and at which step it was."""

    def __init__(self, message: str, *, step: str = "", remedy: str = "", metastore_id: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.step = step
        self.metastore_id = metastore_id

    def __str__(self) -> str:
        return self.message


class AlreadyTold(UnityMirrorError):
    """Each catalog's failure has been told by an event of its own."""


def stopped(error: UnityMirrorError, step: str = "", metastore_id: str | None = None) -> Stopped:
    """The same error as the end of a run, at the step that it came from."""
    if isinstance(error, Stopped):
        return Stopped(
            error.message,
            step=error.step or step,
            remedy=error.remedy,
            metastore_id=error.metastore_id or metastore_id,
        )
    return Stopped(explain(error), step=step, remedy=remedy_of(error), metastore_id=metastore_id)


def failed(error: UnityMirrorError, metastore_id: str | None = None) -> State[Any]:
    """The state of a run that was stopped."""
    return failed_of(stopped(error, metastore_id=metastore_id))


def failed_of(why: Stopped | AlreadyTold) -> State[Any]:
    """The state of a run that ends for this reason, which its hook is to find."""
    _why.set((this_run().id, why))
    return Failed(message=why.message, data=why)


async def finished(task: TaskOver[S], session: S) -> None:
    """Run a task to its end. Raises Stopped, with the step's name, when it fails or takes too long."""
    state = await state_of(task, session)
    await raise_for(state, task.name)


async def raise_for(state: State[Any], step: str) -> None:
    """Raise Stopped for the state of a task that failed."""
    try:
        await state.aresult()
    except UnityMirrorError as error:
        raise stopped(error, step) from error
    except TimeoutError as error:
        raise Stopped(f"{step}: {state.message}. What to do: {_AGAIN}", step=step, remedy=_AGAIN) from error


async def tell_ending(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A hook of Prefect's: tells how a run ended that failed, crashed or was cancelled."""
    run_id, error = _why.get((flow_run.id, None))
    error = error if run_id == flow_run.id and state.is_failed() else None
    if isinstance(error, AlreadyTold):
        return
    ending = "cancelled" if state.is_cancelling() else str(state.type.value).lower()
    remedy = _FOLLOWED if ending == "crashed" and _is_followed(flow, flow_run) else _AGAIN
    told = error if isinstance(error, Stopped) else Stopped(state.message or ending, remedy=remedy)
    payload = {
        "ending": ending,
        "message": told.message,
        "remedy": told.remedy,
        "step": told.step or await _step_of(flow_run),
    }
    if "fleet" in flow_run.parameters:
        await tell_of_fleet(str(flow_run.parameters["fleet"]), payload, flow_run)
    else:
        await tell_of_catalog(
            "failed", _catalog_of(flow_run.parameters.get("spec")), told.metastore_id, payload, flow_run
        )


def _is_followed(flow: Flow[..., Any], flow_run: FlowRun) -> bool:
    """Whether a trigger of its deployment starts another run after a crash of this one (prefect.yaml)."""
    return flow_run.deployment_id is not None and "start" in flow.parameters.properties


def _catalog_of(spec: Any) -> str:
    """The catalog that a run was asked for. Where its parameters were refused they may be anything."""
    found = spec.get("catalog") if isinstance(spec, dict) else getattr(spec, "catalog", None)
    return found if isinstance(found, str) and found else "unknown"


async def _step_of(flow_run: FlowRun) -> str:
    """The step at which a run broke off, as far as Prefect has recorded it."""
    wanted = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=_BROKE_OFF)))
    runs = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
    async with get_client() as client:
        found = await client.read_task_runs(flow_run_filter=runs, task_run_filter=wanted)
    return ", ".join(sorted({each.name.rpartition("-")[0] or each.name for each in found}))
