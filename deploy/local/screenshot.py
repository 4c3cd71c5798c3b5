"""``python -m deploy.local.screenshot FILE.png``: a picture of the demo's flow run in Prefect's UI.

Starts the stack, runs the deployment and looks at the run with a real Chromium. Needs the development requirements, and
Debian's package ``chromium`` (or CHROMIUM with another browser's path).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import yaml
from playwright.sync_api import sync_playwright

from deploy.local.demo import SPEC, onboard, stack_for
from deploy.local.layout import Layout
from deploy.local.processes import StackError
from deploy.local.show import make_console, show_failure

_ROOT = Path(__file__).resolve().parents[2]
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def take(layout: Layout, target: Path) -> None:
    """Run the demo's deployment and save the picture. Raises StackError when the run fails."""
    console = make_console()
    with stack_for(layout, console) as (stack, _ours):
        run = onboard(stack, yaml.safe_load((layout.root / SPEC).read_text(encoding="utf-8")), console)
        if run.state != "COMPLETED":
            raise StackError(f"the flow run ended as {run.state.lower()}: {run.message}")
        picture(f"{stack.prefect}/runs/flow-run/{run.id}", target)
    console.print(f"Saved {target}")


def picture(url: str, target: Path) -> None:
    """Save what a page of Prefect's UI shows once it has drawn the run's graph."""
    with sync_playwright() as playwright:
        executable = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=_QUIET)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(url)
        page.get_by_text("Build the semantic model").first.wait_for(timeout=60_000)
        page.wait_for_timeout(3_000)
        target.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(target))
        browser.close()


def main() -> int:
    """Exit codes: 0 saved, 1 failed, 64 wrong usage."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)  # noqa: T201 - usage goes to the terminal
        return 64
    try:
        take(Layout(_ROOT, (_ROOT / ".data").resolve()), Path(sys.argv[1]))
    except StackError as error:
        show_failure(make_console(stderr=True), error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
