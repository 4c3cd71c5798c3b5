"""Prefect's UI as a person meets it, in a real Chromium that playwright drives (a development requirement)."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Dialog, Locator, Page, Request, Response, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from deploy.local.processes import StackError

INSTALL = "install Debian's package chromium, or set CHROMIUM to a browser's path"
WIDTH, HEIGHT = 1400, 1000
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
_PATIENCE_MS = 60_000.0
_RUN_SECONDS = 240.0
_SUBMITS = 20
_QUIET_SECONDS = 5.0
"""Without a request, after which the UI is through with what it does when a button is pressed."""
_LOOK_MS = 100.0
_ERRORS = """nodes => nodes.map(node => [
    node.closest('.group')?.querySelector('label')?.innerText ?? '', node.innerText])"""


def chromium() -> str | None:
    """Path of the browser; None when there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@contextmanager
def prefect_ui(address: str) -> Iterator[PrefectUI]:
    """Prefect's UI in a browser with a fresh profile. Raises StackError when there is no browser."""
    path = chromium()
    if path is None:
        raise StackError(f"there is no Chromium: {INSTALL}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_QUIET)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, timezone_id="UTC", locale="en-GB")
        page.set_default_timeout(_PATIENCE_MS)
        page.on("dialog", _never)
        yield PrefectUI(page, address)
        browser.close()


def _never(dialog: Dialog) -> None:
    raise StackError(f"the page asks: {dialog.message}")


class PrefectUI:
    """Pages of the UI at an address such as ``http://127.0.0.1:4200``."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address
        self._asked: list[Request] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        self._asked.append(request)

    def open(self, path: str) -> None:
        """Open a page by its path, below ``/v2``."""
        self.page.goto(f"{self._address}/v2{path}")

    def sign_in(self, line: str) -> None:
        """On the page that asks for user and password, ``user:password``."""
        self.page.get_by_placeholder("admin:pass").fill(line)
        self.page.get_by_role("button", name="Login").click()

    def deployment(self, name: str) -> Locator:
        """A deployment in their list."""
        return self.page.locator("a[href*='/deployments/deployment/']").get_by_text(name, exact=True)

    def open_form(self, deployment: str) -> None:
        """From the list of deployments to the form of a custom run, by clicking."""
        self.open("/deployments")
        self.deployment(deployment).click()
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Custom run").click()
        self.page.get_by_role("button", name="Submit").wait_for()

    def field(self, label: str) -> Locator:
        """A text field by its whole label."""
        return self.page.get_by_role("textbox", name=label, exact=True)

    def fill(self, values: Mapping[str, str]) -> None:
        """Fill in text fields by their whole labels."""
        for label, value in values.items():
            self.field(label).fill(value)

    def tab(self, name: str) -> None:
        """Choose a tab by its whole name."""
        self.page.get_by_role("tab", name=name, exact=True).click()

    def errors(self) -> dict[str, str]:
        """What is shown as wrong, by the label of the field at which it stands."""
        shown: list[list[str]] = self.page.locator(".text-destructive").evaluate_all(_ERRORS)
        return {label.removesuffix(" (Optional)"): text for label, text in shown}

    def refuse(self, expected: Callable[[dict[str, str]], bool] = bool) -> dict[str, str]:
        """Press Submit and give the errors that then stand at the fields, once they are as expected: the server checks
        a form again a moment after each change, and the UI shows what it said last. Raises StackError when they aren't.
        """
        self._press_submit()
        deadline = time.monotonic() + _PATIENCE_MS / 1_000
        while not expected(shown := self.errors()):
            if time.monotonic() > deadline:
                raise StackError(f"these are other errors than expected: {shown}")
            self.page.wait_for_timeout(_LOOK_MS)
        return shown

    def submit(self) -> str:
        """Press Submit; returns the run's id. Pressed again while the server says that its database is locked, and
        while the UI holds on to errors that were put right a moment ago."""
        since = len(self._asked)
        for _ in range(_SUBMITS):
            answered = self._submit(since)
            if answered is not None and answered.ok:
                return str(answered.json()["id"])
            if answered is not None and answered.status != 503:
                raise StackError(f"the form was refused: {answered.text()}")
            since = since if answered is None else len(self._asked)
            self.page.wait_for_timeout(1_000)
        raise StackError(f"no run was created; the form shows {self.errors()}")

    def _submit(self, since: int) -> Response | None:
        """The server's answer, however late; None when the UI has had its form checked and asked for no run. A run that
        was asked for since so many requests counts, so that none is asked for twice."""
        self._press_submit()
        checks, quiet = 0, time.monotonic() + _QUIET_SECONDS
        while time.monotonic() < quiet:
            asked = self._asked[since:]
            if created := next((each for each in asked if "/create_flow_run" in each.url), None):
                return created.response()
            checked = [each for each in asked if each.url.endswith("/ui/schemas/validate")]
            if len(checked) > checks:
                checked[-1].response()
                checks, quiet = len(checked), time.monotonic() + _QUIET_SECONDS
            self.page.wait_for_timeout(_LOOK_MS)
        return None

    def _press_submit(self) -> None:
        self.page.get_by_role("button", name="Submit").click()

    def open_run(self, run_id: str, state: str, tab: str = "Logs") -> None:
        """Open a run's page and wait until it shows the state, such as Completed, and has drawn the run's graph."""
        self.open(f"/runs/flow-run/{run_id}?tab={tab}")
        deadline = time.monotonic() + _RUN_SECONDS
        while True:
            try:
                self.page.get_by_text(state, exact=True).first.wait_for(timeout=8_000)
                break
            except PlaywrightTimeoutError:
                if time.monotonic() > deadline:
                    raise
                self.page.reload()
        self.page.wait_for_timeout(3_000)

    def open_approval(self) -> Locator:
        """On the page of a run that waits for input: its dialog, once it shows the form and the plan."""
        self.page.get_by_role("button", name="Open menu").first.click()
        self.page.get_by_role("menuitem", name="Resume").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("textbox", name="Reason", exact=True).wait_for()
        dialog.get_by_text("Plan for catalog").first.wait_for()
        return dialog

    def answer(self, dialog: Locator, decision: str, reason: str) -> None:
        """Fill the dialog in. ``decision`` is one of its choices."""
        dialog.get_by_role("button").filter(has_text=re.compile("approve|reject")).click()
        self.page.get_by_role("option", name=decision, exact=True).click()
        dialog.get_by_role("textbox", name="Reason", exact=True).fill(reason)

    def resume(self, dialog: Locator) -> None:
        """Press the dialog's Resume, and wait until it is gone."""
        button = dialog.get_by_role("button", name="Resume")
        for _ in range(_SUBMITS):
            with suppress(PlaywrightTimeoutError):  # the dialog may go just then
                button.click(timeout=5_000)
            with suppress(PlaywrightTimeoutError):
                dialog.wait_for(state="hidden", timeout=5_000)
                return
        raise StackError(f"the run can't be resumed; the dialog shows {dialog.inner_text()}")

    def shows(self, text: str, *, exact: bool = False) -> None:
        """Wait until the page holds a text."""
        self.page.get_by_text(text, exact=exact).first.wait_for(state="attached")

    def width(self, image: str) -> int:
        """Width in pixels of an image, by its CSS selector, once it is there in full."""
        found = self.page.locator(image).first
        found.wait_for()
        width: int = found.evaluate("node => node.decode().then(() => node.naturalWidth)")
        return width

    def hosts(self) -> set[str]:
        """Whom the pages have asked for something so far."""
        return {host for host in (urlsplit(each.url).hostname for each in self._asked) if host}

    def text(self) -> str:
        """All of the page, whether or not it is to be seen, values of fields included."""
        values: list[str] = self.page.locator("input, textarea").evaluate_all("nodes => nodes.map(node => node.value)")
        return "\n".join([self.page.content(), *values])

    def top(self) -> None:
        """Show the page from its top, once what pops up meanwhile is gone."""
        self.page.wait_for_timeout(6_000)
        self.page.mouse.move(700, 400)
        self.page.mouse.wheel(0, -100_000)
        self.page.wait_for_timeout(500)

    def picture(self, target: Path, height: int = HEIGHT) -> None:
        """Save what is to be seen, from the window's top down to a height in pixels."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(target), clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
