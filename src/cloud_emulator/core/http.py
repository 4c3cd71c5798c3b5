"""Requests and responses as the services see them, free of any web framework."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from cloud_emulator.core.cloud import Cloud
    from cloud_emulator.core.identity import Caller


class Effect(StrEnum):
    """What serving a request does to the cloud; stands in the request log."""

    READ = "read"
    WRITE = "write"
    AUTH = "auth"


@dataclass(slots=True)
class Request:
    """One request: ``path`` is decoded, ``raw_path`` is as it came; header names are in lower case.

    ``params`` holds the route's path parameters and ``caller`` who signed in; both are filled on the way.
    ``base_url`` is the scheme and authority that the client used, without a slash at the end; ``peer`` is the address
    that the connection comes from.
    """

    method: str
    path: str
    raw_path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    peer: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    _caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who is asking. Only handlers behind authentication may use it."""
        if self._caller is None:
            raise RuntimeError("this route has no authenticated caller")
        return self._caller

    def json(self) -> Any:
        """The body as JSON. Raises ``ValueError`` when it is not JSON, or names a field twice: which of them a service
        takes is nowhere said."""
        document = orjson.loads(self.body)
        try:
            json.loads(self.body, object_pairs_hook=_unique)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        return document


def _unique(fields: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in fields:
        if name in seen:
            raise ValueError(f"the field {name!r} is given twice")
        seen.add(name)


@dataclass(slots=True)
class Response:
    """One answer; ``headers`` are sent as they are written here."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_response(status: int, document: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(
        status, orjson.dumps(document), {"content-type": "application/json; charset=utf-8", **(headers or {})}
    )


class Refusal(Exception):
    """A service says no. It carries the complete answer, in that service's own error shape."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.body[:300].decode(errors='replace')}")
        self.response = response


Handler = Callable[["Cloud", Request], Response]


def peer(request: Request) -> str:
    """Where a request comes from."""
    return request.peer


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a request goes: the operation's name in its specification, its effect, and who serves it. ``asker`` is for
    whom an anonymous request counts when callers are throttled."""

    operation: str
    effect: Effect
    handler: Handler
    anonymous: bool = False
    asker: Callable[[Request], str] = peer
