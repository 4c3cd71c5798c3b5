"""A strict router: a request that no route names is refused, never guessed at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from cloud_emulator.core.http import Effect, Endpoint, Handler, Request


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: method, path template such as ``/v1/workspaces/{workspaceId}``, and what serves it."""

    method: str
    template: str
    endpoint: Endpoint

    def segments(self) -> tuple[str, ...]:
        """The template's parts between slashes."""
        return tuple(self.template.strip("/").split("/"))


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{")


class Router:
    """Matches by method, number of segments and literal segments; literals win over parameters.

    ``case_sensitive=False`` is for services whose routes are not (Fabric, ARM).
    """

    def __init__(self, *, case_sensitive: bool = True) -> None:
        self._fold: Callable[[str], str] = (lambda text: text) if case_sensitive else str.lower
        self._routes: dict[tuple[str, int], list[Route]] = {}

    def route(
        self, method: str, template: str, operation: str, effect: Effect = Effect.READ, *, anonymous: bool = False
    ) -> Callable[[Handler], Handler]:
        """Decorator that adds a handler."""

        def add(handler: Handler) -> Handler:
            self.add(Route(method, template, Endpoint(operation, effect, handler, anonymous)))
            return handler

        return add

    def add(self, route: Route) -> None:
        """Adds a route; the more literal ones are tried first."""
        candidates = self._routes.setdefault((route.method, len(route.segments())), [])
        candidates.append(route)
        candidates.sort(key=lambda each: sum(map(_is_parameter, each.segments())))

    def include(self, other: Router) -> None:
        """Adds all routes of another router."""
        for route in other.routes():
            self.add(route)

    def routes(self) -> Iterable[Route]:
        """Every route, for the table of operations served."""
        return (route for candidates in self._routes.values() for route in candidates)

    def find(self, request: Request) -> Endpoint | None:
        """The endpoint for a request, with ``request.params`` filled and decoded; ``None`` when there is none."""
        parts = request.raw_path.strip("/").split("/")
        for route in self._routes.get((request.method, len(parts)), ()):
            params = self._match(route, parts)
            if params is not None:
                request.params = params
                return route.endpoint
        return None

    def _match(self, route: Route, parts: list[str]) -> dict[str, str] | None:
        params: dict[str, str] = {}
        for wanted, given in zip(route.segments(), parts, strict=True):
            if _is_parameter(wanted):
                params[wanted[1:-1]] = unquote(given)
            elif self._fold(wanted) != self._fold(unquote(given)):
                return None
        return params
