"""What came out of a catalog's run, ready to be shown: rows of text, links, and how it ended in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.session import Session
from unity_mirror.plan.model import Check, DataTable, LeftOut, Outcome, ScopeKind, StepName, unique_left_out
from unity_mirror.plan.render_markdown import (
    StepOutcome,
    check_rows,
    failed_checks_text,
    left_out_rows,
    outcome_rows,
)
from unity_mirror.steps.context import Known

PORTAL = "https://app.fabric.microsoft.com/groups"


@dataclass(frozen=True, slots=True)
class Link:
    """Where an item is looked at in Fabric's portal. ``kind`` tells the links of one catalog apart."""

    kind: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Report:
    """One catalog's run so far; after a failure, what was done until then."""

    catalog: str
    metastore_id: str | None
    outcomes: tuple[StepOutcome, ...]
    tables: tuple[dict[str, str], ...]
    left_out: tuple[LeftOut, ...]
    links: tuple[Link, ...]
    changes: int
    checks: tuple[Check, ...]
    """The checks that did not pass, of the prerequisites and of the verification."""
    data_tables: tuple[DataTable, ...] = ()
    """Who can read what, and what T-SQL said."""
    picture: str = ""
    """The semantic model, as SVG."""

    @property
    def step_rows(self) -> list[dict[str, str]]:
        """One row for each step."""
        return outcome_rows(self.outcomes)

    @property
    def left_out_rows(self) -> list[dict[str, str]]:
        """One row for each schema or table that is left out."""
        return left_out_rows(self.left_out)

    @property
    def check_rows(self) -> list[dict[str, str]]:
        """One row for each check that did not pass, with its remedy."""
        return check_rows(self.checks)

    @property
    def broken(self) -> tuple[Check, ...]:
        """What doesn't work although it was made. What prerequisites found missing was left out instead."""
        verified = [check for outcome in self.outcomes for check in outcome.plan.checks if _verifies(outcome)]
        return tuple(check for check in verified if check.outcome is Outcome.FAILED)

    @property
    def sentence(self) -> str:
        """How it ended, for the flow run's state."""
        if self.broken:
            return f"{self.catalog} is onboarded but not in order.\n{failed_checks_text(self.broken)}"
        done = f"{self.changes} changes made" if self.changes else "there was nothing to do"
        unknown = sum(check.outcome is Outcome.UNKNOWN for check in self.checks)
        doubts = f"; {unknown} check{'s' if unknown > 1 else ''} could not be made" if unknown else ""
        return (
            f"{self.catalog} is onboarded: {len(self.tables)} tables mirrored, {len(self.left_out)} left out; "
            f"{done}{doubts}"
        )


def report_of(session: Session) -> Report:
    """The report of a session, whether its run is through or stopped halfway."""
    known, outcomes = session.known, session.outcomes
    tables = _tables(session, known)
    shown = {row["Table"] for row in tables}
    planned = session.plan.left_out if session.plan else ()
    left_out = unique_left_out((*planned, *(left for outcome in outcomes for left in outcome.left_out)))
    checked = (
        *(session.plan.checks if session.plan else ()),
        *(each for done in outcomes for each in done.plan.checks),
    )
    return Report(
        catalog=session.spec.catalog,
        metastore_id=known.survey.metastore.metastore_id if known.survey else None,
        outcomes=outcomes,
        tables=tables,
        left_out=tuple(left for left in left_out if left.subject not in shown),
        links=_links(session, known),
        changes=sum(len(outcome.plan.changes) for outcome in outcomes),
        checks=_not_passed(checked),
        data_tables=tuple(table for done in outcomes for table in (*done.plan.tables, *done.tables)),
        picture=next((done.plan.picture for done in outcomes if done.plan.picture), ""),
    )


def _not_passed(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Each once (the verification repeats those of the prerequisites), without those that the plan itself repairs."""
    found: list[Check] = []
    for check in checks:
        if check.outcome is not Outcome.PASSED and not check.repaired_by_apply and check not in found:
            found.append(check)
    return tuple(found)


def _verifies(outcome: StepOutcome) -> bool:
    return outcome.plan.step is StepName.VERIFICATION


def _tables(session: Session, known: Known) -> tuple[dict[str, str], ...]:
    """The mirrored tables; before the mirror step was applied there are none."""
    if not isinstance(known.item, str):
        return ()
    checks = session.verification.checks if session.verification else ()
    read = {
        check.scope.name: check.outcome.value
        for check in checks
        if check.id == "table_readable" and check.scope.kind is ScopeKind.TABLE
    }
    shortcuts = set(known.shortcuts) if isinstance(known.lakehouse, str) else set()
    return tuple(
        {
            "Table": str(ref),
            "Lakehouse shortcut": "yes" if ref in shortcuts else "",
            "Read through OneLake": read.get(str(ref), ""),
        }
        for ref in known.mirrored
    )


def _links(session: Session, known: Known) -> tuple[Link, ...]:
    """Links to what is there. The portal's address of a mirrored Databricks catalog isn't documented: its workspace and
    its SQL analytics endpoint stand for it."""
    if known.survey is None:
        return ()
    spec, workspace = session.spec, known.survey.workspace
    here = f"{PORTAL}/{workspace.id}"
    links = [
        Link("workspace", f"Workspace {workspace.display_name}, with mirrored catalog {spec.item_name}", f"{here}/list")
    ]
    if isinstance(known.sql_endpoint, str):
        text = f"SQL analytics endpoint of {spec.item_name}"
        links.append(Link("sql-endpoint", text, f"{here}/lakewarehouses/{known.sql_endpoint}"))
    if spec.lakehouse and isinstance(known.lakehouse, str):
        url = f"{PORTAL}/{known.lakehouse_workspace}/lakehouses/{known.lakehouse}"
        links.append(Link("lakehouse", f"Lakehouse {spec.lakehouse.name}", url))
    if spec.semantic_model and isinstance(known.semantic_model, str):
        url = f"{here}/datasets/{known.semantic_model}/details"
        links.append(Link("semantic-model", f"Semantic model {spec.semantic_model.name}", url))
    return tuple(links)
