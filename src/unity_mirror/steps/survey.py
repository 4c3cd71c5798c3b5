"""Reads what the prerequisites are judged by: the Fabric workspace, the metastore, the catalog and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unity_mirror.clients.unity_catalog import UnityCatalogClient
from unity_mirror.errors import NotFound, NotSupported, PermissionDenied, SpecError, SpecProblem
from unity_mirror.models.arm import DatabricksWorkspace, StorageAccount
from unity_mirror.models.fabric import Capacity, Workspace, WorkspaceRoleAssignment
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Schema, normalise_privilege
from unity_mirror.plan.access import Directory, may_be_a_group
from unity_mirror.plan.model import Reason
from unity_mirror.plan.selection import Privileges, SchemaView, Selection, unmatched_patterns
from unity_mirror.spec import matches
from unity_mirror.steps.context import Context, side_by_side, together
from unity_mirror.steps.missing import no_catalog, no_workspace
from unity_mirror.steps.remedies import grant


async def find_workspace(context: Context, name_or_id: str, path: str) -> Workspace:
    """The Fabric workspace of that name or id, read whole. ``path`` is the spec's field, for the error."""
    listed = await context.reads.once(("workspaces",), context.clients.fabric.workspaces.list)
    found = [each for each in listed if name_or_id.lower() in (each.id.lower(), each.display_name.lower())]
    if not found:
        raise no_workspace(path, name_or_id, listed)
    return await read_workspace(context, found[0].id)


async def read_workspace(context: Context, workspace_id: str) -> Workspace:
    """A workspace read whole, its identity included."""
    return await context.reads.once(
        ("workspace", workspace_id), lambda: context.clients.fabric.workspaces.get(workspace_id)
    )


async def read_workspace_roles(context: Context, workspace_id: str) -> list[WorkspaceRoleAssignment]:
    """Who holds which role in a workspace. Raises ``PermissionDenied`` where we may not see it."""
    return await context.reads.once(
        ("workspace roles", workspace_id), lambda: context.clients.fabric.workspaces.role_assignments(workspace_id)
    )


async def find_capacity(context: Context, workspace: Workspace) -> Capacity | None:
    """The workspace's capacity; ``None`` when it has none or we may not see it."""
    capacities = await context.reads.once(("capacities",), context.clients.fabric.capacities.list)
    wanted = (workspace.capacity_id or "").lower()
    return next((each for each in capacities if each.id.lower() == wanted), None)


async def read_storage_account(context: Context, resource_id: str) -> StorageAccount:
    """The storage account with that Azure resource id."""
    return await context.reads.once(
        ("storage account", resource_id.lower()), lambda: context.clients.arm.storage_account(resource_id)
    )


async def read_databricks_workspace(context: Context) -> DatabricksWorkspace | None:
    """The Databricks workspace as an Azure resource, when the spec gives its id."""
    resource_id = context.spec.databricks.resource_id
    return None if resource_id is None else await context.clients.arm.databricks_workspace(resource_id)


async def read_schemas(
    context: Context, catalog_client: UnityCatalogClient, principal: str | None, directory: Directory
) -> list[SchemaView]:
    """Every schema of the catalog with its tables and the principal's privileges, side by side.

    Privileges count that reach the principal through its groups, as far as the ``directory`` knows them; where it may
    not be asked, those of every group are possible ones.
    """
    catalog = context.spec.catalog
    try:
        schemas = await catalog_client.schemas(catalog)
    except NotFound as error:
        raise await no_catalog("catalog", catalog, catalog_client) from error
    _require_its_own_spelling(catalog, schemas)
    schemas = [schema for schema in schemas if schema.name != "information_schema"]
    seen = None if principal is None else await _seen_privileges(catalog_client, catalog, principal)
    asker = None if seen is None or principal is None else _asker(catalog_client, principal, directory)
    on_catalog = await _privileges(asker, "CATALOG", catalog)
    views = await side_by_side(_read_schema(catalog_client, schema, on_catalog, asker) for schema in schemas)
    return [view for view in views if view is not None]


def _require_its_own_spelling(catalog: str, schemas: Sequence[Schema]) -> None:
    """Raises ``SpecError`` for another case of letters: Unity Catalog doesn't mind, Fabric and our marks do."""
    named = next((schema.catalog_name for schema in schemas if schema.catalog_name), catalog)
    if named != catalog:
        message = f"Unity Catalog calls the catalog {named!r}, not {catalog!r}"
        raise SpecError([SpecProblem("catalog", message, f"write catalog: {named}")])


@dataclass(frozen=True, slots=True)
class _Asker:
    """Asks what is held under any of the principal's names. ``groups_known``: those of its groups are among them."""

    client: UnityCatalogClient
    names: frozenset[str]
    groups_known: bool


def _asker(client: UnityCatalogClient, principal: str, directory: Directory) -> _Asker:
    names = frozenset({principal.casefold(), *directory.names_of(principal.casefold())})
    return _Asker(client, names, directory.readable)


async def _seen_privileges(client: UnityCatalogClient, catalog: str, principal: str) -> bool | None:
    """``None`` when we may not see what the principal holds: asked by name, the server says so; asked for all, it only
    leaves it out."""
    try:
        await client.effective_privileges("CATALOG", catalog, principal)
    except (NotSupported, PermissionDenied):
        return None
    return True


async def _read_schema(
    client: UnityCatalogClient, schema: Schema, on_catalog: Privileges | None, asker: _Asker | None
) -> SchemaView | None:
    """``None`` for a schema that was dropped since it was listed."""
    try:
        async with together() as group:
            listing = group.create_task(client.tables(schema.catalog_name, schema.name))
            holding = group.create_task(_privileges(asker, "SCHEMA", schema.full_name))
    except NotFound:
        return None
    tables, own = listing.result(), holding.result()
    if own is None or on_catalog is None:
        return SchemaView(schema, tuple(tables))
    privileges = own.with_(on_catalog)
    if privileges.has("SELECT"):
        return SchemaView(schema, tuple(tables), privileges)
    on_tables = await side_by_side(_on_table(asker, table.full_name) for table in tables)
    named = {table.name: held for table, held in zip(tables, on_tables, strict=True) if held is not None}
    there = tuple(table for table, held in zip(tables, on_tables, strict=True) if held is not None)
    return SchemaView(schema, there, privileges, named)


async def _on_table(asker: _Asker | None, full_name: str) -> Privileges | None:
    """``None`` for a table that was dropped since it was listed."""
    try:
        return await _privileges(asker, "TABLE", full_name)
    except NotFound:
        return None


async def _privileges(asker: _Asker | None, kind: str, full_name: str) -> Privileges | None:
    """What the principal holds there; ``None`` when it isn't known who that is, or we may not see it."""
    if asker is None:
        return None
    everyones = await asker.client.everyones_privileges(kind, full_name)
    held, possible = set[str](), set[str]()
    for name, privileges in everyones.items():
        found = {normalise_privilege(each.privilege) for each in privileges}
        if name in asker.names:
            held |= found
        elif not asker.groups_known and may_be_a_group(name):
            possible |= found
    return Privileges(frozenset(held), frozenset(possible))


def check_patterns(context: Context, schemas: Sequence[SchemaView], us: str) -> tuple[str, ...]:
    """Raises ``SpecError`` for include patterns that match no table; returns warnings for excludes that don't.

    ``us`` is what a grant to the identity that runs unity-mirror calls it.
    """
    refs = [table.ref for view in schemas for table in view.tables]
    select = context.spec.select
    if not refs:
        raise SpecError([_nothing_seen(context, us)])
    problems = [
        _no_match(f"select.include[{place}]", select.include[place], refs)
        for place in unmatched_patterns(select.include, refs, matches)
    ]
    if problems:
        raise SpecError(problems)
    return tuple(
        f"select.exclude[{place}] ({select.exclude[place]}) matches no table."
        for place in unmatched_patterns(select.exclude, refs, matches)
    )


def require_tables(context: Context, selection: Selection) -> None:
    """Raises ``SpecError`` when most tables that could be mirrored lie in another account than the storage URL's.

    A catalog lives in one account (tutorial, row S17), so the URL is wrong then, and not the tables.
    """
    elsewhere = [left for left in selection.left_out if left.reason is Reason.OTHER_ACCOUNT]
    if len(elsewhere) <= len(selection.selected) or context.spec.storage is None:
        return
    account, count = context.spec.storage.location.account, len(elsewhere)
    message = f"{count} of the selected tables aren't in storage account {account!r}: {elsewhere[0].detail}"
    raise SpecError([SpecProblem("storage.url", message, "give the account and folder that the tables lie in")])


def _nothing_seen(context: Context, us: str) -> SpecProblem:
    """An empty catalog, or one of which we are shown nothing: Unity Catalog doesn't tell which."""
    catalog = context.spec.catalog
    hint = "if it isn't empty, the catalog's owner shows it to the identity that runs unity-mirror: " + " ".join(
        grant(context.spec, "CATALOG", catalog, us, name).commands[0] for name in ("USE CATALOG", "MANAGE")
    )
    return SpecProblem("catalog", f"there is no table of the catalog {catalog!r} that we may see", hint)


def _no_match(path: str, pattern: str, refs: Sequence[TableRef]) -> SpecProblem:
    schemas = ", ".join(sorted({ref.schema for ref in refs})) or "none"
    return SpecProblem(path, f"the pattern {pattern!r} matches no table of the catalog", f"its schemas are: {schemas}")
