"""What a semantic model needs besides its definition: to be framed, and bound to its connection where that is asked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from unity_mirror.errors import CloudError, OperationFailed
from unity_mirror.models.items import SemanticModel
from unity_mirror.plan.model import Action, Change, StepName
from unity_mirror.plan.ownership import Owner
from unity_mirror.plan.tmdl import ModelInput, compare
from unity_mirror.spec import SemanticModelSpec
from unity_mirror.steps.context import Context, Known, side_by_side
from unity_mirror.steps.model_input import data_source
from unity_mirror.steps.readers import failed_framing, refreshes_of

MODEL = "Semantic model"
_FULL = {"type": "full"}
_IN_PROGRESS = "RefreshInProgressException"


async def out_of_order(
    context: Context, known: Known, spec: SemanticModelSpec, model: SemanticModel, wanted: ModelInput
) -> tuple[Change, ...]:
    """What is to be put right of a model whose definition is as it should be. Where we can't look, it is left alone."""
    if spec.connection is not None and not await _is_bound(context, known, spec.connection, model, wanted):
        reason = "it isn't bound to its connection any more"
        return (_change(model, reason, {"connection": "another or none"}, {"connection": spec.connection}),)
    refreshes = await refreshes_of(context, known, model)
    if refreshes is not None and not refreshes:
        reason = "it was never framed, so it shows no data"
        return (_change(model, reason, {"framed": "never"}, {"framed": "now"}),)
    failed = failed_framing(refreshes or ())
    if failed is not None:
        return (_change(model, f"its last framing failed: {failed}", {"framed": "failed"}, {"framed": "now"}),)
    return ()


def _change(model: SemanticModel, reason: str, before: dict[str, str], after: dict[str, str]) -> Change:
    return Change(StepName.SEMANTIC_MODEL, Action.UPDATE, MODEL, model.display_name, reason, before, after)


async def _is_bound(
    context: Context, known: Known, connection_id: str, model: SemanticModel, wanted: ModelInput
) -> bool:
    """Whether the model's data source is read through that connection; unbinding by hand leaves the model as it is."""
    source = data_source(wanted)
    try:
        found = await context.clients.fabric.items.connections(known.surveyed.workspace.id, model.id)
    except CloudError:
        return True
    ours = (
        each.id or ""
        for each in found
        if each.connection_details.type == source.type
        and each.connection_details.path.rstrip("/").lower() == source.path.rstrip("/").lower()
    )
    return connection_id.lower() in (each.lower() for each in ours)


async def bind(context: Context, workspace_id: str, model_id: str, connection_id: str, wanted: ModelInput) -> None:
    """Binds the model's data source to a connection. Raises what the client raises."""
    source = data_source(wanted)
    models = context.clients.fabric.semantic_models
    await models.bind_connection(workspace_id, model_id, connection_id, source.type, source.path)


async def _begin(context: Context, workspace_id: str, model_id: str) -> str:
    """Starts a refresh; one that runs already may have begun before what we changed, so it is let end first."""
    powerbi = context.clients.powerbi
    try:
        return await powerbi.refresh(workspace_id, model_id, _FULL)
    except CloudError as error:
        if error.code != _IN_PROGRESS:
            raise
    runs = [each for each in await powerbi.refreshes(workspace_id, model_id) if each.is_running]
    for each in runs:
        with suppress(OperationFailed):
            await powerbi.wait_for_refresh(workspace_id, model_id, each.request_id)
    return await powerbi.refresh(workspace_id, model_id, _FULL)


async def frame(context: Context, workspace_id: str, model_id: str) -> tuple[str, ...]:
    """A model that can't be framed is made all the same: say so, and let the verification judge."""
    powerbi = context.clients.powerbi
    try:
        ended = await powerbi.wait_for_refresh(workspace_id, model_id, await _begin(context, workspace_id, model_id))
    except CloudError as error:
        return (f"The semantic model was not framed: {error}",)
    finally:
        context.reads.forget(("refreshes", model_id))
    return (f"The semantic model was framed: {ended.status} {ended.end_time or ''}".rstrip() + ".",)


@dataclass(frozen=True, slots=True)
class Model:
    """A semantic model of ours. ``foreign`` names what others made in it."""

    item: SemanticModel
    foreign: tuple[str, ...]


async def marked_models(context: Context, owner: Owner, workspace_id: str) -> tuple[Model, ...]:
    """The workspace's semantic models that carry our mark."""
    models = context.clients.fabric.semantic_models
    listed = await models.list(workspace_id)
    ours = [each for each in listed if owner.owns(each.description)]
    definitions = await side_by_side(models.definition(workspace_id, each.id) for each in ours)
    return tuple(Model(each, compare(parts, parts).foreign) for each, parts in zip(ours, definitions, strict=True))
