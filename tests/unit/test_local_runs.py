"""What the local stack asks of Prefect's server, when that is busy."""

from __future__ import annotations

import httpx
import pytest

from deploy.local import runs


def test_an_unavailable_server_is_asked_again_and_what_it_says_then_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_POLL", 0.0)
    answers = iter([httpx.Response(503), httpx.Response(503), httpx.Response(409)])
    assert runs.patiently(lambda: next(answers)).status_code == 409


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_POLL", 0.0)
    assert runs.patiently(lambda: httpx.Response(503)).status_code == 503
