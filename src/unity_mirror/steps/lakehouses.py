"""What a lakehouse holds: which shortcuts are ours, and what else is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from unity_mirror.errors import NotFound, SpecError, SpecProblem
from unity_mirror.models.fabric import Shortcut
from unity_mirror.models.items import Lakehouse
from unity_mirror.models.table_ref import ShortcutPlace, TableRef
from unity_mirror.plan.ownership import Owner
from unity_mirror.spec import LakehouseSpec
from unity_mirror.steps.context import Context, side_by_side

_DEPTH = 3
RENAME = "to rename it, rename it in Fabric first; a second one of the same mirrored catalog can't be kept in step"
Held = Mapping[tuple[str, str], Shortcut]


@dataclass(frozen=True, slots=True)
class House:
    """A lakehouse. ``shortcuts`` are ours; ``foreign`` names what else it holds."""

    workspace_id: str
    item: Lakehouse
    ours: bool
    shortcuts: tuple[Shortcut, ...]
    foreign: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Household:
    """Whose lakehouses are the spec's. ``serves``: the workspace of the mirrored catalog, where it isn't theirs."""

    owner: Owner
    serves: str = ""

    def owns(self, lakehouse: Lakehouse) -> bool:
        """Whether it was made for the spec's mirrored catalog: one of the same name in another workspace is another."""
        return self.owner.owns_on_top(lakehouse.description, self.serves)

    def find(self, spec: LakehouseSpec, listed: Sequence[Lakehouse]) -> Lakehouse | None:
        """The lakehouse by its name, or, renamed by someone, by our mark.

        Raises ``SpecError`` where the catalog has one that was given another name than the spec's: by another spec, or
        by this one before it was changed. Nothing tells which.
        """
        named = next((each for each in listed if each.display_name.lower() == spec.name.lower()), None)
        if named is not None:
            return named
        ours = [each for each in listed if self.owns(each)]
        renamed = [each for each in ours if self.owner.named_on_top(each.description, spec.name)]
        if len(renamed) == 1 or not ours:
            return next(iter(renamed), None)
        message = f"the catalog's lakehouse is there already, as {ours[0].display_name!r}"
        raise SpecError([SpecProblem("lakehouse.name", message, RENAME)])


def household(owner: Owner, item_workspace: str, workspace: str) -> Household:
    """The lakehouses in ``workspace`` of an owner whose mirrored catalog is in ``item_workspace``."""
    return Household(owner, "" if item_workspace == workspace else item_workspace)


async def held_shortcuts(context: Context, workspace_id: str, lakehouse: Lakehouse | None) -> Held:
    """The lakehouse's shortcuts by place."""
    if lakehouse is None:
        return {}
    return {each.place: each for each in await context.clients.fabric.shortcuts.list(workspace_id, lakehouse.id)}


async def delete_shortcuts(
    context: Context, workspace_id: str, lakehouse_id: str, shortcuts: Iterable[Shortcut]
) -> None:
    """Deletes shortcuts, never what they lead to."""
    client = context.clients.fabric.shortcuts
    await side_by_side(client.delete(workspace_id, lakehouse_id, each.path, each.name) for each in shortcuts)


def our_shortcuts(held: Held, with_schemas: bool, item_id: str) -> dict[TableRef, Shortcut]:
    """The shortcuts to a mirrored catalog that stand where we put them, by the table that they lead to."""
    found: dict[TableRef, Shortcut] = {}
    for place, shortcut in held.items():
        target = shortcut.target.one_lake
        if target is None or target.item_id.lower() != item_id.lower():
            continue
        parts = target.path.strip("/").split("/")
        if len(parts) == _DEPTH and key_of((ref := TableRef(*parts[1:])).shortcut(with_schemas)) == place:
            found[ref] = shortcut
    return found


def key_of(place: ShortcutPlace) -> tuple[str, str]:
    """A place as the shortcuts' own ``place`` says it."""
    return place.path.strip("/"), place.name


async def read_house(
    context: Context, whose: Household, workspace_id: str, lakehouse: Lakehouse, item_id: str | None
) -> House:
    """All that it holds. ``item_id`` is the mirrored catalog's that our shortcuts lead to."""
    held = await held_shortcuts(context, workspace_id, lakehouse)
    mine = tuple(our_shortcuts(held, lakehouse.has_schemas, item_id).values()) if item_id else ()
    places = {each.place for each in mine}
    foreign = {"/".join(place) for place in held if place not in places}
    contents = await _contents(context, workspace_id, lakehouse)
    foreign |= {path for path in contents if path not in {"/".join(place) for place in places}}
    return House(workspace_id, lakehouse, whose.owns(lakehouse), mine, tuple(sorted(foreign)))


async def _contents(context: Context, workspace_id: str, lakehouse: Lakehouse) -> set[str]:
    """Tables and files by path; schemas aren't among them, because empty ones come with a lakehouse."""
    tables = await _listed(context, workspace_id, lakehouse.id, "Tables")
    files = await _listed(context, workspace_id, lakehouse.id, "Files")
    if lakehouse.has_schemas:
        below = await side_by_side(_listed(context, workspace_id, lakehouse.id, schema) for schema in tables)
        tables = [path for paths in below for path in paths]
    return {*tables, *files}


async def _listed(context: Context, workspace_id: str, item_id: str, path: str) -> list[str]:
    found: list[str] = []
    with suppress(NotFound):
        entries = await context.clients.onelake.list_paths(workspace_id, item_id, path)
        found = [f"{path}/{entry.name.rsplit('/', 1)[-1]}" for entry in entries]
    return found
