"""Which specification an exchange that succeeds is held to, by service."""

from __future__ import annotations

from cloud_emulator.core.http import Request, Response

from .arm_types import check_resource_manager, has_model
from .observed import SPECIFICATION, note
from .sdk_types import check_databricks
from .swagger import check_served

WITHOUT_A_METHOD = {"HostMetadata_Get"}
"""What Databricks' SDK reads to find its way, by no method of an API."""


def check(service: str, operation: str, request: Request, response: Response) -> None:
    """Fails when the exchange isn't as specified; remembers that it was held to it."""
    if service == "fabric":
        check_served(service, request, response)
    elif service == "unity_catalog" and operation not in WITHOUT_A_METHOD:
        check_databricks(operation, request, response)
        note(service, operation, SPECIFICATION)
    elif service == "arm" and has_model(operation):
        check_resource_manager(operation, request, response)
        note(service, operation, SPECIFICATION)
