"""One Prefect server and one sample cloud for the whole session; each test gets the cloud back as it was seeded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.filesystems import LocalFileSystem
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_DEFAULT_RESULT_STORAGE_BLOCK,
    PREFECT_SERVER_API_AUTH_STRING,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness

from tests.flows.cloud import SampleCloud, served

AUTH = "unity-mirror:a password, with/odd+signs"


@dataclass(frozen=True)
class PrefectServer:
    """The server that all tests of a session share. It asks everyone for ``auth``."""

    api: str
    auth: str
    database: Path
    home: Path
    results: Path

    @property
    def environment(self) -> dict[str, str]:
        """For Prefect's command line."""
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PREFECT_API_URL": self.api,
            "PREFECT_API_AUTH_STRING": self.auth,
            "PREFECT_HOME": str(self.home),
            "DO_NOT_TRACK": "1",
        }


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A real server with a database of its own, which writes down events and logs without much delay."""
    environment = {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.2",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        results = tmp_path_factory.mktemp("results")
        with _signed_in(), prefect_test_harness(server_startup_timeout=300), _results_in(results):
            database = Path(PREFECT_SERVER_DATABASE_CONNECTION_URL.value().removeprefix("sqlite+aiosqlite:///"))
            yield PrefectServer(PREFECT_API_URL.value(), AUTH, database, Path(environment["PREFECT_HOME"]), results)


@contextmanager
def _signed_in() -> Iterator[None]:
    """The server lets nobody in who doesn't know the password; all flows of the session do."""
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: AUTH, PREFECT_API_AUTH_STRING: AUTH}):
        yield


@contextmanager
def _results_in(folder: Path) -> Iterator[None]:
    """A place for results, in the settings. Without one, Prefect 3.9.1 asks the server for a default at each flow's
    start, by clients that it never closes (prefect/results.py): with warnings as errors, tests would fail of that."""
    LocalFileSystem(basepath=str(folder)).save("results")
    with temporary_settings({PREFECT_DEFAULT_RESULT_STORAGE_BLOCK: "local-file-system/results"}):
        yield


@pytest.fixture(scope="session")
def contoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleCloud]:
    """The cloud of the whole session."""
    with served(tmp_path_factory.mktemp("contoso")) as cloud:
        yield cloud


@pytest.fixture
def cloud(
    contoso: SampleCloud, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SampleCloud]:
    """The cloud as seeded, with the secrets of the sample specs in the environment and nothing else of it."""
    contoso.reset()
    for name, value in contoso.environment.items():
        if name.endswith("_DATABRICKS_SECRET"):
            monkeypatch.setenv(name, value)
    yield contoso
    assert contoso.unknown_requests() == []
