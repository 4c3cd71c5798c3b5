"""A Databricks workspace beside Unity Catalog: SCIM and workspace settings."""

from collections.abc import Mapping
from typing import TypeVar

from unity_mirror.errors import NotSupported, PermissionDenied
from unity_mirror.http.calls import Call
from unity_mirror.http.failures import DATABRICKS
from unity_mirror.http.paging import json_object, scim_pages
from unity_mirror.http.transport import Transport
from unity_mirror.models.base import CloudModel
from unity_mirror.models.databricks import Group, ServicePrincipal, User

M = TypeVar("M", bound=CloudModel)
_SCIM = "/api/2.0/preview/scim/v2"


class DatabricksClient:
    """Groups, service principals and network settings of one workspace."""

    def __init__(self, transport: Transport, base_url: str, scope: str, budget: str) -> None:
        self._transport = transport
        self._base_url = base_url
        self._scope = scope
        self._budget = budget

    async def groups(self, filter: str | None = None) -> list[Group]:  # noqa: A002 - SCIM's name
        """List groups; ``filter`` is SCIM's, e.g. displayName eq "analysts"."""
        params = {"filter": filter} if filter else {}
        return await self._all("Groups", "list the groups", Group, params)

    async def service_principals(self) -> list[ServicePrincipal]:
        """List the service principals."""
        return await self._all("ServicePrincipals", "list the service principals", ServicePrincipal, {})

    async def users(self) -> list[User]:
        """List the users."""
        return await self._all("Users", "list the users", User, {})

    async def me(self) -> User:
        """Read who asks; ``user_name`` is what grants call it, for a service principal its application id."""
        call = self._call(f"{self._base_url}{_SCIM}/Me", "read who we are", {})
        return User.model_validate(json_object(call, await self._transport.send(call)))

    async def ip_access_lists_enabled(self) -> bool | None:
        """Tell whether IP access lists are on; None when only an admin may know."""
        url = f"{self._base_url}/api/2.0/workspace-conf"
        call = self._call(url, "read the workspace's settings", {"keys": "enableIpAccessLists"})
        try:
            body = json_object(call, await self._transport.send(call))
        except (PermissionDenied, NotSupported):
            return None
        return str(body.get("enableIpAccessLists") or "false").lower() == "true"

    async def _all(self, resource: str, operation: str, model: type[M], params: Mapping[str, str]) -> list[M]:
        call = self._call(f"{self._base_url}{_SCIM}/{resource}", operation, params)
        found: list[M] = []
        async for page in scim_pages(self._transport, call):
            found.extend(model.model_validate(entry) for entry in page.get("Resources") or ())
        return found

    def _call(self, url: str, operation: str, params: Mapping[str, str]) -> Call:
        return Call(
            service=DATABRICKS,
            operation=operation,
            method="GET",
            url=url,
            scope=self._scope,
            params=params,
            budget=self._budget,
        )
