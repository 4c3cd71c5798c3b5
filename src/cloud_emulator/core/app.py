"""The front door: one ASGI application that hands each request to its service, and keeps the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

from cloud_emulator.core import operations
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.faults import LOST, ON_OPERATIONS, FaultRule
from cloud_emulator.core.http import Effect, Endpoint, Refusal, Request, Response, json_response
from cloud_emulator.core.service import Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

logger = logging.getLogger("cloud_emulator")

TRANSPORT = "cloud_emulator.transport"
"""Key in the ASGI scope's extensions under which the server puts the connection, so that a fault can cut it."""


class Emulator:
    """Services by path prefix (longest first), over one cloud."""

    def __init__(self, cloud: Cloud, mounts: Sequence[tuple[str, Service]], *, latency: float = 0.0) -> None:
        self.cloud = cloud
        self.latency = latency
        self._mounts = sorted(mounts, key=lambda mount: -len(mount[0]))
        operations.register_jobs(cloud)
        for service in {id(service): service for _, service in mounts}.values():
            service.register_jobs(cloud)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = await _read(scope, receive)
        if request is None:
            return
        service = self._service(request.path)
        if service.name == "control":
            await _send(self._answer(service, request, None)[0], None, scope, send)
            return
        fault = self.cloud.faults.pick(service.name, request)
        latency = self.cloud.behaviour.latency_ms.get(service.name)  # type: ignore[call-overload]
        seconds = self.latency if latency is None else latency / 1000
        if seconds:
            await asyncio.sleep(seconds)
        await self._serve(service, request, fault, scope, receive, send)

    async def _serve(
        self, service: Service, request: Request, fault: FaultRule | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answers, unless a fault has the request or its answer lost."""
        if fault is not None and fault.when == "before" and fault.action == "hang":
            self._log(service, request, 0, self._effect(service, request))
            await _hang(receive)
            return
        if fault is not None and fault.when == "before" and fault.action == "kill":
            fault.end_process()
        response, effect = self._answer(service, request, fault)
        if fault is not None and fault.when == "after" and fault.action == "kill":
            fault.end_process()
        lost = fault is not None and fault.action in LOST
        self._log(service, request, 0 if lost else response.status, effect)
        if fault is not None and fault.action == "hang":
            await _hang(receive)
            return
        await _send(response, fault, scope, send)

    def _effect(self, service: Service, request: Request) -> Effect:
        """What a request would do that isn't served."""
        try:
            return service.locate(self.cloud, request).effect
        except Refusal:
            return Effect.READ

    def _answer(self, service: Service, request: Request, fault: FaultRule | None) -> tuple[Response, Effect]:
        """What the service says, everything it wrote committed or undone."""
        effect = Effect.READ
        try:
            self._run_due()
            endpoint = service.locate(self.cloud, request)
            effect = endpoint.effect
            if fault is not None and fault.when == "before" and fault.action not in ON_OPERATIONS:
                return self._fault_response(service, request, fault), effect
            response = self._call(service, endpoint, request, fault)
        except Refusal as refusal:
            response = refusal.response
        except Exception:
            logger.exception("%s %s failed in the emulator", request.method, request.raw_path)
            response = json_response(
                500, {"error": {"code": "EmulatorError", "message": "The emulator itself failed; see its log."}}
            )
        if fault is not None and fault.action == "status":
            response = self._fault_response(service, request, fault)
        return response, effect

    def _run_due(self) -> None:
        if self.cloud.jobs.any_due():
            with self.cloud.store.transaction():
                self.cloud.jobs.run_due(self.cloud)

    def _call(self, service: Service, endpoint: Endpoint, request: Request, fault: FaultRule | None) -> Response:
        if not endpoint.anonymous:
            request._caller = service.authenticate(self.cloud, request)
        self._throttle(service, endpoint, request)
        with self.cloud.store.transaction():
            response = endpoint.handler(self.cloud, request)
            if fault is not None and fault.action in ON_OPERATIONS and operations.HEADER in response.headers:
                operations.spoil(self.cloud, response.headers[operations.HEADER], fault)
        return response

    def _throttle(self, service: Service, endpoint: Endpoint, request: Request) -> None:
        limits = self.cloud.behaviour.throttling.get(service.name)  # type: ignore[call-overload]
        if limits is None:
            return
        who = endpoint.asker(request) if endpoint.anonymous else request.caller.object_id
        seconds = self.cloud.throttle.take(service.name, endpoint.operation, who, limits)
        if seconds:
            response = service.trouble(self.cloud, request, service.throttled_status)
            response.headers["Retry-After"] = str(seconds)
            raise Refusal(response)

    def _fault_response(self, service: Service, request: Request, fault: FaultRule) -> Response:
        if fault.body is not None:
            return json_response(fault.status, fault.body, fault.headers)
        response = service.trouble(self.cloud, request, fault.status)
        response.headers |= fault.headers
        return response

    def _service(self, path: str) -> Service:
        lowered = path.lower()
        for prefix, service in self._mounts:
            if lowered == prefix or lowered.startswith(prefix + "/") or prefix == "/":
                return service
        raise LookupError(path)

    def _log(self, service: Service, request: Request, status: int, effect: Effect) -> None:
        self.cloud.requests.append(
            {
                "service": service.name,
                "method": request.method,
                "path": request.raw_path,
                "status": status,
                "at": self.cloud.clock.iso(),
                "effect": effect.value,
            }
        )


async def _hang(receive: Receive) -> None:
    """Gives no answer until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """The request once it is there as a whole; ``None`` when the client goes away before."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    raw_path = scope["raw_path"].decode("ascii", "replace")
    return Request(
        method=scope["method"],
        path=unquote(raw_path),
        raw_path=raw_path,
        query=_query(scope["query_string"]),
        headers=headers,
        body=b"".join(parts),
        peer=(scope.get("client") or ("",))[0],
        base_url=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
    )


def _query(raw: bytes) -> Mapping[str, str]:
    """Query parameters; names keep their case. One given twice appears besides under a name that no operation
    declares, so that each service refuses it in its own words."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("ascii", "replace"), keep_blank_values=True):
        found[f"{name} (again)" if name in found else name] = value
    return found


async def _send(response: Response, fault: FaultRule | None, scope: Scope, send: Send) -> None:
    if fault is not None and fault.action in ("reset", "kill"):
        scope["extensions"][TRANSPORT].abort()
        return
    body = response.body
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    if response.status not in (204, 304) and "content-length" not in {name.lower() for name in response.headers}:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if fault is not None and fault.action == "half_body":
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        scope["extensions"][TRANSPORT].abort()
        return
    body = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": body})
