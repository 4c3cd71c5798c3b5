"""Fabric's long-running operations: 202, then polls, then the result from its own address."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from unity_mirror.errors import DeadlineExceeded, InvalidRequest, NotFound, OperationFailed
from unity_mirror.http.calls import Call, Deadline
from unity_mirror.http.paging import json_object, rebased
from unity_mirror.http.patience import retry_after
from unity_mirror.http.transport import Transport
from unity_mirror.models.fabric import OperationState


async def finished(
    transport: Transport,
    call: Call,
    response: httpx.Response,
    base_url: str,
    deadline: Deadline,
    *,
    wants_result: bool = True,
) -> Mapping[str, Any] | None:
    """Return the result of a call that may have answered 200, 201 or 202; None when it has none.

    ``base_url`` is Fabric's, with its version. Without ``wants_result`` a result is fetched only where one is named.
    A 202's own body is never the result, and one without headers leaves nothing to poll: None, and the caller reads
    the resource. Raises OperationFailed when the operation failed and DeadlineExceeded, with its last status, when it
    took too long.
    """
    if response.status_code != httpx.codes.ACCEPTED:
        return _body(call, response)
    poll = _poll(call, response, base_url)
    if poll is None:
        return None
    last, state = await _until_done(transport, poll, response, deadline)
    if state.status == "Failed":
        raise _failed(call, state, last, transport.redact)
    named = last.headers.get("location", "").rstrip("/").endswith("/result")
    return await _result(transport, poll, last) if named or wants_result else None


def _body(call: Call, response: httpx.Response) -> Mapping[str, Any] | None:
    return json_object(call, response) if response.content.strip() not in {b"", b"null"} else None


def _poll(call: Call, response: httpx.Response, base_url: str) -> Call | None:
    operation = response.headers.get("x-ms-operation-id")
    location = response.headers.get("location")
    url = f"{base_url}/operations/{operation}"
    poll = Call(
        service=call.service,
        operation=call.operation,
        method="GET",
        url=url,
        scope=call.scope,
        budget=call.budget,
    )
    if operation:
        return poll
    return rebased(poll, location) if location else None


async def _until_done(
    transport: Transport, poll: Call, response: httpx.Response, deadline: Deadline
) -> tuple[httpx.Response, OperationState]:
    status = "accepted"
    while True:
        # What the service asks is a pacing floor, not an estimate: it is neither shortened nor stretched.
        wait = retry_after(response, transport.clock) or transport.limits.poll_floor
        if wait > deadline.remaining:
            raise DeadlineExceeded(poll.operation, status, deadline.elapsed, where=f"{poll.service} {poll.url}")
        await transport.clock.sleep(wait)
        response = await transport.send(poll)
        state = OperationState.model_validate(json_object(poll, response))
        status = state.status
        if status in {"Succeeded", "Failed"}:
            return response, state


def _failed(
    call: Call, state: OperationState, response: httpx.Response, redact: Callable[[str], str]
) -> OperationFailed:
    error = state.error
    code = error.error_code if error else ""
    message = redact(error.message) if error else "the service gives no reason"
    request_id = (error.request_id if error else None) or response.headers.get("requestid", "")
    return OperationFailed(
        f"could not {call.operation}",
        service=call.service,
        operation=f"{call.method} {call.url.partition('?')[0]}",
        status=response.status_code,
        code=code,
        request_id=request_id,
        retriable=bool(error and error.is_retriable),
        why=f"it was accepted, then failed: {': '.join(part for part in (code, message) if part)}",
    )


async def _result(transport: Transport, poll: Call, last: httpx.Response) -> Mapping[str, Any] | None:
    """Fetch the result, where there is one. An operation without result names no place for it, or answers 4xx there."""
    location = last.headers.get("location", "")
    call = rebased(poll, location) if location.rstrip("/").endswith("/result") else poll.at(f"{poll.url}/result")
    try:
        response = await transport.send(call)
    except (NotFound, InvalidRequest):
        return None
    return _body(call, response)
