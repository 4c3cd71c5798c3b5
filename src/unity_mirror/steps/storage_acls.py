"""The ACLs that let a principal read a folder: read path by path, judged before anything is written, written guarded.

The folder's own entry is written last: where it stands, the tree below is done, so that an interrupted run is continued
(what holds the entry is skipped). Whether others took entries out below since is looked for within bounds: a listing of
at most ``LISTED`` paths tells which have no named entry at all, and of the others at most ``ASKED`` lists are read,
folders first and from the top. So a plan without changes costs levels + ceil(min(paths, LISTED) / 5000) +
min(paths with named entries, ASKED) calls. Once one has lost its entry, all are looked at.

Below the folder Databricks goes on writing and vacuuming: a path that was listed and is gone by now needs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from unity_mirror.errors import NotFound, PermissionDenied, PreconditionFailed
from unity_mirror.models.storage import AccessControl, AclProgress, PathEntry, StorageUrl
from unity_mirror.plan.acl import READ, TRAVERSE, AclGrant, from_permissions, grant
from unity_mirror.plan.ownership import EVERYTHING_BELOW, Spared
from unity_mirror.steps.context import Context, side_by_side

LISTED = 20_000
ASKED = 100
REMEMBERED = 5
_RACES = 5
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PathGrant:
    """What a path's list is and shall be. ``owned_shut``: the principal owns it, and its owner's entry lacks rights."""

    path: str
    grant: AclGrant
    is_directory: bool = True
    owned_shut: bool = False

    @property
    def fault(self) -> str:
        """Why the list must not be changed, or the change wouldn't help; empty when it may be."""
        if self.owned_shut:
            return "the principal owns it, and the owner's entry, which alone decides then, doesn't let it read"
        if self.grant.gains:
            return f"widening the mask would give others rights: {'; '.join(self.grant.gains)}"
        return "it would hold more than 28 named entries" if self.grant.full else ""


@dataclass(frozen=True, slots=True)
class Subtree:
    """A child of the folder with all below it."""

    root: PathEntry
    grants: tuple[PathGrant, ...]

    @property
    def missing(self) -> tuple[PathGrant, ...]:
        """The paths that lack the entry."""
        return tuple(each for each in self.grants if each.grant.is_needed)


@dataclass(frozen=True, slots=True)
class AclReading:
    """The folders above, the folder itself, and what is below it (read only when the folder lacks the entry).

    Where the folder has it, ``lost`` are the paths below that were looked at and lack it.
    """

    above: tuple[PathGrant, ...]
    folder: PathGrant
    below: tuple[Subtree, ...] = ()
    lost: tuple[PathGrant, ...] = ()

    @property
    def all(self) -> tuple[PathGrant, ...]:
        """Every path that was read."""
        return (*self.above, self.folder, *(each for subtree in self.below for each in subtree.grants), *self.lost)

    def spared(self, place: StorageUrl, principal: str) -> frozenset[Spared]:
        """What below the folder holds an entry of the principal's already, which isn't ours then: by branches that
        hold it throughout and by single paths; all of it where those are too many to be remembered."""
        held = {each.path: _has_own(each, principal) for subtree in self.below for each in subtree.grants}
        partly = {above for path, has in held.items() if not has for above in _and_above(path)}
        whole = {path for path, has in held.items() if has and path not in partly}
        tops = {path for path in whole if path.rpartition("/")[0] not in whole}
        single = {path for path, has in held.items() if has and path in partly}
        where = f"{place.account}/{place.container}"
        found = {Spared.path(f"{where}/{path}", below=True) for path in tops}
        found |= {Spared.path(f"{where}/{path}", below=False) for path in single}
        return frozenset(found if len(found) <= REMEMBERED else {EVERYTHING_BELOW})

    @property
    def faults(self) -> tuple[PathGrant, ...]:
        """The paths that stand in the way."""
        return tuple(each for each in self.all if each.fault)


def _has_own(found: PathGrant, principal: str) -> bool:
    return any(found.grant.before.find("user", principal, default) is not None for default in (False, True))


def _and_above(path: str) -> Iterator[str]:
    """A path and the folders above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


async def read_acls(context: Context, place: StorageUrl, principal: str, *, ours: bool = False) -> AclReading:
    """Reads the lists on the way to a folder and, where the folder's own entry is missing, below it.

    Where it isn't and we gave it (``ours``), what is below is looked at within bounds.

    Raises ``PermissionDenied`` or ``FirewallDenied`` when we may not look.
    """
    paths = (*place.parents(), place.folder)
    *above, folder = await side_by_side(_read_one(context, place, path, principal) for path in paths)
    if folder.grant.is_needed:
        return AclReading(tuple(above), folder, await _read_below(context, place, principal))
    lost = await _look_below(context, place, principal) if ours else ()
    return AclReading(tuple(above), folder, lost=lost)


async def write_acls(context: Context, place: StorageUrl, principal: str, reading: AclReading) -> None:
    """Gives the principal what it lacks: the folders above, what is below, last the folder itself."""
    await side_by_side(
        _write_one(context, place, each.path, principal) for each in reading.above if each.grant.is_needed
    )
    if not reading.folder.grant.is_needed:
        await _write_paths(context, place, principal, reading.lost)
        return
    await _write_below(context, place, principal, reading.below)
    await _write_one(context, place, place.folder, principal)
    known = {subtree.root.name for subtree in reading.below}
    late = [subtree for subtree in await _read_below(context, place, principal, skip=known) if subtree.missing]
    await _write_below(context, place, principal, late)


async def _read_one(
    context: Context, place: StorageUrl, path: str, principal: str, *, is_directory: bool = True
) -> PathGrant:
    held = await context.clients.storage.access_control(place.account, place.container, path)
    return _judged(place, path, held, principal, is_directory)


def _judged(place: StorageUrl, path: str, held: AccessControl, principal: str, is_directory: bool) -> PathGrant:
    permissions, inherited = _wanted(place, path, is_directory)
    found = grant(held.acl, principal, permissions, inherited=inherited)
    owner = held.acl.permissions("user")
    shut = held.owner.lower() == principal.lower() and any(
        letter not in owner for letter in permissions.replace("-", "") if is_directory or letter == "r"
    )
    return PathGrant(path, found, is_directory, shut)


def _wanted(place: StorageUrl, path: str, is_directory: bool) -> tuple[str, bool]:
    """The permissions on a path, and whether they are inherited: pass through above the folder, read within."""
    within = path == place.folder or path.startswith(f"{place.folder}/")
    return (READ, is_directory) if within else (TRAVERSE, False)


async def _read_below(
    context: Context, place: StorageUrl, principal: str, *, skip: frozenset[str] | set[str] = frozenset()
) -> tuple[Subtree, ...]:
    listed = await context.clients.storage.list_paths(place.account, place.container, place.folder, recursive=True)
    depth = place.folder.count("/") + 2
    wanted = [entry for entry in listed if "/".join(entry.name.split("/")[:depth]) not in skip]
    grants: dict[str, list[PathGrant]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        for found in await _read_entries(context, place, part, principal):
            grants.setdefault("/".join(found.path.split("/")[:depth]), []).append(found)
        await context.progress(min(start + _AT_ONCE, len(wanted)), len(wanted), "paths looked at")
    roots = {entry.name: entry for entry in wanted if entry.name in grants}
    return tuple(Subtree(roots[name], tuple(found)) for name, found in grants.items())


async def _look_below(context: Context, place: StorageUrl, principal: str) -> tuple[PathGrant, ...]:
    """The paths that lack the entry: looked for within the bounds, and everywhere once one is found."""
    listed = await context.clients.storage.list_paths(
        place.account, place.container, place.folder, recursive=True, limit=LISTED
    )
    plain = [entry for entry in listed if from_permissions(entry.permissions) is not None]
    named = [entry for entry in listed if from_permissions(entry.permissions) is None]
    named.sort(key=lambda entry: (not entry.is_directory, entry.name.count("/"), entry.name))
    looked = await _read_entries(context, place, (*plain, *named[:ASKED]), principal)
    if not any(each.grant.is_needed for each in looked):
        return ()
    below = await _read_below(context, place, principal)
    return tuple(each for subtree in below for each in subtree.missing)


async def _read_entries(
    context: Context, place: StorageUrl, entries: Iterable[PathEntry], principal: str
) -> list[PathGrant]:
    """Those that are still there."""
    found = await side_by_side(_read_entry(context, place, entry, principal) for entry in entries)
    return [each for each in found if each is not None]


async def _read_entry(context: Context, place: StorageUrl, entry: PathEntry, principal: str) -> PathGrant | None:
    """Where the listing tells the whole list, it isn't asked for. ``None`` for a path that is gone by now."""
    known = from_permissions(entry.permissions)
    if known is None or entry.owner.lower() == principal.lower():
        with suppress(NotFound):
            return await _read_one(context, place, entry.name, principal, is_directory=entry.is_directory)
        return None
    permissions, inherited = _wanted(place, entry.name, entry.is_directory)
    return PathGrant(entry.name, grant(known, principal, permissions, inherited=inherited), entry.is_directory)


async def _write_below(context: Context, place: StorageUrl, principal: str, subtrees: Iterable[Subtree]) -> None:
    todo = [subtree for subtree in subtrees if subtree.missing]
    done = 0

    async def one(subtree: Subtree) -> None:
        nonlocal done
        await _write_subtree(context, place, principal, subtree)
        done += 1
        await context.progress(done, len(todo), "folders")

    await side_by_side(one(subtree) for subtree in todo)


async def _write_subtree(context: Context, place: StorageUrl, principal: str, subtree: Subtree) -> None:
    """Recursively, in few requests, where merging the entry says it all; else path by path with the whole list."""
    if all(each.grant.plain for each in subtree.grants):
        with suppress(NotFound):
            await _modify_recursively(context, place, subtree.root, principal)
        return
    await _write_paths(context, place, principal, subtree.missing)


async def _write_paths(context: Context, place: StorageUrl, principal: str, missing: Sequence[PathGrant]) -> None:
    for start in range(0, len(missing), _AT_ONCE):
        await side_by_side(
            _write_if_there(context, place, each, principal) for each in missing[start : start + _AT_ONCE]
        )


async def _write_if_there(context: Context, place: StorageUrl, found: PathGrant, principal: str) -> None:
    with suppress(NotFound):
        await _write_one(context, place, found.path, principal, is_directory=found.is_directory)


async def _write_one(
    context: Context, place: StorageUrl, path: str, principal: str, *, is_directory: bool = True
) -> None:
    """One path, guarded by its ETag; when someone else was faster it is read and merged again."""
    storage = context.clients.storage
    for attempt in range(_RACES):
        held = await storage.access_control(place.account, place.container, path)
        found = _judged(place, path, held, principal, is_directory)
        if not found.grant.is_needed:
            return
        if found.fault:
            raise PermissionDenied(
                f"the ACL changed since the plan was made, and must not be extended now: {found.fault}",
                where=f"{place.account}/{place.container}/{path}",
                remedy="Make a new plan.",
            )
        try:
            await storage.set_access_control(place.account, place.container, path, found.grant.after, held.etag)
        except PreconditionFailed:
            if attempt == _RACES - 1:
                raise
        else:
            return


async def _modify_recursively(context: Context, place: StorageUrl, child: PathEntry, principal: str) -> None:
    entries = f"user:{principal}:{READ}"
    if child.is_directory:
        entries += f",default:user:{principal}:{READ}"
    failed: list[str] = []
    continuation: str | None = None
    while True:
        progress: AclProgress = await context.clients.storage.modify_acl_recursive(
            place.account, place.container, child.name, entries, continuation
        )
        failed += progress.failed_paths
        continuation = progress.continuation
        if continuation is None:
            break
    if failed:
        raise _incomplete(place, failed)


def _incomplete(place: StorageUrl, failed: Sequence[str]) -> PermissionDenied:
    return PermissionDenied(
        f"{len(failed)} paths could not be given the entry, among them {', '.join(failed[:5])}",
        where=str(place),
        remedy="Run as Storage Blob Data Owner, or have the owner of these paths run the remedy's command.",
    )
