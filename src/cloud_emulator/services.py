"""Every emulated service under its path prefix."""

from __future__ import annotations

from cloud_emulator.arm.service import ArmService
from cloud_emulator.core.control import ControlService
from cloud_emulator.core.service import Service
from cloud_emulator.entra.service import EntraService
from cloud_emulator.fabric.powerbi import PowerBiService
from cloud_emulator.fabric.service import FabricService
from cloud_emulator.seeds.loading import load_seed
from cloud_emulator.storage.service import StorageService
from cloud_emulator.unity_catalog.service import UnityCatalogService

SQL_REQUESTS = ("LOGIN", "BATCH", "RPC", "TRANSACTION")
"""What stands for operations at the SQL analytics endpoints, which are served elsewhere (:mod:`cloud_emulator.sql`)."""


def mounts() -> list[tuple[str, Service]]:
    """Every service under its path prefix."""
    fabric, power_bi, databricks, resource_manager = (
        FabricService(),
        PowerBiService(),
        UnityCatalogService(),
        ArmService(),
    )
    storage = StorageService()
    apis = {
        each.name: frozenset(route.endpoint.operation for route in each.router.routes())
        for each in (fabric, power_bi, databricks, resource_manager)
    }
    apis["sql"] = frozenset(SQL_REQUESTS)
    apis[storage.name] = frozenset(operation.name for operation in storage.operations)
    return [
        ("/_emulator", ControlService(load_seed, apis)),
        ("/v1", fabric),
        ("/v1.0/myorg", power_bi),
        ("/subscriptions", resource_manager),
        ("/providers", resource_manager),
        ("/databricks", databricks),
        ("/api", databricks),
        ("/.well-known/databricks-config", databricks),
        ("/storage", storage),
        ("/", EntraService()),
    ]
