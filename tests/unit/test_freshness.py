"""When a commit was made, and moments as the services write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from unity_mirror.clients.delta import commit_time
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.freshness import Follower, TableFreshness, parsed
from unity_mirror.plan.model import Outcome

NOON = datetime(2026, 8, 10, 12, tzinfo=UTC)
HTTP = "Mon, 10 Aug 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("content", "modified", "wanted"),
    [
        (b'{"commitInfo": {"operation": "WRITE"}}\n{"add": {}}', HTTP, NOON),
        (b'{"commitInfo": {"inCommitTimestamp": 1786363200000}}', "Mon, 10 Aug 2026 13:00:00 GMT", NOON),
        (b"not json", HTTP, NOON),
        (b"", HTTP, NOON),
        (b"[]", HTTP, NOON),
        (b"{}", None, None),
        (b"{}", "noon", None),
    ],
)
def test_commit_time(content: bytes, modified: str | None, wanted: datetime | None) -> None:
    assert commit_time(content, modified) == wanted


@pytest.mark.parametrize("text", ["2026-08-10T12:00:00Z", "2026-08-10T12:00:00.0000000", "2026-08-10T14:00:00+02:00"])
def test_moments_of_fabric_and_power_bi(text: str) -> None:
    assert parsed(text) == NOON


@pytest.mark.parametrize("text", [None, "", "0001-01-01T00:00:00Z", "soon"])
def test_never(text: str | None) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize(
    ("seen", "age", "outcome"),
    [
        (NOON, timedelta(days=9), Outcome.PASSED),
        (NOON - timedelta(seconds=1), timedelta(minutes=30), Outcome.PASSED),
        (NOON - timedelta(seconds=1), timedelta(minutes=31), Outcome.FAILED),
        (None, timedelta(minutes=31), Outcome.FAILED),
    ],
)
def test_a_commit_may_be_unseen_for_a_while(seen: datetime | None, age: timedelta, outcome: Outcome) -> None:
    found = TableFreshness(TableRef("orders", "lines"), NOON, (Follower("the item's sync", seen, "Sync it."),))
    check = found.check(NOON + age, timedelta(minutes=30))
    assert check.outcome is outcome
    assert ("Not seen by: the item's sync" in check.evidence) == (seen != NOON)
