"""Who besides mirrored catalogs uses what we made: items of the workspace by connections, lakehouses by shortcuts.

One request for each item of the workspace, ``ASKED`` at most, and only where a connection or what a connection stands
on is ours to remove. What is in other workspaces, or isn't shown to us, isn't known here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from unity_mirror.errors import CloudError
from unity_mirror.models.items import Item
from unity_mirror.models.storage import StorageUrl
from unity_mirror.steps.context import Context, side_by_side
from unity_mirror.steps.record import list_items

ASKED = 200
_LAKEHOUSE = "Lakehouse"
_KNOWN = frozenset({"MirroredAzureDatabricksCatalog", "SQLEndpoint", "VariableLibrary"})
"""Mirrored catalogs are looked at by themselves; the others read through no connection."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one item reads through: a connection, and the storage account that a shortcut leads to by it."""

    item: str
    connection_id: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class Outsiders:
    """The uses, and how many items weren't asked."""

    uses: tuple[Use, ...] = ()
    unasked: int = 0

    def of(self, connection_id: str) -> str:
        """The first item that reads through a connection, in words; empty when none does."""
        return next((each.item for each in self.uses if each.connection_id.lower() == connection_id.lower()), "")

    def on(self, account: str) -> str:
        """The first item with a shortcut into a storage account, in words; empty when none has one."""
        return next((each.item for each in self.uses if account and each.account == account), "")


async def read_outsiders(context: Context, workspace_id: str, ours: Collection[str]) -> Outsiders:
    """Asks the items of a workspace; ``ours``, by id, go and so need nothing."""
    listed = await list_items(context, workspace_id)
    items = [each for each in listed if each.type not in _KNOWN and each.id not in ours]
    found = await side_by_side(_uses(context, workspace_id, each) for each in items[:ASKED])
    return Outsiders(tuple(use for uses in found for use in uses), max(0, len(items) - ASKED))


async def _uses(context: Context, workspace_id: str, item: Item) -> Sequence[Use]:
    """Items that we may not look into say nothing."""
    name = f"{item.type} {item.display_name}"
    try:
        if item.type == _LAKEHOUSE:
            return await _by_shortcuts(context, workspace_id, item.id, name)
        found = await context.clients.fabric.items.connections(workspace_id, item.id)
    except CloudError:
        return ()
    return [Use(name, each.id) for each in found if each.id]


async def _by_shortcuts(context: Context, workspace_id: str, item_id: str, name: str) -> list[Use]:
    shortcuts = await context.clients.fabric.shortcuts.list(workspace_id, item_id)
    targets = [each.target.adls_gen2 for each in shortcuts if each.target.adls_gen2 is not None]
    return [Use(name, each.connection_id, _account(each.location)) for each in targets]


def _account(location: str) -> str:
    try:
        return StorageUrl.parse(location).account
    except ValueError:
        return ""
