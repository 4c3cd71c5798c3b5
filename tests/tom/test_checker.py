"""What the checker of the Tabular Object Model needs is fetched once, and whole."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.tom import checker
from tests.tom.checker import Tom, TomUnavailableError


@pytest.fixture(autouse=True)
def an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")


def test_who_asks_while_it_is_fetched_waits_for_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Path] = []

    def fetch(folder: Path) -> None:
        fetched.append(folder)
        time.sleep(0.05)

    monkeypatch.setattr(checker, "_fetch", fetch)
    monkeypatch.setattr(checker, "_compile", lambda program: program.write_bytes(b"MZ"))
    with ThreadPoolExecutor(4) as together:
        made = list(together.map(lambda _: Tom.prepare().program.read_bytes(), range(4)))
    assert (made, len(fetched)) == ([b"MZ"] * 4, 1)


def test_a_download_that_is_cut_off_is_tried_again_and_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command[3])
        return subprocess.CompletedProcess(command, 2, "", "Connection broken: IncompleteRead(0 bytes read)")

    monkeypatch.setattr("subprocess.run", run)
    with pytest.raises(TomUnavailableError, match=r"tom\.txt names: Connection broken"):
        Tom.prepare()
    assert asked == ["download"] * 3
