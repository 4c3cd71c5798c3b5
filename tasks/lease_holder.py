"""Who holds a catalog's lease. Prefect's API doesn't tell, so each holder writes it down in a variable of Prefect's.

It matters after a crash: the next run need not wait for the lease's end when the holder is known to have ended.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run

from tasks.variables import set_variable

TAG = "unity-mirror-lease"
NEVER_BEGAN = "No sign of life: a worker took it, and it never began."
LOST = "No sign of life: its process or its machine is gone."
"""Message of a run that is only taken for dead since its heartbeats stay away. It may live on, cut off from Prefect's
server, until it finds that it can't renew its lease: so nobody may take the lease from it before that is over."""


def variable_name(limit: str) -> str:
    """Of the variable that tells who holds a concurrency limit's lease."""
    return "unity_mirror_lease_" + "".join(letter if letter.isalnum() else "_" for letter in limit.lower())[-60:]


async def write_down(client: PrefectClient, limit: str, lease: UUID) -> None:
    """Note that this run holds the limit's lease. Outside a flow run there is nobody to note."""
    if flow_run.id is None:
        return
    value = {"limit": limit, "lease": str(lease), "run": str(flow_run.id)}
    await set_variable(client, variable_name(limit), value, [TAG])


async def forget(client: PrefectClient, limit: str) -> None:
    """This run gives the lease back. To be called before it does, so that it doesn't forget the next holder."""
    if flow_run.id is not None:
        with suppress(ObjectNotFound):
            await client.delete_variable_by_name(variable_name(limit))


async def noted_run(client: PrefectClient, limit: str) -> FlowRun | None:
    """The run that has noted that it holds the limit's lease."""
    noted = await client.read_variable_by_name(variable_name(limit))
    if noted is None or not isinstance(noted.value, dict):
        return None
    return await _read(client, UUID(str(noted.value["run"])))


async def free_after_a_crash(client: PrefectClient, limit: str) -> bool:
    """Give back the lease of a holder that has ended; tells whether there was one.

    Of several that wait, the one that deletes the note does it: giving a lease back twice would let two in.
    """
    noted = await client.read_variable_by_name(variable_name(limit))
    if noted is None or not isinstance(noted.value, dict):
        return False
    if not _has_ended(await _read(client, UUID(str(noted.value["run"])))):
        return False
    try:
        await client.delete_variable_by_name(noted.name)
    except ObjectNotFound:
        return False
    await client.release_concurrency_slots_with_lease(UUID(str(noted.value["lease"])))
    return True


async def _read(client: PrefectClient, run_id: UUID) -> FlowRun | None:
    with suppress(ObjectNotFound):
        return await client.read_flow_run(run_id)
    return None


def _has_ended(run: FlowRun | None) -> bool:
    """Whether a run's process has ended, as it or its worker has said. Of a run that was deleted nobody knows."""
    state = run.state if run else None
    return state is not None and state.is_final() and state.message != LOST
