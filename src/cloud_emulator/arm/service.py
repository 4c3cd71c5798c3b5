"""Azure Resource Manager, under ``/subscriptions`` and ``/providers``."""

from __future__ import annotations

import re

from cloud_emulator.arm import requests, resource_routes, role_routes, storage_routes
from cloud_emulator.arm.errors import refuse
from cloud_emulator.arm.versions import check_api_version
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Endpoint, Request, Response
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.router import Router
from cloud_emulator.core.service import Service

_SLASHES = re.compile("//+")


class ArmService:
    """Serves the resources that matter here, and who may use them."""

    name = "arm"
    throttled_status = 429

    def __init__(self) -> None:
        self.router = Router(case_sensitive=False)
        for each in (resource_routes.router, storage_routes.router, role_routes.make_router()):
            self.router.include(each)

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names, its api-version checked. Azure's own clients double slashes at times."""
        request.path, request.raw_path = _SLASHES.sub("/", request.path), _SLASHES.sub("/", request.raw_path)
        endpoint = self.router.find(request)
        if endpoint is None:
            raise refuse(
                501, "NotImplemented", f"The emulator does not serve {request.method} {request.path} of Azure."
            )
        check_api_version(cloud, request, endpoint.operation)
        return endpoint

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Who asks."""
        return requests.authenticate(cloud, request)

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """Throttling or an outage, in Azure Resource Manager's shape."""
        del cloud, request
        if status == 429:
            message = "The request is being throttled, as the limit for its subscription has been reached."
            return refuse(429, "SubscriptionRequestsThrottled", message).response
        return refuse(status, "ServerTimeout", "The request could not be served; try again later.").response

    def register_jobs(self, cloud: Cloud) -> None:
        """Azure Resource Manager schedules nothing: what takes time is reckoned from when it was asked for."""


def make_service() -> Service:
    """The service that the emulator mounts."""
    return ArmService()
