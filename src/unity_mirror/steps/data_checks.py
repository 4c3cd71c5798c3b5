"""What the verification looks at in the data: whether tables have outgrown Direct Lake, and what T-SQL says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unity_mirror.models.items import MirroredCatalog
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.engines import Engine
from unity_mirror.plan.engines.judging import FALLS_BACK
from unity_mirror.plan.model import Check, DataTable, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.plan.tmdl import tables_shown
from unity_mirror.steps.context import Context, Known
from unity_mirror.steps.readers import Readers, find_model, find_readers, read_model
from unity_mirror.steps.remedies import sql_name
from unity_mirror.steps.sql_preview import look

_REMEDY = "Compact the tables, move the workspace to a larger capacity, or leave them out of semantic_model.tables."
_SEE = "See the table of it in the report; the data is put right where it is made."


@dataclass(frozen=True, slots=True)
class DataChecks:
    """What came out."""

    checks: tuple[Check, ...] = ()
    tables: tuple[DataTable, ...] = ()


async def look_at_data(context: Context, known: Known, item: MirroredCatalog) -> DataChecks:
    """Reads the logs of the model's tables, and asks the SQL endpoint what the spec wants to know; writes nothing."""
    spec, model = context.spec.semantic_model, await find_model(context, known)
    by_sql = context.spec.sql_endpoint.preview or (spec is not None and (spec.check_keys or spec.check_texts))
    if model is None and not by_sql:
        return DataChecks()
    readers = await find_readers(context, known, thorough=True)
    checks: list[Check] = []
    if model is not None:
        checks.append(_within(context, readers, tables_shown(await read_model(context, known, model))))
    endpoint = item.properties.sql_endpoint_properties
    if not by_sql or endpoint is None or not endpoint.id:
        return DataChecks(tuple(checks))
    looked = await look(context, known, endpoint, readers)
    checks += [_check(context, "values", each.title, each.outcome, " ".join(each.notes), _SEE) for each in looked]
    return DataChecks(tuple(checks), tuple(table for each in looked for table in each.tables))


def _within(context: Context, readers: Readers, refs: frozenset[TableRef]) -> Check:
    """Whether Direct Lake takes the model's tables as they are now."""
    past = dict(_past(readers, refs))
    too_large = readers.too_large(refs)
    evidence = "; ".join([*(f"{ref}: {why}" for ref, why in past.items()), *([too_large] if too_large else [])])
    title = "The semantic model's tables are within what Direct Lake takes"
    commands = tuple(f"OPTIMIZE {sql_name(context.spec.catalog, ref.schema, ref.table)}" for ref in past)
    outcome = Outcome.FAILED if evidence else Outcome.PASSED
    return _check(context, "direct_lake", title, outcome, evidence or f"{len(refs)} tables", _REMEDY, commands)


def _past(readers: Readers, refs: frozenset[TableRef]) -> Iterator[tuple[TableRef, str]]:
    for ref in sorted(refs & readers.tables.keys()):
        found = readers.tables[ref]
        slow = (remark for remark in found.remarks if remark.startswith(FALLS_BACK))
        why = "; ".join(filter(None, [found.obstacle(Engine.DIRECT_LAKE), *slow]))
        if why:
            yield ref, why


def _check(
    context: Context,
    check_id: str,
    title: str,
    outcome: Outcome,
    evidence: str,
    remedy: str,
    commands: tuple[str, ...] = (),
) -> Check:
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    helps = Remedy(remedy, commands) if outcome is Outcome.FAILED else None
    return Check(check_id, title, scope, outcome, evidence, helps)
