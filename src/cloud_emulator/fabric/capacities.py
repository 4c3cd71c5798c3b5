"""Capacities: who may see them, and who may put workspaces on them."""

from __future__ import annotations

from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.items import CAPACITIES
from cloud_emulator.fabric.responses import listing, ok
from cloud_emulator.fabric.routing import Operation, router


def is_trial(capacity: Document) -> bool:
    """Whether it is a trial capacity."""
    return str(capacity["sku"]).upper().startswith("FT")


def may_contribute(cloud: Cloud, caller: Caller, capacity: Document) -> bool:
    """Whether the caller, or a group of its, is administrator or contributor of a capacity."""
    allowed = {*capacity["admins"], *capacity["contributors"]}
    return caller.object_id in allowed or not allowed.isdisjoint(cloud.directory.groups_of(caller.object_id))


def find_capacity(cloud: Cloud, caller: Caller, capacity_id: str) -> Document:
    """A capacity of which the caller is administrator or contributor. Raises 404 ``CapacityNotFound``."""
    capacity = cloud.table(CAPACITIES).get(capacity_id)
    mine = capacity is not None and may_contribute(cloud, caller, capacity)
    if capacity is None or not (mine or not cloud.rules.on("fabric.capacities.contributor")):
        raise not_found("Capacity", capacity_id)
    return capacity


def require_assignable(cloud: Cloud, caller: Caller, capacity_id: str) -> Document:
    """A capacity that the caller may put a workspace on: active, and for a trial its own [D].

    Raises 404 ``CapacityNotFound`` or ``CapacityNotActive``, 403 ``InsufficientPrivileges``.
    """
    capacity = find_capacity(cloud, caller, capacity_id)
    others = is_trial(capacity) and caller.object_id != capacity["owner"]
    if others and cloud.rules.on("fabric.capacities.trial_owner"):
        message = f"The trial capacity {capacity['displayName']!r} can be used by its owner only."
        raise FabricError(403, "InsufficientPrivileges", message)
    if capacity["state"] != "Active" and cloud.rules.on("fabric.capacities.assignable"):
        raise FabricError(404, "CapacityNotActive", f"The capacity {capacity['displayName']!r} is not active.")
    return capacity


def _view(capacity: Document) -> dict[str, Any]:
    return {field: capacity[field] for field in ("id", "displayName", "sku", "region", "state")}


def list_capacities(cloud: Cloud, request: Request) -> Response:
    """The capacities of which the caller is administrator or contributor."""
    every = cloud.table(CAPACITIES).values()
    found = [each for each in every if may_contribute(cloud, request.caller, each)]
    return listing(cloud, request, found, _view)


def get_capacity(cloud: Cloud, request: Request) -> Response:
    """One capacity."""
    return ok(_view(find_capacity(cloud, request.caller, request.params["capacityId"])))


def routes() -> Router:
    """The operations of this module."""
    return router(
        (
            Operation("GET", "/capacities", "Capacities_ListCapacities", list_capacities, query=("continuationToken",)),
            Operation("GET", "/capacities/{capacityId}", "Capacities_GetCapacity", get_capacity),
        )
    )
