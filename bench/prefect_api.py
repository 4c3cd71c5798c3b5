"""Prefect's API as a run sees it: a server to measure with, and each request with its time and who of ours asked."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_LOGGING_LEVEL": "WARNING"}
_OURS = ("flows", "tasks", "blocks")
_UNAVAILABLE = 503


@dataclass(frozen=True)
class Call:
    """A request: seconds since the run began and until the answer."""

    begun: float
    seconds: float
    what: str
    status: int
    asker: str


@contextmanager
def prefect_server() -> Iterator[dict[str, str]]:
    """A real server on SQLite, as ``make up`` has it; gives the environment of those who use it."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**QUIET, "PREFECT_HOME": home}
        os.environ |= environment  # Prefect reads it when it is imported
        from prefect.settings import PREFECT_API_URL
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            api = PREFECT_API_URL.value()
            for path in ("admin/version", "variables/name/none"):  # the first requests of all find a server half asleep
                httpx.get(f"{api}/{path}", timeout=60)
            yield {**environment, "PREFECT_API_URL": api}


@contextmanager
def listening(api: str) -> Iterator[list[Call]]:
    """The calls that this process makes meanwhile, whichever client makes them, in the order of their answers."""
    calls: list[Call] = []
    start = time.perf_counter()
    send, send_now = httpx.AsyncClient.send, httpx.Client.send

    def note(request: httpx.Request, begun: float, asker: str, status: int) -> None:
        if str(request.url).startswith(api):
            what = f"{request.method} {str(request.url).removeprefix(api)}"
            calls.append(Call(begun - start, time.perf_counter() - begun, what, status, asker))

    async def heard(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        begun, asker = time.perf_counter(), _asker()
        response = await send(client, request, **options)
        note(request, begun, asker, response.status_code)
        return response

    def heard_now(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        begun, asker = time.perf_counter(), _asker()
        response = send_now(client, request, **options)
        note(request, begun, asker, response.status_code)
        return response

    with patch.object(httpx.AsyncClient, "send", heard), patch.object(httpx.Client, "send", heard_now):
        yield calls


def _asker() -> str:
    """The function of ours that is nearest to the request; Prefect itself where there is none, or where it runs side
    by side with others."""
    for frame, _ in traceback.walk_stack(None):
        path = Path(frame.f_code.co_filename)
        if path.parent.name in _OURS and "prefect" not in path.parts:
            return f"{path.parent.name}/{path.name} {frame.f_code.co_name}"
    return "Prefect"


def waited(calls: Sequence[Call]) -> float:
    """Seconds from each answer that the server is unavailable until the same was asked again."""
    refused = [call for call in calls if call.status == _UNAVAILABLE]
    return sum(_until_again(call, calls) for call in refused)


def _until_again(refused: Call, calls: Sequence[Call]) -> float:
    end = refused.begun + refused.seconds
    return min((each.begun - end for each in calls if each.what == refused.what and each.begun > end), default=0.0)


def lines(calls: Sequence[Call]) -> list[str]:
    """One for each request, in the order in which they were made: seconds, milliseconds, answer, what, who asked."""
    return [
        f"{call.begun:8.3f} s {call.seconds * 1000:6.0f} ms  {call.status}  {call.what:<64.64}  {call.asker}"
        for call in sorted(calls, key=lambda call: call.begun)
    ]
