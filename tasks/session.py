"""One catalog's run: the clouds it talks to, what was planned, and what became of each step."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from prefect import get_run_logger

from blocks import UnityMirrorClouds, named_secrets
from tasks.progress import progress_artifact
from unity_mirror.clouds import Clouds, connect
from unity_mirror.credentials import SecretResolver
from unity_mirror.errors import UnityMirrorError
from unity_mirror.plan.model import STAGES, Plan, StepName, StepPlan
from unity_mirror.plan.render_markdown import StepOutcome
from unity_mirror.redaction import Redactor
from unity_mirror.settings import Settings
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps.context import Context, Known
from unity_mirror.steps.runner import (
    Planned,
    StepResult,
    after_failure,
    make_plan,
    require_prerequisites,
    run_step,
)
from unity_mirror.steps.verification import verify

_SECRET_NAMES = ("SECRET", "TOKEN", "PASSWORD", "SAS", "PAT", "API_KEY", "AUTH_STRING")


class Session:
    """What the tasks of one catalog share.

    Not a dataclass on purpose: Prefect walks through the fields of dataclasses, models and collections among a task's
    arguments, and what is in here is large, belongs to no other process and may reach secrets. It passes any other
    object on as it is.
    """

    def __init__(self, context: Context, redactor: Redactor) -> None:
        self._context = context
        self.redactor = redactor
        self._planned: Planned | None = None
        self._results: dict[StepName, StepResult] = {}
        self._failures: dict[StepName, UnityMirrorError] = {}
        self._verified: StepOutcome | None = None

    def __repr__(self) -> str:
        return f"Session({self.spec.catalog!r})"

    @property
    def spec(self) -> CatalogSpec:
        """The catalog's spec."""
        return self._context.spec

    @property
    def planned(self) -> Planned:
        """The plan. Raises RuntimeError before it is made."""
        if self._planned is None:
            raise RuntimeError("there is no plan yet")
        return self._planned

    @property
    def plan(self) -> Plan | None:
        """The plan; None before it is made."""
        return self._planned.plan if self._planned else None

    @property
    def known(self) -> Known:
        """What the plan and the steps so far found out."""
        planned = self._planned.known if self._planned else Known()
        return planned.learn(result.done.facts for result in self._results.values())

    @property
    def outcomes(self) -> tuple[StepOutcome, ...]:
        """What became of each step so far, in the steps' order."""
        done = [self._results[name] for stage in STAGES for name in stage if name in self._results]
        outcomes = [_outcome(each) for each in done]
        return (*outcomes, *([self._verified] if self._verified else []))

    @property
    def verification(self) -> StepPlan | None:
        """What the verification found; None before it was made."""
        return self._verified.plan if self._verified else None

    async def make_plan(self) -> Plan:
        """Plan all steps. Writes nothing."""
        self._planned = await make_plan(self._context)
        return self._planned.plan

    def require_prerequisites(self) -> None:
        """Raise PrerequisiteFailed when something of the whole catalog is missing."""
        require_prerequisites(self.planned.plan)

    async def apply(self, name: StepName) -> StepOutcome:
        """Apply one step's part of the plan. Those of the stages before it must have been applied."""
        try:
            result = await run_step(self._reporting(name), name, self._known_before(name), self.planned)
        except UnityMirrorError as error:
            self._failures[name] = error
            raise
        self._failures.pop(name, None)
        self._results[name] = result
        return _outcome(result)

    async def after_failure(self, error: UnityMirrorError) -> str:
        """Do what the spec asks for when a run fails that had begun to apply its plan; returns what to tell of it.

        A step's own failure counts before ``error``, which tells of it.
        """
        if not (self._results or self._failures):
            return ""
        own = next(iter(self._failures.values()), error)
        return await after_failure(self._context, self.planned, own)

    async def verify(self) -> StepPlan:
        """Look whether what was made works. Writes nothing."""
        name, clock = StepName.VERIFICATION, self._context.clients.clock
        start = clock.monotonic()
        found = await verify(self._reporting(name), self._known_before(name))
        self._verified = StepOutcome(found, seconds=clock.monotonic() - start)
        return found

    def _reporting(self, name: StepName) -> Context:
        return replace(self._context, progress=progress_artifact(name.label, self._context.clients.clock))

    def _known_before(self, name: StepName) -> Known:
        """What the stages before this step's found. Steps of one stage know nothing of each other."""
        known = Known()
        for stage in STAGES:
            if name in stage:
                break
            known = known.learn(self._results[each].done.facts for each in stage)
        return known


@asynccontextmanager
async def connect_clouds(block: UnityMirrorClouds | None, specs: Sequence[CatalogSpec]) -> AsyncIterator[Clouds]:
    """Clients of all clouds for one flow run, over one limiter and one token cache, however many catalogs it has.

    Without a block the environment says which clouds they are: by naming a block in UNITY_MIRROR_CLOUDS_BLOCK, or as on
    the command line. The secrets of the specs' Prefect blocks are read here. What goes wrong in the block without being
    foreseen leaves it as UnexpectedError, and is in the log; both without secrets.
    """
    redactor = Redactor(environment_secrets(os.environ))
    try:
        settings = await _settings(block, redactor)
        found: dict[str, str] = {}
        for spec in specs:
            found |= await named_secrets(spec)
        async with connect(settings, secrets=SecretResolver(settings.environ, found, redactor)) as clouds:
            yield clouds
    except UnityMirrorError:
        raise
    except Exception as error:  # noqa: BLE001  (told without secrets)
        told = redactor.unexpected(error)
        get_run_logger().error("%s\n%s", told.message, told.trace)
        raise told from None


async def _settings(block: UnityMirrorClouds | None, redactor: Redactor) -> Settings:
    if block is None and (name := os.environ.get("UNITY_MIRROR_CLOUDS_BLOCK")):
        block = await UnityMirrorClouds.aload(name)
    settings = block.settings(os.environ) if block else Settings.from_environment(os.environ)
    redactor.learn(*settings.sign_in.secrets)
    return settings


def environment_secrets(environ: Mapping[str, str]) -> list[str]:
    """What the environment holds under names that secrets have; what a spec names is learnt when it is looked up."""
    return [value for name, value in environ.items() if name.upper().endswith(_SECRET_NAMES)]


def open_session(clouds: Clouds, spec: CatalogSpec, *, prune: bool = False) -> Session:
    """One catalog's session over clouds that are connected."""
    deadline = clouds.settings.timeouts.operation
    context = Context(spec, clouds.clients, clouds.secrets, deadline_seconds=deadline, prune=prune)
    return Session(context, clouds.secrets.redactor)


def _outcome(result: StepResult) -> StepOutcome:
    done = result.done
    return StepOutcome(result.plan, done.left_out, done.notes, result.seconds, done.tables)
