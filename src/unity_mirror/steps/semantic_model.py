"""The Direct Lake semantic model: built from Unity Catalog, merged with what people added to it (S14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unity_mirror.errors import CloudError
from unity_mirror.models.items import SemanticModel
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.model import Action, AfterApply, Change, LeftOut, Reason, StepName, StepPlan
from unity_mirror.plan.ownership import mark_of, with_mark
from unity_mirror.plan.tmdl import ModelDefinition, ModelDiff, ModelInput, build_model, compare
from unity_mirror.spec import SemanticModelSpec
from unity_mirror.steps.context import Context, Done, Found, Known, side_by_side, tables_of

MODEL = "Semantic model"
_NOT_YET = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class _Work:
    """The model that is there, the tables it is built from, and the parts to send."""

    model: SemanticModel | None
    tables: tuple[Table, ...]
    parts: Mapping[str, str]


class SemanticModelStep:
    """Makes or updates the model and frames it (Power BI refresh), so that it shows data."""

    name = StepName.SEMANTIC_MODEL

    async def plan(self, context: Context, known: Known) -> Found:
        """The model to make, or how it differs."""
        spec = context.spec.semantic_model
        if spec is None:
            return Found(StepPlan(self.name))
        workspace_id = known.surveyed.workspace.id
        tables = await _read_tables(context, known, spec)
        definition = _build(known, spec, tables)
        listed = await context.clients.fabric.semantic_models.list(workspace_id)
        model = next((each for each in listed if each.display_name.lower() == spec.name.lower()), None)
        left_out = _left_out(definition)
        if model is None:
            return self._plan_creation(spec, definition, tables, left_out)
        return await self._plan_update(context, known, model, definition, tables)

    def _plan_creation(
        self,
        spec: SemanticModelSpec,
        definition: ModelDefinition,
        tables: tuple[Table, ...],
        left_out: tuple[LeftOut, ...],
    ) -> Found:
        after = {"tables": len(definition.tables), "relationships": len(definition.relationships)}
        reason = "the workspace has no semantic model of this name"
        plan = StepPlan(
            self.name,
            (Change(self.name, Action.CREATE, MODEL, spec.name, reason, after=after),),
            left_out=left_out,
            notes=_notes(definition),
        )
        return Found(plan, {"semantic_model": AfterApply(self.name, "id")}, _Work(None, tables, definition.parts))

    async def _plan_update(
        self,
        context: Context,
        known: Known,
        model: SemanticModel,
        definition: ModelDefinition,
        tables: tuple[Table, ...],
    ) -> Found:
        workspace_id = known.surveyed.workspace.id
        there = await context.clients.fabric.semantic_models.definition(workspace_id, model.id)
        difference = compare(definition.parts, there)
        changes = () if difference.equal else (_update(model, difference),)
        notes = (*_notes(definition), *(f"Not done in the semantic model: {each}" for each in difference.conflicts))
        plan = StepPlan(self.name, changes, left_out=_left_out(definition), notes=notes)
        return Found(plan, {"semantic_model": model.id}, _Work(model, tables, difference.parts))

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Creates or updates the definition, then frames the model."""
        spec = context.spec.semantic_model
        if spec is None:
            return Done()
        work: _Work = found.work
        models, workspace_id = context.clients.fabric.semantic_models, known.surveyed.workspace.id
        if work.model is None:
            description = with_mark("", mark_of(context.spec.catalog))
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


async def _read_tables(context: Context, known: Known, spec: SemanticModelSpec) -> tuple[Table, ...]:
    """The model's tables. Lists leave the constraints out, so where they are wanted each table is read by itself."""
    tables = tables_of(known, (ref for ref in known.mirrored if spec.selects(ref)))
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


def _left_out(definition: ModelDefinition) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(f"{each.table} in the semantic model", Reason.UNSUPPORTED_TYPE, each.reason)
        for each in definition.left_out
        if each.kind == "table"
    )


def _notes(definition: ModelDefinition) -> tuple[str, ...]:
    return tuple(f"Not in the semantic model: {each}" for each in definition.left_out if each.kind != "table")
