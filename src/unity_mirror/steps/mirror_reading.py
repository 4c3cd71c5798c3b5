"""What a mirrored catalog is, as far as we may look: an audit has read permissions only, and says what it misses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unity_mirror.errors import NotFound, PermissionDenied
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import Check, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.steps.context import Context, side_by_side, together


@dataclass(frozen=True, slots=True)
class Actual:
    """What is there, as far as we may look: the definition, the tables in OneLake, and checks of what we can't see."""

    definition: Mapping[str, Any] | None
    shown: frozenset[TableRef] | None
    checks: tuple[Check, ...] = ()


async def read_actual(context: Context, workspace_id: str, item: MirroredCatalog) -> Actual:
    """The definition takes write permissions to read, OneLake rights on the data: an audit may have neither."""

    async def definition() -> Mapping[str, Any] | Check:
        try:
            return await read_definition(context, workspace_id, item.id)
        except PermissionDenied as error:
            return unseen(context, "The item's schemas and tables are those that the spec selects", error)

    async def shown() -> frozenset[TableRef] | Check:
        try:
            return await shown_tables(context, workspace_id, item.id)
        except PermissionDenied as error:
            return unseen(context, "OneLake shows the tables that are selected", error)

    async with together() as group:
        reading, listing = group.create_task(definition()), group.create_task(shown())
    held, tables = reading.result(), listing.result()
    return Actual(
        None if isinstance(held, Check) else held,
        None if isinstance(tables, Check) else tables,
        tuple(each for each in (held, tables) if isinstance(each, Check)),
    )


async def read_definition(context: Context, workspace_id: str, item_id: str) -> Mapping[str, Any]:
    """The item's definition, read once for a plan."""
    catalogs = context.clients.fabric.mirrored_catalogs
    return await context.reads.once(("definition", item_id), lambda: catalogs.definition(workspace_id, item_id))


def unseen(context: Context, title: str, error: PermissionDenied) -> Check:
    remedy = Remedy("Look as Contributor of the workspace; a Viewer sees the rest.")
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    return Check("audit", title, scope, Outcome.UNKNOWN, str(error), remedy)


def as_shown(item: MirroredCatalog) -> dict[str, Any]:
    """What an item's properties say of its definition: all but the lists of schemas and tables."""
    properties = item.properties
    return {
        "catalogName": properties.catalog_name,
        "databricksWorkspaceConnectionId": properties.databricks_workspace_connection_id,
        "storageConnectionId": properties.storage_connection_id,
        "mirroringMode": properties.mirroring_mode,
        "autoSync": properties.auto_sync or "Enabled",
    }


async def shown_tables(context: Context, workspace_id: str, item_id: str) -> frozenset[TableRef]:
    """The tables that the item shows in OneLake."""
    onelake = context.clients.onelake
    try:
        schemas = await onelake.list_paths(workspace_id, item_id, "Tables")
    except NotFound:
        return frozenset()
    names = [each.name.rsplit("/", 1)[-1] for each in schemas]
    listed = await side_by_side(onelake.list_paths(workspace_id, item_id, f"Tables/{name}") for name in names)
    return frozenset(
        TableRef(schema, table.name.rsplit("/", 1)[-1])
        for schema, tables in zip(names, listed, strict=True)
        for table in tables
    )
