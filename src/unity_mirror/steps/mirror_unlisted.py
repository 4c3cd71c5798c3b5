"""What the item mirrors and Unity Catalog doesn't list for us: it is gone, or it is hidden from us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unity_mirror.errors import NotFound, NotSupported, PermissionDenied
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.definition import schemas_named
from unity_mirror.plan.model import Reason
from unity_mirror.steps.context import Context, Known, side_by_side
from unity_mirror.steps.discovery import seen_by_connection

_NAMED = 5
_NEVER_MIRRORED = frozenset(
    {
        Reason.UNSUPPORTED_TYPE, Reason.UNSUPPORTED_FORMAT, Reason.ROW_FILTER, Reason.COLUMN_MASK,
        Reason.OTHER_ACCOUNT,
    }
)  # fmt: skip


async def gone_tables(context: Context, known: Known, shown: frozenset[TableRef]) -> list[TableRef]:
    """Tables that OneLake shows and Unity Catalog has no more, or has in a form that is never mirrored.

    Unity Catalog lists what we may see: a table that only the connection sees is there, and hidden from us.
    """
    never = {left.subject for left in known.surveyed.selection.left_out if left.reason in _NEVER_MIRRORED}
    there = {table.ref for view in known.surveyed.schemas for table in view.tables}
    unlisted, connection = shown - there, known.databricks_connection
    if unlisted and isinstance(connection, str):
        unlisted -= await seen_by_connection(context, known.surveyed.workspace.id, connection, unlisted)
    return sorted({*unlisted, *(ref for ref in shown & there if str(ref) in never)})


async def hidden_schemas(context: Context, known: Known, current: Mapping[str, Any]) -> frozenset[str]:
    """The schemas that the item's definition lists, and that Unity Catalog has but doesn't list for us."""
    client = context.clients.unity_catalog(context.spec.databricks.workspace)
    unlisted = set(schemas_named(current)) - {view.schema.name for view in known.surveyed.schemas}

    async def hidden(name: str) -> bool:
        try:
            await client.schema(f"{context.spec.catalog}.{name}")
        except PermissionDenied:
            return True
        except (NotFound, NotSupported):
            return False
        return False

    names = sorted(unlisted)
    found = await side_by_side(hidden(name) for name in names)
    return frozenset(name for name, is_hidden in zip(names, found, strict=True) if is_hidden)


def hidden_notes(known: Known, there: frozenset[TableRef]) -> tuple[str, ...]:
    """What to tell of tables that are mirrored and hidden from us."""
    seen = {table.ref for view in known.surveyed.schemas for table in view.tables}
    hidden = sorted(there - seen)
    if not hidden:
        return ()
    note = (
        f"Mirrored, and hidden by Unity Catalog from the identity that runs unity-mirror: {some_of(hidden)}. They stay "
        "as they are; USE SCHEMA and BROWSE or SELECT show them."
    )
    return (note,)


def some_of(refs: Sequence[TableRef]) -> str:
    """The first few by name, and how many more there are."""
    return ", ".join(map(str, refs[:_NAMED])) + (f" and {len(refs) - _NAMED} more" if len(refs) > _NAMED else "")
