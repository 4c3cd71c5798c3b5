"""Which Fabric engines can read the selected tables, from their Delta logs; reads side by side, each log once in a run.

A run that has nothing to do must not read a thousand logs. So, unless the spec says ``always`` or ``never``, a log is
read when its table isn't mirrored yet, when the semantic model should show it and doesn't or could not be framed, or
when Unity Catalog's properties name something that an engine can't read; of the rest those properties are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from unity_mirror.errors import CloudError, PermissionDenied, SpecError, SpecProblem
from unity_mirror.models.delta import described_state
from unity_mirror.models.items import SemanticModel
from unity_mirror.models.power_bi import Refresh
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.engines import (
    ANY_CAPACITY,
    Engine,
    Guardrail,
    Readability,
    Verdict,
    guardrail_of,
    judge,
    readers_table,
    unknown,
)
from unity_mirror.plan.model import DataTable, LeftOut, Reason
from unity_mirror.plan.tmdl import tables_shown
from unity_mirror.spec import SemanticModelSpec
from unity_mirror.steps.context import Context, Known, side_by_side, tables_of
from unity_mirror.steps.delta_logs import read_log
from unity_mirror.steps.lakehouses import RENAME
from unity_mirror.steps.mirror_reading import shown_tables
from unity_mirror.steps.record import owner_of
from unity_mirror.steps.survey import find_capacity

_SHOWN = 3
_GB = 1024**3
_FAILED = frozenset({"Failed", "TimedOut"})


@dataclass(frozen=True, slots=True)
class Readers:
    """What was found out, by table."""

    tables: Mapping[TableRef, Readability]
    sku: str | None = None
    guardrail: Guardrail | None = None
    unread: Mapping[TableRef, str] = field(default_factory=dict)
    """Why a log that was to be read couldn't be; where Unity Catalog tells enough, its word was taken."""

    def obstacle(self, ref: TableRef, engine: Engine) -> str:
        """What is in an engine's way; empty when it reads the table or nothing is known."""
        found = self.tables.get(ref)
        return found.obstacle(engine) if found else ""

    def kept_out_of(self, spec: SemanticModelSpec, ref: TableRef) -> str:
        """Why a table can't be in a model; empty when it can. Through the SQL endpoint, that has to read it as well."""
        engines = [Engine.DIRECT_LAKE, *([Engine.SQL_ENDPOINT] if spec.storage_mode == "sql_endpoint" else [])]
        hindered = next((engine for engine in engines if self.obstacle(ref, engine)), None)
        return self._told(ref, hindered) if hindered else ""

    def matrix(self) -> tuple[DataTable, ...]:
        """Tables by engines, for the report."""
        return (readers_table(self.tables.values()),) if self.tables else ()

    def left_out(self, engine: Engine, where: str) -> tuple[LeftOut, ...]:
        """The tables that an engine won't show, with what is in the way."""
        return tuple(
            LeftOut(f"{ref} {where}", Reason.UNREADABLE, self._told(ref, engine))
            for ref in sorted(self.tables)
            if self.obstacle(ref, engine)
        )

    def _told(self, ref: TableRef, engine: Engine) -> str:
        documented = self.tables[ref].verdicts[engine] is not Verdict.UNDOCUMENTED
        words = "can't read" if documented else "isn't documented to read"
        return f"{engine} {words}: {self.obstacle(ref, engine)}."

    def notes(self) -> tuple[str, ...]:
        """Why nothing, or only Unity Catalog's word, is known of some tables; each reason once."""
        reasons: dict[tuple[bool, str], list[str]] = {}
        for ref, one in sorted(self.tables.items()):
            if one.verdicts[Engine.SPARK] is Verdict.UNKNOWN:
                reasons.setdefault((False, one.reasons[Engine.SPARK][0]), []).append(str(ref))
            elif ref in self.unread:
                reasons.setdefault((True, self.unread[ref]), []).append(str(ref))
        return tuple(_note(told, _some(refs), why) for (told, why), refs in reasons.items())

    def too_large(self, refs: Iterable[TableRef]) -> str:
        """Whether tables together are past what a model on the capacity may hold: says so, or is empty."""
        limit = self.guardrail.model_gb if self.guardrail else None
        size = self.model_size(refs)
        if limit is None or size is None or size <= limit * _GB:
            return ""
        return f"The model's tables take {size / _GB:,.0f} GB in OneLake; a capacity of {self.sku} takes {limit} GB."

    def model_size(self, refs: Iterable[TableRef]) -> int | None:
        """Bytes of the tables together; ``None`` unless all are known."""
        sizes = [one.state.size_bytes if (one := self.tables.get(ref)) and one.state else None for ref in refs]
        known = [size for size in sizes if size is not None]
        return sum(known) if known and len(known) == len(sizes) else None


async def find_readers(context: Context, known: Known, *, thorough: bool = False) -> Readers:
    """What each engine makes of each selected table. Never fails because a log can't be read: that is then unknown.

    ``thorough``: the logs of the model's tables are read whether they are new or not, and those of all tables where
    their rows are to be compared.
    """
    key = ("readers", context.spec.catalog, known.surveyed.workspace.id, str(known.item), thorough)
    return await context.reads.once(key, lambda: _find(context, known, thorough=thorough))


async def find_model(context: Context, known: Known) -> SemanticModel | None:
    """The semantic model that the spec names, if it is there; or, renamed by someone, the one with our mark.

    Raises ``SpecError`` where the catalog has one that was given another name than the spec's: by another spec, or by
    this one before it was changed. Nothing tells which.
    """
    spec, workspace_id = context.spec.semantic_model, known.surveyed.workspace.id
    if spec is None:
        return None
    models = context.clients.fabric.semantic_models
    listed = await context.reads.once(("semantic models", workspace_id), lambda: models.list(workspace_id))
    named = next((each for each in listed if each.display_name.lower() == spec.name.lower()), None)
    if named is not None:
        return named
    owner = await owner_of(context)
    ours = [each for each in listed if owner.owns(each.description)]
    renamed = [each for each in ours if owner.named_on_top(each.description, spec.name)]
    if len(renamed) == 1 or not ours:
        return next(iter(renamed), None)
    message = f"the catalog's semantic model is there already, as {ours[0].display_name!r}"
    raise SpecError([SpecProblem("semantic_model.name", message, RENAME)])


async def read_model(context: Context, known: Known, model: SemanticModel) -> Mapping[str, str]:
    """A model's definition."""
    workspace_id, models = known.surveyed.workspace.id, context.clients.fabric.semantic_models
    return await context.reads.once(("semantic model", model.id), lambda: models.definition(workspace_id, model.id))


async def refreshes_of(context: Context, known: Known, model: SemanticModel) -> Sequence[Refresh] | None:
    """A model's refreshes, newest first; ``None`` where we may not look."""
    workspace_id, powerbi = known.surveyed.workspace.id, context.clients.powerbi
    try:
        return await context.reads.once(("refreshes", model.id), lambda: powerbi.refreshes(workspace_id, model.id))
    except CloudError:
        return None


def failed_framing(refreshes: Sequence[Refresh]) -> str | None:
    """Why the last refresh that has ended failed; ``None`` when it didn't, or there was none."""
    last = next((each for each in refreshes if not each.is_running), None)
    return (last.why or last.status) if last is not None and last.status in _FAILED else None


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges tables by Unity Catalog's word, or by their Delta logs. ``falls_back``: a model reads through the SQL
    endpoint."""

    context: Context
    known: Known
    guardrail: Guardrail
    falls_back: bool

    def by_word(self, table: Table) -> Readability:
        """What Unity Catalog's properties tell."""
        return judge(table.ref, described_state(table), self.guardrail, falls_back=self.falls_back)

    async def by_log(self, table: Table, told: Readability, *, mirrored: bool) -> tuple[Readability, str]:
        """What the log tells; where it can't be read, Unity Catalog's word if that is enough, and why."""
        state, why = await read_log(self.context, self.known, table, self.guardrail, mirrored=mirrored)
        if state is not None:
            return judge(table.ref, state, self.guardrail, falls_back=self.falls_back), ""
        if told.state is None or not told.state.complete:
            return unknown(table.ref, why), ""
        return told, why


async def _find(context: Context, known: Known, *, thorough: bool) -> Readers:
    tables = tables_of(known, known.mirrored)
    capacity = await find_capacity(context, known.surveyed.workspace)
    guardrail = (guardrail_of(capacity.sku) if capacity else None) or ANY_CAPACITY
    spec = context.spec.semantic_model
    by = _Judge(context, known, guardrail, falls_back=spec is not None and spec.storage_mode == "sql_endpoint")
    told = {each.ref: by.by_word(each) for each in tables}
    shown = await _shown(context, known)
    asked = await _to_read(context, known, told, shown)
    if thorough:
        asked |= _worth_a_look(context, told)
    judged = await side_by_side(
        by.by_log(each, told[each.ref], mirrored=each.ref in shown) for each in tables if each.ref in asked
    )
    found = told | {each.ref: each for each, _ in judged}
    return Readers(found, capacity.sku if capacity else None, guardrail, {each.ref: why for each, why in judged if why})


def _worth_a_look(context: Context, refs: Iterable[TableRef]) -> frozenset[TableRef]:
    """The tables that a thorough run looks at besides: the model's, and all where their rows are to be compared."""
    if context.spec.engines.check == "never":
        return frozenset()
    spec, counted = context.spec.semantic_model, context.spec.sql_endpoint.preview
    return frozenset(ref for ref in refs if counted or (spec is not None and spec.selects(ref)))


async def _shown(context: Context, known: Known) -> frozenset[TableRef]:
    """The tables that the item shows already: where the mirror has nothing more to do, all that are to be mirrored."""
    if not isinstance(known.item, str):
        return frozenset()
    if known.synced or not known.mirror_changes:
        return frozenset(known.mirrored)
    try:
        return await shown_tables(context, known.surveyed.workspace.id, known.item)
    except PermissionDenied:
        return frozenset(known.mirrored)  # an audit; the mirror's own step says so


async def _to_read(
    context: Context, known: Known, told: Mapping[TableRef, Readability], shown: frozenset[TableRef]
) -> frozenset[TableRef]:
    """The tables of which Unity Catalog's word isn't enough."""
    check = context.spec.engines.check
    if check == "never":
        return frozenset()
    if check == "always":
        return frozenset(told)
    missing = await _not_in_model(context, known)
    return frozenset(ref for ref, one in told.items() if ref not in shown or ref in missing or one.hindered)


async def _not_in_model(context: Context, known: Known) -> frozenset[TableRef]:
    """The tables that the model should show and doesn't; all of them without a model, and where its last framing
    failed: one of them may have outgrown what Direct Lake takes.
    """
    spec, model = context.spec.semantic_model, await find_model(context, known)
    if spec is None:
        return frozenset()
    wanted = frozenset(ref for ref in known.mirrored if spec.selects(ref))
    if model is None or failed_framing(await refreshes_of(context, known, model) or ()) is not None:
        return wanted
    try:
        return wanted - tables_shown(await read_model(context, known, model))
    except PermissionDenied:
        return frozenset()  # an audit with read permissions only; the model's own step says so


def _note(told: bool, tables: str, why: str) -> str:
    if told:
        return f"What is said of {tables} is Unity Catalog's word, for the Delta log wasn't read: {why}."
    return f"Who can read {tables} is unknown: {why}."


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more tables" if len(names) > _SHOWN else "")
