"""What Azure Resource Manager holds, and where it stands in the store.

Tables: ``subscriptions`` (by id), ``resourceGroups``, ``databricksWorkspaces`` (by resource id in lower case),
``storageAccounts`` (by name), each a whole ARM document; ``privateEndpoints`` of Databricks workspaces by connection id
in lower case, ``{host, virtualNetwork, approved}``; ``roleAssignments`` by assignment id in lower case,
``{principalId, roleId, scope, effectiveAt, body}``: ``scope`` in lower case, ``effectiveAt`` in seconds since 1970,
``body`` the ARM document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document, Table

PROVIDER = "providers/Microsoft.Authorization"


def table_of(cloud: Cloud, kind: str) -> Table:
    """The store's table of that kind, such as ``roleAssignments``."""
    return cloud.table(f"arm.{kind}")


def fold(scope: str) -> str:
    """A scope in the form in which scopes are compared: lower case, one slash in front, none behind."""
    return "/" + scope.strip("/").lower()


def lineage(scope: str) -> Iterator[str]:
    """A folded scope and every scope above it that resources can have, nearest first, down to ``/``."""
    yield scope
    parts = scope.strip("/").split("/") if scope != "/" else []
    while parts:
        parts = parts[:-2]
        if len(parts) % 2 == 0 and parts and parts[-2] == "providers":
            parts = parts[:-2]
        yield "/" + "/".join(parts)


def account(cloud: Cloud, name: str) -> Document | None:
    """The storage account of that name."""
    return table_of(cloud, "storageAccounts").get(name.lower())


def container_scope(account_id: str, container: str) -> str:
    """The scope of a blob container."""
    return f"{account_id}/blobServices/default/containers/{container}"


def assignment_id(scope: str, name: str) -> str:
    """The id of the role assignment of that name at a scope."""
    return f"{scope.rstrip('/')}/{PROVIDER}/roleAssignments/{name}"


def put_assignment(cloud: Cloud, body: dict[str, Any], *, effective_at: float) -> None:
    """Stores a role assignment, given as its ARM document."""
    properties = body["properties"]
    table_of(cloud, "roleAssignments")[body["id"].lower()] = {
        "principalId": properties["principalId"].lower(),
        "roleId": properties["roleDefinitionId"].rsplit("/", 1)[-1].lower(),
        "scope": fold(properties["scope"]),
        "effectiveAt": effective_at,
        "body": body,
    }
