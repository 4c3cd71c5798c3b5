"""Validate prerequisites: everything that must hold before anything is written, and which tables are concerned."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from unity_mirror.clients.unity_catalog import UnityCatalogClient
from unity_mirror.errors import FirewallDenied, PermissionDenied, PrerequisiteFailed, Unauthenticated
from unity_mirror.models.arm import DatabricksWorkspace, StorageAccount
from unity_mirror.models.fabric import Capacity, Gateway, Workspace
from unity_mirror.models.unity_catalog import MetastoreSummary
from unity_mirror.plan.access import Directory
from unity_mirror.plan.model import Check, StepName, StepPlan
from unity_mirror.plan.selection import SchemaView, select_tables
from unity_mirror.steps import checks, surroundings, survey
from unity_mirror.steps.context import Context, Done, Found, Known, Survey, together
from unity_mirror.steps.directory import read_directory
from unity_mirror.steps.gateways import find_gateway, is_private
from unity_mirror.steps.principals import connecting_principal, our_name
from unity_mirror.steps.repairs import as_repaired, changes_of, possible_repairs, repair

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Reading:
    survey: Survey
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]


class Prerequisites:
    """Reads the three clouds side by side and judges the prerequisites; repairs only what the spec's ``fix`` names."""

    name = StepName.PREREQUISITES

    async def plan(self, context: Context, known: Known) -> Found:
        """The checks, what is left out, and the repairs that the spec allows."""
        del known
        try:
            reading = await context.reads.once(("survey",), lambda: _read(context))
        except PermissionDenied as error:
            await _explain(context, error)
            raise
        plan = StepPlan(
            self.name,
            changes=changes_of(context, reading.survey, reading.checks),
            checks=reading.checks,
            left_out=reading.survey.selection.left_out,
            notes=reading.warnings,
        )
        return Found(plan, {"survey": reading.survey})

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Repairs, then looks again."""
        del known
        if not found.plan.changes:
            return Done()
        await repair(context, found.facts["survey"], found.plan.changes)
        context.reads.forget(("survey",))
        again = await context.reads.once(("survey",), lambda: _read(context))
        return Done({"survey": again.survey})


_GIVE_RESOURCE_ID = (
    "run unity-mirror on a machine in the workspace's virtual network, and give databricks.resource_id, so that a "
    "gateway for Fabric is looked for"
)


@dataclass(frozen=True, slots=True)
class _Clouds:
    """What was read side by side. ``no_account``, ``no_databricks`` and ``unreachable`` say why we couldn't look."""

    workspace: Workspace
    capacity: Capacity | None
    metastore: MetastoreSummary
    schemas: Sequence[SchemaView]
    directory: Directory
    account: StorageAccount | None
    no_account: str
    databricks: DatabricksWorkspace | None
    no_databricks: str
    unreachable: str | None
    ip_lists: bool | None


async def _read(context: Context) -> _Reading:
    spec = context.spec
    connecting = await connecting_principal(context)
    clouds = await _look(context, connecting.name)
    gateway = await find_gateway(context, clouds.databricks)
    nothing_seen = not any(view.tables for view in clouds.schemas)
    warnings = survey.check_patterns(context, clouds.schemas, await our_name(context) if nothing_seen else "")
    repairs = await possible_repairs(context, clouds.metastore, clouds.directory)
    found = _surveyed(context, clouds, as_repaired(repairs, clouds.schemas), connecting.name, gateway)
    judged = (connecting.check, *_judged(context, clouds, found))
    selected = found.selection.selected
    notes = (*surroundings.region_notes(clouds.capacity), *surroundings.folder_notes(spec, selected))
    return _Reading(found, tuple(repairs.of(check) for check in judged if check is not None), (*warnings, *notes))


async def _look(context: Context, principal: str | None) -> _Clouds:
    url = context.spec.databricks.workspace
    client = context.clients.unity_catalog(url)
    async with together() as group:
        finding = group.create_task(_workspace(context))
        summary = group.create_task(context.reads.once(("metastore", url), client.metastore_summary))
        reading = group.create_task(_schemas(context, client, principal))
        storing = group.create_task(_or_why(_storage_account(context)))
        networking = group.create_task(_or_why(survey.read_databricks_workspace(context)))
        reaching = group.create_task(_why_unreachable(context))
        listing = group.create_task(context.clients.databricks(url).ip_access_lists_enabled())
    return _Clouds(
        *finding.result(),
        summary.result(),
        *reading.result(),
        *storing.result(),
        *networking.result(),
        reaching.result(),
        listing.result(),
    )


def _surveyed(
    context: Context, clouds: _Clouds, schemas: Sequence[SchemaView], principal: str | None, gateway: Gateway | None
) -> Survey:
    """The survey, with what is selected. Raises ``SpecError`` when the storage URL can't be right."""
    storage = context.spec.storage
    url = storage.location if storage else None
    selection = select_tables(context.spec.select, schemas, url, principal or "the connecting principal")
    survey.require_tables(context, selection)
    return Survey(
        clouds.workspace,
        clouds.metastore,
        tuple(schemas),
        selection,
        principal,
        clouds.account,
        clouds.unreachable is None,
        gateway,
    )


def _judged(context: Context, clouds: _Clouds, found: Survey) -> Iterator[Check | None]:
    spec, storage = context.spec, context.spec.storage
    yield checks.external_data_access(spec, clouds.metastore)
    yield checks.capacity_runs(spec, clouds.workspace, clouds.capacity)
    yield checks.capacity_trusts(spec, clouds.capacity)
    yield checks.identity_possible(spec, clouds.workspace)
    yield checks.databricks_network(spec, clouds.databricks, found.gateway)
    resource_id = spec.databricks.resource_id
    yield checks.azure_unseen(spec, "the Databricks workspace", resource_id, clouds.no_databricks)
    account_id = storage.resource_id if storage else None
    yield checks.azure_unseen(spec, "the storage account", account_id, clouds.no_account)
    yield surroundings.ip_access_lists(spec, clouds.ip_lists) if clouds.ip_lists is not None else None
    yield surroundings.workspace_storage(spec)
    yield checks.hierarchical_namespace(spec, clouds.account)
    yield checks.folder_covers(spec, found.selection.selected)
    yield checks.storage_reachable(spec, storage.location.account, clouds.unreachable) if storage else None
    for view in clouds.schemas:
        if _concerns(context, view):
            yield checks.external_use_schema(spec, view, found.principal)


async def _schemas(
    context: Context, client: UnityCatalogClient, principal: str | None
) -> tuple[list[SchemaView], Directory]:
    directory = await read_directory(context)
    return await survey.read_schemas(context, client, principal, directory), directory


async def _explain(context: Context, error: PermissionDenied) -> None:
    """Raises ``PrerequisiteFailed`` when the refusal comes from the Databricks workspace's network, not from rights."""
    workspace, _ = await _or_why(survey.read_databricks_workspace(context))
    if workspace is None and "network access" in error.why:
        error.remedy = _GIVE_RESOURCE_ID
        return
    gateway = await find_gateway(context, workspace)
    check = checks.databricks_network(context.spec, workspace, gateway)
    if check is not None and gateway is not None and is_private(workspace) and not check.blocks:
        message = "the Databricks workspace is behind a private endpoint, and this machine isn't let in"
        network = f"the virtual network {gateway.network}" if gateway.network else "the workspace's virtual network"
        remedy = f"Run unity-mirror on a machine in {network}, or in one that is peered with it."
        raise PrerequisiteFailed(message, (check,), where=check.evidence, remedy=remedy) from error
    if check is not None and check.blocks:
        message = "the Databricks workspace can't be reached from here, nor from Fabric, so nothing was written"
        remedy = check.remedy.text if check.remedy else ""
        raise PrerequisiteFailed(message, (check,), where=check.evidence, remedy=remedy) from error


async def _workspace(context: Context) -> tuple[Workspace, Capacity | None]:
    workspace = await survey.find_workspace(context, context.spec.fabric.workspace, "fabric.workspace")
    return workspace, await survey.find_capacity(context, workspace)


async def _or_why(reading: Awaitable[T]) -> tuple[T | None, str]:
    """What an Azure resource is like, or why we may not see it."""
    try:
        return await reading, ""
    except PermissionDenied as error:
        return None, str(error)


async def _storage_account(context: Context) -> StorageAccount | None:
    """The storage account, when the spec gives its Azure resource id."""
    storage = context.spec.storage
    if storage is None or storage.resource_id is None:
        return None
    return await survey.read_storage_account(context, storage.resource_id)


async def _why_unreachable(context: Context) -> str | None:
    """Why the storage account's data plane can't be reached from here; ``None`` when it can, or isn't needed."""
    storage = context.spec.storage
    if storage is None or not storage.location.container:
        return None
    try:
        await context.clients.storage.reachable(storage.location.account, storage.location.container)
    except (FirewallDenied, PermissionDenied, Unauthenticated) as error:
        return str(error)
    return None


def _concerns(context: Context, view: SchemaView) -> bool:
    return any(context.spec.select.selects(table.ref) for table in view.tables)
