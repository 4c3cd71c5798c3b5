"""Past one machine: two API replicas, PostgreSQL, Redis and two workers, of which some are killed in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from deploy.local.browser import INSTALL, PrefectUI, chromium, prefect_ui
from deploy.local.layout import HOST
from deploy.local.processes import StackError
from deploy.scaled.programs import find_programs
from deploy.scaled.secrets import sign_in_file
from tests.e2e.driver import Driver
from tests.e2e.many_catalogs import catalog_names, scaled, write_fleet
from tests.e2e.recovery import Recovery

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
CATALOGS = 5
"""``make soak`` does the same with fifty."""
SILENCE, BEGINNING, LEASE_SECONDS = timedelta(seconds=60), timedelta(seconds=100), 60
"""Shorter than they are deployed, as this must not take minutes; heartbeats come every 30 s, and a run of which one is
late on a busy machine, or which takes long to begin, must not be taken for dead."""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    try:
        find_programs()
    except StackError as missing:
        pytest.skip(str(missing))
    with scaled(tmp_path_factory.mktemp("scaled"), CATALOGS, LEASE_SECONDS) as started:
        yield started


def test_whoever_signs_in_sees_runs_and_blocks_and_nobody_else_does(driver: Driver) -> None:
    if chromium() is None:
        pytest.skip(f"no Chromium: {INSTALL}")
    url = f"{driver.stack.prefect}/api/flows/count"
    assert httpx.post(url, trust_env=False).status_code == 401, "Prefect asks who calls"
    run = driver.run("check-clouds", {})
    with prefect_ui(driver.stack.prefect) as ui:
        _sign_in(ui, sign_in_file(driver.layout).read_text())
        block = driver.api("GET", "/block_types/slug/unity-mirror-clouds/block_documents/name/emulator")
        ui.open(f"/blocks/block/{block['id']}")
        assert ui.width("img[src$='/unity-mirror.svg']") > 0
        ui.open_run(run["id"], "Completed", tab="Details")
        ui.shows("Fabric: works: 2 workspaces")
        assert ui.hosts() == {HOST}, "signed in or not"


def _sign_in(ui: PrefectUI, line: str) -> None:
    """Refused with another password, let in with the right one, to the page that was asked for."""
    user, _, password = line.partition(":")
    ui.open("/deployments")
    ui.sign_in(f"{user}:not {password}")
    ui.page.get_by_text("Invalid credentials").wait_for()
    assert ui.deployment("onboard-catalog").count() == 0
    ui.sign_in(line)
    ui.deployment("onboard-catalog").wait_for()
    assert password not in ui.text()


def test_no_catalog_is_lost_or_onboarded_twice_whatever_is_killed(
    driver: Driver, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
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
