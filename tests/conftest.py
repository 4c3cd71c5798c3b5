"""What all tests share: in CI a skip is a failure, and docs/coverage.md claims only what this run showed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.coverage_rows import read_rows, unproven

_passed: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remembers which tests passed, parameters aside."""
    if report.when == "call" and report.passed:
        _passed.add(report.nodeid.split("[")[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turns skips into failures in CI, where everything that tests need is installed."""
    report = yield
    if os.environ.get("CI") and report is not None and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a whole run, checks that every claim of docs/coverage.md was shown by it."""
    whole = session.config.args == session.config.getini("testpaths") and not session.config.option.keyword
    if not whole or exitstatus or hasattr(session.config, "workerinput"):
        return
    faults = unproven(read_rows(), _passed)
    if faults:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line("docs/coverage.md claims more than this run showed:", red=True)
            for fault in faults:
                reporter.write_line(f"  {fault}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
