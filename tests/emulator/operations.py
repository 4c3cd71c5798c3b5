"""Every operation that the emulator serves, from its own routes."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_emulator.arm.service import ArmService
from cloud_emulator.entra.service import EntraService
from cloud_emulator.fabric.powerbi import PowerBiService
from cloud_emulator.fabric.service import FabricService
from cloud_emulator.storage.service import StorageService
from cloud_emulator.unity_catalog.service import UnityCatalogService


@dataclass(frozen=True, order=True)
class Served:
    """One operation of a service: its name as in the service's specification, and how it is asked for."""

    service: str
    name: str
    asked: str


def served() -> list[Served]:
    """All of them, by service and name."""
    found: dict[tuple[str, str], set[str]] = {}
    for service in (FabricService(), PowerBiService(), UnityCatalogService(), ArmService(), EntraService()):
        for route in service.router.routes():
            found.setdefault((service.name, route.endpoint.operation), set()).add(f"{route.method} {route.template}")
    for each in StorageService().operations:
        marks = "&".join(name if value is None else f"{name}={value}" for name, value in sorted(each.marks.items()))
        where = "onelake" if each.onelake else each.protocol
        found.setdefault(("storage", each.name), set()).add(f"{each.method} {where}{'?' if marks else ''}{marks}")
    return sorted(Served(*key, "; ".join(sorted(asked))) for key, asked in found.items())
