"""What there is to offboard: the catalog's items by their marks, and everyone who may still need what we made."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.models.fabric import Connection, Workspace
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.models.storage import StorageUrl
from unity_mirror.plan.ownership import Made, Memory, Owner, read_mark
from unity_mirror.steps import survey
from unity_mirror.steps.context import Context, side_by_side
from unity_mirror.steps.lakehouses import House, Household, household, read_house
from unity_mirror.steps.model_upkeep import Model, marked_models
from unity_mirror.steps.offboard.outsiders import Outsiders, read_outsiders
from unity_mirror.steps.record import find_item, find_record, list_mirrored, owner_of, recorded

WORKSPACE_IDENTITY = "WorkspaceIdentity"
_SHARED = frozenset({Made.CONNECTION_DATABRICKS, Made.CONNECTION_STORAGE, Made.NETWORK_RULE})
_NONE = Outsiders()


@dataclass(frozen=True, slots=True)
class Other:
    """Another mirrored catalog. ``place`` is its storage connection's; ``None`` without one, or one not shown to us."""

    workspace_id: str
    item: MirroredCatalog
    place: StorageUrl | None
    by_identity: bool

    @property
    def is_marked(self) -> bool:
        """Whether we look after it."""
        return read_mark(self.item.description) is not None

    def made(self, what: Made) -> bool:
        """Whether its mark says that we made this for it."""
        mark = read_mark(self.item.description)
        return mark is not None and what in mark.made

    @property
    def has_storage(self) -> bool:
        """Whether it reads a storage account by a connection."""
        return bool(self.item.properties.storage_connection_id)

    def uses(self, connection_id: str) -> bool:
        """Whether one of its connections is this one."""
        properties = self.item.properties
        ids = (properties.databricks_workspace_connection_id, properties.storage_connection_id or "")
        return connection_id.lower() in (each.lower() for each in ids)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that offboarding is decided on. ``item`` is the one of the spec's name even if it isn't ours."""

    owner: Owner
    workspace: Workspace
    item: MirroredCatalog | None
    is_ours: bool
    has_record: bool
    made: frozenset[Memory]
    models: tuple[Model, ...]
    houses: tuple[House, ...]
    connections: tuple[Connection, ...]
    others: tuple[Other, ...]
    outsiders: Outsiders

    @property
    def remembers(self) -> bool:
        """Whether anything is left that says what we made. Without, what carries no mark can't be told from others'."""
        return self.is_ours or self.has_record or bool(self.models) or any(each.ours for each in self.houses)


async def read(context: Context, *, whole: bool = True) -> Reading:
    """Reads it; unless it is to be ``whole``, without asking the workspace's items what they read through.

    Raises ``SpecError`` when there is no such workspace.
    """
    workspace = await survey.find_workspace(context, context.spec.fabric.workspace, "fabric.workspace")
    owner = await owner_of(context)
    held = await list_mirrored(context, workspace.id)
    marked = [each for each in held if owner.owns(each.description)]
    _refuse_two_metastores(marked)
    ours = find_item(owner, context.spec.item_name, marked)
    theirs = (each for each in held if each.display_name.lower() == context.spec.item_name.lower())
    connections = await context.reads.once(("connections",), context.clients.fabric.connections.list)
    made, models = await recorded(context, workspace.id), await marked_models(context, owner, workspace.id)
    asked = whole and not made.isdisjoint(_SHARED)
    return Reading(
        owner=owner,
        workspace=workspace,
        item=ours or next(theirs, None),
        is_ours=ours is not None,
        has_record=await find_record(context, workspace.id) is not None,
        made=made,
        models=models,
        houses=await _houses(context, owner, workspace, ours),
        connections=tuple(connections),
        others=await _others(context, ours, connections),
        outsiders=await read_outsiders(context, workspace.id, {each.item.id for each in models}) if asked else _NONE,
    )


def _refuse_two_metastores(marked: Sequence[MirroredCatalog]) -> None:
    """The metastore couldn't be asked, and the name alone doesn't tell which one is meant."""
    metastores = {mark.metastore for each in marked if (mark := read_mark(each.description)) and mark.metastore}
    if len(metastores) > 1:
        message = "catalogs of this name from several metastores are mirrored here, and which one is meant isn't known"
        hint = "let the identity that runs unity-mirror sign in to the Databricks workspace, which tells its metastore"
        raise SpecError([SpecProblem("catalog", message, hint)])


async def _houses(
    context: Context, owner: Owner, workspace: Workspace, item: MirroredCatalog | None
) -> tuple[House, ...]:
    """The lakehouse of the spec's name, and those beside the mirrored catalog that carry our mark, whatever they are
    called and whether the spec still has one."""
    home, item_id = Household(owner), item.id if item else None
    listed = await context.clients.fabric.lakehouses.list(workspace.id)
    name = _name_at_home(context)
    found = [each for each in listed if home.owns(each) or each.display_name.lower() == name]
    houses = [await read_house(context, home, workspace.id, each, item_id) for each in found]
    return (*houses, *await _house_elsewhere(context, owner, workspace.id, item_id))


def _name_at_home(context: Context) -> str | None:
    spec = context.spec.lakehouse
    return spec.name.lower() if spec is not None and spec.workspace is None else None


async def _house_elsewhere(context: Context, owner: Owner, home_id: str, item_id: str | None) -> list[House]:
    """The spec's lakehouse where it names another workspace, or its own, by name."""
    spec = context.spec.lakehouse
    if spec is None or spec.workspace is None:
        return []
    workspace = await survey.find_workspace(context, spec.workspace, "lakehouse.workspace")
    whose = household(owner, home_id, workspace.id)
    lakehouse = whose.find(spec, await context.clients.fabric.lakehouses.list(workspace.id))
    if lakehouse is None or (workspace.id == home_id and whose.owns(lakehouse)):
        return []
    return [await read_house(context, whose, workspace.id, lakehouse, item_id)]


async def _others(
    context: Context, item: MirroredCatalog | None, connections: Sequence[Connection]
) -> tuple[Other, ...]:
    """All other mirrored catalogs that we can see, wherever."""
    workspaces = await context.reads.once(("workspaces",), context.clients.fabric.workspaces.list)
    listed = await side_by_side(list_mirrored(context, workspace.id) for workspace in workspaces)
    by_id = {each.id.lower(): each for each in connections}
    return tuple(
        _other(workspace.id, each, by_id.get((each.properties.storage_connection_id or "").lower()))
        for workspace, found in zip(workspaces, listed, strict=True)
        for each in found
        if item is None or each.id != item.id
    )


def _other(workspace_id: str, item: MirroredCatalog, connection: Connection | None) -> Other:
    place = None
    if connection is not None:
        with suppress(ValueError):
            place = StorageUrl.parse(connection.connection_details.path or "")
    kind = connection.credential_details.credential_type if connection and connection.credential_details else ""
    return Other(workspace_id, item, place, kind in ("", WORKSPACE_IDENTITY))
