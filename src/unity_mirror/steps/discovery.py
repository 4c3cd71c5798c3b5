"""What Fabric's own discovery shows: the tables that a Databricks connection sees, whoever it signs in as."""

from __future__ import annotations

from collections.abc import Iterable

from unity_mirror.errors import NotFound
from unity_mirror.models.table_ref import TableRef
from unity_mirror.steps.context import Context, side_by_side


async def seen_by_connection(
    context: Context, workspace_id: str, connection_id: str, refs: Iterable[TableRef]
) -> frozenset[TableRef]:
    """Which of the tables the connection sees; one request for each of their schemas that it sees."""
    wanted = frozenset(refs)
    discovery, catalog = context.clients.fabric.discovery, context.spec.catalog
    shown = {schema.name for schema in await discovery.schemas(workspace_id, connection_id, catalog)}
    schemas = sorted({ref.schema for ref in wanted} & shown)

    async def tables(schema: str) -> set[TableRef]:
        try:
            listed = await discovery.tables(workspace_id, connection_id, catalog, schema)
        except NotFound:
            return set()  # dropped since it was listed
        return {TableRef(schema, table.name) for table in listed}

    seen = await side_by_side(tables(schema) for schema in schemas)
    return wanted & frozenset[TableRef]().union(*seen)
