"""Long-running operations, shared by the services that have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document

TABLE = "operations"


def start(
    cloud: Cloud, job: str, arguments: Mapping[str, Any], *, has_result: bool, owner: str, seconds: float | None = None
) -> Document:
    """Starts an operation whose work is the job ``job``, run after ``operation_seconds``.

    The job is called with ``arguments`` and ``operationId`` and ends it with :func:`succeed` or :func:`fail`.
    """
    operation_id = cloud.new_id()
    now = cloud.clock.iso()
    document = {
        "id": operation_id, "status": "Running", "createdTimeUtc": now, "lastUpdatedTimeUtc": now,
        "percentComplete": None, "error": None, "result": None, "hasResult": has_result, "owner": owner,
    }  # fmt: skip
    cloud.table(TABLE)[operation_id] = document
    wait = cloud.behaviour.operation_seconds if seconds is None else seconds
    cloud.jobs.schedule(f"operation:{operation_id}", job, {**arguments, "operationId": operation_id}, seconds=wait)
    return document


def succeed(cloud: Cloud, operation_id: str, result: Any = None) -> None:
    """Ends an operation well; ``result`` is what ``/result`` answers."""
    _end(cloud, operation_id, {"status": "Succeeded", "percentComplete": 100, "result": result})


def fail(cloud: Cloud, operation_id: str, code: str, message: str, *, retriable: bool = False) -> None:
    """Ends an operation badly."""
    error = {"errorCode": code, "message": message, "isRetriable": retriable}
    _end(cloud, operation_id, {"status": "Failed", "percentComplete": None, "error": error})


def _end(cloud: Cloud, operation_id: str, changes: Mapping[str, Any]) -> None:
    table = cloud.table(TABLE)
    table[operation_id] = {**table[operation_id], **changes, "lastUpdatedTimeUtc": cloud.clock.iso()}
