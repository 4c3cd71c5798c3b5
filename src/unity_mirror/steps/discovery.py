"""What Fabric's own discovery shows: the tables that a Databricks connection sees, whoever it signs in as."""

from __future__ import annotations

from collections.abc import Iterable

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
    listed = await side_by_side(discovery.tables(workspace_id, connection_id, catalog, schema) for schema in schemas)
    seen = {TableRef(schema, table.name) for schema, tables in zip(schemas, listed, strict=True) for table in tables}
    return wanted & seen
