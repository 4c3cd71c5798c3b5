"""Who isn't Prefect says that something changed: by the documented call, to a server that asks who it is."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from prefect import get_client

from flows.watch_metastore import watch_metastore
from tests.flows.conftest import PrefectServer
from tests.flows.deployed import deployed, runs_of, with_triggers
from tests.flows.documented import PAGE, command, filled, run
from tests.flows.listening import listening
from tests.flows.waiting import waited

SAYING = command("From outside")
METASTORE = "77770000-0000-4000-8000-00000000c0de"
CHANGED = "unity-mirror.metastore.changed"


async def test_the_documented_call_starts_the_watch_and_asks_who_calls(
    prefect_server: PrefectServer, tmp_path: Path
) -> None:
    watch = await deployed(watch_metastore, "from-outside")
    (automation,) = await with_triggers(watch, watch_metastore)
    saying = filled(SAYING, metastore_id=METASTORE)
    for known, status in (("", "401"), ("someone:else", "401"), (prefect_server.auth, "204")):
        environment = {"PREFECT_API_URL": prefect_server.api, "PREFECT_API_AUTH_STRING": known}
        done = await asyncio.to_thread(run, saying, tmp_path, environment)
        assert done.stdout.splitlines()[-1:] == [status], done
        assert (done.returncode == 0) == (status == "204"), done
    (started,) = await runs_of(watch, 1)
    assert started.parameters == {"fleet": "examples/fleet.yaml"}
    assert started.created_by
    assert started.created_by.id == automation
    events = await waited("the event is recorded", _told)
    assert [event["resource"]["prefect.resource.id"] for event in events] == [f"unity-catalog.{METASTORE}"]
    assert re.fullmatch(r"[0-9a-f-]{36}", events[0]["id"])
    assert len(await runs_of(watch, 1)) == 1


async def _told() -> list[dict[str, Any]]:
    async with get_client() as client:
        answer = await client.request("POST", "/events/filter", json={"filter": {"event": {"name": [CHANGED]}}})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["events"]
    return found


def test_what_is_documented_for_prefect_cloud_sends_its_key(tmp_path: Path) -> None:
    """Only that it is sent as it has to be: Cloud itself isn't asked."""
    named = re.search(r'`(-H "Authorization: Bearer \$PREFECT_API_KEY")`', PAGE)
    assert named
    saying = filled(SAYING, metastore_id=METASTORE).replace('-u "$PREFECT_API_AUTH_STRING"', named[1])
    with listening() as heard:
        done = run(saying, tmp_path, {"PREFECT_API_URL": f"{heard.url}/api", "PREFECT_API_KEY": "pnu_1234"})
    assert done.returncode == 0, done
    ((path, headers, body),) = heard.requests
    assert (path, headers["authorization"]) == ("/api/events", "Bearer pnu_1234")
    assert body[0]["event"] == CHANGED
