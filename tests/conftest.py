"""What all tests share: in CI a skip is a failure, and docs/coverage.md and docs/emulator.md claim only what this run
showed.

``EMULATOR_RECORD=1`` keeps what a run showed of the emulator's operations, for the table in docs/emulator.md: all that
a whole run showed, or what a part of it showed besides.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.coverage_rows import read_rows, unproven
from tests.emulator import observed, operations

_SEEN = "emulator operations"
_passed: set[str] = set()
_seen: set[observed.Sighting] = set()
_figures: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Has Hypothesis draw the same examples in every run, so that none fails by chance, and take as long as a busy
    machine needs. ``--hypothesis-profile=others`` draws other ones."""
    patient = settings(deadline=None, derandomize=False, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("others", patient)
    settings.register_profile("same", patient, derandomize=True, database=None)
    settings.load_profile("same")
    os.environ.pop("FORCE_COLOR", None)  # what is printed is compared as text
    _past_proxies()


def _past_proxies() -> None:
    """This machine's proxies aren't for what tests serve on it; named in one case, a test can put others there."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        if name.lower() in os.environ:
            os.environ[name] = os.environ.pop(name.lower())
    os.environ["NO_PROXY"] = ",".join(filter(None, (os.environ.get("NO_PROXY"), "localhost", "127.0.0.1")))


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Keeps a file's tests together, and all that start Prefect's servers: two of those at once would be slower than
    one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How tests are spread over processes (``-n 2``)."""
    return _ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, what takes longest goes first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _group(item.nodeid) != _PREFECT)


_PREFECT = "prefect"


def _group(nodeid: str) -> str:
    path = nodeid.partition("::")[0]
    return _PREFECT if path.startswith(("tests/e2e/", "tests/flows/")) else path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests have measured (``record_property("figures", …)``)."""
    for figure in _figures:
        terminalreporter.write_line(figure)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remembers which tests passed, parameters aside, what they measured and what they showed of the emulator."""
    if report.when == "call":
        _figures.extend(str(value) for name, value in report.user_properties if name == "figures")
    if report.when == "call" and report.passed:
        _passed.add(report.nodeid.split("[")[0])
        shown = [value for name, value in report.user_properties if name == _SEEN]
        _seen.update((service, operation, what) for each in shown for service, operation, what in each)  # type: ignore[attr-defined]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Puts on the report what was seen of the emulator; turns skips into failures in CI, where everything that tests
    need is installed."""
    if call.when == "call":
        item.user_properties.append((_SEEN, observed.drain()))
    report = yield
    if os.environ.get("CI") and report is not None and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a whole run, checks that every claim of docs/coverage.md and docs/emulator.md was shown by it."""
    whole = session.config.args == session.config.getini("testpaths") and not session.config.option.keyword
    if exitstatus or hasattr(session.config, "workerinput"):
        return
    if os.environ.get("EMULATOR_RECORD"):
        observed.write_record(_seen if whole else _seen.union(observed.read_record()))
        operations.write_page()
    if not whole:
        return
    faults = [f"docs/coverage.md: {fault}" for fault in unproven(read_rows(), _passed)]
    unseen = sorted(set(observed.read_record()) - _seen)
    faults += [f"docs/emulator.md: {service} {operation}: {what}" for service, operation, what in unseen]
    if faults:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line("The documentation claims more than this run showed:", red=True)
            for fault in faults:
                reporter.write_line(f"  {fault}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
