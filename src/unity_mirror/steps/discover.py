"""What could be brought into Fabric, and what is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from unity_mirror.clients import Clients
from unity_mirror.models.fabric import Workspace
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.models.unity_catalog import Catalog
from unity_mirror.plan.ownership import read_mark
from unity_mirror.steps.context import side_by_side, together
from unity_mirror.steps.missing import no_workspace

OURS, BY_HAND, POSSIBLE, IMPOSSIBLE = "onboarded", "mirrored by hand", "can be onboarded", "can't be mirrored"
_INTERNAL = frozenset({"system", "samples", "__databricks_internal", "hive_metastore"})


@dataclass(frozen=True, slots=True)
class Discovered:
    """A catalog of the metastore. ``status`` is one of the four above; ``where`` names the items that mirror it."""

    name: str
    status: str
    detail: str
    where: tuple[str, ...] = ()


async def discover(clients: Clients, databricks: str, fabric: str | None) -> list[Discovered]:
    """Every catalog of the workspace's metastore. ``fabric`` narrows the look to one Fabric workspace."""
    async with together() as group:
        listing = group.create_task(clients.unity_catalog(databricks).catalogs())
        looking = group.create_task(_mirrored(clients, databricks, fabric))
    held = looking.result()
    return [_discovered(each, held) for each in sorted(listing.result(), key=lambda each: each.name)]


async def find_fabric_workspaces(clients: Clients, fabric: str | None) -> list[Workspace]:
    """All Fabric workspaces that we may see, or the named one. Raises ``SpecError`` when there is none of that name."""
    listed = await clients.fabric.workspaces.list()
    if fabric is None:
        return listed
    found = [each for each in listed if fabric.lower() in (each.id.lower(), each.display_name.lower())]
    if not found:
        raise no_workspace("--fabric", fabric, listed)
    return found


async def _mirrored(clients: Clients, databricks: str, fabric: str | None) -> list[tuple[Workspace, MirroredCatalog]]:
    """The items that mirror a catalog of this Databricks workspace; one whose connection we can't see counts, too."""
    workspaces = await find_fabric_workspaces(clients, fabric)
    listed = await side_by_side(clients.fabric.mirrored_catalogs.list(each.id) for each in workspaces)
    connections = {each.id.lower(): each for each in await clients.fabric.connections.list()}
    found = []
    for workspace, items in zip(workspaces, listed, strict=True):
        for item in items:
            connection = connections.get(item.properties.databricks_workspace_connection_id.lower())
            if connection is None or host_of(connection.connection_details.path or "") == host_of(databricks):
                found.append((workspace, item))
    return found


def host_of(url: str) -> str:
    """A URL's host, with or without a scheme."""
    return (urlsplit(url if "://" in url else f"https://{url}").hostname or "").lower()


def _discovered(catalog: Catalog, held: Sequence[tuple[Workspace, MirroredCatalog]]) -> Discovered:
    name = catalog.name.lower()
    items = [(workspace, item) for workspace, item in held if item.properties.catalog_name.lower() == name]
    where = tuple(f"{workspace.display_name}/{item.display_name}" for workspace, item in items)
    if any(read_mark(item.description) for _, item in items):
        return Discovered(catalog.name, OURS, "", where)
    if items:
        return Discovered(catalog.name, BY_HAND, f"unity-mirror init {catalog.name} adopts it", where)
    why = _why_not(catalog)
    return Discovered(catalog.name, IMPOSSIBLE, why) if why else Discovered(catalog.name, POSSIBLE, "")


def _why_not(catalog: Catalog) -> str:
    if catalog.name in _INTERNAL:
        return "it is Databricks' own"
    kinds = {
        "FOREIGN_CATALOG": "it is federated from elsewhere",
        "DELTASHARING_CATALOG": "it is shared by Delta Sharing",
        "SYSTEM_CATALOG": "it is Databricks' own",
        "INTERNAL_CATALOG": "it is Databricks' own",
    }
    return kinds.get(catalog.catalog_type or "", "")
