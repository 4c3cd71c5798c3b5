"""Microsoft Fabric's REST API, in groups."""

from unity_mirror.clients.fabric.access_roles import AccessRoles
from unity_mirror.clients.fabric.api import FabricApi
from unity_mirror.clients.fabric.connections import Connections
from unity_mirror.clients.fabric.gateways import Gateways
from unity_mirror.clients.fabric.items import Items, Lakehouses, SqlEndpoints
from unity_mirror.clients.fabric.mirrored_catalogs import Discovery, MirroredCatalogs
from unity_mirror.clients.fabric.semantic_models import SemanticModels
from unity_mirror.clients.fabric.shortcuts import Shortcuts
from unity_mirror.clients.fabric.workspaces import Capacities, Workspaces
from unity_mirror.http.transport import Transport


class FabricClient:
    """All of Fabric's clients over one transport."""

    def __init__(self, transport: Transport, base_url: str, scope: str) -> None:
        api = FabricApi(transport, base_url, scope)
        self.base_url = base_url
        self.workspaces = Workspaces(api)
        self.capacities = Capacities(api)
        self.connections = Connections(api)
        self.gateways = Gateways(api)
        self.items = Items(api)
        self.mirrored_catalogs = MirroredCatalogs(api)
        self.discovery = Discovery(api)
        self.lakehouses = Lakehouses(api)
        self.shortcuts = Shortcuts(api)
        self.semantic_models = SemanticModels(api)
        self.sql_endpoints = SqlEndpoints(api)
        self.access_roles = AccessRoles(api)


__all__ = ["FabricClient"]
