"""Fabric's refusals: one exception that rules raise, and the answer it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Response, json_response


class FabricError(Exception):
    """Fabric refuses a request. Rules raise it; the routing turns it into the error body of Fabric's REST API.

    ``details`` are pairs of error code and message; ``headers`` go into the answer as they
    are."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retriable: bool = False,
        details: Sequence[tuple[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retriable = retriable
        self.details = tuple(details)
        self.headers = headers or {}


def error_response(cloud: Cloud, error: FabricError) -> Response:
    """The answer that a refusal becomes: code, message and request id, with the code in a header as well."""
    request_id = cloud.new_id()
    body: dict[str, Any] = {
        "errorCode": error.code,
        "message": error.message,
        "requestId": request_id,
        "isRetriable": error.retriable,
    }
    if not cloud.rules.on("fabric.errors.top_level"):
        body = {"error": body}
    if error.details:
        body["moreDetails"] = [{"errorCode": code, "message": message} for code, message in error.details]
    headers = {"RequestId": request_id, **error.headers}
    if cloud.rules.on("fabric.errors.header"):
        headers["x-ms-public-api-error-code"] = error.code
    return json_response(error.status, body, headers)


def trouble(cloud: Cloud, status: int) -> FabricError:
    """Throttling (429) or an outage, which may be tried again; or a refusal of that status, which may not."""
    if status == 429:
        until = cloud.clock.now().strftime("%m/%d/%Y %I:%M:%S %p")
        message = f"Request is blocked by the upstream service until: {until} (UTC)"
        return FabricError(429, "RequestBlocked", message, retriable=True)
    if status < 500:
        return FabricError(status, "UnknownError", "The service refused the request.")
    return FabricError(status, "UnknownError", "The service could not answer; try again later.", retriable=True)


def not_found(kind: str, identifier: str) -> FabricError:
    """404 with the code of that kind of resource: Workspace, Item, Capacity, Principal; EntityNotFound for all
    others."""
    code = f"{kind}NotFound" if kind in ("Workspace", "Item", "Capacity", "Principal", "Folder") else "EntityNotFound"
    return FabricError(404, code, f"The {kind.lower()} {identifier!r} could not be found.")


def invalid_parameter(name: str, reason: str) -> FabricError:
    """400 for a path or query parameter."""
    return FabricError(400, "InvalidParameter", f"The parameter {name!r} is not valid: {reason}")


def invalid_input(message: str, details: Sequence[tuple[str, str]] = ()) -> FabricError:
    """400 for a request body."""
    return FabricError(400, "InvalidInput", message, details=details)
