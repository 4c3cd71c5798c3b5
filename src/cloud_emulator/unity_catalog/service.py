"""Databricks' APIs, for every workspace at ``/databricks/{host}`` and for the first one at the bare ``/api``."""

from __future__ import annotations

from dataclasses import replace

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Endpoint, Request, Response
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.router import Router
from cloud_emulator.core.service import Service
from cloud_emulator.unity_catalog import (
    catalog_routes,
    change_routes,
    credential_routes,
    grant_routes,
    location_routes,
    session,
    state,
    table_routes,
    tag_routes,
    workspace_routes,
)
from cloud_emulator.unity_catalog.errors import error, refuse

_PREFIX = "/databricks/"


class UnityCatalogService:
    """Serves all that is asked of Databricks."""

    name = "unity_catalog"
    throttled_status = 429

    def __init__(self) -> None:
        self.router = Router()
        for each in (
            catalog_routes, table_routes, grant_routes, credential_routes, location_routes, change_routes,
            tag_routes, workspace_routes,
        ):  # fmt: skip
            self.router.include(each.router)

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names; puts the workspace's host into the request's parameters."""
        host, path = _split(cloud, request.raw_path)
        within = replace(request, raw_path=path)
        endpoint = self.router.find(within)
        if endpoint is None:
            raise refuse("NOT_IMPLEMENTED", f"The emulator does not serve {request.method} {path} of Databricks.")
        request.params = {**within.params, "host": host}
        return endpoint

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Who asks; ``name`` is how grants call them."""
        return session.authenticate(cloud, request)

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """Throttling or an outage, in Databricks' shape."""
        del cloud, request
        code = {429: "REQUEST_LIMIT_EXCEEDED", 503: "TEMPORARILY_UNAVAILABLE"}.get(status, "INTERNAL_ERROR")
        return error(status, code, "The request could not be served; try again later.")

    def register_jobs(self, cloud: Cloud) -> None:
        """Databricks schedules nothing."""


def make_service() -> Service:
    """The service that the emulator mounts."""
    return UnityCatalogService()


def _split(cloud: Cloud, path: str) -> tuple[str, str]:
    """The host of the workspace asked, and the path at that workspace."""
    if path.startswith(_PREFIX):
        host, _, rest = path[len(_PREFIX) :].partition("/")
        return host.lower(), f"/{rest}"
    first = state.first_workspace(cloud)
    return (str(first["host"]) if first is not None else ""), path
