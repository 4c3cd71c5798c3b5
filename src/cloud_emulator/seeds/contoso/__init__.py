"""The sample cloud ``contoso``: a company with three catalogs, one of them behind a storage firewall.

What is needed to write Delta tables is imported when the cloud is filled, so that serving one that is there starts
fast.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cloud_emulator.core.cloud import Cloud

if TYPE_CHECKING:
    from cloud_emulator.seeds.model import Seed


def fill(cloud: Cloud, load: Callable[[Cloud, Seed], None]) -> None:
    """Writes the tables and fills the cloud; ``load`` puts a seed into a cloud.

    Raises ``ValueError`` for a cloud that isn't empty.
    """
    if not cloud.store.is_empty():
        raise ValueError("the sample cloud contoso needs an empty cloud, and this one holds something")
    from cloud_emulator.seeds.contoso import assembly, fabric_items

    with tempfile.TemporaryDirectory(prefix="seeding-", dir=cloud.folder) as scratch:
        load(cloud, assembly.assemble(Path(scratch)))
    fabric_items.add(cloud)
