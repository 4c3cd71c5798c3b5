"""Every operation that the emulator serves, from its own routes, and the table of them in docs/emulator.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud_emulator.arm.service import ArmService
from cloud_emulator.entra.service import EntraService
from cloud_emulator.fabric.powerbi import PowerBiService
from cloud_emulator.fabric.service import FabricService
from cloud_emulator.storage.service import StorageService
from cloud_emulator.unity_catalog.service import UnityCatalogService
from tests.emulator.observed import RULE, SPECIFICATION, Sighting, read_record


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


PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"
BEGIN, END = "<!-- operations: made by EMULATOR_RECORD=1 pytest -->\n", "<!-- end of operations -->\n"
TITLES = {
    "fabric": "Microsoft Fabric",
    "powerbi": "Power BI",
    "unity_catalog": "Databricks",
    "arm": "Azure Resource Manager",
    "entra": "Microsoft Entra ID",
    "storage": "ADLS Gen2, Blob storage and OneLake",
}


def table(sightings: Iterable[Sighting]) -> str:
    """Every operation served, with what tests show of it, as Markdown."""
    shown: dict[tuple[str, str], list[str]] = {}
    for service, operation, what in sorted(sightings):
        shown.setdefault((service, operation), []).append(what)
    lines = []
    for service, title in TITLES.items():
        lines += [
            f"### {title}",
            "",
            "| Operation | Specification | Foreign clients | Rules judged |",
            "|---|---|---|---|",
        ]
        lines += [_row(each, shown.get((service, each.name), [])) for each in served() if each.service == service]
    return "\n".join([*lines, "", ""])


def _row(operation: Served, shown: Sequence[str]) -> str:
    rules = [what.removeprefix(RULE).removeprefix(f"{operation.service}.") for what in shown if what.startswith(RULE)]
    clients = [what for what in shown if what != SPECIFICATION and not what.startswith(RULE)]
    checked = "checked" if SPECIFICATION in shown else "-"
    cells = (operation.name, checked, ", ".join(clients) or "-", ", ".join(rules) or "-")
    return f"| {' | '.join(cells)} |"


def written(page: str, sightings: Iterable[Sighting]) -> str:
    """A page with the table between its marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table(sightings)}{END}{after}"


def write_page() -> None:
    """Brings docs/emulator.md up to what is recorded."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), read_record()), encoding="utf-8")
