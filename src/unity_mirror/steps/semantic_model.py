"""The Direct Lake semantic model: built from Unity Catalog, merged with what people added to it (S14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from unity_mirror.errors import CloudError
from unity_mirror.models.items import SemanticModel
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.engines import Engine
from unity_mirror.plan.model import Action, AfterApply, Change, LeftOut, Reason, StepName, StepPlan
from unity_mirror.plan.ownership import mark_of, with_mark
from unity_mirror.plan.tmdl import ModelDefinition, ModelDiff, ModelInput, build_model, compare
from unity_mirror.spec import SemanticModelSpec
from unity_mirror.steps.context import Context, Done, Found, Known, side_by_side, tables_of
from unity_mirror.steps.readers import Readers, find_model, find_readers, read_model

MODEL = "Semantic model"
_IN_MODEL = "in the semantic model"
_GB = 1024**3
_NOT_YET = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class _Work:
    """The model that is there, the tables it is built from, and the parts to send."""

    model: SemanticModel | None
    tables: tuple[Table, ...]
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Remarks:
    """What isn't in the model, and what else is to be said."""

    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


class SemanticModelStep:
    """Makes or updates the model and frames it (Power BI refresh), so that it shows data."""

    name = StepName.SEMANTIC_MODEL

    async def plan(self, context: Context, known: Known) -> Found:
        """The model to make, or how it differs. Tables that Direct Lake can't read stay out of it."""
        spec = context.spec.semantic_model
        if spec is None:
            return Found(StepPlan(self.name))
        readers = await find_readers(context, known)
        tables = await _read_tables(context, known, spec, readers)
        definition = _build(known, spec, tables)
        model = await find_model(context, known)
        remarks = _Remarks(_left_out(spec, definition, readers), _notes(definition, readers))
        if model is None:
            return self._plan_creation(spec, definition, tables, remarks)
        return await self._plan_update(context, known, model, definition, tables, remarks)

    def _plan_creation(
        self,
        spec: SemanticModelSpec,
        definition: ModelDefinition,
        tables: tuple[Table, ...],
        remarks: _Remarks,
    ) -> Found:
        after = {"tables": len(definition.tables), "relationships": len(definition.relationships)}
        reason = "the workspace has no semantic model of this name"
        plan = StepPlan(
            self.name,
            (Change(self.name, Action.CREATE, MODEL, spec.name, reason, after=after),),
            left_out=remarks.left_out,
            notes=remarks.notes,
        )
        return Found(plan, {"semantic_model": AfterApply(self.name, "id")}, _Work(None, tables, definition.parts))

    async def _plan_update(
        self,
        context: Context,
        known: Known,
        model: SemanticModel,
        definition: ModelDefinition,
        tables: tuple[Table, ...],
        remarks: _Remarks,
    ) -> Found:
        there = await read_model(context, known, model)
        difference = compare(definition.parts, there)
        changes = () if difference.equal else (_update(model, difference),)
        notes = (*remarks.notes, *(f"Not done in the semantic model: {each}" for each in difference.conflicts))
        plan = StepPlan(self.name, changes, left_out=remarks.left_out, notes=notes)
        return Found(plan, {"semantic_model": model.id}, _Work(model, tables, difference.parts))

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Creates or updates the definition, then frames the model."""
        spec = context.spec.semantic_model
        if spec is None:
            return Done()
        work: _Work = found.work
        models, workspace_id = context.clients.fabric.semantic_models, known.surveyed.workspace.id
        if work.model is None:
            description = with_mark("", mark_of(context.spec.catalog, known.made))
            model = await models.create(workspace_id, spec.name, description, work.parts)
        else:
            model = work.model
            await models.update_definition(workspace_id, model.id, work.parts)
        notes = await _frame(context, workspace_id, model.id)
        return Done({"semantic_model": model.id}, notes=notes)


def _build(known: Known, spec: SemanticModelSpec, tables: tuple[Table, ...]) -> ModelDefinition:
    item = _NOT_YET if isinstance(known.item, AfterApply) else str(known.item)
    workspace_id = known.surveyed.workspace.id
    return build_model(ModelInput(workspace_id, item, tables, spec.relationships == "from_unity_catalog"))


async def _read_tables(context: Context, known: Known, spec: SemanticModelSpec, readers: Readers) -> tuple[Table, ...]:
    """The model's tables. Lists leave the constraints out, so where they are wanted each table is read by itself."""
    wanted = (ref for ref in known.mirrored if spec.selects(ref) and not readers.obstacle(ref, Engine.DIRECT_LAKE))
    tables = tables_of(known, wanted)
    if spec.relationships == "none":
        return tables
    client = context.clients.unity_catalog(context.spec.databricks.workspace)
    return tuple(
        await side_by_side(
            context.reads.once(("table", table.full_name), lambda name=table.full_name: client.table(name))  # type: ignore[misc]
            for table in tables
        )
    )


async def _frame(context: Context, workspace_id: str, model_id: str) -> tuple[str, ...]:
    """A model that can't be framed is made all the same: say so, and let the verification judge."""
    try:
        refresh = await context.clients.powerbi.refresh(workspace_id, model_id, {"type": "full"})
        await context.clients.powerbi.wait_for_refresh(workspace_id, model_id, refresh)
    except CloudError as error:
        return (f"The semantic model was not framed: {error}",)
    return ()


def _update(model: SemanticModel, difference: ModelDiff) -> Change:
    before: dict[str, Any] = {"removed": list(difference.removed)} if difference.removed else {}
    after = {
        name: list(values) for name, values in (("added", difference.added), ("changed", difference.changed)) if values
    }
    reason = "its tables, columns or relationships differ from Unity Catalog's"
    return Change(StepName.SEMANTIC_MODEL, Action.UPDATE, MODEL, model.display_name, reason, before, after)


def _left_out(spec: SemanticModelSpec, definition: ModelDefinition, readers: Readers) -> tuple[LeftOut, ...]:
    by_engine = readers.left_out(Engine.DIRECT_LAKE, _IN_MODEL, spec.selects)
    by_type = (
        LeftOut(f"{each.table} {_IN_MODEL}", Reason.UNSUPPORTED_TYPE, each.reason)
        for each in definition.left_out
        if each.kind == "table"
    )
    return (*by_engine, *by_type)


def _notes(definition: ModelDefinition, readers: Readers) -> tuple[str, ...]:
    left_out = (f"Not in the semantic model: {each}" for each in definition.left_out if each.kind != "table")
    return (*left_out, *_too_large(definition, readers))


def _too_large(definition: ModelDefinition, readers: Readers) -> Iterator[str]:
    """Whether the model's tables together are past what the capacity takes (Direct Lake's guardrails)."""
    limit = readers.guardrail.model_gb if readers.guardrail else None
    size = readers.model_size(table.ref for table in definition.tables)
    if limit is not None and size is not None and size > limit * _GB:
        yield f"The model's tables take {size / _GB:,.0f} GB in OneLake; a capacity of {readers.sku} takes {limit} GB."
