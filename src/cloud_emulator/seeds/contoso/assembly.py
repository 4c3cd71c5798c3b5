"""Puts the parts of the sample cloud together."""

from __future__ import annotations

from pathlib import Path

from cloud_emulator.seeds.contoso import azure, databricks, fabric, identities, lake
from cloud_emulator.seeds.contoso.catalogs import CATALOGS
from cloud_emulator.seeds.contoso.writing import write_catalogs
from cloud_emulator.seeds.model import Seed


def assemble(scratch: Path) -> Seed:
    """The whole seed. Its tables are written below ``scratch`` first, which must stay until the seed is loaded."""
    write_catalogs(CATALOGS, scratch)
    return Seed(
        tenant=identities.tenant(),
        environment=identities.environment(),
        azure=azure.section(),
        unity_catalog=databricks.section(scratch),
        fabric=fabric.section(),
        storage=lake.section(scratch),
    )
