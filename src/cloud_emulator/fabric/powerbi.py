"""The part of Power BI's REST API that refreshes semantic models.

A refresh frames the model's tables: it reads each through OneLake, as the identity of the connection that the model is
bound to or, without one, as the caller. It fails when a table can't be read, or lacks a column that the model has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from pydantic import Field, ValidationError

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Endpoint, Handler, Refusal, Request, Response, json_response
from cloud_emulator.core.identity import BadToken, Caller
from cloud_emulator.core.router import Route, Router
from cloud_emulator.core.service import Service
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import framing
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.items import ITEMS, require_capacity
from cloud_emulator.fabric.permissions import WORKSPACES, has_role, require_role
from cloud_emulator.fabric.semantic_models import REFRESHES
from cloud_emulator.fabric.validation import Body, is_guid

AUDIENCES = ("https://analysis.windows.net/powerbi/api",)
BASE = "/v1.0/myorg/groups/{groupId}/datasets/{datasetId}/refreshes"
_TYPES = Literal["Full", "ClearValues", "Calculate", "DataOnly", "Automatic", "Defragment"]


class RefreshObject(Body):
    """A table, or a partition of it, to refresh alone."""

    table: str
    partition: str | None = None


class RefreshRequest(Body):
    """The body of a refresh; with any field but notifyOption it is an enhanced one."""

    notify_option: Literal["NoNotification", "MailOnFailure", "MailOnCompletion"] | None = None
    type: _TYPES | None = None
    commit_mode: Literal["Transactional", "PartialBatch"] | None = None
    max_parallelism: int | None = Field(None, ge=1)
    retry_count: int | None = Field(None, ge=0)
    objects: list[RefreshObject] | None = None
    apply_refresh_policy: bool | None = None
    effective_date: str | None = None
    timeout: str | None = None


class PowerBiService:
    """Serves ``/v1.0/myorg``."""

    name = "powerbi"
    throttled_status = 429

    def __init__(self) -> None:
        self._router = Router(case_sensitive=False)
        for method, template, operation, effect, handler in (
            ("POST", BASE, "Datasets_RefreshDatasetInGroup", Effect.WRITE, _start),
            ("GET", BASE, "Datasets_GetRefreshHistoryInGroup", Effect.READ, _history),
            ("GET", BASE + "/{refreshId}", "Datasets_GetRefreshExecutionDetailsInGroup", Effect.READ, _details),
        ):
            self._router.add(Route(method, template, Endpoint(operation, effect, _checked(handler))))

    @property
    def router(self) -> Router:
        """Every route that is served."""
        return self._router

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names; 501 for one that isn't served."""
        endpoint = self._router.find(request)
        if endpoint is None:
            message = f"The emulator does not serve {request.method} {request.path} of the Power BI REST API."
            raise Refusal(_error(cloud, 501, "OperationNotSupported", message))
        return endpoint

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Who is asking; 401 in Power BI's shape."""
        try:
            return cloud.tokens.verify(request.headers.get("authorization", ""), AUDIENCES)
        except BadToken as bad:
            expired = "TokenExpired" if bad.fault == "expired" else "PowerBINotAuthorizedException"
            raise Refusal(_error(cloud, 401, expired, "The access token is missing or not valid.")) from bad

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """Throttling or an outage, in Power BI's shape."""
        del request
        code = "TooManyRequests" if status == 429 else "UnknownError"
        return _error(cloud, status, code, "The service could not answer; try again later.")

    def register_jobs(self, cloud: Cloud) -> None:
        """Names the functions behind the jobs that this service schedules."""
        cloud.jobs.register("powerbi.refresh", _run)


def make_service() -> Service:
    """The Power BI service."""
    return PowerBiService()


def _checked(handler: Handler) -> Handler:
    def handle(cloud: Cloud, request: Request) -> Response:
        try:
            for name, value in request.params.items():
                if not is_guid(value):
                    raise FabricError(400, "BadRequest", f"{name} must be a GUID, not {value!r}.")
            request.params = {name: value.lower() for name, value in request.params.items()}
            return handler(cloud, request)
        except FabricError as error:
            raise Refusal(_error(cloud, error.status, error.code, error.message)) from error

    return handle


def _error(cloud: Cloud, status: int, code: str, message: str) -> Response:
    return json_response(status, {"error": {"code": code, "message": message}}, {"RequestId": cloud.new_id()})


def _model(cloud: Cloud, request: Request, at_least: str) -> Document:
    """The model that a path names; what the caller has no role for is as good as absent."""
    workspace_id, model_id = request.params["groupId"], request.params["datasetId"]
    item = cloud.table(ITEMS).get(model_id)
    present = item is not None and item["workspaceId"] == workspace_id and item["type"] == "SemanticModel"
    if item is None or not present or not has_role(cloud, request.caller.object_id, workspace_id, "Viewer"):
        raise FabricError(404, "PowerBIEntityNotFound", f"There is no semantic model {model_id} in {workspace_id}.")
    require_role(cloud, request.caller, workspace_id, at_least, code="PowerBINotAuthorizedException")
    return item


def _start(cloud: Cloud, request: Request) -> Response:
    _declared(request, ())
    model = _model(cloud, request, "Contributor")
    require_capacity(cloud, cloud.table(WORKSPACES)[model["workspaceId"]])
    body = _body(request)
    if body.notify_option not in (None, "NoNotification") and request.caller.kind == "ServicePrincipal":
        raise FabricError(400, "BadRequest", "notifyOption is not available to service principals.")
    runs = any(each["status"] == "Unknown" for each in cloud.table(REFRESHES).by("modelId", model["id"]))
    if runs and cloud.rules.on("fabric.models.one_refresh"):
        raise FabricError(400, "RefreshInProgressException", "A refresh of this semantic model is running.")
    enhanced = bool(body.model_fields_set - {"notify_option"})
    refresh = {
        "id": cloud.new_id(), "modelId": model["id"], "caller": request.caller.object_id, "status": "Unknown",
        "startTime": cloud.clock.iso(), "endTime": None, "error": None, "enhanced": enhanced,
        "type": body.type or "Full", "commitMode": body.commit_mode or "Transactional",
        "tables": sorted({each.table for each in body.objects or ()}),
    }  # fmt: skip
    cloud.table(REFRESHES)[refresh["id"]] = refresh
    seconds = cloud.behaviour.operation_seconds
    cloud.jobs.schedule(f"refresh:{refresh['id']}", "powerbi.refresh", {"refreshId": refresh["id"]}, seconds=seconds)
    headers = {"RequestId": refresh["id"], "x-ms-request-id": refresh["id"]}
    if enhanced:
        headers["Location"] = f"{request.base_url}{request.raw_path.rstrip('/')}/{refresh['id']}"
    return Response(202, headers=headers)


def _body(request: Request) -> RefreshRequest:
    if not request.body:
        return RefreshRequest.model_validate({})
    try:
        document = request.json()
        if isinstance(document, dict) and isinstance(document.get("type"), str):
            document["type"] = document["type"][:1].upper() + document["type"][1:]
        return RefreshRequest.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise FabricError(400, "BadRequest", f"The body is not valid: {place}: {first['msg']}") from error
    except ValueError as error:
        raise FabricError(400, "BadRequest", "The body is not JSON.") from error


def _run(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    refresh = cloud.table(REFRESHES).get(arguments["refreshId"])
    model = cloud.table(ITEMS).get(refresh["modelId"]) if refresh is not None else None
    if refresh is None or model is None:
        return
    failure = framing.frame(cloud, model, refresh["caller"], refresh["tables"])
    status = "Completed" if failure is None else "Failed"
    cloud.table(REFRESHES)[refresh["id"]] = {
        **refresh, "status": status, "endTime": cloud.clock.iso(), "error": failure,
    }  # fmt: skip


def _history(cloud: Cloud, request: Request) -> Response:
    _declared(request, ("$top",))
    model = _model(cloud, request, "Viewer")
    top = request.query.get("$top", "60")
    if not top.isascii() or not top.isdigit() or int(top) < 1:
        raise FabricError(400, "BadRequest", "$top must be a positive whole number.")
    found = [*reversed(cloud.table(REFRESHES).by("modelId", model["id"]))][: int(top)]
    return json_response(200, {"value": [_entry(each) for each in found]})


def _entry(refresh: Document) -> dict[str, Any]:
    shown = {
        "requestId": refresh["id"], "id": refresh["id"], "status": refresh["status"],
        "refreshType": "ViaEnhancedApi" if refresh["enhanced"] else "ViaApi", "startTime": refresh["startTime"],
    }  # fmt: skip
    if refresh["endTime"] is not None:
        shown["endTime"] = refresh["endTime"]
    if refresh["error"] is not None:
        shown["serviceExceptionJson"] = orjson.dumps(
            {"errorCode": "ModelRefreshFailed", "errorDescription": refresh["error"]}
        ).decode()
    return shown


def _details(cloud: Cloud, request: Request) -> Response:
    """How an enhanced refresh goes: 202 while it runs, 200 when it has ended."""
    _declared(request, ())
    model = _model(cloud, request, "Viewer")
    refresh = cloud.table(REFRESHES).get(request.params["refreshId"])
    if refresh is None or refresh["modelId"] != model["id"] or not refresh["enhanced"]:
        raise FabricError(404, "PowerBIEntityNotFound", f"There is no enhanced refresh {request.params['refreshId']}.")
    running = refresh["status"] == "Unknown"
    shown: dict[str, Any] = {
        "startTime": refresh["startTime"], "type": refresh["type"], "commitMode": refresh["commitMode"],
        "status": refresh["status"], "extendedStatus": "InProgress" if running else refresh["status"],
        "currentRefreshType": refresh["type"], "numberOfAttempts": 0 if running else 1, "objects": [],
    }  # fmt: skip
    if not running:
        shown["endTime"] = refresh["endTime"]
    if refresh["error"] is not None:
        shown["messages"] = [{"message": refresh["error"], "type": "Error"}]
    return json_response(202 if running else 200, shown)


def _declared(request: Request, names: tuple[str, ...]) -> None:
    unknown = request.query.keys() - set(names)
    if unknown:
        raise FabricError(400, "BadRequest", f"There is no query parameter {min(unknown)!r} here.")
