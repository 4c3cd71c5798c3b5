"""A strict router: a request that no route names is refused, never guessed at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from cloud_emulator.core.http import Effect, Endpoint, Handler, Request, peer


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: method, path template such as ``/v1/workspaces/{workspaceId}``, and what serves it."""

    method: str
    template: str
    endpoint: Endpoint

    def segments(self) -> tuple[str, ...]:
        """The template's parts between slashes."""
        return tuple(self.template.strip("/").split("/"))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A route with its segments taken apart once: literal or ``None``, and the parameter's name."""

    route: Route
    parts: tuple[tuple[str | None, str], ...]

    def fits(self, folded: list[str]) -> bool:
        """Whether a path of as many segments, folded, is one of this route's; no parameter is empty."""
        pairs = zip(self.parts, folded, strict=True)
        return all(part == literal or (literal is None and part != "") for (literal, _), part in pairs)

    def params(self, given: list[str]) -> dict[str, str]:
        """The path parameters."""
        return {name: part for (literal, name), part in zip(self.parts, given, strict=True) if literal is None}


class Router:
    """Matches by method, number of segments and literal segments; literals win over parameters.

    ``case_sensitive=False`` is for services whose routes are not (Fabric, ARM).
    """

    def __init__(self, *, case_sensitive: bool = True) -> None:
        self._fold: Callable[[str], str] = (lambda text: text) if case_sensitive else str.lower
        self._routes: dict[tuple[str, int], list[_Candidate]] = {}

    def route(
        self,
        method: str,
        template: str,
        operation: str,
        effect: Effect = Effect.READ,
        *,
        anonymous: bool = False,
        asker: Callable[[Request], str] = peer,
    ) -> Callable[[Handler], Handler]:
        """Decorator that adds a handler."""

        def add(handler: Handler) -> Handler:
            self.add(Route(method, template, Endpoint(operation, effect, handler, anonymous, asker)))
            return handler

        return add

    def add(self, route: Route) -> None:
        """Adds a route; the more literal ones are tried first."""
        candidates = self._routes.setdefault((route.method, len(route.segments())), [])
        candidates.append(_Candidate(route, tuple(map(self._part, route.segments()))))
        candidates.sort(key=lambda each: sum(literal is None for literal, _ in each.parts))

    def include(self, other: Router) -> None:
        """Adds all routes of another router."""
        for route in other.routes():
            self.add(route)

    def routes(self) -> Iterable[Route]:
        """Every route, for the table of operations served."""
        return (each.route for candidates in self._routes.values() for each in candidates)

    def find(self, request: Request) -> Endpoint | None:
        """The endpoint for a request, with ``request.params`` filled and decoded; ``None`` when there is none.

        A slash at the end makes another path."""
        given = [unquote(part) for part in request.raw_path.removeprefix("/").split("/")]
        folded = [self._fold(part) for part in given]
        for candidate in self._routes.get((request.method, len(given)), ()):
            if candidate.fits(folded):
                request.params = candidate.params(given)
                return candidate.route.endpoint
        return None

    def _part(self, segment: str) -> tuple[str | None, str]:
        """A segment as its literal, folded, or ``None`` and the parameter's name."""
        return (None, segment[1:-1]) if segment.startswith("{") else (self._fold(segment), "")
