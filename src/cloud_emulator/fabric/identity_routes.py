"""The workspace identity: provisioned and deprovisioned by an admin, as a long-running operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import workspaces
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.items import require_capacity
from cloud_emulator.fabric.permissions import WORKSPACES, require_role
from cloud_emulator.fabric.responses import long_running, operation_job
from cloud_emulator.fabric.routing import Operation, router

PROVISION_JOB = "fabric.provisionIdentity"
_CHANGING_SECONDS = 30
"""How long a change of the identity keeps others out, also one that came to nothing."""
DEPROVISION_JOB = "fabric.deprovisionIdentity"


def provision(cloud: Cloud, request: Request) -> Response:
    """Makes the identity of a workspace that has none. Needs the role Admin, and a capacity; there is none in My
    workspace."""
    workspace = _administered(cloud, request)
    require_capacity(cloud, workspace)
    _require_none(cloud, workspace)
    return _start(cloud, request, workspace, PROVISION_JOB, has_result=True)


def deprovision(cloud: Cloud, request: Request) -> Response:
    """Takes the identity away. Needs the role Admin."""
    workspace = _administered(cloud, request)
    _require_one(cloud, workspace)
    return _start(cloud, request, workspace, DEPROVISION_JOB, has_result=False)


def _administered(cloud: Cloud, request: Request) -> Document:
    workspace = require_role(cloud, request.caller, request.params["workspaceId"], "Admin")
    workspaces.require_shared(cloud, workspace)
    if workspace.get("identityChanging", 0) > cloud.clock.time() and cloud.rules.on("fabric.identity.busy"):
        message = "The identity of this workspace is being provisioned or deprovisioned; try again when that is done."
        raise FabricError(409, "InvalidRequest", message, retriable=True)
    return workspace


def _require_none(cloud: Cloud, workspace: Document) -> None:
    if workspace.get("workspaceIdentity") and cloud.rules.on("fabric.identity.once"):
        raise FabricError(409, "InvalidRequest", f"The workspace {workspace['displayName']!r} has an identity already.")


def _require_one(cloud: Cloud, workspace: Document) -> None:
    if not workspace.get("workspaceIdentity") and cloud.rules.on("fabric.identity.present"):
        raise FabricError(409, "InvalidRequest", f"The workspace {workspace['displayName']!r} has no identity.")


def _start(cloud: Cloud, request: Request, workspace: Document, job: str, *, has_result: bool) -> Response:
    cloud.table(WORKSPACES)[workspace["id"]] = {**workspace, "identityChanging": cloud.clock.time() + _CHANGING_SECONDS}
    return long_running(cloud, request, job, {"workspaceId": workspace["id"]}, has_result=has_result)


def _changing(cloud: Cloud, arguments: Mapping[str, Any]) -> Document:
    workspace = cloud.table(WORKSPACES).get(arguments["workspaceId"])
    if workspace is None:
        raise not_found("Workspace", arguments["workspaceId"])
    changed = {field: value for field, value in workspace.items() if field != "identityChanging"}
    cloud.table(WORKSPACES)[workspace["id"]] = changed
    return changed


def _provision(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, str]:
    changed = workspaces.add_identity(cloud, _changing(cloud, arguments), cloud.new_id(), cloud.new_id())
    return dict(changed["workspaceIdentity"])


def _deprovision(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    workspace = _changing(cloud, arguments)
    if workspace.get("workspaceIdentity"):
        workspaces.remove_identity(cloud, workspace)


def register_jobs(cloud: Cloud) -> None:
    """Names the jobs that make and remove an identity."""
    cloud.jobs.register(PROVISION_JOB, operation_job(_provision))
    cloud.jobs.register(DEPROVISION_JOB, operation_job(_deprovision))


def routes() -> Router:
    """The operations of this module."""
    one = "/workspaces/{workspaceId}"
    return router(
        (
            Operation("POST", f"{one}/provisionIdentity", "Workspaces_ProvisionIdentity", provision),
            Operation("POST", f"{one}/deprovisionIdentity", "Workspaces_DeprovisionIdentity", deprovision),
        )
    )
