"""What a semantic model is made from: tables that Direct Lake can read, metric views over them, and their source."""

from __future__ import annotations

from dataclasses import dataclass

from unity_mirror.errors import DeadlineExceeded, NotFound
from unity_mirror.models.items import SqlEndpointProperties
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.model import AfterApply
from unity_mirror.plan.tmdl import METRIC_VIEW, ModelInput, SqlSource
from unity_mirror.spec import SemanticModelSpec
from unity_mirror.steps.context import Context, Known, side_by_side, tables_of
from unity_mirror.steps.readers import Readers

_NOT_YET = "00000000-0000-0000-0000-000000000000"
_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DataSource:
    """What a model's shared expression names, as a connection for it has to."""

    type: str
    path: str


def data_source(wanted: ModelInput) -> DataSource:
    """The data source of a model."""
    if wanted.sql is not None:
        return DataSource("SQL", f"{wanted.sql.server};{wanted.sql.endpoint_id}")
    return DataSource("AzureDataLakeStorage", f"{wanted.onelake}/{wanted.workspace_id}/{wanted.item_id}")


async def model_input(
    context: Context, known: Known, spec: SemanticModelSpec, readers: Readers, *, wait: bool = False
) -> ModelInput:
    """The input of the model. Ids that aren't there yet are zeros, unless we ``wait`` for the SQL endpoint."""
    return ModelInput(
        workspace_id=known.surveyed.workspace.id,
        item_id=_NOT_YET if isinstance(known.item, AfterApply) else str(known.item),
        tables=await _read_tables(context, known, spec, readers),
        relationships=spec.relationships == "from_unity_catalog",
        friendly_names=spec.names == "friendly",
        folders_by_schema=spec.display_folders == "by_schema",
        date_table=spec.date_table,
        more_relationships=spec.more_relationships,
        metric_views=_metric_views(known) if spec.metric_views else (),
        sql=await _sql_source(context, known, wait=wait) if spec.storage_mode == "sql_endpoint" else None,
        connection_id=spec.connection,
    )


async def _read_tables(context: Context, known: Known, spec: SemanticModelSpec, readers: Readers) -> tuple[Table, ...]:
    """The model's tables. Lists leave the constraints out, so where they are wanted each table is read by itself."""
    wanted = (ref for ref in known.mirrored if spec.selects(ref) and not readers.kept_out_of(spec, ref))
    tables = tables_of(known, wanted)
    if spec.relationships == "none":
        return tables
    client = context.clients.unity_catalog(context.spec.databricks.workspace)

    async def whole(table: Table) -> Table:
        try:
            return await context.reads.once(("table", table.full_name), lambda: client.table(table.full_name))
        except NotFound:
            return table  # dropped since it was listed; the next run sees it gone

    return tuple(await side_by_side(whole(table) for table in tables))


def _metric_views(known: Known) -> tuple[Table, ...]:
    return tuple(table for view in known.surveyed.schemas for table in view.tables if table.table_type == METRIC_VIEW)


async def _sql_source(context: Context, known: Known, *, wait: bool) -> SqlSource:
    if wait and isinstance(known.item, str):
        found = await wait_for_endpoint(context, known.surveyed.workspace.id, known.item)
        return SqlSource(found.connection_string, found.id)
    if not isinstance(known.item, str) or not isinstance(known.sql_endpoint, str):
        return SqlSource("(known after apply)", _NOT_YET)
    workspace_id, item_id = known.surveyed.workspace.id, known.item
    catalogs = context.clients.fabric.mirrored_catalogs
    item = await context.reads.once(("mirrored catalog", item_id), lambda: catalogs.get(workspace_id, item_id))
    properties = item.properties.sql_endpoint_properties
    return SqlSource(properties.connection_string if properties else "", known.sql_endpoint)


async def wait_for_endpoint(context: Context, workspace_id: str, item_id: str) -> SqlEndpointProperties:
    """The mirrored catalog's SQL endpoint, once it is there. Raises ``DeadlineExceeded`` when it doesn't come."""
    clock = context.clients.clock
    start = clock.monotonic()
    while True:
        item = await context.clients.fabric.mirrored_catalogs.get(workspace_id, item_id)
        properties = item.properties.sql_endpoint_properties
        if properties is not None and properties.id:
            return properties
        waited = clock.monotonic() - start
        if waited > context.deadline_seconds:
            raise DeadlineExceeded("the SQL analytics endpoint", "not there yet", waited, where=item.display_name)
        await clock.sleep(_POLL_SECONDS)
