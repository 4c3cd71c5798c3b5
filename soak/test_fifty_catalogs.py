"""Fifty catalogs through two workers, with automations and leases as they are deployed; what CI does with five."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.many_catalogs import catalog_names, scaled, write_fleet
from tests.e2e.recovery import Recovery

CATALOGS = 50


@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_fifty_catalogs_are_onboarded_once_whatever_is_killed(tmp_path: Path) -> None:
    with scaled(tmp_path, CATALOGS) as driver:
        begun = time.monotonic()
        recovery = Recovery(driver, write_fleet(tmp_path / "fleet.yaml"), catalog_names(CATALOGS))
        try:
            recovery.play()
            recovery.tell(f"all {CATALOGS} catalogs onboarded after", time.monotonic() - begun)
        finally:
            print("", *recovery.took, sep="\n")  # noqa: T201  (what the test is for)
