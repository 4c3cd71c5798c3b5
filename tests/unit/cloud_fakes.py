"""A scripted network and a token source, for tests of the transport and the clients."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from unity_mirror.clock import ManualClock
from unity_mirror.http.meter import CallMeter
from unity_mirror.http.transport import Transport
from unity_mirror.models.identity import Identity
from unity_mirror.settings import Limits, Timeouts

Answer = httpx.Response | httpx.TransportError
Handler = Callable[[httpx.Request], Answer]


def answer(status: int = 200, body: Any = None, **headers: Any) -> httpx.Response:
    """Return an answer; underscores in header names stand for dashes."""
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return (
        httpx.Response(status, json=body, headers=named) if body is not None else httpx.Response(status, headers=named)
    )


@dataclass
class Wire:
    """Answers requests from a script, one after the other, or by a handler; keeps what was sent."""

    script: list[Answer] = field(default_factory=list)
    handler: Handler | None = None
    requests: list[httpx.Request] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.authorizations.append(request.headers.get("authorization", ""))
        reply = self.handler(request) if self.handler else self.script.pop(0)
        if isinstance(reply, httpx.TransportError):
            raise reply
        return reply

    @property
    def sent(self) -> list[str]:
        """Return method and path of each request."""
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def body(self, index: int = -1) -> Any:
        """Return the JSON of one request's body."""
        return json.loads(self.requests[index].content)


class Tokens:
    """Numbered tokens for each scope; ``refused`` lists what was invalidated."""

    def __init__(self) -> None:
        self.issued = 0
        self.refused: list[str] = []
        self._held: dict[str, str] = {}

    async def token(self, scope: str) -> str:
        if scope not in self._held:
            self.issued += 1
            self._held[scope] = f"token-{self.issued}"
        return self._held[scope]

    def invalidate(self, scope: str, token: str | None = None) -> None:
        self.refused.append(scope)
        self._held.pop(scope, None)

    async def identity(self) -> Identity:
        return Identity("object", "app", "tenant")

    async def close(self) -> None:
        pass


@dataclass
class Bench:
    """A transport over a scripted wire, with all that can be looked at afterwards."""

    wire: Wire
    clock: ManualClock
    meter: CallMeter
    tokens: Tokens
    transport: Transport


def bench(
    *script: Answer,
    handler: Handler | None = None,
    rng: float = 0.0,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
) -> Bench:
    """Return a transport that answers from the script or the handler; nothing really waits."""
    wire, clock, meter, tokens = Wire(list(script), handler), ManualClock(), CallMeter(), Tokens()
    transport = Transport(
        httpx.MockTransport(wire),
        tokens,
        clock=clock,
        meter=meter,
        timeouts=timeouts or Timeouts(),
        limits=limits or Limits(),
        rng=lambda: rng,
    )
    return Bench(wire, clock, meter, tokens, transport)


def routes(table: Mapping[str, Any]) -> Handler:
    """Return a handler by ``METHOD /path``: a JSON body, an answer, or a list of answers to give in turn."""

    def handle(request: httpx.Request) -> Answer:
        reply = table[f"{request.method} {request.url.path}"]
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        return reply if isinstance(reply, (httpx.Response, httpx.TransportError)) else httpx.Response(200, json=reply)

    return handle
