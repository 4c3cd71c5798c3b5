"""Operations of Fabric's REST API as a table, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Endpoint, Handler, Refusal, Request, Response
from cloud_emulator.core.router import Route, Router
from cloud_emulator.fabric.errors import FabricError, error_response, invalid_input, invalid_parameter
from cloud_emulator.fabric.validation import is_guid

_BODIES_IGNORED = ("GET", "DELETE")
"""Their bodies are passed over: fabric-cicd sends one with every request [C]."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``path`` as in the specification (without ``/v1``), ``name`` its operationId, ``query`` the
    parameters that it declares, ``body`` whether it takes one. ``effect`` is by method when not given: GET reads, all
    others write."""

    method: str
    path: str
    name: str
    handler: Handler
    query: tuple[str, ...] = ()
    body: bool | Literal["optional"] = False
    effect: Effect | None = None


def router(operations: Iterable[Operation]) -> Router:
    """A router of these operations; routes are not case-sensitive. Handlers may raise :class:`FabricError`."""
    routes = Router(case_sensitive=False)
    for operation in operations:
        effect = operation.effect or (Effect.READ if operation.method == "GET" else Effect.WRITE)
        endpoint = Endpoint(operation.name, effect, _checked(operation))
        routes.add(Route(operation.method, f"/v1{operation.path}", endpoint))
    return routes


def _checked(operation: Operation) -> Handler:
    declared = frozenset(operation.query)

    def handle(cloud: Cloud, request: Request) -> Response:
        try:
            request.params = _path_parameters(request.params)
            _check(operation, declared, request)
            response = operation.handler(cloud, request)
            response.headers.setdefault("RequestId", cloud.new_id())
            return response
        except FabricError as error:
            raise Refusal(error_response(cloud, error)) from error

    return handle


def _check(operation: Operation, declared: frozenset[str], request: Request) -> None:
    unknown = request.query.keys() - declared
    if unknown:
        raise invalid_parameter(min(unknown), f"{operation.name} has no such query parameter.")
    if request.body and not operation.body and operation.method not in _BODIES_IGNORED:
        raise invalid_input(f"{operation.name} takes no body.")
    if operation.body is True and not request.body:
        raise invalid_input(f"{operation.name} requires a body.")


def _path_parameters(params: Mapping[str, str]) -> Mapping[str, str]:
    """GUIDs in lower case. Raises 400 for one that isn't: the specification gives every id in a path that format."""
    checked = {}
    for name, value in params.items():
        if name.endswith("Id"):
            if not is_guid(value):
                raise invalid_parameter(name, f"{value!r} is not a GUID.")
            value = value.lower()
        checked[name] = value
    return checked
