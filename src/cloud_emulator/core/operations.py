"""Long-running operations, shared by the services that have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.faults import FaultRule
from cloud_emulator.core.store import Document

TABLE = "operations"
HEADER = "x-ms-operation-id"
"""Header of an answer that has started an operation, or tells its state."""
FAILING = "operations.fail"
_UNTIL_POLLED = 1e10
"""Seconds that stand for "not by time"."""


def start(
    cloud: Cloud, job: str, arguments: Mapping[str, Any], *, has_result: bool, owner: str, seconds: float | None = None
) -> Document:
    """Starts an operation whose work is the job ``job``, run after ``operation_seconds`` or at a poll.

    The job is called with ``arguments`` and ``operationId`` and ends it with :func:`succeed` or :func:`fail`.
    """
    operation_id = cloud.new_id()
    now = cloud.clock.iso()
    document = {
        "id": operation_id, "status": "Running", "createdTimeUtc": now, "lastUpdatedTimeUtc": now,
        "percentComplete": None, "error": None, "result": None, "hasResult": has_result, "owner": owner,
        "pollsLeft": cloud.behaviour.operation_polls,
    }  # fmt: skip
    cloud.table(TABLE)[operation_id] = document
    wait = cloud.behaviour.operation_seconds if seconds is None else seconds
    if document["pollsLeft"] is not None:
        wait = _UNTIL_POLLED
    cloud.jobs.schedule(_key(operation_id), job, {**arguments, "operationId": operation_id}, seconds=wait)
    return document


def _key(operation_id: str) -> str:
    return f"operation:{operation_id}"


def poll(cloud: Cloud, operation_id: str) -> Document:
    """The operation, its state being asked for. Where operations are done by polls, this counts, and does the work at
    the last."""
    document = cloud.table(TABLE)[operation_id]
    if document["status"] == "Running" and document["pollsLeft"] is not None:
        left = document["pollsLeft"] - 1
        cloud.table(TABLE)[operation_id] = {**document, "pollsLeft": left}
        if left <= 0:
            cloud.jobs.run_now(cloud, _key(operation_id))
    return cloud.table(TABLE)[operation_id]


def spoil(cloud: Cloud, operation_id: str, rule: FaultRule) -> None:
    """Makes an operation that has just started fail or be forgotten; its effect stays away when the rule says
    "before"."""
    table = cloud.table(TABLE)
    if rule.action == "forget_operation":
        table[operation_id] = {**table[operation_id], "forgotten": True}
        if rule.when == "before":
            cloud.jobs.cancel(_key(operation_id))
        return
    spoiled = {"operationId": operation_id, "code": rule.error_code, "message": rule.error_message}
    table[operation_id] = {**table[operation_id], "spoiled": spoiled}
    if rule.when == "before":
        due = cloud.table("jobs")[_key(operation_id)]["due"]
        cloud.jobs.schedule(_key(operation_id), FAILING, spoiled, seconds=due - cloud.clock.time())


def register_jobs(cloud: Cloud) -> None:
    """Names the job of an operation that fails without effect."""
    cloud.jobs.register(
        FAILING, lambda cloud, spoiled: fail(cloud, spoiled["operationId"], spoiled["code"], spoiled["message"])
    )


def succeed(cloud: Cloud, operation_id: str, result: Any = None) -> None:
    """Ends an operation well; ``result`` is what ``/result`` answers."""
    _end(cloud, operation_id, {"status": "Succeeded", "percentComplete": 100, "result": result})


def fail(cloud: Cloud, operation_id: str, code: str, message: str, *, retriable: bool = False) -> None:
    """Ends an operation badly."""
    error = {"errorCode": code, "message": message, "isRetriable": retriable}
    _end(cloud, operation_id, {"status": "Failed", "percentComplete": None, "error": error})


def _end(cloud: Cloud, operation_id: str, changes: Mapping[str, Any]) -> None:
    table = cloud.table(TABLE)
    spoiled = table[operation_id].get("spoiled")
    if spoiled is not None:
        error = {"errorCode": spoiled["code"], "message": spoiled["message"], "isRetriable": False}
        changes = {"status": "Failed", "percentComplete": None, "error": error}
    table[operation_id] = {**table[operation_id], **changes, "lastUpdatedTimeUtc": cloud.clock.iso()}
