"""The tenant's switches that matter to callers of the API."""

from __future__ import annotations

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.fabric.errors import FabricError

SETTINGS = "fabric.tenantSettings"
USE_APIS = "servicePrincipalsCanUseApis"
CREATE = "servicePrincipalsCanCreateWorkspacesAndConnections"
_RULES = {USE_APIS: "fabric.tenant.use_apis", CREATE: "fabric.tenant.create"}


def require_switch(cloud: Cloud, caller: Caller, switch: str) -> None:
    """Raises 403 ``FeatureNotAvailable`` when the switch is off for service principals; people are not concerned."""
    off = not cloud.table(SETTINGS).get(switch, {"enabled": True})["enabled"]
    if off and caller.kind == "ServicePrincipal" and cloud.rules.on(_RULES[switch]):
        message = f"The Fabric administrator has switched this off for service principals: {switch}."
        raise FabricError(403, "FeatureNotAvailable", message)
