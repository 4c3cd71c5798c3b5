"""Looks for catalogs that are new in Unity Catalog, and tells of each by an event."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.announcing import Known, announce, read_known, remember
from flows.outcomes import Stopped, failed, finished, tell_ending
from flows.parameters import CloudsBlock, FleetFile
from tasks.fleet import FleetSession, find_catalogs, open_fleet
from tasks.options import explain
from unity_mirror.errors import SpecError, UnityMirrorError
from unity_mirror.spec import Member


@flow(
    name="watch-metastore",
    flow_run_name="watch for new catalogs of {fleet}",
    description="Look for catalogs that are new in Unity Catalog and belong to the fleet; tell of each by an event.",
    persist_result=False,
    on_failure=[tell_ending],
    on_crashed=[tell_ending],
    on_cancellation=[tell_ending],
)
async def watch_metastore(fleet: FleetFile, clouds: CloudsBlock = None) -> State[Any]:
    """Compare the catalogs of the metastore with those that were told of. Writes nothing to any cloud.

    Args:
        fleet: The fleet's spec: a file, from the repository's root on the worker.
        clouds: Block that says which clouds, and who signs in. Left out: the worker's environment says so.
    """
    try:
        async with open_fleet(clouds, fleet) as session:
            await finished(find_catalogs, session)
            return await _tell(session)
    except UnityMirrorError as error:
        return failed(error)


async def _tell(session: FleetSession) -> State[Any]:
    metastore_id = await session.metastore_id()
    known = await read_known(metastore_id)
    names = {member.name for member in session.members if not _is_gone(member)}
    there = {name for name, each in known.items() if each.there}
    specs = [each.spec for each in session.members if each.spec is not None and each.name not in there]
    await announce(metastore_id, specs, known)
    await remember(metastore_id, [Known(name, known[name].times, there=False) for name in there - names])
    wrong = [member for member in session.members if member.error is not None]
    told = f"{len(specs)} new: {', '.join(spec.catalog for spec in specs)}" if specs else "no new catalog"
    message = f"{len(names)} catalogs, {told}"
    if wrong:
        problems = "\n".join(explain(each.error) for each in wrong if each.error)
        remedy = "Correct the fleet's spec."
        return failed(Stopped(f"{message}; {len(wrong)} have no usable spec:\n{problems}", remedy=remedy))
    return Completed(message=message)


def _is_gone(member: Member) -> bool:
    """Whether all that is left of a catalog is its override in the fleet's spec."""
    problems = member.error.problems if isinstance(member.error, SpecError) else ()
    return any(each.path == f"overrides.{member.name}" for each in problems)
