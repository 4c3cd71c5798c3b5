"""The emulator's control plane, under ``/_emulator``. Not authenticated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_address
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.faults import FaultRule
from cloud_emulator.core.http import Effect, Endpoint, Refusal, Request, Response, json_response
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.pressure import EACH
from cloud_emulator.core.redaction import redacted
from cloud_emulator.core.router import Router
from cloud_emulator.core.validation import told

_RULES = TypeAdapter(list[FaultRule])
SeedLoader = Callable[[Cloud, Any], None]


def _refuse(status: int, message: str) -> Refusal:
    return Refusal(json_response(status, {"error": message}))


class ControlService:
    """Serves ``/_emulator``. ``load_seed`` fills a cloud from a seed document or a seed's name; ``apis`` are the
    operations of each service, by its name."""

    name = "control"
    throttled_status = 429

    def __init__(self, load_seed: SeedLoader, apis: Mapping[str, Collection[str]]) -> None:
        self._router = Router()
        self._load_seed = load_seed
        self._apis = apis
        for method, path, handler in (
            ("POST", "reset", _reset),
            ("POST", "seed", self._seed),
            ("GET", "requests", _requests),
            ("DELETE", "requests", _clear_requests),
            ("PUT", "faults", _set_faults),
            ("GET", "faults", _faults),
            ("GET", "settings", _settings),
            ("PUT", "settings", self._set_settings),
            ("POST", "clock", _clock),
            ("GET", "state", _state),
            ("GET", "health", _health),
        ):
            self._router.route(method, f"/_emulator/{path}", path, Effect.READ, anonymous=True)(handler)

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names."""
        del cloud
        endpoint = self._router.find(request)
        if endpoint is None:
            raise _refuse(501, f"The control plane has no {request.method} {request.path}.")
        return endpoint

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Never called: the control plane is anonymous."""
        del cloud
        raise _refuse(401, f"{request.method} {request.path} needs no sign-in")

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """Never called: faults don't strike the control plane."""
        del cloud
        return json_response(status, {"error": f"{request.method} {request.path} failed"})

    def register_jobs(self, cloud: Cloud) -> None:
        """The control plane has none."""

    def _seed(self, cloud: Cloud, request: Request) -> Response:
        try:
            self._load_seed(cloud, _body(request))
        except ValueError as error:
            raise _refuse(400, str(error)) from error
        cloud.save_seed()
        return json_response(200, {})

    def _set_settings(self, cloud: Cloud, request: Request) -> Response:
        """Merges the given settings over those in force."""
        given = _body(request)
        if not isinstance(given, dict):
            raise _refuse(400, "The body must be a JSON object of settings.")
        try:
            wanted = Behaviour.model_validate({**cloud.behaviour.model_dump(), **given})
        except ValidationError as error:
            raise _refuse(400, told(error)) from error
        for service, limits in wanted.throttling.items():
            unknown = sorted(limits.apis.keys() - {EACH, *self._apis.get(service, ())})
            if unknown:
                raise _refuse(400, f"throttling.{service}.apis: there is no operation {unknown[0]!r}.")
        cloud.behaviour = wanted
        return json_response(200, wanted.model_dump(mode="json"))


def _body(request: Request) -> Any:
    try:
        return request.json()
    except ValueError as error:
        raise _refuse(400, f"The body is not JSON: {error}") from error


def _reset(cloud: Cloud, request: Request) -> Response:
    del request
    cloud.reset()
    return json_response(200, {})


def _requests(cloud: Cloud, request: Request) -> Response:
    del request
    return json_response(200, cloud.requests)


def _clear_requests(cloud: Cloud, request: Request) -> Response:
    del request
    cloud.requests.clear()
    return json_response(200, {})


def _set_faults(cloud: Cloud, request: Request) -> Response:
    """Replaces all rules. Only who is on this machine may have its processes ended."""
    try:
        rules = _RULES.validate_python(_body(request))
    except ValidationError as error:
        raise _refuse(400, told(error)) from error
    if any(rule.action == "kill" for rule in rules) and not _is_loopback(request.peer):
        raise _refuse(403, f"The action kill is for clients on this machine; the request came from {request.peer!r}.")
    cloud.faults.set(rules)
    return json_response(200, {})


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False


def _faults(cloud: Cloud, request: Request) -> Response:
    """The rules in force, with how often each has matched and struck."""
    del request
    return json_response(200, cloud.faults.counts())


def _settings(cloud: Cloud, request: Request) -> Response:
    del request
    return json_response(200, cloud.behaviour.model_dump(mode="json"))


def _clock(cloud: Cloud, request: Request) -> Response:
    body = _body(request)
    seconds = body.get("advance_seconds") if isinstance(body, dict) and body.keys() == {"advance_seconds"} else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise _refuse(400, "advance_seconds must be a number of seconds, 0 or more.")
    cloud.clock.advance(seconds)
    cloud.jobs.run_due(cloud)
    return json_response(200, {"now": cloud.clock.iso()})


def _state(cloud: Cloud, request: Request) -> Response:
    del request
    dump = redacted(cloud.store.dump())
    return Response(200, orjson.dumps(dump, option=orjson.OPT_SORT_KEYS), {"content-type": "application/json"})


def _health(cloud: Cloud, request: Request) -> Response:
    del cloud, request
    return json_response(200, {"status": "ok"})
