"""Validate prerequisites: everything that must hold before anything is written, and which tables are concerned."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from unity_mirror.clients.unity_catalog import UnityCatalogClient
from unity_mirror.errors import FirewallDenied, PermissionDenied, PrerequisiteFailed, Unauthenticated
from unity_mirror.models.arm import StorageAccount
from unity_mirror.models.fabric import Capacity, Workspace
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


async def _read(context: Context) -> _Reading:
    spec = context.spec
    client = context.clients.unity_catalog(spec.databricks.workspace)
    connecting = await connecting_principal(context)
    principal = connecting.name
    async with together() as group:
        finding = group.create_task(_workspace(context))
        summary = group.create_task(
            context.reads.once(("metastore", spec.databricks.workspace), client.metastore_summary)
        )
        reading = group.create_task(_schemas(context, client, principal))
        storing = group.create_task(_or_why(_storage_account(context)))
        networking = group.create_task(_or_why(survey.read_databricks_workspace(context)))
        reaching = group.create_task(_why_unreachable(context))
        listing = group.create_task(context.clients.databricks(spec.databricks.workspace).ip_access_lists_enabled())
    (workspace, capacity), metastore, (schemas, directory) = finding.result(), summary.result(), reading.result()
    (account, no_account), (databricks, no_databricks) = storing.result(), networking.result()
    unreachable = reaching.result()
    gateway = await find_gateway(context, databricks)
    nothing_seen = not any(view.tables for view in schemas)
    warnings = survey.check_patterns(context, schemas, await our_name(context) if nothing_seen else "")
    url = spec.storage.location if spec.storage else None
    repairs = await possible_repairs(context, metastore, directory)
    repaired = as_repaired(repairs, schemas)
    selection = select_tables(spec.select, repaired, url, principal or "the connecting principal")
    survey.require_tables(context, selection)
    found = Survey(workspace, metastore, tuple(repaired), selection, principal, account, unreachable is None, gateway)
    judged = (
        connecting.check,
        checks.external_data_access(spec, metastore),
        checks.capacity_runs(spec, workspace, capacity),
        checks.capacity_trusts(spec, capacity),
        checks.identity_possible(spec, workspace),
        checks.databricks_network(spec, databricks, gateway),
        checks.azure_unseen(spec, "the Databricks workspace", spec.databricks.resource_id, no_databricks),
        checks.azure_unseen(
            spec, "the storage account", spec.storage.resource_id if spec.storage else None, no_account
        ),
        surroundings.ip_access_lists(spec, listing.result()) if listing.result() is not None else None,
        surroundings.workspace_storage(spec),
        checks.hierarchical_namespace(spec, account),
        checks.folder_covers(spec, selection.selected),
        checks.storage_reachable(spec, url.account, unreachable) if url else None,
        *(checks.external_use_schema(spec, view, principal) for view in schemas if _concerns(context, view)),
    )
    notes = (*surroundings.region_notes(capacity), *surroundings.folder_notes(spec, selection.selected))
    return _Reading(found, tuple(repairs.of(check) for check in judged if check is not None), (*warnings, *notes))


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
