"""``python -m deploy.local.screenshot [FOLDER]``: the pictures of Prefect's UI that the documentation shows.

Starts the stack (or uses the one that is up), onboards the sample catalog and looks at it all in a real Chromium, as
people do. Needs the development requirements, and Debian's package ``chromium`` (or CHROMIUM with a browser's path).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from deploy.local.browser import PrefectUI, prefect_ui
from deploy.local.demo import SPEC, onboard, stack_for
from deploy.local.layout import Layout, prefect_api
from deploy.local.prefect_names import BLOCK
from deploy.local.processes import StackError
from deploy.local.runs import Runs
from deploy.local.show import make_console, show_failure
from deploy.local.stack import Stack

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "docs" / "images"
_GRAPH_MS = 8_000
"""Until the graph of a run has come to rest."""
_SMALL = "examples/hr.yaml"
_BLOCK_HEIGHT = 520
"""What is below shows where this machine keeps its certificates."""


def take(layout: Layout, folder: Path) -> None:
    """Take all pictures. Raises StackError when a run fails or something can't be found on a page."""
    console = make_console()
    spec, small = (yaml.safe_load((layout.root / each).read_text(encoding="utf-8")) for each in (SPEC, _SMALL))
    with stack_for(layout, console) as (stack, _ours), prefect_ui(stack.prefect) as ui:
        runs = [onboard(stack, each, console) for each in (spec, small)]
        if any(run.state != "COMPLETED" for run in runs):
            raise StackError("; ".join(f"the flow run ended as {run.state.lower()}: {run.message}" for run in runs))
        _form(ui, spec, folder)
        _wrong_form(ui, folder)
        _result(ui, stack, runs[0].id, folder)
        _approval(ui, stack, small, folder)
    console.print(f"Saved {', '.join(sorted(each.name for each in folder.glob('*.png')))} in {folder}")


def _form(ui: PrefectUI, spec: dict[str, Any], folder: Path) -> None:
    """The form, filled in; no run is started."""
    connection = spec["databricks"]["connection"]
    ui.open_form("onboard-catalog")
    ui.fill({"Catalog": spec["catalog"], "Workspace URL": spec["databricks"]["workspace"]})
    ui.fill({"Name (Optional)": connection["name"]})
    ui.tab("Service principal")
    ui.fill({"Tenant": connection["auth"]["tenant_id"], "Application (client) id": connection["auth"]["client_id"]})
    ui.fill({"Environment variable": connection["auth"]["secret"]["env"]})
    ui.top()
    ui.picture(folder / "form.png")


def _wrong_form(ui: PrefectUI, folder: Path) -> None:
    """The form with errors, and so without a run."""
    ui.open_form("onboard-catalog")
    ui.fill({"Catalog": "contoso.sales", "Workspace URL": "https://contoso.azuredatabricks.net"})
    ui.refuse()
    ui.top()
    ui.picture(folder / "form-errors.png")


def _result(ui: PrefectUI, stack: Stack, run: str, folder: Path) -> None:
    """The run, the page that sums it up, and the block with which it signed in."""
    runs = Runs(prefect_api(stack.prefect_port))
    ui.open_run(run, "Completed", tab="Artifacts")
    ui.page.reload()
    ui.page.wait_for_timeout(_GRAPH_MS)
    ui.picture(folder / "flow-run.png")
    ui.open(f"/artifacts/artifact/{runs.artifact(run, 'sales-summary')}")
    ui.page.get_by_role("heading", name="Left out").wait_for()
    ui.picture(folder / "summary.png")
    ui.open(f"/blocks/block/{runs.block('unity-mirror-clouds', BLOCK)}")
    ui.page.locator("img[src$='/unity-mirror.svg']").first.wait_for()
    ui.page.wait_for_timeout(1_000)
    ui.picture(folder / "block.png", height=_BLOCK_HEIGHT)
    runs.close()


def _approval(ui: PrefectUI, stack: Stack, spec: dict[str, Any], folder: Path) -> None:
    """The plan of an offboarding as the form's description. It is rejected in the end."""
    runs = Runs(prefect_api(stack.prefect_port))
    ui.open_run(runs.start({"spec": spec}, "offboard-catalog/offboard-catalog"), "Suspended")
    dialog = ui.open_approval()
    ui.answer(dialog, "reject", "Still in use.")
    ui.picture(folder / "approval.png")
    ui.resume(dialog)
    runs.close()


def main() -> int:
    """Exit codes: 0 saved, 1 failed, 64 wrong usage."""
    if len(sys.argv) > 2:
        print(__doc__, file=sys.stderr)  # noqa: T201 - usage goes to the terminal
        return 64
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER
    try:
        take(Layout(_ROOT, (_ROOT / ".data").resolve()), folder)
    except StackError as error:
        show_failure(make_console(stderr=True), error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
