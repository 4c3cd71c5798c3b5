"""Long-running operations: their state and their result."""

from __future__ import annotations

from typing import Any

from cloud_emulator.core import operations
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.responses import ok
from cloud_emulator.fabric.routing import Operation, router


def _find(cloud: Cloud, request: Request) -> Document:
    """The caller's operation; others' are as good as absent."""
    operation_id = request.params["operationId"]
    operation = cloud.table(operations.TABLE).get(operation_id)
    if operation is None or operation.get("forgotten"):
        raise not_found("Operation", operation_id)
    if operation["owner"] != request.caller.object_id and cloud.rules.on("fabric.operations.own"):
        raise not_found("Operation", operation_id)
    return operation


def get_state(cloud: Cloud, request: Request) -> Response:
    """State, progress and error. While it runs ``Location`` names the state, afterwards the result where there is
    one."""
    operation = operations.poll(cloud, _find(cloud, request)["id"])
    url = f"{request.base_url}/v1/operations/{operation['id']}"
    headers = {"x-ms-operation-id": operation["id"]}
    if operation["status"] == "Running":
        headers |= {"Location": url, "Retry-After": str(cloud.behaviour.retry_after_seconds)}
    elif operation["status"] == "Succeeded" and operation["hasResult"] and cloud.rules.on("fabric.operations.location"):
        headers["Location"] = f"{url}/result"
    state = _state(operation)
    if not cloud.rules.on("fabric.operations.poll_body"):
        state = {name: value for name, value in state.items() if value is not None}
    return ok(state, headers)


def _state(operation: Document) -> dict[str, Any]:
    """[M] Times carry no zone; percentComplete and error are there even when null."""
    return {
        "status": operation["status"],
        "createdTimeUtc": operation["createdTimeUtc"].removesuffix("Z"),
        "lastUpdatedTimeUtc": operation["lastUpdatedTimeUtc"].removesuffix("Z"),
        "percentComplete": operation["percentComplete"],
        "error": operation["error"],
    }


def get_result(cloud: Cloud, request: Request) -> Response:
    """The result of an operation that has succeeded and has one."""
    operation = _find(cloud, request)
    ready = operation["status"] == "Succeeded" and operation["hasResult"]
    if not ready and cloud.rules.on("fabric.operations.result"):
        message = f"The operation {operation['id']} is {operation['status']} and has no result."
        raise FabricError(400, "InvalidRequest", message)
    return ok(operation["result"])


def routes() -> Router:
    """The operations of this module."""
    return router(
        (
            Operation("GET", "/operations/{operationId}", "LongRunningOperations_GetOperationState", get_state),
            Operation(
                "GET", "/operations/{operationId}/result", "LongRunningOperations_GetOperationResult", get_result
            ),
        )
    )
