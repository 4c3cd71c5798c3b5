"""The Direct Lake semantic model: built from Unity Catalog, merged with what people added to it (S14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unity_mirror.errors import PermissionDenied, SpecError, SpecProblem
from unity_mirror.models.items import SemanticModel
from unity_mirror.plan.diagram import diagram
from unity_mirror.plan.model import (
    Action,
    AfterApply,
    Change,
    LeftOut,
    Reason,
    StepName,
    StepPlan,
)
from unity_mirror.plan.ownership import read_mark, with_mark
from unity_mirror.plan.tmdl import (
    Kept,
    ModelDefinition,
    ModelDiff,
    ModelInput,
    build_model,
    compare,
    held_names,
    keep_tables,
    made_by_us,
)
from unity_mirror.spec import SemanticModelSpec
from unity_mirror.steps.context import Context, Done, Found, Known
from unity_mirror.steps.mirror_reading import unseen
from unity_mirror.steps.model_input import model_input, wait_for_endpoint
from unity_mirror.steps.model_upkeep import MODEL, bind, frame, marked_models, out_of_order
from unity_mirror.steps.readers import Readers, find_model, find_readers, read_model
from unity_mirror.steps.record import owner_of
from unity_mirror.steps.sql_values import look_at_values

MODEL_TABLE = "Semantic model table"
_TABLE = "table "
_NAMED = 5
_IN_MODEL = "in the semantic model"


@dataclass(frozen=True, slots=True)
class _Work:
    """The model that is there with its definition, and what is known of who can read the tables."""

    readers: Readers
    model: SemanticModel | None = None
    there: Mapping[str, str] = field(default_factory=dict)


class SemanticModelStep:
    """Makes or updates the model and frames it (Power BI refresh), so that it shows data."""

    name = StepName.SEMANTIC_MODEL

    async def plan(self, context: Context, known: Known) -> Found:
        """The model to make, or how it differs. Tables that Direct Lake can't read stay out of it."""
        spec = context.spec.semantic_model
        if spec is None:
            return await self._plan_removal(context, known)
        readers = await find_readers(context, known)
        wanted = await model_input(context, known, spec, readers)
        model = await find_model(context, known)
        if model is None:
            definition = build_model(wanted)
            plan = replace(_described(spec, definition, readers), changes=(_creation(spec, definition),))
            return Found(plan, {"semantic_model": AfterApply(self.name, "id")}, _Work(readers))
        facts = {"semantic_model": model.id}
        try:
            there = await read_model(context, known, model)
        except PermissionDenied as error:
            check = unseen(context, "The semantic model is as the spec says", error)
            plan = replace(_described(spec, build_model(wanted), readers), checks=(check,))
            return Found(plan, facts, _Work(readers, model))
        await _refuse_others(context, model, there)
        definition = build_model(replace(wanted, held_names=held_names(there)))
        plan = _described(spec, definition, readers)
        plan, stale = _compared(context, known, plan, model, definition, there, readers)
        if not plan.changes and not stale:
            plan = replace(plan, changes=await out_of_order(context, known, spec, model, wanted))
        if model.display_name.lower() != spec.name.lower():
            plan = replace(plan, changes=(_renaming(spec, model), *plan.changes))
        return Found(plan, facts, _Work(readers, model, there))

    async def _plan_removal(self, context: Context, known: Known) -> Found:
        """A model of ours that the spec has no more; one with others' work in it stays."""
        if not context.prune:
            return Found(StepPlan(self.name))
        try:
            marked = await marked_models(context, await owner_of(context), known.surveyed.workspace.id)
        except PermissionDenied as error:
            return Found(StepPlan(self.name, checks=(unseen(context, "No model of ours is left over", error),)))
        going = tuple(each for each in marked if not each.foreign)
        reason = "the spec has no semantic model any more"
        deletions = tuple(Change(self.name, Action.DELETE, MODEL, each.item.display_name, reason) for each in going)
        notes = tuple(
            f"Semantic model {each.item.display_name} is ours, and the spec has none; it stays, for others made "
            f"{', '.join(each.foreign[:_NAMED])} in it."
            for each in marked
            if each.foreign
        )
        return Found(StepPlan(self.name, deletions, notes=notes), work=going)

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Creates or updates the definition, binds the model where that is asked, then frames it."""
        spec = context.spec.semantic_model
        if spec is None:
            for left in found.work or ():
                await context.clients.fabric.semantic_models.delete(known.surveyed.workspace.id, left.item.id)
            return Done()
        work: _Work = found.work
        workspace_id = known.surveyed.workspace.id
        wanted = await model_input(context, known, spec, work.readers, wait=True)
        model_id = work.model.id if work.model else await _create(context, known, spec, wanted)
        if spec.connection is not None:
            await bind(context, workspace_id, model_id, spec.connection, wanted)
        if work.model is not None and work.model.display_name.lower() != spec.name.lower():
            await context.clients.fabric.semantic_models.update(workspace_id, model_id, display_name=spec.name)
        if work.model is not None or spec.connection is not None:
            there = work.there or await context.clients.fabric.semantic_models.definition(workspace_id, model_id)
            definition = build_model(replace(wanted, held_names=held_names(there)))
            difference = compare(_with_kept(context, known, definition.parts, there).parts, there)
            if not difference.equal:
                await context.clients.fabric.semantic_models.update_definition(workspace_id, model_id, difference.parts)
        notes = await frame(context, workspace_id, model_id)
        facts = {"semantic_model": model_id}
        if known.mirror_changes or not (spec.check_keys or spec.check_texts):
            return Done(facts, (), notes)  # after changes of the mirror the SQL endpoint's step looks at the values
        endpoint = await wait_for_endpoint(context, workspace_id, str(known.item))
        looked = await look_at_values(context, endpoint, build_model(wanted))
        notes = (*notes, *(note for each in looked for note in each.notes))
        return Done(facts, (), notes, tuple(table for each in looked for table in each.tables))


def _described(spec: SemanticModelSpec, definition: ModelDefinition, readers: Readers) -> StepPlan:
    """What is to be said of the model wanted, whether or not it is there."""
    return StepPlan(
        StepName.SEMANTIC_MODEL,
        left_out=_left_out(spec, definition, readers),
        notes=tuple(_notes(definition, readers)),
        picture=diagram(definition, f"Semantic model {spec.name}"),
    )


async def _refuse_others(context: Context, model: SemanticModel, there: Mapping[str, str]) -> None:
    """Raises ``SpecError`` for a model that others made: our tables don't belong there. One of ours whose description
    somebody changed is known by what we wrote in it."""
    mark = read_mark(model.description)
    if (await owner_of(context)).owns(model.description) or (mark is None and made_by_us(there)):
        return
    whose = f"is that of the catalog {mark.catalog!r}" if mark else "isn't ours"
    message = f"a semantic model {model.display_name!r} is there already, and {whose}"
    hint = "give the model another name: its tables are its maker's"
    raise SpecError([SpecProblem("semantic_model.name", message, hint)])


async def _create(context: Context, known: Known, spec: SemanticModelSpec, wanted: ModelInput) -> str:
    """Makes the model. That it is bound to a connection is noted only once it is, so that a failure is made good."""
    definition = build_model(replace(wanted, connection_id=None))
    description = with_mark("", (await owner_of(context)).mark_on_top(known.made, spec.name))
    models, workspace_id = context.clients.fabric.semantic_models, known.surveyed.workspace.id
    return (await models.create(workspace_id, spec.name, description, definition.parts)).id


def _renaming(spec: SemanticModelSpec, model: SemanticModel) -> Change:
    before, after = {"displayName": model.display_name}, {"displayName": spec.name}
    return Change(StepName.SEMANTIC_MODEL, Action.UPDATE, MODEL, spec.name, "it is ours and was renamed", before, after)


def _with_kept(
    context: Context, known: Known, wanted: Mapping[str, str], there: Mapping[str, str], *, prune: bool | None = None
) -> Kept:
    """The definition wanted, with our tables that only pruning would take out, and those that are mirrored and that
    Unity Catalog only hides from us."""
    seen = {table.ref for view in known.surveyed.schemas for table in view.tables}
    hidden = frozenset(known.mirrored) - seen
    return keep_tables(wanted, there, hidden if (context.prune if prune is None else prune) else None)


def _compared(
    context: Context,
    known: Known,
    plan: StepPlan,
    model: SemanticModel,
    definition: ModelDefinition,
    there: Mapping[str, str],
    readers: Readers,
) -> tuple[StepPlan, bool]:
    """What differs. A model that keeps a table which can't be read any more isn't changed: Fabric would refuse it.

    Whether there is such a table is told as well.
    """
    kept = _with_kept(context, known, definition.parts, there)
    difference = compare(kept.parts, there)
    notes = (*plan.notes, *(f"Not done in the semantic model: {each}" for each in difference.conflicts))
    changes = () if difference.equal else (_update(model, difference), *_deletions(model, difference))
    if context.prune or not kept.tables:
        return replace(plan, changes=changes, notes=notes), False
    pruned = compare(_with_kept(context, known, definition.parts, there, prune=True).parts, there)
    prunable = _deletions(model, pruned)
    stale = _stale(context, known, readers, kept)
    if not stale:
        return replace(plan, changes=changes, notes=notes, prunable=prunable), False
    waiting = () if difference.equal else (_update(model, pruned),)
    return replace(plan, notes=(*notes, _unreadable(stale)), prunable=(*prunable, *waiting)), True


def _stale(context: Context, known: Known, readers: Readers, kept: Kept) -> tuple[str, ...]:
    """The names of tables that stay in the model though nothing can be read there any more."""
    spec = context.spec.semantic_model
    readable = {ref for ref in known.mirrored if spec and not readers.kept_out_of(spec, ref)}
    return tuple(sorted(name for name, shown in kept.tables.items() if not shown <= readable))


def _unreadable(stale: Sequence[str]) -> str:
    return (
        f"The semantic model keeps {', '.join(stale)}, which can't be read any more: until that is pruned, Fabric "
        "refuses to change or to refresh the model, so it stays as it is."
    )


def _deletions(model: SemanticModel, difference: ModelDiff) -> tuple[Change, ...]:
    """The tables that leave the model."""
    names = (each.removeprefix(_TABLE) for each in difference.removed if each.startswith(_TABLE))
    reason = "its table is no longer mirrored, or no longer wanted here"
    step = StepName.SEMANTIC_MODEL
    return tuple(Change(step, Action.DELETE, MODEL_TABLE, f"{model.display_name}/{name}", reason) for name in names)


def _creation(spec: SemanticModelSpec, definition: ModelDefinition) -> Change:
    after = {"tables": len(definition.tables), "relationships": len(definition.relationships)}
    measures = sum(len(table.measures) for table in definition.tables)
    after |= {"measures": measures} if measures else {}
    reason = "the workspace has no semantic model of this name"
    return Change(StepName.SEMANTIC_MODEL, Action.CREATE, MODEL, spec.name, reason, after=after)


def _update(model: SemanticModel, difference: ModelDiff) -> Change:
    before: dict[str, Any] = {"removed": list(difference.removed)} if difference.removed else {}
    after = {
        name: list(values) for name, values in (("added", difference.added), ("changed", difference.changed)) if values
    }
    reason = "its tables, columns or relationships differ from Unity Catalog's"
    return Change(StepName.SEMANTIC_MODEL, Action.UPDATE, MODEL, model.display_name, reason, before, after)


def _left_out(spec: SemanticModelSpec, definition: ModelDefinition, readers: Readers) -> tuple[LeftOut, ...]:
    by_engine = (
        LeftOut(f"{ref} {_IN_MODEL}", Reason.UNREADABLE, why)
        for ref in sorted(readers.tables)
        if spec.selects(ref) and (why := readers.kept_out_of(spec, ref))
    )
    by_type = (
        LeftOut(f"{each.table} {_IN_MODEL}", Reason.UNSUPPORTED_TYPE, each.reason)
        for each in definition.left_out
        if each.kind == "table"
    )
    return (*by_engine, *by_type)


def _notes(definition: ModelDefinition, readers: Readers) -> Iterator[str]:
    yield from (f"Not in the semantic model: {each}" for each in definition.left_out if each.kind != "table")
    for one in definition.relationships:
        if not one.is_active:
            yield f"Relationship {one} is not active: {one.reason}."
    if too_large := readers.too_large(table.ref for table in definition.tables):
        yield too_large
