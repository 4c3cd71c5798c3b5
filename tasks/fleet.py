"""A fleet's catalogs in one run: they share clients, the budget of calls, and what all of them read."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prefect import get_run_logger

from blocks import UnityMirrorClouds, named_secrets
from tasks.lease import CatalogBusy, catalog_lease
from tasks.options import explain, remedy_of, step_task
from tasks.session import connect_clouds
from tasks.steps import STEP_TASKS
from unity_mirror.clouds import Clouds
from unity_mirror.errors import SpecError, SpecProblem, UnexpectedError
from unity_mirror.plan.model import Check, Outcome, StepName
from unity_mirror.plan.render_markdown import counts_text, done_text, failed_checks_text, remedy_text
from unity_mirror.redaction import Redactor
from unity_mirror.spec import CatalogSpec, FleetSpec, Member, load_any
from unity_mirror.steps.context import Context, Reads
from unity_mirror.steps.fleet import CatalogRun, apply_fleet, plan_fleet, resolve, verify_fleet

Ending = Literal["in order", "drifted", "repaired", "failed", "busy"]


@dataclass(frozen=True, slots=True)
class CatalogOutcome:
    """How one catalog of the fleet came out, in words for people."""

    catalog: str
    ending: Ending
    changes: int
    what: str
    remedy: str = ""
    step: str = ""

    @property
    def row(self) -> dict[str, str]:
        """For the summary."""
        return {"Catalog": self.catalog, "Outcome": self.ending, "Changes": str(self.changes), "What": self.what}


class FleetSession:
    """One run over a fleet. Not a dataclass, as ``Session`` isn't: Prefect would walk through what it holds."""

    def __init__(self, clouds: Clouds, fleet: FleetSpec) -> None:
        self._clouds = clouds
        self._secrets = clouds.secrets
        self.fleet = fleet
        self.members: tuple[Member, ...] = ()
        self.runs: list[CatalogRun] = []

    @property
    def redactor(self) -> Redactor:
        """Takes the secrets out of texts."""
        return self._secrets.redactor

    def __repr__(self) -> str:
        return f"FleetSession({len(self.members)} catalogs)"

    async def look(self) -> None:
        """Find the fleet's catalogs, and the secrets that their specs name in Prefect blocks."""
        self.members = await resolve(self.fleet, self._clouds.clients)
        found: dict[str, str] = {}
        for member in self.members:
            found |= await named_secrets(member.spec) if member.spec else {}
        self._secrets = self._clouds.secrets.with_blocks(found)

    async def metastore_id(self) -> str:
        """The metastore of the Databricks workspace through which the fleet is discovered, or of its first catalog."""
        first = next((each.spec.databricks.workspace for each in self.members if each.spec), "")
        workspace = self.fleet.databricks_workspace or first
        return (await self._clouds.clients.unity_catalog(workspace).metastore_summary()).metastore_id

    async def make_plans(self) -> None:
        """Plan every catalog. What one of them fails of stays with it."""
        self.runs = await plan_fleet(self.members, self._context)

    def _context(self, spec: CatalogSpec, reads: Reads) -> Context:
        deadline = self._clouds.settings.timeouts.operation
        return Context(spec, self._clouds.clients, self._secrets, deadline_seconds=deadline, reads=reads)


class Turn:
    """One catalog's turn in a fleet's run."""

    def __init__(self, session: FleetSession, run: CatalogRun, *, repair: bool) -> None:
        self.session, self.run, self.repair = session, run, repair
        self.redactor = session.redactor
        self.outcome: CatalogOutcome | None = None

    @property
    def writes(self) -> bool:
        """Whether there is something to repair, and it is for this turn to do so."""
        return self.repair and not self.run.failed and self.run.pending > 0

    async def take(self) -> CatalogOutcome:
        """Repair the catalog, or only say what is different; it never raises what is the catalog's own trouble."""
        self.outcome = await self._outcome()
        return self.outcome

    def broken_off(self, message: str = "") -> CatalogOutcome:
        """Failed: its task ended early, as the message says."""
        self.outcome = CatalogOutcome(self.run.name, "failed", 0, message or "its task ended early: see its log")
        return self.outcome

    async def _outcome(self) -> CatalogOutcome:
        if self.run.failed or not self.run.pending:
            return self._described(await self._verified())
        if not self.writes:
            return self._described(self.run)
        try:
            async with catalog_lease(self.run.name, wait_seconds=0):
                (run,) = await apply_fleet([self.run])
        except CatalogBusy as busy:
            return CatalogOutcome(self.run.name, "busy", self.run.pending, busy.message)
        return self._described(run)

    async def _verified(self) -> CatalogRun:
        if self.run.failed:
            return self.run
        (run,) = await verify_fleet([self.run])
        return run

    def _described(self, run: CatalogRun) -> CatalogOutcome:
        changes = run.planned.plan.changes if run.planned else ()
        if run.error is not None:
            if isinstance(run.error, UnexpectedError):
                get_run_logger().error("%s\n%s", run.error.message, run.error.trace)
            what = self.redactor.redact(explain(run.error))
            return CatalogOutcome(run.name, "failed", len(changes), what, remedy_of(run.error))
        broken = self._broken(run)
        if broken:
            remedies = "\n".join(remedy_text(check.remedy) for check in broken if check.remedy)
            step = StepName.PREREQUISITES if run.planned and run.planned.plan.blockers else StepName.VERIFICATION
            return CatalogOutcome(
                run.name, "failed", len(changes), failed_checks_text(broken), remedies, STEP_TASKS[step].name
            )
        if not changes:
            return CatalogOutcome(run.name, "in order", 0, "nothing to do")
        if run.result is not None:
            return CatalogOutcome(run.name, "repaired", len(changes), done_text(changes))
        counts = counts_text(run.planned.plan.counts()) if run.planned else ""
        names = ", ".join(f"{change.action} {change.kind} {change.name}" for change in changes[:5])
        return CatalogOutcome(run.name, "drifted", len(changes), f"{counts}: {names}")

    def _broken(self, run: CatalogRun) -> list[Check]:
        blockers = run.planned.plan.blockers if run.planned else ()
        checks = run.verification.checks if run.verification else ()
        return [*blockers, *(check for check in checks if check.outcome is Outcome.FAILED)]


@step_task("Find the fleet's catalogs", minutes=30)
async def find_catalogs(session: FleetSession) -> str:
    """Those that the spec lists, and those of the metastore that it takes in by pattern and tag."""
    await session.look()
    wrong = sum(member.spec is None for member in session.members)
    return f"{len(session.members)} catalogs" + (f", {wrong} without a usable spec" if wrong else "")


@step_task("Plan every catalog", minutes=240)
async def plan_catalogs(session: FleetSession) -> str:
    """Read the clouds and compute each catalog's difference to its spec."""
    await session.make_plans()
    pending = sum(run.pending for run in session.runs)
    return f"{len(session.runs)} catalogs; {pending} changes pending; {sum(run.failed for run in session.runs)} failed"


@step_task("Reconcile one catalog", minutes=240, writes_to={"fabric"})
async def reconcile_catalog(turn: Turn) -> str:
    """Repair the catalog, or report what is different."""
    outcome = await turn.take()
    return f"{outcome.catalog} {outcome.ending}: {outcome.what}"


@asynccontextmanager
async def open_fleet(block: UnityMirrorClouds | None, file: str) -> AsyncIterator[FleetSession]:
    """The fleet of a file over connected clouds. Raises SpecError when the file holds none."""
    fleet = load_fleet(file)
    async with connect_clouds(block, ()) as clouds:
        yield FleetSession(clouds, fleet)


def load_fleet(file: str) -> FleetSpec:
    """Read a fleet's spec. Raises SpecError when it can't be read or describes a single catalog."""
    fleet = load_any(Path(file), environ=os.environ)
    if not isinstance(fleet, FleetSpec):
        hint = "name a spec with kind: fleet, or run onboard-catalog for a single catalog"
        raise SpecError([SpecProblem("kind", "this spec describes one catalog, not a fleet", hint)], where=file)
    return fleet


def outcomes_of(turns: Sequence[Turn]) -> list[CatalogOutcome]:
    """How all of them came out."""
    return [turn.outcome or turn.broken_off() for turn in turns]
