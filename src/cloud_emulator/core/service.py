"""What the front door knows of a service."""

from __future__ import annotations

from typing import Protocol

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Endpoint, Request, Response
from cloud_emulator.core.identity import Caller


class Service(Protocol):
    """One emulated service. ``locate`` and ``authenticate`` raise :class:`Refusal` with an answer in its own shape."""

    @property
    def name(self) -> str:
        """As in the request log: fabric, powerbi, unity_catalog, arm, storage, entra."""

    @property
    def throttled_status(self) -> int:
        """The status of an answer to a caller who asks too much."""

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names; 501 for one that isn't served."""

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Who is asking; 401 in the service's own way."""

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """A failure that no rule explains, in the service's own error shape: throttling, or an outage."""

    def register_jobs(self, cloud: Cloud) -> None:
        """Names the functions behind the jobs that this service schedules."""
