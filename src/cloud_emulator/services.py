"""Every emulated service under its path prefix."""

from __future__ import annotations

from cloud_emulator.arm import service as arm
from cloud_emulator.core.control import ControlService
from cloud_emulator.core.service import Service
from cloud_emulator.entra import service as entra
from cloud_emulator.fabric import powerbi
from cloud_emulator.fabric import service as fabric
from cloud_emulator.seeds.loading import load_seed
from cloud_emulator.storage import service as storage
from cloud_emulator.unity_catalog import service as unity_catalog


def mounts() -> list[tuple[str, Service]]:
    """Every service under its path prefix."""
    resource_manager, databricks = arm.make_service(), unity_catalog.make_service()
    return [
        ("/_emulator", ControlService(load_seed)),
        ("/v1", fabric.make_service()),
        ("/v1.0/myorg", powerbi.make_service()),
        ("/subscriptions", resource_manager),
        ("/providers", resource_manager),
        ("/databricks", databricks),
        ("/api", databricks),
        ("/.well-known/databricks-config", databricks),
        ("/storage", storage.make_service()),
        ("/", entra.make_service()),
    ]
