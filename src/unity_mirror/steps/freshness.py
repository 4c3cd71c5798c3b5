"""How fresh each table is: its last commit against the item's last sync, the SQL endpoint's and the model's framing.

Only ``refreshMetadata`` tells when the SQL endpoint last synced a table, and it brings the endpoint up to date: who may
only read asks without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from unity_mirror.errors import CloudError, NotFound, PermissionDenied
from unity_mirror.models.fabric import TableSyncStatus
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.models.power_bi import Refresh
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.engines import Engine
from unity_mirror.plan.freshness import Follower, TableFreshness, freshness_table, parsed
from unity_mirror.plan.model import Check, DataTable, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.plan.tmdl import tables_shown
from unity_mirror.steps.context import Context, Known
from unity_mirror.steps.readers import find_model, find_readers, read_model

ITEM, ENDPOINT, MODEL = "the item's sync", "the SQL endpoint", "the model's framing"
_SYNC = "Let the mirrored catalog sync: its Refresh button in Fabric, or automatic sync."
_REFRESH = "See why the SQL endpoint can't read the table, then refresh its metadata again."
_FRAME = "Refresh the semantic model, or let Power BI keep it up to date by itself (its settings, Refresh)."
NOT_ASKED = (
    "The SQL endpoint wasn't asked when it last synced each table, because asking refreshes its metadata (--read-only)."
)


@dataclass(frozen=True, slots=True)
class Fresh:
    """What came out: a check for each table and, where nobody can be asked, one that says so; and all moments."""

    checks: tuple[Check, ...]
    tables: tuple[DataTable, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """What the SQL endpoint says of its tables. ``checks`` say why it says nothing."""

    statuses: tuple[TableSyncStatus, ...] = ()
    asked: bool = True
    checks: tuple[Check, ...] = ()


async def look_at_freshness(
    context: Context,
    known: Known,
    item: MirroredCatalog,
    commits: Mapping[TableRef, datetime],
    refreshes: Sequence[Refresh],
    *,
    read_only: bool,
) -> Fresh:
    """Compares. ``commits`` are the tables' last ones, ``refreshes`` the model's, newest first."""
    endpoint = _Endpoint(asked=False) if read_only else await _ask(context, known, item)
    unreadable = await _unreadable_by_sql(context, known)
    in_model = await _in_model(context, known)
    framed = next((parsed(each.start_time) for each in refreshes if each.status == "Completed"), None)
    details = item.properties.sync_details
    synced = Follower(ITEM, parsed(details.last_sync_date_time if details else None), _SYNC)
    found = [
        TableFreshness(
            ref,
            committed,
            (
                synced,
                *([_sql_follower(endpoint, ref)] if endpoint.asked and ref not in unreadable else ()),
                *([Follower(MODEL, framed, _FRAME)] if ref in in_model else ()),
            ),
        )
        for ref, committed in sorted(commits.items())
    ]
    lag = timedelta(minutes=context.spec.freshness.max_lag_minutes)
    checks = tuple(each.check(context.clients.clock.now(), lag) for each in found)
    return Fresh((*endpoint.checks, *checks), (freshness_table(found),), (NOT_ASKED,) if read_only else ())


async def _ask(context: Context, known: Known, item: MirroredCatalog) -> _Endpoint:
    properties = item.properties.sql_endpoint_properties
    if properties is None or not properties.id:
        return _Endpoint(asked=False)  # that it isn't ready is a check of its own
    endpoints = context.clients.fabric.sql_endpoints
    try:
        return _Endpoint(tuple(await endpoints.refresh_metadata(known.surveyed.workspace.id, properties.id)))
    except CloudError as error:
        return _Endpoint(asked=False, checks=(_not_told(context, error),))


def _not_told(context: Context, error: CloudError) -> Check:
    denied = isinstance(error, PermissionDenied | NotFound)
    remedy = "Run as Contributor of the workspace, or verify with --read-only, which leaves the SQL endpoint out."
    return Check(
        "sql_endpoint_freshness",
        "The SQL endpoint says when it last synced each table",
        Scope(ScopeKind.CATALOG, context.spec.catalog),
        Outcome.UNKNOWN,
        str(error),
        Remedy(remedy) if denied else None,
    )


def _sql_follower(endpoint: _Endpoint, ref: TableRef) -> Follower:
    status = next((each for each in endpoint.statuses if each.table_name.lower() == str(ref).lower()), None)
    if status is None:
        return Follower(ENDPOINT, None, _REFRESH, "it doesn't have the table")
    why = f"{status.error.error_code}: {status.error.message}" if status.error else ""
    return Follower(ENDPOINT, parsed(status.last_successful_sync_date_time), _REFRESH, why)


async def _unreadable_by_sql(context: Context, known: Known) -> frozenset[TableRef]:
    """The tables that are reported as unreadable at the SQL endpoint anyway."""
    readers = await find_readers(context, known)
    return frozenset(ref for ref in readers.tables if readers.obstacle(ref, Engine.SQL_ENDPOINT))


async def _in_model(context: Context, known: Known) -> frozenset[TableRef]:
    model = await find_model(context, known)
    return frozenset() if model is None else tables_shown(await read_model(context, known, model))
