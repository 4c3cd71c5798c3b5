"""Whether what follows a table's commits has caught up: the item's sync, the SQL endpoint, the model's framing.

Fabric syncs a catalog about every 15 minutes and the SQL endpoint within a minute, so a commit of a moment ago that
nobody has seen yet is told, and counts as wrong only once it is older than the spec's ``freshness.max_lag_minutes``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import Check, DataTable, Outcome, Remedy, Scope, ScopeKind

TITLE = "Its last commit has arrived everywhere"
FRESHNESS = "Freshness"


@dataclass(frozen=True, slots=True)
class Follower:
    """What follows a table's commits: when it last did (``None``: never), and why it couldn't since."""

    name: str
    at: datetime | None
    remedy: str
    fault: str = ""

    def lag(self, committed: datetime) -> timedelta | None:
        """By how much it is behind a commit; ``None`` when it isn't."""
        if self.at is not None and self.at >= committed:
            return None
        return timedelta.max if self.at is None else committed - self.at


@dataclass(frozen=True, slots=True)
class TableFreshness:
    """One table's last commit and everything that follows it."""

    ref: TableRef
    committed: datetime
    followers: tuple[Follower, ...]

    @property
    def behind(self) -> tuple[Follower, ...]:
        """Those that haven't seen the last commit."""
        return tuple(each for each in self.followers if each.lag(self.committed) is not None)

    def check(self, now: datetime, max_lag: timedelta) -> Check:
        """Failed when something is behind a commit that is older than ``max_lag``."""
        late = bool(self.behind) and now - self.committed > max_lag
        evidence = f"last commit {moment(self.committed)}; " + "; ".join(map(_told, self.followers))
        if self.behind:
            words = ", ".join(f"{each.name} ({each.fault})" if each.fault else each.name for each in self.behind)
            within = "" if late else f", which may take {max_lag.total_seconds() / 60:.0f} minutes"
            evidence += f". Not seen by: {words}{within}"
        remedy = Remedy(" ".join(dict.fromkeys(each.remedy for each in self.behind))) if late else None
        outcome = Outcome.FAILED if late else Outcome.PASSED
        return Check("freshness", TITLE, Scope(ScopeKind.TABLE, str(self.ref)), outcome, evidence, remedy)


def freshness_table(found: Sequence[TableFreshness]) -> DataTable:
    """All tables with their moments, for the report; a row is remarkable when something is behind."""
    names = tuple(dict.fromkeys(each.name for one in found for each in one.followers))
    rows = tuple((str(one.ref), moment(one.committed), *_cells(one, names), _behind(one)) for one in found)
    remarkable = frozenset(place for place, one in enumerate(found) if one.behind)
    return DataTable(FRESHNESS, ("Table", "Last commit", *names, "Behind"), rows, remarkable, quiet=True)


def _cells(one: TableFreshness, names: Iterable[str]) -> Iterable[str]:
    by_name = {each.name: each for each in one.followers}
    return (moment(by_name[name].at) if name in by_name else "" for name in names)


def _behind(one: TableFreshness) -> str:
    return ", ".join(each.name for each in one.behind)


def _told(follower: Follower) -> str:
    return f"{follower.name} {moment(follower.at)}"


def moment(at: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return "never" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parsed(text: str | None) -> datetime | None:
    """A moment as Fabric and Power BI write it, with six or seven fraction digits, with or without a zone (UTC then).

    ``None`` for the year 1, which stands for never, and for what is no moment.
    """
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if found.year == 1 else found.replace(tzinfo=found.tzinfo or UTC)
