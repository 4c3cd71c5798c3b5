"""What a step is given, and what the steps tell each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from unity_mirror.clients import Clients
from unity_mirror.models.arm import StorageAccount
from unity_mirror.models.fabric import Gateway, Workspace
from unity_mirror.models.items import SqlEndpointProperties
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import MetastoreSummary, Table
from unity_mirror.plan.model import AfterApply, DataTable, LeftOut, StepName, StepPlan
from unity_mirror.plan.ownership import Memory
from unity_mirror.plan.selection import SchemaView, Selection
from unity_mirror.redaction import Redactor
from unity_mirror.spec import BlockSecret, CatalogSpec, EnvSecret

T = TypeVar("T")


class Secrets(Protocol):
    """Where secrets come from, and what takes them out of texts."""

    redactor: Redactor

    def resolve(self, ref: EnvSecret | BlockSecret) -> str:
        """The secret's value. Raises ``CredentialError`` when there is none."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the prerequisites found: the places, and the tables to mirror."""

    workspace: Workspace
    metastore: MetastoreSummary
    schemas: tuple[SchemaView, ...]
    selection: Selection
    principal: str | None
    storage_account: StorageAccount | None = None
    storage_reachable: bool = True
    gateway: Gateway | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known so far in this run. A value that only applying tells is an :class:`AfterApply`."""

    survey: Survey | None = None
    storage_principal: str | AfterApply | None = None
    databricks_connection: str | AfterApply | None = None
    storage_connection: str | AfterApply | None = None
    made_storage_connection: bool = False
    """Whether this run made it; else it was there."""
    item: str | AfterApply | None = None
    sql_endpoint: str | AfterApply | None = None
    mirrored: tuple[TableRef, ...] = ()
    endpoint: SqlEndpointProperties | None = None
    """The SQL endpoint as the sync left it; ``None`` until then, and while it is still to come."""
    mirror_changes: bool = False
    synced: bool = False
    """Whether those changes have been made, so that OneLake shows just what is ``mirrored``."""
    lakehouse: str | AfterApply | None = None
    lakehouse_workspace: str | None = None
    shortcuts: tuple[TableRef, ...] = ()
    semantic_model: str | AfterApply | None = None
    made: frozenset[Memory] = frozenset()
    rights_changed: bool = False
    """Whether this run gave rights or opened a firewall, which takes a while to be known everywhere."""

    @property
    def surveyed(self) -> Survey:
        """The survey. Only steps after the prerequisites may ask."""
        if self.survey is None:
            raise RuntimeError("the prerequisites have not been looked at yet")
        return self.survey

    def learn(self, findings: Iterable[Mapping[str, Any]]) -> Known:
        """This, with the findings of the steps of one stage; what they made adds up."""
        known = self
        for found in findings:
            made = known.made | found.get("made", frozenset())
            known = replace(known, **{**found, "made": made})
        return known


@dataclass(frozen=True, slots=True)
class Found:
    """A step's part of the plan, what it found for later steps, and what it needs again to apply (``work``)."""

    plan: StepPlan
    facts: Mapping[str, Any] = field(default_factory=dict)
    work: Any = None


@dataclass(frozen=True, slots=True)
class Done:
    """What applying a step brought: facts for later steps, and what did not come out as planned."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    tables: tuple[DataTable, ...] = ()


class Progress(Protocol):
    """Hears how far a long step has got."""

    async def __call__(self, done: int, total: int, what: str) -> None:
        """``done`` of ``total`` things named ``what`` are through; with 0 of 0, ``what`` is waited for, and nobody
        tells how much of it is done."""


async def no_progress(done: int, total: int, what: str) -> None:
    """Listens to nothing."""
    del done, total, what


AtWork = Callable[[StepName], AbstractAsyncContextManager[None]]
"""Is entered for as long as a step applies its changes."""


def unwatched(name: StepName) -> AbstractAsyncContextManager[None]:
    """Nobody watches."""
    del name
    return nullcontext()


SHARED_READS = frozenset(
    {
        "capacities", "connection types", "connections", "gateways", "items", "metastore", "mirrored catalogs",
        "role assignments", "semantic models", "storage account", "workspace", "workspace roles", "workspaces",
    }
)  # fmt: skip
"""What reads that don't belong to one catalog begin their key with."""
LASTING_READS = frozenset({"capacities", "connection types", "policies before creation"})
"""What a step about to write doesn't read again: nobody is overwritten, and nothing let in, by its being old."""


class Reads:
    """Reads that steps and catalogs share are made once, however many ask and when.

    ``among`` is given to the catalogs of one fleet: what isn't one catalog's own is read once for all of them.
    """

    def __init__(self, among: Reads | None = None) -> None:
        self._running: dict[tuple[Any, ...], asyncio.Task[Any]] = {}
        self._among = among
        self.writing: asyncio.Lock = among.writing if among is not None else asyncio.Lock()
        """Held while something is written that several catalogs share, such as an account's network rules."""

    async def once(self, key: tuple[Any, ...], read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What ``read`` answers, asked at most once for each key."""
        if self._among is not None and key[0] in SHARED_READS:
            return await self._among.once(key, read)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(read())
            task.add_done_callback(_seen)
        try:
            result: T = await asyncio.shield(task)
        except Exception:
            self._running.pop(key, None)
            raise
        return result

    async def stop(self) -> None:
        """Ends reads that nobody waits for any more, after a failure, so that none outlives its connection."""
        left = [task for task in self._running.values() if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self._running = {key: task for key, task in self._running.items() if not task.cancelled()}

    def renew(self) -> None:
        """Lets be read anew what has to be as it is now when something is written (see ``LASTING_READS``)."""
        self._running = {key: task for key, task in self._running.items() if key[0] in LASTING_READS}
        if self._among is not None:
            self._among.renew()

    def forget(self, *keys: tuple[Any, ...]) -> None:
        """Lets these be read anew; without keys, everything."""
        for key in keys or tuple(self._running):
            self._running.pop(key, None)
        if self._among is not None:
            self._among.forget(*keys)


def _seen(task: asyncio.Task[Any]) -> None:
    """Takes note of a failure: whoever asked may be cancelled by then, and asyncio would print a traceback."""
    if not task.cancelled():
        task.exception()


@dataclass(frozen=True, slots=True)
class Context:
    """One catalog's run: the spec, the clouds, and how the steps shall behave."""

    spec: CatalogSpec
    clients: Clients
    secrets: Secrets
    deadline_seconds: float = 1800.0
    prune: bool = False
    reads: Reads = field(default_factory=Reads)
    delta_logs: Reads = field(default_factory=Reads)
    """Apart from the other reads, because nothing that we apply changes a table's log: each is read once in a run."""
    progress: Progress = no_progress
    at_work: AtWork = unwatched


class Step(Protocol):
    """One step."""

    @property
    def name(self) -> StepName:
        """Which one."""

    async def plan(self, context: Context, known: Known) -> Found:
        """Reads the clouds and says what is to be done; writes nothing."""

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Does what ``found.plan`` says, and nothing else."""


class Together:
    """Tasks that run side by side.

    When one fails, the others get a moment to end by themselves, because a request cut off while it connects leaves its
    socket behind; then they are cancelled, and the first failure is raised as it is.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def create_task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts a task; its ``result()`` is there once the group's block has ended."""
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    async def finish(self) -> None:
        """Waits for all of them. Raises what the first one that failed raised."""
        if not self._tasks:
            return
        try:
            _, others = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
            if others:
                await asyncio.wait(others, timeout=_GRACE_SECONDS)
        finally:
            await self.cancel()
        for task in self._tasks:
            if not task.cancelled():
                task.result()

    async def cancel(self) -> None:
        """Ends what still runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


_GRACE_SECONDS = 1.0


@asynccontextmanager
async def together() -> AsyncIterator[Together]:
    """A group of tasks, all of which have ended when the block has."""
    group = Together()
    try:
        yield group
    except BaseException:
        await group.cancel()
        raise
    await group.finish()


async def side_by_side(reads: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Runs all together; the first failure cancels the rest and is raised as it is.

    At most ``AT_ONCE`` are begun: what waits for its turn holds all that it has built up for its call, and with a read
    for each of ten thousand tables that is memory for nothing.
    """
    waiting = list(reads)
    found: dict[int, T] = {}
    turn = iter(range(len(waiting)))

    async def work() -> None:
        for place in turn:
            found[place] = await waiting[place]

    try:
        async with together() as group:
            for _ in range(min(AT_ONCE, len(waiting))):
                group.create_task(work())
    finally:
        for place in turn:
            waiting[place].close()
    return [found[place] for place in range(len(waiting))]


AT_ONCE = 1_000
"""Far more than are sent at once to any service."""


def tables_of(known: Known, refs: Iterable[TableRef]) -> tuple[Table, ...]:
    """The surveyed tables with these names, in order."""
    by_ref = {table.ref: table for view in known.surveyed.schemas for table in view.tables}
    return tuple(by_ref[ref] for ref in sorted(refs) if ref in by_ref)
