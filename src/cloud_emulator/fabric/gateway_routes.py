"""Gateways: virtual network data gateways that come from the seed; listed and read only."""

from __future__ import annotations

from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import not_found
from cloud_emulator.fabric.responses import listing, ok
from cloud_emulator.fabric.routing import Operation, router

GATEWAYS = "fabric.gateways"


def is_usable(cloud: Cloud, caller: Caller, gateway: Document) -> bool:
    """Whether the caller, or a group of its, has a role on the gateway."""
    users = set(gateway["users"])
    return caller.object_id in users or not users.isdisjoint(cloud.directory.groups_of(caller.object_id))


def find_gateway(cloud: Cloud, caller: Caller, gateway_id: str) -> Document:
    """A gateway that the caller may use. Raises 404 ``EntityNotFound``."""
    gateway = cloud.table(GATEWAYS).get(gateway_id)
    if gateway is None or not is_usable(cloud, caller, gateway):
        raise not_found("Gateway", gateway_id)
    return gateway


def virtual_network(gateway: Document) -> str:
    """The resource id of the virtual network that a gateway is in."""
    place = gateway["virtualNetworkAzureResource"]
    group = f"/subscriptions/{place['subscriptionId']}/resourceGroups/{place['resourceGroupName']}"
    return f"{group}/providers/Microsoft.Network/virtualNetworks/{place['virtualNetworkName']}"


def _view(gateway: Document) -> dict[str, Any]:
    return {field: value for field, value in gateway.items() if field != "users" and value is not None}


def list_gateways(cloud: Cloud, request: Request) -> Response:
    """The gateways that the caller may use."""
    found = [each for each in cloud.table(GATEWAYS).values() if is_usable(cloud, request.caller, each)]
    return listing(cloud, request, found, _view)


def get_gateway(cloud: Cloud, request: Request) -> Response:
    """One gateway."""
    return ok(_view(find_gateway(cloud, request.caller, request.params["gatewayId"])))


def routes() -> Router:
    """The operations of this module."""
    return router(
        (
            Operation("GET", "/gateways", "Gateways_ListGateways", list_gateways, query=("continuationToken",)),
            Operation("GET", "/gateways/{gatewayId}", "Gateways_GetGateway", get_gateway),
        )
    )
