"""All clients together, as steps get them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from unity_mirror.clients.arm import ArmClient
from unity_mirror.clients.databricks import DatabricksClient
from unity_mirror.clients.fabric import FabricClient
from unity_mirror.clients.onelake import OneLakeClient
from unity_mirror.clients.power_bi import PowerBIClient
from unity_mirror.clients.sql import SqlClient
from unity_mirror.clients.storage import StorageClient
from unity_mirror.clients.unity_catalog import UnityCatalogClient
from unity_mirror.clock import Clock
from unity_mirror.models.identity import Identity


@dataclass(frozen=True)
class Clients:
    """The clients of all clouds. ``unity_catalog`` and ``databricks`` take a workspace's public URL."""

    fabric: FabricClient
    powerbi: PowerBIClient
    arm: ArmClient
    storage: StorageClient
    onelake: OneLakeClient
    sql: SqlClient
    unity_catalog: Callable[[str], UnityCatalogClient]
    databricks: Callable[[str], DatabricksClient]
    databricks_by: Callable[[str, str], DatabricksClient]
    """The same, signed in by somebody's personal access token (workspace, token)."""
    clock: Clock
    whoami: Callable[[], Awaitable[Identity]]
    identity_of: Callable[[str, str, str], Awaitable[Identity]]
    """Signs in as another service principal (tenant, application id, secret) to learn its object id."""
