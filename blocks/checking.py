"""Trying a block out: sign in with it and ask each API something small. Nothing is written, and no secret is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from unity_mirror.clients.bundle import Clients
from unity_mirror.errors import UnityMirrorError
from unity_mirror.models.items import Item

Outcome = Literal["works", "failed", "not asked"]
_WORKSPACES = 5
"""In so many workspaces something is looked for that OneLake and Power BI can be asked about."""
_IN_ONELAKE = ("Lakehouse", "MirroredAzureDatabricksCatalog")
_MODEL = "SemanticModel"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one API said: in ``what``, what it shows us, or why it doesn't and what to do."""

    api: str
    outcome: Outcome
    what: str

    @property
    def row(self) -> dict[str, str]:
        """For a table."""
        return {"API": self.api, "Outcome": self.outcome, "What": self.what}


@dataclass(frozen=True, slots=True)
class Checked:
    """How a block was found. ``str()`` is a line for each API."""

    answers: tuple[Answer, ...]

    @property
    def ok(self) -> bool:
        """Whether all that was asked works."""
        return all(answer.outcome != "failed" for answer in self.answers)

    def __str__(self) -> str:
        return "\n".join(f"{answer.api}: {answer.outcome}: {answer.what}" for answer in self.answers)


async def check_clouds(clients: Clients, databricks_workspace: str | None, storage_account: str | None) -> Checked:
    """Ask each API. Where signing in fails, the others aren't asked: they would all say the same."""
    signed_in = await _asked("Entra ID", lambda: _who(clients))
    if signed_in.outcome == "failed":
        return Checked((signed_in,))
    return Checked((signed_in, *[answer async for answer in _answers(clients, databricks_workspace, storage_account)]))


async def _answers(
    clients: Clients, databricks_workspace: str | None, storage_account: str | None
) -> AsyncIterator[Answer]:
    fabric = await _asked("Fabric", lambda: _workspaces(clients))
    yield fabric
    items = await _items(clients) if fabric.outcome == "works" else ()
    lake = next((item for item in items if item.type in _IN_ONELAKE), None)
    model = next((item for item in items if item.type == _MODEL), None)
    nothing = f"nothing of its kind in the first {_WORKSPACES} workspaces"
    yield await _asked("OneLake", lambda: _folders(clients, lake)) if lake else _left("OneLake", nothing)
    yield await _asked("Power BI", lambda: _refreshes(clients, model)) if model else _left("Power BI", nothing)
    yield (
        await _asked("Databricks", lambda: _metastore(clients, databricks_workspace))
        if databricks_workspace
        else _left("Databricks", "no Databricks workspace was given")
    )
    yield (
        await _asked("Azure Resource Manager", lambda: _rights(clients, storage_account))
        if storage_account
        else _left("Azure Resource Manager", "no storage account was given")
    )


async def _asked(api: str, ask: Callable[[], Awaitable[str]]) -> Answer:
    try:
        return Answer(api, "works", await ask())
    except UnityMirrorError as error:
        return Answer(api, "failed", str(error))


def _left(api: str, why: str) -> Answer:
    return Answer(api, "not asked", why)


async def _who(clients: Clients) -> str:
    identity = await clients.whoami()
    return f"signed in as application {identity.app_id}, object id {identity.object_id}, tenant {identity.tenant_id}"


async def _workspaces(clients: Clients) -> str:
    return f"{len(await clients.fabric.workspaces.list())} workspaces"


async def _items(clients: Clients) -> tuple[Item, ...]:
    """Items of the first workspaces that show us theirs."""
    found: list[Item] = []
    for workspace in (await clients.fabric.workspaces.list())[:_WORKSPACES]:
        try:
            items = await clients.fabric.items.list(workspace.id)
        except UnityMirrorError:
            continue
        found += [item.model_copy(update={"workspace_id": workspace.id}) for item in items]
    return tuple(found)


async def _folders(clients: Clients, item: Item) -> str:
    paths = await clients.onelake.list_paths(item.workspace_id, item.id, "Tables")
    return f"{item.type} {item.display_name} shows {len(paths)} of its tables' folders"


async def _refreshes(clients: Clients, item: Item) -> str:
    refreshes = await clients.powerbi.refreshes(item.workspace_id, item.id)
    return f"semantic model {item.display_name} shows {len(refreshes)} of its refreshes"


async def _metastore(clients: Clients, workspace: str) -> str:
    metastore = await clients.unity_catalog(workspace).metastore_summary()
    return f"metastore {metastore.name} ({metastore.metastore_id})"


async def _rights(clients: Clients, storage_account: str) -> str:
    account = await clients.arm.storage_account(storage_account)
    return f"storage account {account.name} in {account.location}"
