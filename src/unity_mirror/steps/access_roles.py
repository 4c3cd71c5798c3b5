"""OneLake data access roles on the mirrored catalog: Unity Catalog's grants, carried over and kept in step (S4).

Fabric reads the tables as the connection's principal, whoever asks, so Unity Catalog's grants reach nobody in OneLake
by themselves. Roles are written one at a time, those that others made are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from unity_mirror.clients.unity_catalog import UnityCatalogClient
from unity_mirror.errors import NotFound, NotSupported, PermissionDenied
from unity_mirror.models.fabric import DataAccessRole
from unity_mirror.models.identity import Identity
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Policy, same_privilege
from unity_mirror.plan.access import (
    AccessRow,
    Directory,
    Grants,
    Held,
    OneLakeSide,
    access_matrix,
    held_by,
    matrix_table,
    may_be_a_group,
    readable_paths,
)
from unity_mirror.plan.access_roles import (
    ROLE_LIMIT,
    Remembered,
    RoleDifference,
    difference,
    emptied,
    is_ours,
    remembered,
    wanted_roles,
)
from unity_mirror.plan.model import Action, AfterApply, Change, StepName, StepPlan
from unity_mirror.steps import access_remarks as remarks
from unity_mirror.steps.context import Context, Done, Found, Known, side_by_side, together
from unity_mirror.steps.directory import read_directory
from unity_mirror.steps.mirror_reading import unseen
from unity_mirror.steps.policies import catalog_policies
from unity_mirror.steps.principals import our_name
from unity_mirror.steps.survey import read_workspace_roles

ROLE = "OneLake data access role"


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the roles are made from. ``grants`` is None where we may not see everyone's."""

    grants: Grants | None
    directory: Directory
    held: tuple[DataAccessRole, ...]
    workspace_roles: Mapping[str, str]
    policies: tuple[Policy, ...] | None
    us: Identity


class AccessRoles:
    """Keeps one role for each principal that Unity Catalog lets read."""

    name = StepName.ACCESS_ROLES

    async def plan(self, context: Context, known: Known) -> Found:
        """The roles to make, to change and to empty; without ``access`` in the spec only what pruning would delete."""
        if context.spec.access is None:
            return await self._plan_removal(context, known)
        try:
            reading = await _read(context, known, known.mirrored)
        except PermissionDenied as error:
            check = unseen(context, "OneLake data access roles are as Unity Catalog grants", error)
            return Found(StepPlan(self.name, checks=(check,)))
        if reading.grants is None:
            return Found(StepPlan(self.name, checks=(remarks.grants_hidden(context.spec),)))
        return self._plan_roles(context, known, reading, reading.grants)

    def _plan_roles(self, context: Context, known: Known, reading: _Reading, grants: Grants) -> Found:
        tables, ignored = known.mirrored, frozenset({(known.surveyed.principal or "").casefold()})
        once = {} if reading.directory.readable else remembered(reading.held, grants.principals)
        ids = {**{name: each.id for name, each in once.items()}, **reading.directory.ids}
        directory = replace(reading.directory, ids=ids)
        readers = {
            name: readable
            for name in grants.principals
            if name not in ignored and (readable := _readable(grants, directory, name, tables, once.get(name)))
        }
        known_readers = {name: readable for name, readable in readers.items() if name in directory.ids}
        wanted = wanted_roles(known_readers, directory.ids, reading.us.tenant_id)
        foreign = [role for role in reading.held if not is_ours(role.name)]
        if len(foreign) + len(wanted) > ROLE_LIMIT:
            return Found(StepPlan(self.name, checks=(remarks.too_many(context.spec, len(foreign), len(wanted)),)))
        found = difference(reading.held, wanted, prune=context.prune)
        side = OneLakeSide((*foreign, *wanted), reading.workspace_roles)
        rows = access_matrix(grants, directory, side, tables, ignored)
        plan = StepPlan(
            self.name,
            _changes(found),
            remarks.unresolved(context.spec, readers, directory),
            notes=_notes(known, reading, rows, ignored, foreign),
            tables=(matrix_table(rows, tables),) if rows else (),
            prunable=tuple(_deletion(role) for role in found.prunable),
        )
        return Found(plan, work=found)

    async def _plan_removal(self, context: Context, known: Known) -> Found:
        if not context.prune:
            return Found(StepPlan(self.name))
        try:
            held = await _held_roles(context, known)
        except PermissionDenied as error:
            return Found(StepPlan(self.name, checks=(unseen(context, "No OneLake role of ours is left over", error),)))
        found = difference(held, (), prune=True)
        return Found(StepPlan(self.name, _changes(found)), work=found)

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Writes the roles one by one; what changed between reading and writing isn't overwritten."""
        work: RoleDifference | None = found.work
        if work is None:
            return Done()
        workspace_id, item_id = known.surveyed.workspace.id, str(known.item)
        client = context.clients.fabric.access_roles
        for role in work.created:
            await client.upsert(workspace_id, item_id, role, "Abort")
        for old, new in work.updated:
            await client.upsert(workspace_id, item_id, new.model_copy(update={"etag": old.etag}))
        for role in work.emptied:
            await client.upsert(workspace_id, item_id, emptied(role))
        for role in work.deleted:
            await client.delete(workspace_id, item_id, role.name)
        return Done()


def _readable(
    grants: Grants, directory: Directory, name: str, tables: Sequence[TableRef], once: Remembered | None
) -> tuple[TableRef, ...]:
    """What a principal reads. Where SCIM can't be asked (``once``: what its role says), a person keeps what a group of
    its may still give: nobody is shut out because we may not look any more."""
    names = directory.names_of(name)
    certain = grants.reads(names, tables)
    if once is None or may_be_a_group(name):
        return certain
    groups = frozenset(each for each in grants.principals if may_be_a_group(each))
    possible = grants.reads(names | groups, tables)
    return tuple(sorted({*certain, *(table for table in possible if table.onelake_path in once.paths)}))


async def _read(context: Context, known: Known, tables: Sequence[TableRef]) -> _Reading:
    spec = context.spec
    catalog = context.clients.unity_catalog(spec.databricks.workspace)
    us = await context.clients.whoami()
    async with together() as group:
        granting = group.create_task(_grants(context, catalog, await our_name(context) or us.app_id, tables))
        naming = group.create_task(read_directory(context, spec.access.groups if spec.access else {}))
        holding = group.create_task(_held_roles(context, known))
        placing = group.create_task(_workspace_roles(context, known.surveyed.workspace.id))
        guarding = group.create_task(catalog_policies(context, (view.schema.name for view in known.surveyed.schemas)))
    return _Reading(granting.result(), naming.result(), holding.result(), placing.result(), guarding.result(), us)


async def _grants(context: Context, client: UnityCatalogClient, us: str, tables: Sequence[TableRef]) -> Grants | None:
    """Everyone's grants; ``None`` when only our own are shown: roles made from those would take others' access away."""
    name = context.spec.catalog
    if not await _sees_everyone(client, name, us):
        return None
    schemas = sorted({table.schema for table in tables})
    on_catalog = held_by(await client.grants("CATALOG", name))
    on_schemas = await side_by_side(_held_on(client, "SCHEMA", f"{name}.{schema}") for schema in schemas)
    on_tables = await side_by_side(_held_on(client, "TABLE", table.full_name(name)) for table in tables)
    return Grants(
        on_catalog,
        dict(zip(schemas, on_schemas, strict=True)),
        dict(zip(tables, on_tables, strict=True)),
    )


async def _held_on(client: UnityCatalogClient, kind: str, full_name: str) -> Held:
    """What is granted there: nothing on what was dropped since it was listed. We see everyone's grants, so that it
    isn't only hidden from us."""
    try:
        return held_by(await client.grants(kind, full_name))
    except NotFound:
        return {}


async def _sees_everyone(client: UnityCatalogClient, catalog: str, us: str) -> bool:
    """Whether we are shown others' grants: the catalog's owner and whoever holds MANAGE are (Databricks' Grants API).

    Held through a group, it shows only by its effect: the catalog's list names someone that isn't us nor a group.
    """
    try:
        on_catalog = await client.grants("CATALOG", catalog)
        if us:
            held = await client.effective_privileges("CATALOG", catalog, us)
            if any(same_privilege(each.privilege, "MANAGE") for each in held):
                return True
        if (await client.catalog(catalog)).owner == us:
            return True
    except (PermissionDenied, NotSupported):
        return False
    others = (each.principal for each in on_catalog if each.principal.casefold() != us.casefold())
    return any(not may_be_a_group(name) for name in others)


async def _held_roles(context: Context, known: Known) -> tuple[DataAccessRole, ...]:
    """The item's roles, others' among them; none while the item isn't made yet."""
    if known.item is None or isinstance(known.item, AfterApply):
        return ()
    roles, _ = await context.clients.fabric.access_roles.list(known.surveyed.workspace.id, known.item)
    return tuple(roles)


async def _workspace_roles(context: Context, workspace_id: str) -> Mapping[str, str]:
    assignments = await read_workspace_roles(context, workspace_id)
    return {each.principal.id.lower(): each.role for each in assignments}


def _changes(found: RoleDifference) -> tuple[Change, ...]:
    created = [_change(Action.CREATE, role, "Unity Catalog lets it read these tables") for role in found.created]
    updated = [_change(Action.UPDATE, new, "its grants or members changed", old) for old, new in found.updated]
    gone = [
        _change(Action.UPDATE, emptied(role), "nothing is granted any more: nobody keeps the role", role)
        for role in found.emptied
    ]
    deleted = [_deletion(role) for role in found.deleted]
    return (*created, *updated, *gone, *deleted)


def _deletion(role: DataAccessRole) -> Change:
    return _change(Action.DELETE, role, "nothing is granted any more")


def _change(action: Action, role: DataAccessRole, reason: str, old: DataAccessRole | None = None) -> Change:
    shown = _shown(role)
    before = {name: value for name, value in _shown(old).items() if value != shown[name]} if old else {}
    after = {name: value for name, value in shown.items() if old is None or name in before}
    return Change(StepName.ACCESS_ROLES, action, ROLE, role.name, reason, before, after)


def _shown(role: DataAccessRole) -> dict[str, object]:
    members = [f"{each.object_type or 'member'} {each.object_id}" for each in role.members.microsoft_entra_members]
    return {"members": members, "paths": sorted(readable_paths(role))}


def _notes(
    known: Known,
    reading: _Reading,
    rows: Sequence[AccessRow],
    ignored: frozenset[str],
    foreign: Sequence[DataAccessRole],
) -> tuple[str, ...]:
    grants = reading.grants or Grants()
    return (
        *remarks.open_to_all(foreign, known.item),
        remarks.SQL_ENDPOINT,
        *remarks.guarded_tables(known.surveyed.selection.left_out),
        *remarks.policies(reading.policies),
        *remarks.half_granted(grants, reading.directory, known.mirrored, ignored),
        *remarks.differences(rows),
    )
