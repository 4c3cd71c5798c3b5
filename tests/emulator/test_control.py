"""The control plane, and what it makes happen: faults, throttling, latency, operations by polls, time, reset, state."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.seeds.contoso.azure import GROUP, SUBSCRIPTION
from cloud_emulator.seeds.contoso.fabric import SALES_WORKSPACE
from cloud_emulator.services import mounts
from tests.emulator.served import Address, eventually, running
from tests.emulator.support import AUDIENCES, Wall, token

READS = {
    "fabric": f"/v1/workspaces/{SALES_WORKSPACE}",
    "powerbi": f"/v1.0/myorg/groups/{SALES_WORKSPACE}/datasets/{SALES_WORKSPACE}/refreshes",
    "unity_catalog": "/api/2.1/unity-catalog/catalogs/sales",
    "arm": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}?api-version=2021-04-01",
    "storage": f"/storage/onelake/{SALES_WORKSPACE}?resource=filesystem&recursive=false",
}
LAKEHOUSES = f"/v1/workspaces/{SALES_WORKSPACE}/lakehouses"


class World:
    """The sample cloud in this process, on a clock that only tests move."""

    def __init__(self, cloud: Cloud, http: httpx.AsyncClient) -> None:
        self.cloud = cloud
        self.http = http

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/_emulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def read(self, service: str, who: str = identities.RUNNER.object_id) -> httpx.Response:
        return await self.http.get(READS[service], headers=self.headers(service, who))

    async def make_lakehouse(self, name: str = "lake_of_ours") -> httpx.Response:
        return await self.http.post(LAKEHOUSES, json={"displayName": name}, headers=self.headers("fabric"))

    async def operation(self, started: httpx.Response) -> httpx.Response:
        path = f"/v1/operations/{started.headers['x-ms-operation-id']}"
        return await self.http.get(path, headers=self.headers("fabric"))

    def lakehouses(self) -> list[str]:
        return [each["displayName"] for each in self.cloud.table("fabric.items").by("type", "Lakehouse")]

    def headers(self, service: str, who: str = identities.RUNNER.object_id) -> dict[str, str]:
        authorization = token(self.cloud, who, AUDIENCES[service])
        return {"Authorization": authorization, "x-ms-version": "2023-11-03", "Accept": "application/json"}


@pytest_asyncio.fixture
async def world(sample: Cloud) -> AsyncIterator[World]:
    sample.reset()
    transport = httpx.ASGITransport(app=Emulator(sample, mounts()))
    async with httpx.AsyncClient(transport=transport, base_url="https://cloud.test") as http:
        yield World(sample, http)


async def test_requests_are_told_with_their_effect(world: World) -> None:
    await world.read("fabric")
    await world.make_lakehouse()
    form = {
        "grant_type": "client_credentials", "client_id": identities.RUNNER.app_id, "client_secret": "wrong",
        "scope": "https://api.fabric.microsoft.com/.default",
    }  # fmt: skip
    await world.http.post(f"/{identities.TENANT}/oauth2/v2.0/token", data=form)
    told = await world.control("GET", "requests")
    assert [(each["service"], each["method"], each["status"], each["effect"]) for each in told] == [
        ("fabric", "GET", 200, "read"), ("fabric", "POST", 202, "write"), ("entra", "POST", 401, "auth"),
    ]  # fmt: skip
    assert set(told[0]) == {"service", "method", "path", "status", "at", "effect"}
    assert told[0]["path"] == READS["fabric"]
    await world.control("DELETE", "requests")
    assert await world.control("GET", "requests") == []


async def test_state_is_whole_ordered_and_the_same_again_after_a_reset(world: World) -> None:
    before = (await world.http.get("/_emulator/state")).content
    document = json.loads(before)
    assert list(document) == sorted(document)
    assert all(list(each) == sorted(each) for each in document.values())
    await world.make_lakehouse()
    await world.control("PUT", "faults", [{"path": "nowhere"}])
    await world.control("PUT", "settings", {"page_size": 1, "throttling": {"arm": {"per_second": 1, "burst": 1}}})
    moved = await world.control("POST", "clock", {"advance_seconds": 3600})
    assert (await world.http.get("/_emulator/state")).content != before
    await world.control("POST", "reset")
    assert (await world.http.get("/_emulator/state")).content == before
    assert (await world.control("GET", "faults"), await world.control("GET", "requests")) == ([], [])
    assert (await world.control("POST", "clock", {"advance_seconds": 0}))["now"] < moved["now"]


async def test_a_reset_is_fast(world: World) -> None:
    await world.make_lakehouse()
    begun = time.process_time()
    await world.control("POST", "reset")
    assert time.process_time() - begun < 1


async def test_the_state_holds_no_secret(world: World) -> None:
    body = {
        "connectivityType": "ShareableCloud", "displayName": "ours", "privacyLevel": "Organizational",
        "connectionDetails": {
            "type": "AzureDatabricksWorkspace", "creationMethod": "AzureDatabricksWorkspace.Actions",
            "parameters": [
                {"dataType": "Text", "name": "url", "value": "https://adb-1234567890123456.7.azuredatabricks.net"}
            ],
        },
        "credentialDetails": {
            "singleSignOnType": "None", "connectionEncryption": "NotEncrypted", "skipTestConnection": False,
            "credentials": {
                "credentialType": "ServicePrincipal", "tenantId": identities.TENANT,
                "servicePrincipalClientId": identities.SALES_READER.app_id,
                "servicePrincipalSecret": identities.SALES_READER.secret,
            },
        },
    }  # fmt: skip
    made = await world.http.post("/v1/connections", json=body, headers=world.headers("fabric"))
    assert made.status_code == 201, made.text
    vault = {"secrets": {"reader": {"1": "hidden-in-a-vault"}}, "name": "v", "readers": []}
    world.cloud.table("fabric.keyVaults")["v"] = vault
    world.cloud.table("fabric.storageSecrets")["a"] = {"key": ["hidden-key"], "token": ["hidden-signature"]}
    shown = (await world.http.get("/_emulator/state")).text
    secrets = {each.secret for each in identities.APPS if each.secret}
    for secret in (*secrets, "hidden-in-a-vault", "hidden-key", "hidden-signature"):
        assert secret not in shown
    assert made.json()["id"] in shown
    assert shown.count("sha256:") >= len(secrets) + 4


async def test_a_seed_adds_to_the_cloud_and_is_what_a_reset_goes_back_to(tmp_path: Path) -> None:
    cloud = open_cloud(tmp_path, wall=Wall())
    transport = httpx.ASGITransport(app=Emulator(cloud, mounts()))
    async with httpx.AsyncClient(transport=transport, base_url="https://cloud.test") as http:
        world = World(cloud, http)
        await world.control("POST", "seed", {"name": "contoso"})
        count = len(world.lakehouses())
        await world.make_lakehouse()
        cloud.clock.advance(10)
        await world.read("fabric")
        assert len(world.lakehouses()) == count + 1
        await world.control("POST", "reset")
        assert len(world.lakehouses()) == count
        refused = await http.post("/_emulator/seed", json={"tenant": {"id": "x", "people": []}})
        assert (refused.status_code, "people" in refused.text) == (400, True)
        unknown = await http.post("/_emulator/seed", json={"name": "fabrikam"})
        assert (unknown.status_code, "sample clouds: contoso" in unknown.text) == (400, True)
    cloud.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "faults", [{"service": "nobody"}], 400),
        ("PUT", "faults", [{"path": "("}], 400),
        ("PUT", "faults", [{"action": "kill"}], 400),
        ("PUT", "faults", [{"pid": 99}], 400),
        ("PUT", "faults", [{"action": "kill", "pid": os.getpid()}], 400),
        ("PUT", "faults", {}, 400),
        ("PUT", "settings", {"nothing": 1}, 400),
        ("PUT", "settings", [], 400),
        ("PUT", "settings", {"throttling": {"fabric": {"per_second": 0, "burst": 1}}}, 400),
        ("PUT", "settings", {"throttling": {"fabric": {"per_second": 1}}}, 400),
        ("PUT", "settings", {"throttling": {"fabric": {"apis": {"Path - List": {"per_second": 1, "burst": 1}}}}}, 400),
        ("POST", "clock", {"advance_seconds": -1}, 400),
        ("POST", "clock", {"advance_seconds": True}, 400),
        ("POST", "clock", {}, 400),
        ("POST", "clock", [], 400),
        ("GET", "nothing", None, 501),
    ],
)
async def test_what_the_control_plane_does_not_understand_it_refuses(
    world: World, method: str, path: str, body: Any, status: int
) -> None:
    answer = await world.http.request(method, f"/_emulator/{path}", json=body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


CODES = {
    "fabric": (429, "errorCode", "RequestBlocked"),
    "powerbi": (429, "error", {"code": "TooManyRequests", "message": "The service could not answer; try again later."}),
    "unity_catalog": (429, "error_code", "REQUEST_LIMIT_EXCEEDED"),
    "arm": (429, "error", None),
    "storage": (503, "error", None),
}


@pytest.mark.parametrize("service", CODES)
async def test_callers_are_throttled_each_by_its_own_bucket(world: World, service: str) -> None:
    await world.control("PUT", "settings", {"throttling": {service: {"per_second": 0.5, "burst": 3}}})
    first = [(await world.read(service)).status_code for _ in range(3)]
    refused = await world.read(service)
    status, field, expected = CODES[service]
    assert status not in first
    assert refused.status_code == status
    assert refused.headers["retry-after"] == "2"
    assert expected is None or refused.json()[field] == expected
    assert (await world.read(service, identities.SALES_READER.object_id)).status_code != status
    world.cloud.clock.advance(2)
    assert (await world.read(service)).status_code != status
    assert (await world.read(service)).status_code == status
    for other in CODES.keys() - {service}:
        assert (await world.read(other)).status_code not in (429, 503)


async def test_each_api_has_a_bucket_of_its_own_beside_the_services(world: World) -> None:
    apis = {"Workspaces_GetWorkspace": {"per_second": 0.1, "burst": 1}, "*": {"per_second": 0.1, "burst": 2}}
    await world.control("PUT", "settings", {"throttling": {"fabric": {"per_second": 1, "burst": 4, "apis": apis}}})
    one, every = READS["fabric"], "/v1/capacities"

    async def statuses(*paths: str) -> list[tuple[int, str | None]]:
        answers = [await world.http.get(path, headers=world.headers("fabric")) for path in paths]
        return [(each.status_code, each.headers.get("retry-after")) for each in answers]

    assert await statuses(one, one, every, every, every) == [
        (200, None), (429, "10"), (200, None), (200, None), (429, "10"),
    ]  # fmt: skip
    assert await statuses("/v1/connections", "/v1/connections") == [(200, None), (429, "1")]  # the service's own
    world.cloud.clock.advance(10)
    assert await statuses(one, one, every) == [(200, None), (429, "10"), (200, None)]


async def test_latency_is_by_service(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("cloud_emulator.core.app.asyncio.sleep", sleep)
    await world.control("PUT", "settings", {"latency_ms": {"arm": 250}})
    await world.read("arm")
    await world.read("fabric")
    await world.control("GET", "settings")
    assert slept == [0.25]


async def test_operations_end_at_the_nth_poll(world: World) -> None:
    await world.control("PUT", "settings", {"operation_polls": 3})
    started = await world.make_lakehouse()
    world.cloud.clock.advance(3600)
    assert [(await world.operation(started)).json()["status"] for _ in range(2)] == ["Running", "Running"]
    assert "lake_of_ours" not in world.lakehouses()
    assert (await world.operation(started)).json()["status"] == "Succeeded"
    assert "lake_of_ours" in world.lakehouses()


@pytest.mark.parametrize(("when", "there"), [("before", False), ("after", True)])
async def test_an_operation_fails_with_or_without_its_effect(world: World, when: str, there: bool) -> None:
    rule = {"action": "fail_operation", "method": "POST", "when": when, "error_code": "Odd", "error_message": "why"}
    await world.control("PUT", "faults", [rule])
    started = await world.make_lakehouse()
    assert (await world.operation(started)).json()["status"] == "Running"
    world.cloud.clock.advance(10)
    ended = (await world.operation(started)).json()
    assert (ended["status"], ended["error"]["errorCode"], ended["error"]["message"]) == ("Failed", "Odd", "why")
    assert ("lake_of_ours" in world.lakehouses()) is there


@pytest.mark.parametrize(("when", "there"), [("before", False), ("after", True)])
async def test_an_operation_is_forgotten_with_or_without_its_effect(world: World, when: str, there: bool) -> None:
    await world.control("PUT", "faults", [{"action": "forget_operation", "method": "POST", "when": when}])
    started = await world.make_lakehouse()
    assert started.status_code == 202
    world.cloud.clock.advance(10)
    assert (await world.operation(started)).status_code == 404
    assert ("lake_of_ours" in world.lakehouses()) is there


@pytest.mark.parametrize("service", READS)
async def test_a_fault_without_words_takes_the_services_own(world: World, service: str) -> None:
    await world.control("PUT", "faults", [{"service": service, "status": 500, "headers": {"Retry-After": "7"}}])
    answer = await world.read(service)
    assert (answer.status_code, answer.headers["retry-after"]) == (500, "7")
    assert {"errorCode", "error_code", "error"} & set(answer.json())


async def test_the_nth_call_is_struck_and_counted(world: World) -> None:
    await world.control(
        "PUT", "faults", [{"path": "workspaces", "nth": 2, "status": 418, "body": {"short": "stout"}}, {"nth": 99}]
    )
    answers = [await world.read("fabric") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 418, 200]
    assert answers[1].json() == {"short": "stout"}
    assert [(each["matched"], each["struck"]) for each in await world.control("GET", "faults")] == [(3, 1), (3, 0)]


async def test_a_fault_after_the_effect_leaves_it(world: World) -> None:
    await world.control("PUT", "faults", [{"method": "PATCH", "when": "after", "status": 503}])
    path = f"/v1/workspaces/{SALES_WORKSPACE}"
    answer = await world.http.patch(path, json={"description": "done"}, headers=world.headers("fabric"))
    assert answer.status_code == 503
    assert world.cloud.table("fabric.workspaces")[SALES_WORKSPACE]["description"] == "done"


@pytest.fixture
def at(sample: Cloud) -> Iterator[Address]:
    """The sample cloud over TLS, where connections can be cut."""
    sample.reset()
    with running(sample, mounts()) as address:
        yield address


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that does nothing."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def _rename(at: Address, cloud: Cloud) -> None:
    header = {"Authorization": token(cloud, identities.RUNNER.object_id, AUDIENCES["fabric"])}
    httpx.patch(
        f"{at.url}/v1/workspaces/{SALES_WORKSPACE}", json={"description": "done"}, headers=header,
        verify=_trusting(at), timeout=httpx.Timeout(10, read=0.3),
    )  # fmt: skip


def _is_renamed(cloud: Cloud) -> bool:
    return cloud.table("fabric.workspaces")[SALES_WORKSPACE].get("description") == "done"


def _trusting(at: Address) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=at.authority)


@pytest.mark.parametrize(("when", "changed"), [("before", False), ("after", True)])
@pytest.mark.parametrize("action", ["reset", "half_body", "hang"])
def test_answers_are_lost(sample: Cloud, at: Address, action: str, when: str, changed: bool) -> None:
    rule = {"method": "PATCH", "action": action, "when": when}
    assert httpx.put(f"{at.url}/_emulator/faults", json=[rule], verify=_trusting(at)).status_code == 200
    with pytest.raises(httpx.TransportError):
        _rename(at, sample)
    eventually(lambda: bool(sample.requests), "the request is in the log")
    assert _is_renamed(sample) is changed
    told = [(each["method"], each["status"], each["effect"]) for each in sample.requests]
    assert told == [("PATCH", 0, "write")]


@pytest.mark.parametrize(("when", "changed"), [("before", False), ("after", True)])
def test_a_process_is_killed(
    sample: Cloud, at: Address, victim: subprocess.Popen[bytes], when: str, changed: bool
) -> None:
    rule = {"method": "PATCH", "action": "kill", "pid": victim.pid, "when": when}
    assert httpx.put(f"{at.url}/_emulator/faults", json=[rule], verify=_trusting(at)).status_code == 200
    with pytest.raises(httpx.TransportError):
        _rename(at, sample)
    assert victim.wait(timeout=20) == -9
    assert _is_renamed(sample) is changed


async def test_only_who_is_on_this_machine_has_processes_killed(sample: Cloud, victim: subprocess.Popen[bytes]) -> None:
    transport = httpx.ASGITransport(app=Emulator(sample, mounts()), client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="https://cloud.test") as http:
        answer = await http.put("/_emulator/faults", json=[{"action": "kill", "pid": victim.pid}])
    assert answer.status_code == 403
    await asyncio.sleep(0)
    assert victim.poll() is None
