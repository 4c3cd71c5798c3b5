"""The tenant's switches that matter to callers of the API."""

from __future__ import annotations

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.fabric.errors import FabricError

SETTINGS = "fabric.tenantSettings"
USE_APIS = "servicePrincipalsCanUseApis"
CREATE = "servicePrincipalsCanCreateWorkspacesAndConnections"


def require_switch(cloud: Cloud, caller: Caller, switch: str) -> None:
    """Raises 403 ``FeatureNotAvailable`` when the switch is off for service principals; people are not concerned."""
    if caller.kind == "ServicePrincipal" and not cloud.table(SETTINGS).get(switch, {"enabled": True})["enabled"]:
        message = f"The Fabric administrator has switched this off for service principals: {switch}."
        raise FabricError(403, "FeatureNotAvailable", message)
