"""What a plan is made of: checks, changes, what is left out, and the steps in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from unity_mirror.plan.ownership import Made


class StepName(StrEnum):
    """The steps of onboarding one catalog."""

    PREREQUISITES = "prerequisites"
    IDENTITY = "identity"
    STORAGE_ACCESS = "storage_access"
    TRUSTED_ACCESS = "trusted_access"
    CONNECTIONS = "connections"
    MIRROR = "mirror"
    LAKEHOUSE_SHORTCUTS = "lakehouse_shortcuts"
    ACCESS_ROLES = "access_roles"
    SQL_ENDPOINT = "sql_endpoint"
    SEMANTIC_MODEL = "semantic_model"
    VERIFICATION = "verification"

    @property
    def label(self) -> str:
        """The step's name for people."""
        return self.value.replace("_", " ").capitalize().replace("Sql", "SQL")


STAGES: tuple[tuple[StepName, ...], ...] = (
    (StepName.PREREQUISITES,),
    (StepName.IDENTITY,),
    (StepName.STORAGE_ACCESS, StepName.TRUSTED_ACCESS),
    (StepName.CONNECTIONS,),
    (StepName.MIRROR,),
    (StepName.LAKEHOUSE_SHORTCUTS, StepName.ACCESS_ROLES, StepName.SQL_ENDPOINT, StepName.SEMANTIC_MODEL),
    (StepName.VERIFICATION,),
)
"""The steps in order; those of one stage don't depend on each other. A connection is tested when it is made, so rights
and rules come before it."""


@dataclass(frozen=True, slots=True)
class AfterApply:
    """A value that only the named step's work will tell, such as the id of an item to be created."""

    step: StepName
    field: str

    def __str__(self) -> str:
        return "(known after apply)"


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Outcome(StrEnum):
    """What a check found. Unknown means that we could not look; it isn't passed."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ScopeKind(StrEnum):
    """How much a failed check concerns: everything, or a part that is left out while the rest goes on."""

    CATALOG = "catalog"
    SCHEMA = "schema"
    TABLE = "table"


class Reason(StrEnum):
    """Why a schema or table is left out."""

    FILTERED = "filtered by the spec"
    UNSUPPORTED_TYPE = "type is never mirrored"
    UNSUPPORTED_FORMAT = "not a Delta table"
    ROW_FILTER = "has a row filter"
    COLUMN_MASK = "has a column mask"
    POLICY = "under an attribute-based policy"
    OTHER_ACCOUNT = "in another storage account"
    NO_PRIVILEGE = "no privilege"
    NO_EXTERNAL_USE = "no EXTERNAL USE SCHEMA"
    EMPTY_SCHEMA = "schema has no tables"
    NOT_MIRRORED = "not mirrored by Fabric"
    NAME_COLLISION = "name collision"
    UNUSABLE_NAME = "name can't be used"
    UNREADABLE = "not readable by the engine"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RestCall:
    """One request that carries a remedy out. ``url`` is the public one; ``service`` says whose token it takes."""

    service: str
    method: str
    url: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do: a sentence, commands good enough to paste (SQL or Azure CLI), and the same as requests."""

    text: str
    commands: tuple[str, ...] = ()
    calls: tuple[RestCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a check is about: the catalog as a whole, one schema, or one table."""

    kind: ScopeKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Check:
    """One prerequisite: what was found, on what evidence, and what to do about it.

    ``repaired_by_apply`` is set when the spec lets us repair it and the plan holds the change that does.
    """

    id: str
    title: str
    scope: Scope
    outcome: Outcome
    evidence: str
    remedy: Remedy | None = None
    repaired_by_apply: bool = False

    @property
    def blocks(self) -> bool:
        """Whether it stops the whole catalog before anything is written."""
        return self.outcome is Outcome.FAILED and self.scope.kind is ScopeKind.CATALOG and not self.repaired_by_apply


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to create, update or delete. ``before`` and ``after`` hold the values that differ, never a secret.

    ``remedy`` tells someone else how to make the change where we may not. ``makes`` says what comes of it that can't
    carry a mark of its own.
    """

    step: StepName
    action: Action
    kind: str
    name: str
    reason: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    remedy: Remedy | None = None
    makes: Made | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same change in two plans."""
        return self.action, self.kind, self.name


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A schema (``orders``) or table (``orders.v_daily``) that won't appear, and why."""

    subject: str
    reason: Reason
    detail: str = ""
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table for the report, such as tables by engines. ``remarkable`` holds the positions of rows worth attention.

    A terminal shows those, and of a ``quiet`` table nothing else.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarkable: frozenset[int] = frozenset()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What one step found and will do. ``notes`` are remarks worth a reader's time. ``prunable``: deletions that aren't
    made, and changes that wait for them, because pruning wasn't asked for.

    ``tables`` and ``picture`` (an SVG document) go into the report.
    """

    step: StepName
    changes: tuple[Change, ...] = ()
    checks: tuple[Check, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    tables: tuple[DataTable, ...] = ()
    picture: str = ""
    prunable: tuple[Change, ...] = ()

    def outgrows(self, approved: StepPlan) -> tuple[Change, ...]:
        """The changes that the approved plan of the same step doesn't have."""
        allowed = {change.key for change in approved.changes}
        return tuple(change for change in self.changes if change.key not in allowed)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan of one catalog."""

    catalog: str
    workspace: str
    steps: tuple[StepPlan, ...]

    def __iter__(self) -> Iterator[StepPlan]:
        return iter(self.steps)

    def step(self, name: StepName) -> StepPlan:
        """The named step's part; empty when the plan stopped before it."""
        return next((step for step in self.steps if step.step is name), StepPlan(name))

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes, in the order of the steps."""
        return tuple(change for step in self.steps for change in step.changes)

    @property
    def prunable(self) -> tuple[Change, ...]:
        """All that only pruning would do."""
        return tuple(change for step in self.steps for change in step.prunable)

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks."""
        return tuple(check for step in self.steps for check in step.checks)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """All that is left out, each subject once."""
        return unique_left_out(left for step in self.steps for left in step.left_out)

    @property
    def tables(self) -> tuple[DataTable, ...]:
        """All tables for the report."""
        return tuple(table for step in self.steps for table in step.tables)

    @property
    def blockers(self) -> tuple[Check, ...]:
        """The failed checks that stop the whole catalog."""
        return tuple(check for check in self.checks if check.blocks)

    def counts(self) -> dict[str, int]:
        """How many changes of each action."""
        return {action.value: sum(change.action is action for change in self.changes) for action in Action}


def unique_left_out(found: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Each subject once, the first reason winning, sorted."""
    by_subject: dict[str, LeftOut] = {}
    for left in found:
        by_subject.setdefault(left.subject, left)
    return tuple(sorted(by_subject.values(), key=lambda left: left.subject))
