"""Past one machine: two API replicas, PostgreSQL, Redis and two workers, of which some are killed in the middle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from deploy.local.processes import StackError
from deploy.scaled.programs import find_programs
from tests.e2e.many_catalogs import catalog_names, scaled, write_fleet
from tests.e2e.recovery import Recovery

CATALOGS = 5
"""``make soak`` does the same with fifty."""
SILENCE, BEGINNING = timedelta(seconds=50), timedelta(seconds=75)
"""Shorter than the automations' own, as this must not take minutes; heartbeats come every 30 s."""


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_no_catalog_is_lost_or_onboarded_twice_whatever_is_killed(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    try:
        find_programs()
    except StackError as missing:
        pytest.skip(str(missing))
    with scaled(tmp_path, CATALOGS) as driver:
        url = f"{driver.stack.prefect}/api/flows/count"
        assert httpx.post(url, trust_env=False).status_code == 401, "Prefect asks who calls"
        driver.shorten(SILENCE, BEGINNING)
        recovery = Recovery(driver, write_fleet(tmp_path / "fleet.yaml"), catalog_names(CATALOGS))
        try:
            recovery.play()
        finally:
            for figure in recovery.took:
                record_property("figures", figure)
        assert driver.auth is not None
        logs = [path for path in driver.layout.logs.glob("*.log") if driver.auth[1] in path.read_text(errors="replace")]
        assert logs == [], "the password of Prefect's API is in no log"
