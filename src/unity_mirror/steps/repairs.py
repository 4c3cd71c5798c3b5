"""Repairs of prerequisites in Unity Catalog: what the spec's ``prerequisites.fix`` names, and only where we may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from unity_mirror.errors import PermissionDenied, PrerequisiteFailed
from unity_mirror.models.unity_catalog import MetastoreSummary
from unity_mirror.plan.access import Directory, may_be_a_group
from unity_mirror.plan.model import Action, Change, Check, Outcome, StepName
from unity_mirror.plan.selection import EXTERNAL_USE_SCHEMA, Privileges, SchemaView
from unity_mirror.steps.context import Context, Survey
from unity_mirror.steps.principals import our_name

METASTORE = "Unity Catalog metastore"
SCHEMA_GRANT = "Unity Catalog grant"
_REASON = "the spec's prerequisites.fix names it"


@dataclass(frozen=True, slots=True)
class Repairs:
    """What may be repaired: true where the spec asks for it and nothing says that we may not. ``refused`` says why
    what the spec asks for can't be done by us, by the check's id."""

    external_data_access: bool = False
    external_use_schema: bool = False
    refused: tuple[tuple[str, str], ...] = ()

    def of(self, check: Check) -> Check:
        """The check, with whether applying repairs it."""
        if check.outcome is Outcome.PASSED or check.remedy is None:
            return check
        reason = dict(self.refused).get(check.id, "")
        if reason:
            return replace(check, evidence=f"{check.evidence}; {reason}")
        return replace(check, repaired_by_apply=bool(getattr(self, check.id, False)) and bool(check.remedy.calls))


async def possible_repairs(context: Context, metastore: MetastoreSummary, directory: Directory) -> Repairs:
    """External data access is a metastore admin's to turn on, EXTERNAL USE SCHEMA the catalog owner's to grant.

    Where a group owns it and we may not look who is in that, the repair is tried.
    """
    wanted = set[str](context.spec.prerequisites.fix)
    refused: list[tuple[str, str]] = []
    if metastore.external_access_enabled is not False:
        wanted.discard("external_data_access")
    if "external_data_access" in wanted:
        refused += await _refused(context, "external_data_access", metastore.owner, directory)
    if "external_use_schema" in wanted:
        refused += await _refused(context, "external_use_schema", await _catalog_owner(context), directory)
    allowed = wanted - {check_id for check_id, _ in refused}
    return Repairs("external_data_access" in allowed, "external_use_schema" in allowed, tuple(refused))


async def _catalog_owner(context: Context) -> str:
    client = context.clients.unity_catalog(context.spec.databricks.workspace)
    return (await client.catalog(context.spec.catalog)).owner or ""


async def _refused(context: Context, check_id: str, owner: str, directory: Directory) -> list[tuple[str, str]]:
    us = await our_name(context)
    if not owner or not us or owner.casefold() in directory.names_of(us.casefold()):
        return []
    if may_be_a_group(owner) and not directory.readable:
        return []
    return [(check_id, f"prerequisites.fix names it, but that is for {owner}, and we are {us}")]


def as_repaired(repairs: Repairs, views: Iterable[SchemaView]) -> list[SchemaView]:
    """The schemas as they will be: what is selected after the repair is planned with it."""
    granted = Privileges(frozenset({EXTERNAL_USE_SCHEMA}))
    return [
        replace(view, privileges=view.privileges.with_(granted))
        if repairs.external_use_schema and view.privileges is not None
        else view
        for view in views
    ]


def changes_of(context: Context, found: Survey, checks: Sequence[Check]) -> tuple[Change, ...]:
    """The repairs of the checks that applying repairs."""
    return tuple(_change(context, found, check) for check in checks if check.repaired_by_apply)


def _change(context: Context, found: Survey, check: Check) -> Change:
    step = StepName.PREREQUISITES
    if check.id == "external_data_access":
        name = found.metastore.name or found.metastore.metastore_id
        on = {"external_access_enabled": True}
        return Change(
            step, Action.UPDATE, METASTORE, name, _REASON, {"external_access_enabled": False}, on, check.remedy
        )
    full_name = f"{context.spec.catalog}.{check.scope.name}"
    after = {"principal": found.principal, "privilege": "EXTERNAL USE SCHEMA"}
    return Change(step, Action.CREATE, SCHEMA_GRANT, full_name, _REASON, {}, after, check.remedy)


async def repair(context: Context, found: Survey, changes: Iterable[Change]) -> None:
    """Makes the changes. Raises ``PrerequisiteFailed`` with the exact statement for who may, where we may not."""
    client = context.clients.unity_catalog(context.spec.databricks.workspace)
    for change in changes:
        try:
            if change.kind == METASTORE:
                await client.update_metastore(found.metastore.metastore_id, {"external_access_enabled": True})
            else:
                await client.grant("SCHEMA", change.name, found.principal or "", ["EXTERNAL_USE_SCHEMA"], [])
        except PermissionDenied as error:
            statement = " ".join((change.remedy.text, *change.remedy.commands)) if change.remedy else ""
            message = f"{change.kind} {change.name} may not be changed by the identity that runs unity-mirror"
            raise PrerequisiteFailed(message, where=f"catalog {context.spec.catalog}", remedy=statement) from error
