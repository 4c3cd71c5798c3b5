"""The SQL analytics endpoint of the mirrored catalog: waited for, and its metadata refreshed after a change (S12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unity_mirror.models.fabric import TableSyncStatus
from unity_mirror.plan.engines import Engine
from unity_mirror.plan.freshness import moment, parsed
from unity_mirror.plan.model import Action, AfterApply, Change, DataTable, LeftOut, Reason, StepName, StepPlan
from unity_mirror.steps.context import Context, Done, Found, Known
from unity_mirror.steps.model_input import wait_for_endpoint
from unity_mirror.steps.readers import Readers, find_readers
from unity_mirror.steps.sql_preview import look

ENDPOINT = "SQL analytics endpoint"


class SqlEndpoint:
    """Without a refresh, T-SQL reads stale data silently for up to a minute after a sync."""

    name = StepName.SQL_ENDPOINT

    async def plan(self, context: Context, known: Known) -> Found:
        """A refresh after a change of the mirror, or while the endpoint is still to come; and who can read what."""
        readers = await find_readers(context, known)
        left_out = readers.left_out(Engine.SQL_ENDPOINT, "at the SQL endpoint")
        plan = StepPlan(self.name, left_out=left_out, notes=readers.notes(), tables=readers.matrix())
        waiting = isinstance(known.sql_endpoint, AfterApply) or known.sql_endpoint is None
        if not (waiting or known.mirror_changes):
            return Found(plan)
        reason = "it is provisioned with the mirrored catalog" if waiting else "the mirrored tables change"
        change = Change(
            self.name, Action.UPDATE, ENDPOINT, context.spec.item_name, reason, after={"metadata": "refreshed"}
        )
        return Found(replace(plan, changes=(change,)), work=readers)

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Waits until it is there, then refreshes its metadata and reports what it couldn't take."""
        readers: Readers = found.work
        workspace_id = known.surveyed.workspace.id
        endpoint = known.endpoint or await wait_for_endpoint(context, workspace_id, str(known.item))
        statuses = await context.clients.fabric.sql_endpoints.refresh_metadata(workspace_id, endpoint.id)
        foreseen = {str(ref) for ref in readers.tables if readers.obstacle(ref, Engine.SQL_ENDPOINT)}
        failed = tuple(
            LeftOut(
                status.table_name, Reason.FAILED, f"SQL endpoint: {status.error.message if status.error else 'failed'}"
            )
            for status in statuses
            if status.status == "Failure" and status.table_name not in foreseen
        )
        looked = await look(context, known, endpoint, readers)
        notes = tuple(note for each in looked for note in each.notes)
        tables = (_refreshed(statuses), *(table for each in looked for table in each.tables))
        return Done({"sql_endpoint": endpoint.id}, failed, notes, tables)


def _refreshed(statuses: Sequence[TableSyncStatus]) -> DataTable:
    """What the refresh of the endpoint's metadata said of each table."""
    rows = tuple(
        (
            each.table_name,
            each.status,
            moment(parsed(each.last_successful_sync_date_time)),
            each.error.message if each.error else "",
        )
        for each in statuses
    )
    columns = ("Table", "Status", "Last success", "Error")
    failed = frozenset(place for place, each in enumerate(statuses) if each.status == "Failure")
    return DataTable("Refresh of the SQL endpoint's metadata", columns, rows, failed, quiet=True)
