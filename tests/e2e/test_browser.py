"""Prefect's UI in a real Chromium: a form filled in, a plan rejected and approved, though its run is killed, a block
tried out, and no secret on any of the pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Locator

from cloud_emulator.environment import variables
from deploy.local.browser import INSTALL, PrefectUI, chromium, prefect_ui
from deploy.local.layout import HOST, Layout, prefect_api
from deploy.local.runs import Runs
from deploy.local.stack import Stack, down, up
from tests.coverage_rows import ROOT
from tests.e2e.driver import Driver, flow_process, kill

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
HR = yaml.safe_load((ROOT / "examples" / "hr.yaml").read_text(encoding="utf-8"))
AUTH = HR["databricks"]["connection"]["auth"]
MIRRORS = "mirroredAzureDatabricksCatalogs"
KINDS = CATALOG, MODEL = "Mirrored Azure Databricks catalog", "Semantic model"
PASSING = ("jobs", "operations", "fabric.refreshes", "fabric.reservedNames")
"""Collections of the emulator in which something happens by itself."""


class Local:
    """The stack, what its cloud holds, and its secrets."""

    def __init__(self, layout: Layout, stack: Stack) -> None:
        self.stack = stack
        self.driver = Driver(layout)
        self.runs = Runs(prefect_api(stack.prefect_port))
        environment = variables(layout.cloud, stack.emulator_port)
        self.secrets = [value for name, value in environment.items() if name.endswith("_SECRET")]

    def held(self) -> dict[str, Any]:
        """All that the emulated clouds hold."""
        state: dict[str, Any] = self.driver.emulator("GET", "/state")
        return {name: value for name, value in state.items() if name not in PASSING}

    def names(self, kind: str) -> list[str]:
        """Names of the Fabric items of a kind."""
        text = json.dumps(self.held()["fabric.items"])
        items = [each for each in _mappings(json.loads(text)) if each.get("type") == kind]
        return sorted(str(each["displayName"]) for each in items)

    def hold(self, method: str, path: str) -> None:
        """Give no answer to the next such request."""
        self.driver.emulator("PUT", "/faults", [{"action": "hang", "times": 1, "method": method, "path": path}])

    def kill(self, run: str) -> str:
        """Kill a run's process while it waits for an answer; gives the run that takes its place."""
        self.driver.until("the request hangs", self.driver.struck)
        known = len(self.driver.runs("offboard-catalog"))
        process = flow_process(run)
        assert process is not None
        kill(process)
        self.driver.reached(run, frozenset({"CRASHED"}))
        (after,) = self.driver.until("a new run", lambda: self.driver.runs("offboard-catalog")[known:])
        return str(after["id"])

    def shows_no_secret(self, ui: PrefectUI) -> None:
        """Looks through the page as it is."""
        text = ui.text()
        assert self.secrets
        assert [secret for secret in self.secrets if secret in text] == []


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _mappings(each)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    if chromium() is None:
        pytest.skip(f"no Chromium: {INSTALL}")
    layout = Layout(ROOT, tmp_path_factory.mktemp("browser"))
    try:
        found = Local(layout, up(layout, print))
        yield found
        found.runs.close()
    finally:
        down(layout)


@pytest.fixture(scope="module")
def ui(local: Local) -> Iterator[PrefectUI]:
    with prefect_ui(local.stack.prefect) as opened:
        yield opened


@pytest.fixture
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures of this session are kept for whoever looks at a failure."""
    return tmp_path_factory.getbasetemp() / "pictures"


def test_a_form_is_filled_in_errors_stand_at_their_fields_and_the_run_completes(
    local: Local, ui: PrefectUI, pictures: Path
) -> None:
    ui.open_form("onboard-catalog")
    assert ui.page.locator(".cm-editor").count() == 0, "raw JSON on the common path"
    ui.fill({"Catalog": "people data", "Workspace URL": "https://adb-1.azuredatabricks.net/sql"})
    ui.fill({"Workspace": " People"})
    ui.refuse(_do_not_match({"Catalog", "Workspace URL", "Workspace"}))
    ui.picture(pictures / "form-errors.png")

    ui.fill({"Catalog": "hr", "Workspace URL": HR["databricks"]["workspace"], "Workspace": HR["fabric"]["workspace"]})
    ui.fill({"Name (Optional)": "databricks-hr"})
    ui.tab("Service principal")
    ui.fill({"Tenant": AUTH["tenant_id"], "Application (client) id": "hr-reader"})
    ui.fill({"Environment variable": AUTH["secret"]["env"]})
    ui.refuse({"Application (client) id": "'hr-reader' is not a 'uuid'"}.__eq__)  # within a tab, too
    ui.fill({"Application (client) id": AUTH["client_id"]})
    ui.tab("Semantic model")
    ui.fill({"Name": "People"})
    ui.picture(pictures / "form.png")
    run = ui.submit()

    ui.open_run(run, "Completed", tab="Details")
    ui.picture(pictures / "run.png")
    ui.shows("hr is onboarded: 4 tables mirrored, 0 left out; 4 changes made")
    for shown in ("onboard hr", "catalog:hr", "unity-mirror"):
        ui.shows(shown, exact=True)
    local.shows_no_secret(ui)
    assert local.names("MirroredAzureDatabricksCatalog") == ["hr"]
    assert "People" in local.names("SemanticModel")
    _look_at_the_summary(local, ui, run, pictures)


def _do_not_match(labels: set[str]) -> Callable[[dict[str, str]], bool]:
    return lambda shown: set(shown) == labels and all("does not match" in text for text in shown.values())


def _look_at_the_summary(local: Local, ui: PrefectUI, run: str, pictures: Path) -> None:
    ui.open(f"/artifacts/artifact/{local.runs.artifact(run, 'hr-summary')}")
    ui.page.get_by_role("heading", name="hr in Microsoft Fabric").wait_for()
    assert ui.page.get_by_role("link", name="Semantic model People").get_attribute("href")
    ui.picture(pictures / "summary.png")
    local.shows_no_secret(ui)
    ui.open(f"/artifacts/artifact/{local.runs.artifact(run, 'hr-model-picture')}")
    assert ui.width("img[src^='data:image/svg+xml']") > 100


def test_a_plan_is_rejected_and_nothing_has_changed(local: Local, ui: PrefectUI, pictures: Path) -> None:
    before = local.held()
    assert "hr" in local.names("MirroredAzureDatabricksCatalog")
    run = local.runs.start({"spec": HR}, "offboard-catalog/offboard-catalog")
    ui.open_run(run, "Suspended")
    dialog = ui.open_approval()
    for planned in ("Plan for catalog hr", "delete Mirrored Azure Databricks catalog", "delete Semantic model"):
        assert planned in dialog.inner_text()
    ui.answer(dialog, "reject", "Still in use.")
    ui.picture(pictures / "approval.png")
    ui.resume(dialog)
    ui.open_run(run, "Rejected", tab="Details")
    ui.shows("Rejected: Still in use. Nothing was changed.")
    assert local.held() == before


def test_an_offboarding_that_is_killed_before_and_after_its_approval_asks_again_for_what_is_left(
    local: Local, ui: PrefectUI, pictures: Path
) -> None:
    before, rejected = local.held(), local.driver.runs("offboard-catalog")
    local.hold("GET", f"{MIRRORS}$")
    first = local.runs.start({"spec": HR, "keep_lakehouse": True}, "offboard-catalog/offboard-catalog")
    second = local.kill(first)
    assert local.held() == before
    dialog = _asked(ui, second)
    assert {kind: f"delete {kind}" in dialog.inner_text() for kind in KINDS} == {CATALOG: True, MODEL: True}
    ui.answer(dialog, "approve", "Replaced by hr2.")
    local.hold("DELETE", f"{MIRRORS}/[^/]+$")
    ui.resume(dialog)
    third = local.kill(second)
    assert local.names("MirroredAzureDatabricksCatalog") == ["hr"]
    assert "People" not in local.names("SemanticModel")

    dialog = _asked(ui, third)
    assert {kind: f"delete {kind}" in dialog.inner_text() for kind in KINDS} == {CATALOG: True, MODEL: False}
    ui.answer(dialog, "approve", "Still replaced by hr2.")
    ui.picture(pictures / "approved-again.png")
    ui.resume(dialog)
    ui.open_run(third, "Completed", tab="Details")
    ui.picture(pictures / "approved.png")
    ui.shows("hr is offboarded: 3 changes made. Approved: Still replaced by hr2.")
    assert local.names("MirroredAzureDatabricksCatalog") == []
    local.shows_no_secret(ui)
    runs = local.driver.runs("offboard-catalog")[len(rejected) :]
    assert [(run["id"], run["parameters"].get("start", 1), run["parameters"]["keep_lakehouse"]) for run in runs] == [
        (first, 1, True),
        (second, 2, True),
        (third, 3, True),
    ], "one for each that was killed, and none for those that waited for approval"


def _asked(ui: PrefectUI, run: str) -> Locator:
    """The dialog of a run that took the place of a killed one."""
    ui.open_run(run, "Suspended")
    dialog = ui.open_approval()
    assert "The run before this one crashed." in dialog.inner_text()
    return dialog


def test_the_block_shows_its_logo_and_no_secret_and_can_be_tried_out(
    local: Local, ui: PrefectUI, pictures: Path
) -> None:
    run = local.runs.start({}, "check-clouds/check-clouds")
    block = local.runs.block("unity-mirror-clouds", "emulator")
    for path in (f"/blocks/block/{block}", f"/blocks/block/{block}/edit"):
        ui.open(path)
        ui.page.get_by_text("Client secret").first.wait_for()
        ui.page.wait_for_timeout(500)
        local.shows_no_secret(ui)
    ui.open(f"/blocks/block/{block}")
    assert ui.width("img[src$='/unity-mirror.svg']") > 0
    ui.shows("Try it out with the deployment check-clouds")
    ui.picture(pictures / "block.png")
    ui.open_run(run, "Completed", tab="Details")
    ui.shows("Fabric: works: 2 workspaces")
    local.shows_no_secret(ui)
    assert ui.hosts() == {HOST}
