"""The types of items that the emulator knows. Each comes from the module that serves it."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_emulator.fabric.items import ItemType

ITEM_TYPES: Mapping[str, ItemType] = {
    each.name: each
    for each in (
        # replaced by the types of the modules that serve them
        ItemType("Lakehouse"),
        ItemType("MirroredAzureDatabricksCatalog"),
        ItemType("SemanticModel"),
        ItemType("SQLEndpoint", may_create=False),
    )
}
