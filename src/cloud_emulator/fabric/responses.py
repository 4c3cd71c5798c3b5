"""Answers that all operations share: created resources, pages, and long-running operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from cloud_emulator.core import operations
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response, json_response
from cloud_emulator.core.jobs import Job
from cloud_emulator.core.paging import BadPageToken, asked, page
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import FabricError, invalid_parameter

_PAGING = ("continuationToken", "maxResults")
PAGE_SIZE = 100
"""Entries on a page when the behaviour doesn't say."""


def ok(document: Any, headers: Mapping[str, str] | None = None) -> Response:
    """200 with a JSON body."""
    return json_response(200, document, headers)


def done() -> Response:
    """200 without a body: what a deletion answers. It has a type all the same, since fabric-cicd reads that of every
    answer [C]; which one is inferred."""
    return Response(200, b"", {"content-type": "application/octet-stream"})


def created(request: Request, path: str, document: Any) -> Response:
    """201 with an absolute ``Location``; ``path`` is without ``/v1``."""
    return json_response(201, document, {"Location": f"{request.base_url}/v1{path}"})


def listing(
    cloud: Cloud,
    request: Request,
    entries: Sequence[Any],
    render: Callable[[Any], Any] = lambda entry: entry,
    *,
    extra: Mapping[str, Any] | None = None,
    size: int = PAGE_SIZE,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One page of a list, with ``continuationToken`` and an absolute ``continuationUri`` where more follow.

    ``size`` bounds the page together with the behaviour's ``page_size``; ``extra`` is put beside ``value``.
    Raises 400 ``InvalidParameter`` for a token that this cloud did not hand out.
    """
    most = min(size, cloud.behaviour.page_size or size)
    try:
        shown, token = page(entries, request.query.get("continuationToken"), most, asked(request, *_PAGING))
    except BadPageToken:
        raise invalid_parameter("continuationToken", "it was not given out by this API.") from None
    body: dict[str, Any] = {"value": [render(entry) for entry in shown], **(extra or {})}
    if token is not None:
        query = urlencode({**request.query, "continuationToken": token}, quote_via=quote)
        body["continuationToken"] = token
        body["continuationUri"] = f"{request.base_url}{request.raw_path}?{query}"
    return ok(body, headers)


def accepted(cloud: Cloud, request: Request, operation: Document) -> Response:
    """202: where to ask for the operation, and when at the earliest. The body is null, as measured of the service."""
    headers = {
        "Location": f"{request.base_url}/v1/operations/{operation['id']}",
        "x-ms-operation-id": operation["id"],
        "Retry-After": str(
            cloud.behaviour.retry_after_seconds if cloud.rules.on("fabric.operations.retry_after") else 0
        ),
    }
    return json_response(202, None if cloud.rules.on("fabric.operations.null_body") else {}, headers)


def operation_job(work: Callable[[Cloud, Mapping[str, Any]], Any]) -> Job:
    """The job of a long-running operation: what ``work`` returns is its result; a :class:`FabricError` makes it fail.

    ``work`` must check everything before it writes: what it wrote before an error stays.
    """

    def run(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
        operation_id = arguments["operationId"]
        try:
            result = work(cloud, arguments)
        except FabricError as error:
            operations.fail(cloud, operation_id, error.code, error.message, retriable=error.retriable)
        else:
            operations.succeed(cloud, operation_id, result)

    return run


def long_running(
    cloud: Cloud,
    request: Request,
    job: str,
    arguments: Mapping[str, Any],
    *,
    has_result: bool = True,
    immediate: int = 200,
    seconds: float | None = None,
) -> Response:
    """Starts the job ``job`` (made by :func:`operation_job`) and answers as the behaviour's ``long_running`` says:
    202, or at once with ``immediate`` as status and the result as body. Raises 400 when it fails at once."""
    operation = operations.start(
        cloud, job, arguments, has_result=has_result, owner=request.caller.object_id, seconds=seconds
    )
    if cloud.behaviour.long_running == "accepted":
        return accepted(cloud, request, operation)
    cloud.jobs.run_now(cloud, f"operation:{operation['id']}")
    ended = cloud.table(operations.TABLE).pop(operation["id"])
    if ended["status"] == "Failed":
        error = ended["error"]
        raise FabricError(400, error["errorCode"], error["message"], retriable=error["isRetriable"])
    return json_response(immediate, ended["result"]) if has_result else Response(immediate)
