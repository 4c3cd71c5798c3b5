"""The Fabric service: its routes, who is asking, and its jobs."""

from __future__ import annotations

from collections.abc import Callable

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Endpoint, Refusal, Request
from cloud_emulator.core.identity import BadToken, Caller, TokenFault
from cloud_emulator.core.router import Router
from cloud_emulator.core.service import Service
from cloud_emulator.fabric import operation_routes
from cloud_emulator.fabric.errors import FabricError, error_response

AUDIENCES = ("https://api.fabric.microsoft.com",)

_REFUSED_TOKENS = {
    TokenFault.MISSING: ("Unauthorized", "The request carries no bearer token."),
    TokenFault.EXPIRED: ("TokenExpired", "The access token has expired, resubmit with a new access token."),
    TokenFault.TENANT: ("UserNotLicensed", "The caller has no licence for Microsoft Fabric in this tenant."),
}
"""[M] A token of another tenant looks like a matter of licences."""


class FabricService:
    """Serves ``/v1``."""

    name = "fabric"

    def __init__(self) -> None:
        self._router = Router(case_sensitive=False)
        for routes in (
            operation_routes.routes(),
            # platform
            # data: mirrored catalogs, discovery, lakehouses, shortcuts, semantic models, SQL endpoints, access roles
        ):
            self._router.include(routes)

    @property
    def router(self) -> Router:
        """Every route that is served."""
        return self._router

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names; 501 for one that isn't served."""
        endpoint = self._router.find(request)
        if endpoint is None:
            message = f"The emulator does not serve {request.method} {request.path} of the Fabric REST API."
            raise Refusal(error_response(cloud, FabricError(501, "OperationNotSupported", message)))
        return endpoint

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Who is asking; 401 in Fabric's shape."""
        try:
            return cloud.tokens.verify(request.headers.get("authorization", ""), AUDIENCES)
        except BadToken as bad:
            code, message = _REFUSED_TOKENS.get(bad.fault, ("InvalidToken", "Access token is invalid"))
            error = FabricError(401, code, message, headers={"WWW-Authenticate": "Bearer"})
            raise Refusal(error_response(cloud, error)) from bad

    def register_jobs(self, cloud: Cloud) -> None:
        """Names the functions behind the jobs that this service schedules."""
        registrations: tuple[Callable[[Cloud], None], ...] = (
            # platform
            # data
        )
        for register in registrations:
            register(cloud)


def make_service() -> Service:
    """The Fabric service."""
    return FabricService()
