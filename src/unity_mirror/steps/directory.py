"""Who is who in Databricks: groups, users and service principals, as far as SCIM lets us ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unity_mirror.errors import NotSupported, PermissionDenied
from unity_mirror.models.databricks import Group, ServicePrincipal, User
from unity_mirror.plan.access import Directory, directory_of
from unity_mirror.steps.context import Context, together


@dataclass(frozen=True, slots=True)
class _Identities:
    groups: tuple[Group, ...]
    users: tuple[User, ...]
    service_principals: tuple[ServicePrincipal, ...]


async def read_directory(context: Context, mapped: Mapping[str, str] | None = None) -> Directory:
    """Principals as SCIM tells them to the workspace's admins; to others nothing but the ``mapped`` ones is known."""
    workspace = context.spec.databricks.workspace
    found = await context.reads.once(("directory", workspace), lambda: _identities(context, workspace))
    if found is None:
        return directory_of((), (), (), mapped or {}, readable=False)
    return directory_of(found.groups, found.users, found.service_principals, mapped or {})


async def _identities(context: Context, workspace: str) -> _Identities | None:
    client = context.clients.databricks(workspace)
    try:
        groups = await client.groups()
        async with together() as group:
            using, serving = group.create_task(client.users()), group.create_task(client.service_principals())
    except (PermissionDenied, NotSupported):
        return None  # in part is not at all: who is missing would be taken for unknown to Entra
    return _Identities(tuple(groups), tuple(using.result()), tuple(serving.result()))
