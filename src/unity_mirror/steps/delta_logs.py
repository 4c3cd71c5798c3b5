"""Reading the Delta logs of the selected tables: through OneLake or where they lie, and each once in a run."""

from __future__ import annotations

from dataclasses import replace

from unity_mirror.clients.delta import LogFiles, OneLakeTable, StoredTable, read_delta_state
from unity_mirror.clients.delta_replay import NoDeltaLog
from unity_mirror.clients.parquet import count_row_groups
from unity_mirror.errors import CloudError, FirewallDenied, NotFound, PermissionDenied, Unauthenticated
from unity_mirror.models.delta import DeltaState
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.engines import Guardrail
from unity_mirror.plan.selection import location_of
from unity_mirror.steps.context import Context, Known

_FIREWALL = "the storage account's firewall turns this machine away: its log can be read once it is mirrored"
_DENIED = "the identity that runs unity-mirror may not read its files"


async def read_log(
    context: Context, known: Known, table: Table, guardrail: Guardrail, *, mirrored: bool
) -> tuple[DeltaState | None, str]:
    """A table's state by its log, or why that can't be read. For the model's tables row groups are counted as well."""
    files, why = _files(context, known, table, mirrored=mirrored)
    if files is None:
        return None, why
    if isinstance(files, StoredTable):
        why = await _refusal(context, table, files)
        if why:
            return None, why
    spec = context.spec.semantic_model
    limit = guardrail.row_groups if spec is not None and spec.selects(table.ref) else None
    try:
        state = await context.delta_logs.once((table.full_name, mirrored), lambda: read_delta_state(files))
        return await _grouped(context, (table.full_name, mirrored), files, state, limit), ""
    except (PermissionDenied, Unauthenticated):
        return None, _DENIED
    except NotFound:
        return None, "there is no Delta log at its location"
    except (CloudError, NoDeltaLog) as error:
        return None, error.why or error.message


async def _grouped(
    context: Context, key: tuple[str, bool], files: LogFiles, state: DeltaState, limit: int | None
) -> DeltaState:
    """The state with its row groups, where they may be past the limit and can be counted."""
    if limit is None or state.files is None or state.files > limit:
        return state
    try:
        groups = await context.delta_logs.once(
            ("row groups", *key), lambda: count_row_groups(files, state.data_files, limit)
        )
    except CloudError:
        return state
    return replace(state, row_groups=groups)


async def _refusal(context: Context, table: Table, files: StoredTable) -> str:
    """Why the logs of the tables that lie beside this one can't be read; empty when nothing refuses us.

    The first table asked for tells it of the firewall for its whole container, and of our rights for its folder: these
    come from above nearly always, and asking for ten thousand tables in turn would bring as many refusals. Where one
    of the others is ours to read all the same, that shows once it is mirrored.
    """
    folder = files.path.rpartition("/")[0]

    async def ask() -> tuple[str, str]:
        try:
            await context.delta_logs.once((table.full_name, False), lambda: read_delta_state(files))
        except FirewallDenied:
            return folder, _FIREWALL
        except (PermissionDenied, Unauthenticated):
            return folder, _DENIED
        except (CloudError, NoDeltaLog):
            return folder, ""
        return folder, ""

    container = (files.account, files.container)
    asked, why = await context.delta_logs.once(("refusal", *container), ask)
    if asked == folder or why == _FIREWALL:
        return why
    _, why = await context.delta_logs.once(("refusal", *container, folder), ask)
    return why


def _files(context: Context, known: Known, table: Table, *, mirrored: bool) -> tuple[LogFiles | None, str]:
    """Through OneLake where the table is mirrored, as its users read it; else where it lies, as ourselves."""
    if mirrored:
        workspace_id = known.surveyed.workspace.id
        return OneLakeTable(context.clients.onelake, workspace_id, str(known.item), table.ref.onelake_path), ""
    place = location_of(table)
    if place is None:
        return None, f"its location {table.storage_location!r} is not in ADLS Gen2"
    return StoredTable(context.clients.storage, place.account, place.container, place.folder), ""
