"""What is about to be made is written down before it is made, where people can see it.

Connections, ACL entries, network rules and identities can't carry a mark; the mirrored catalog's description says which
of them are ours. Until there is a mirrored catalog (onboarding), or once there is none any more (offboarding), an empty
variable library in the same workspace says it in its place, so that a run which is killed halfway leaves nothing that
the next one takes for somebody else's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from unity_mirror.errors import AlreadyExists, CloudError, NotFound, SpecError, SpecProblem
from unity_mirror.models.items import Item, MirroredCatalog
from unity_mirror.plan.ownership import Memory, Owner, read_mark, with_mark
from unity_mirror.steps.context import Context

TYPE = "VariableLibrary"
_DATABASES = frozenset({"SQLEndpoint", "Warehouse"})
RECORD = "Record of what was made"
_TEXT = "Kept by unity-mirror while it onboards or offboards a catalog; it goes when that is done."
_NAME_LENGTH = 60


def record_name(owner: Owner) -> str:
    """The variable library's name: derived from the catalog's, with only what such names may hold."""
    readable = re.sub(r"[^A-Za-z0-9_]", "_", owner.catalog)[:_NAME_LENGTH]
    return f"unity_mirror_{readable}_{hashlib.sha256(owner.mark().line().encode()).hexdigest()[:6]}"


async def owner_of(context: Context) -> Owner:
    """Whose mark is ours in this run. Read once: nothing that is applied changes it.

    Where the metastore can't be asked, as when its workspace is gone before the catalog is offboarded, the catalog's
    name alone has to do.
    """
    url = context.spec.databricks.workspace

    async def ask() -> Owner:
        client = context.clients.unity_catalog(url)
        try:
            metastore = await context.reads.once(("metastore", url), client.metastore_summary)
        except CloudError:
            return Owner(context.spec.catalog)
        return Owner(context.spec.catalog, metastore.metastore_id)

    return await context.delta_logs.once(("owner",), ask)


async def list_mirrored(context: Context, workspace_id: str) -> list[MirroredCatalog]:
    """The workspace's mirrored catalogs, read once."""
    key = ("mirrored catalogs", workspace_id)
    return await context.reads.once(key, lambda: context.clients.fabric.mirrored_catalogs.list(workspace_id))


def find_item(owner: Owner, item_name: str, held: Sequence[MirroredCatalog]) -> MirroredCatalog | None:
    """The mirrored catalog of that name, or the one that we gave it to and someone renamed.

    Raises ``SpecError`` where the catalog is mirrored here under a name that the spec doesn't have: by another spec, or
    by this one before it was changed. Nothing tells which, and what the one doesn't want may be all that the other has.
    """
    by_name = next((each for each in held if each.display_name.lower() == item_name.lower()), None)
    if by_name is not None:
        return by_name
    marked = [each for each in held if owner.owns(each.description)]
    renamed = [each for each in marked if owner.named(each.description, item_name)]
    if len(renamed) == 1 or not marked:
        return next(iter(renamed), None)
    message = f"the catalog is mirrored in this workspace already, as {marked[0].display_name!r}"
    hint = "to rename that item, rename it in Fabric first; a second one of the same catalog needs another workspace"
    raise SpecError([SpecProblem("fabric.item_name", message, hint)])


async def list_items(context: Context, workspace_id: str) -> list[Item]:
    """All items of the workspace, read once."""
    return await context.reads.once(_key(workspace_id), lambda: context.clients.fabric.items.list(workspace_id))


async def require_free_database(context: Context, workspace_id: str, name: str, path: str) -> None:
    """Raises ``SpecError`` when another item's SQL analytics endpoint has the name that an item is to be made with: all
    of a workspace are databases of one server. ``path`` is the spec's field."""
    items = await list_items(context, workspace_id)
    if any(each.type in _DATABASES and each.display_name.lower() == name.lower() for each in items):
        message = f"the workspace has a lakehouse, warehouse or mirrored database {name!r} already"
        hint = "give it another name: each has a database of its name at the workspace's SQL server"
        raise SpecError([SpecProblem(path, message, hint)])


async def find_record(context: Context, workspace_id: str) -> Item | None:
    """The catalog's record, if there is one."""
    owner = await owner_of(context)
    marked = [each for each in await list_items(context, workspace_id) if owner.owns(each.description)]
    return next((each for each in marked if each.type == TYPE), None)


async def recorded(context: Context, workspace_id: str) -> frozenset[Memory]:
    """All that the marks of the catalog's items say that we made: its item may be gone, and the others still know.

    What stands here for a mirrored catalog in another workspace tells of that.
    """
    owner = await owner_of(context)
    marked = [each for each in await list_items(context, workspace_id) if owner.owns_on_top(each.description)]
    return frozenset(made for each in marked for made in made_by(each.description))


def _key(workspace_id: str) -> tuple[str, str]:
    return "items", workspace_id


def made_by(description: str | None) -> frozenset[Memory]:
    """What a description says that we made."""
    mark = read_mark(description)
    return mark.made if mark else frozenset()


async def write_ahead(context: Context, workspace_id: str, made: frozenset[Memory]) -> None:
    """Says, before anything is made, that these are ours: on the mirrored catalog if it is, else on a record."""
    owner = await owner_of(context)
    marked = [each for each in await list_mirrored(context, workspace_id) if owner.owns(each.description)]
    if marked:
        await _describe_item(context, workspace_id, marked[0], made)
    else:
        await write_record(context, workspace_id, made)


async def write_record(context: Context, workspace_id: str, made: frozenset[Memory]) -> None:
    """Makes the record, or adds to it."""
    items, owner = context.clients.fabric.items, await owner_of(context)
    record = await find_record(context, workspace_id)
    if record is None:
        try:
            record = await items.create(workspace_id, TYPE, record_name(owner), _text(owner, made))
        except AlreadyExists:
            context.reads.forget(_key(workspace_id))
            record = await find_record(context, workspace_id)
            if record is None:
                raise
        context.reads.forget(_key(workspace_id))
    if not made <= made_by(record.description):
        text = _text(owner, made | made_by(record.description))
        await items.describe(workspace_id, record.id, text)
        context.reads.forget(_key(workspace_id))


async def unsay(context: Context, workspace_id: str, unmade: frozenset[Memory]) -> None:
    """Says no more that these are ours, where ``write_ahead`` said it; a record that tells of nothing goes."""
    owner = await owner_of(context)
    for item in await list_mirrored(context, workspace_id):
        mark = read_mark(item.description)
        if mark is not None and owner.owns(item.description) and mark.made & unmade:
            text = with_mark(item.description, replace(mark, made=mark.made - unmade))
            await context.clients.fabric.mirrored_catalogs.update(workspace_id, item.id, description=text)
    record = await find_record(context, workspace_id)
    left = made_by(record.description) - unmade if record else frozenset[Memory]()
    if record is not None and left:
        await context.clients.fabric.items.describe(workspace_id, record.id, _text(owner, left))
    elif record is not None:
        await remove_record(context, workspace_id)


async def remove_record(context: Context, workspace_id: str) -> None:
    """Deletes the record; none is fine."""
    record = await find_record(context, workspace_id)
    if record is None:
        return
    with suppress(NotFound):
        await context.clients.fabric.items.delete(workspace_id, record.id)
    context.reads.forget(_key(workspace_id))


async def _describe_item(context: Context, workspace_id: str, item: MirroredCatalog, made: frozenset[Memory]) -> None:
    held = made_by(item.description)
    if not made <= held:
        mark = (await owner_of(context)).mark(made | held, context.spec.item_name)
        await context.clients.fabric.mirrored_catalogs.update(
            workspace_id, item.id, description=with_mark(item.description, mark)
        )
        context.reads.forget(("mirrored catalogs", workspace_id))


def _text(owner: Owner, made: frozenset[Memory]) -> str:
    return with_mark(_TEXT, owner.mark(made))
