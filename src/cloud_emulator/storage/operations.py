"""What an operation of storage is: how a request names it, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cloud_emulator.core.http import Effect, Request, Response
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.target import Target

_DISCRIMINATORS = frozenset({"resource", "action", "restype", "comp"})
NAMING_HEADERS = frozenset({"x-ms-blob-type", "x-ms-copy-source", "x-ms-rename-source"})
"""Each makes another operation of a PUT: a block that is put with a source comes from there, not from the body."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    ``marks`` are the query parameters that name it (``None``: any value), ``headers`` those that must be there,
    ``takes`` the further query parameters that it knows, ``body`` whether it takes one, ``leases`` whether it takes or
    ends a lease.
    """

    name: str
    protocol: str
    method: str
    levels: tuple[str, ...]
    effect: Effect
    serve: Callable[[Call], Response]
    marks: Mapping[str, str | None] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    onelake: bool = False
    body: bool = False
    leases: bool = False

    @property
    def marked(self) -> bool:
        """Whether a request for it can't be taken for the other protocol's."""
        return bool(self.marks or self.headers)

    @property
    def parameters(self) -> frozenset[str]:
        """The query parameters that it knows."""
        return frozenset(self.marks) | frozenset(self.takes)

    def fits(self, request: Request, named: Target) -> bool:
        """Whether the request is for this operation."""
        return (
            named.level in self.levels
            and _DISCRIMINATORS & request.query.keys() == _DISCRIMINATORS & self.marks.keys()
            and all(
                name in request.query and (value is None or request.query[name].lower() == value.lower())
                for name, value in self.marks.items()
            )
            and NAMING_HEADERS & request.headers.keys() == frozenset(self.headers)
        )
