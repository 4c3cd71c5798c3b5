"""The virtual network data gateway for a Databricks workspace behind a private endpoint (S5).

Limits, from Fabric's documentation: one gateway serves one Databricks workspace, on-premises gateways don't work, and
an item that was made before can't change over, because a mirrored catalog keeps its connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.models.arm import DatabricksWorkspace
from unity_mirror.models.fabric import Connection, Gateway
from unity_mirror.steps.context import Context

PATH = "databricks.connection.gateway"
_VIRTUAL_NETWORK = "VirtualNetwork"


def is_private(workspace: DatabricksWorkspace | None) -> bool:
    """Whether only private endpoints lead to the workspace."""
    return workspace is not None and workspace.public_network_access == "Disabled"


async def find_gateway(context: Context, workspace: DatabricksWorkspace | None) -> Gateway | None:
    """The gateway that the spec names, else, for a private workspace, the only one that is free for it.

    ``None`` when none is needed, or there is none. Raises ``SpecError`` when the named one can't serve or several can.
    """
    named = context.spec.databricks.connection.gateway
    if named is None and not is_private(workspace):
        return None
    gateways = await context.reads.once(("gateways",), context.clients.fabric.gateways.list)
    connections = await context.reads.once(("connections",), context.clients.fabric.connections.list)
    if named is not None:
        return _named(gateways, connections, named, context.spec.databricks.workspace)
    free = [
        each
        for each in gateways
        if each.type == _VIRTUAL_NETWORK and not _others(each, connections, context.spec.databricks.workspace)
    ]
    if len(free) > 1:
        names = ", ".join(sorted(each.display_name or each.id for each in free))
        message = (
            f"the Databricks workspace is behind a private endpoint, and several gateways could lead to it: {names}"
        )
        raise SpecError([SpecProblem(PATH, message, "name the one that is in the workspace's virtual network")])
    return free[0] if free else None


def _named(gateways: Sequence[Gateway], connections: Sequence[Connection], named: str, url: str) -> Gateway:
    found = [each for each in gateways if named.lower() in (each.id.lower(), each.display_name.lower())]
    if not found:
        hint = "check it, or have a gateway admin let the identity that runs unity-mirror use it"
        raise SpecError([SpecProblem(PATH, f"there is no gateway {named!r} that we may use", hint)])
    gateway = found[0]
    if gateway.type != _VIRTUAL_NETWORK:
        message = f"{named!r} is a gateway of type {gateway.type}"
        raise SpecError([SpecProblem(PATH, message, "only virtual network data gateways lead to mirrored catalogs")])
    others = _others(gateway, connections, url)
    if others:
        message = f"gateway {named!r} serves another Databricks workspace already: {others[0]}"
        raise SpecError([SpecProblem(PATH, message, "one gateway serves one workspace: make another gateway")])
    return gateway


def _others(gateway: Gateway, connections: Sequence[Connection], url: str) -> list[str]:
    """Where else the connections that we see lead to through this gateway."""
    host = urlsplit(url).hostname
    ours = gateway.id.lower()
    paths = [each.connection_details.path for each in connections if (each.gateway_id or "").lower() == ours]
    return [path for path in paths if urlsplit(path if "://" in path else f"https://{path}").hostname != host]
