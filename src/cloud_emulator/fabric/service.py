"""The Fabric service: its routes, who is asking, and its jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Endpoint, Refusal, Request, Response
from cloud_emulator.core.identity import BadToken, Caller, TokenFault
from cloud_emulator.core.router import Router
from cloud_emulator.core.service import Service
from cloud_emulator.fabric import (
    access_role_routes,
    capacities,
    connection_role_routes,
    connection_routes,
    discovery,
    gateway_routes,
    identity_routes,
    item_connections,
    item_routes,
    lakehouses,
    mirrored_catalogs,
    operation_routes,
    semantic_models,
    shortcuts,
    sql_endpoints,
    sync,
    workspace_role_routes,
    workspace_routes,
)
from cloud_emulator.fabric.errors import FabricError, error_response, trouble
from cloud_emulator.fabric.tenant import USE_APIS, require_switch

AUDIENCES = ("https://api.fabric.microsoft.com",)

_REFUSED_TOKENS = {
    TokenFault.MISSING: ("Unauthorized", "The request carries no bearer token."),
    TokenFault.EXPIRED: ("TokenExpired", "The access token has expired; sign in again."),
    TokenFault.TENANT: ("UserNotLicensed", "The caller has no licence for Microsoft Fabric in this tenant."),
}
"""[M] A token of another tenant looks like a matter of licences."""


class FabricService:
    """Serves ``/v1``."""

    name = "fabric"
    throttled_status = 429

    def __init__(self) -> None:
        self._router = Router(case_sensitive=False)
        for routes in (
            # platform
            operation_routes.routes(),
            workspace_routes.routes(),
            workspace_role_routes.routes(),
            identity_routes.routes(),
            capacities.routes(),
            connection_routes.routes(),
            connection_role_routes.routes(),
            gateway_routes.routes(),
            item_routes.routes(),
            # data
            mirrored_catalogs.routes(),
            discovery.routes(),
            lakehouses.routes(),
            shortcuts.routes(),
            access_role_routes.routes(),
            sql_endpoints.routes(),
            semantic_models.routes(),
            item_connections.routes(),
        ):
            self._router.include(routes)

    @property
    def router(self) -> Router:
        """Every route that is served."""
        return self._router

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names; 501 for one that isn't served."""
        endpoint = self._router.find(request) or self._find_shortcut(request)
        if endpoint is None:
            message = f"The emulator does not serve {request.method} {request.path} of the Fabric REST API."
            raise Refusal(error_response(cloud, FabricError(501, "OperationNotSupported", message)))
        return endpoint

    def _find_shortcut(self, request: Request) -> Endpoint | None:
        """The operation on one shortcut whose path has plain slashes, as fabric-cicd and Fabric's CLI send it [C]."""
        encoded = replace(request, raw_path=shortcuts.in_one_segment(request.raw_path))
        endpoint = self._router.find(encoded)
        request.params = encoded.params
        return endpoint

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Who is asking; 401 in Fabric's shape."""
        try:
            caller = cloud.tokens.verify(request.headers.get("authorization", ""), AUDIENCES)
            require_switch(cloud, caller, USE_APIS)
        except BadToken as bad:
            code, message = _REFUSED_TOKENS.get(bad.fault, ("InvalidToken", "The access token is not valid."))
            refused = FabricError(401, code, message, headers={"WWW-Authenticate": "Bearer"})
            raise Refusal(error_response(cloud, refused)) from bad
        except FabricError as error:
            raise Refusal(error_response(cloud, error)) from error
        return caller

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """Throttling or an outage, in Fabric's shape."""
        del request
        return error_response(cloud, trouble(cloud, status))

    def register_jobs(self, cloud: Cloud) -> None:
        """Names the functions behind the jobs that this service schedules."""
        registrations: tuple[Callable[[Cloud], None], ...] = (
            # platform
            workspace_routes.register_jobs,
            identity_routes.register_jobs,
            connection_routes.register_jobs,
            item_routes.register_jobs,
            # data
            sync.register_jobs,
            mirrored_catalogs.register_jobs,
            lakehouses.register_jobs,
            shortcuts.register_jobs,
            sql_endpoints.register_jobs,
            semantic_models.register_jobs,
        )
        for register in registrations:
            register(cloud)


def make_service() -> Service:
    """The Fabric service."""
    return FabricService()
