"""Signing in: the shapes and numbers of the real Entra, and through azure-identity."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ClientSecretCredential

from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.identity import BadToken, TokenFault
from cloud_emulator.entra.service import make_service
from tests.emulator.served import running
from tests.emulator.support import RUNNER, RUNNER_APP, TENANT, Wall, serve, small_cloud, token

BUCKET = {"per_second": 0.5, "burst": 1}
FORM = {
    "grant_type": "client_credentials",
    "client_id": RUNNER_APP,
    "client_secret": "runner-secret",
    "scope": "https://storage.azure.com/.default",
}


async def ask(folder: Path, form: dict[str, str], tenant: str = TENANT) -> tuple[int, dict[str, Any]]:
    async with serve(small_cloud(folder), [("/", make_service())]) as client:
        answer = await client.post(f"/{tenant}/oauth2/v2.0/token", data=form)
        return answer.status_code, answer.json()


async def test_a_token_carries_the_object_id_and_the_audience(tmp_path: Path) -> None:
    cloud = small_cloud(tmp_path)
    async with serve(cloud, [("/", make_service())]) as client:
        answer = await client.post(f"/{TENANT}/oauth2/v2.0/token", data=FORM)
    caller = cloud.tokens.verify("Bearer " + answer.json()["access_token"], {"https://storage.azure.com"})
    assert (caller.object_id, caller.app_id, caller.tenant_id) == (RUNNER, RUNNER_APP, TENANT)


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": RUNNER}, 400, "unauthorized_client", 700038),
        ({"scope": "https://nobody.example/.default"}, 400, "invalid_resource", 500011),
        ({"scope": "https://storage.azure.com"}, 400, "invalid_scope", 1002012),
        ({"scope": ""}, 400, "invalid_request", 900144),
        ({"client_secret": ""}, 401, "invalid_client", 7000216),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)
async def test_refusals(tmp_path: Path, changes: dict[str, str], status: int, error: str, number: int) -> None:
    got_status, body = await ask(tmp_path, FORM | changes)
    assert (got_status, body["error"], body["error_codes"]) == (status, error, [number])
    assert f"AADSTS{number}" in body["error_description"]
    assert {"timestamp", "trace_id", "correlation_id"} <= set(body)
    assert "runner-secret" not in str(body)


async def test_another_tenant_is_unknown(tmp_path: Path) -> None:
    status, body = await ask(tmp_path, FORM, tenant="11111111-1111-4111-8111-111111111111")
    assert (status, body["error"]) == (400, "invalid_tenant")


async def test_discovery_at_no_tenant_leaves_the_issuer_open(tmp_path: Path) -> None:
    async with serve(small_cloud(tmp_path), [("/", make_service())]) as client:
        issuers = [
            (await client.get(f"/{tenant}/v2.0/.well-known/openid-configuration")).json()["issuer"]
            for tenant in ("common", "organizations", TENANT)
        ]
    assert issuers == [*["https://cloud.test/{tenantid}/v2.0"] * 2, f"https://cloud.test/{TENANT}/v2.0"]


async def test_unknown_routes_are_not_emulated(tmp_path: Path) -> None:
    async with serve(small_cloud(tmp_path), [("/", make_service())]) as client:
        assert (await client.post(f"/{TENANT}/oauth2/token")).status_code == 501


def test_tokens_are_refused_for_each_fault(tmp_path: Path) -> None:
    wall = Wall()
    cloud = small_cloud(tmp_path, wall)
    good = token(cloud, RUNNER, "https://management.azure.com", seconds=60)
    cases = {
        TokenFault.MISSING: "",
        TokenFault.MALFORMED: "Bearer nonsense",
        TokenFault.SIGNATURE: good[:-20] + "A" * 20,
    }
    for fault, header in cases.items():
        with pytest.raises(BadToken) as caught:
            cloud.tokens.verify(header, {"https://management.azure.com"})
        assert caught.value.fault is fault
    with pytest.raises(BadToken) as caught:
        cloud.tokens.verify(good, {"https://storage.azure.com"})
    assert caught.value.fault is TokenFault.AUDIENCE
    wall.seconds += 61
    with pytest.raises(BadToken) as caught:
        cloud.tokens.verify(good, {"https://management.azure.com"})
    assert caught.value.fault is TokenFault.EXPIRED


def test_azure_identity_signs_in_unmodified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = small_cloud(tmp_path, wall=None)
    with running(cloud, [("/", make_service())]) as address:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", address.authority)
        with ClientSecretCredential(
            TENANT, RUNNER_APP, "runner-secret", authority=address.url, disable_instance_discovery=True
        ) as credential:
            found = credential.get_token("https://management.azure.com/.default")
    caller = cloud.tokens.verify("Bearer " + found.token, {"https://management.azure.com"})
    assert caller.object_id == RUNNER


async def test_each_client_is_throttled_by_its_own_bucket(tmp_path: Path) -> None:
    cloud = small_cloud(tmp_path)
    cloud.behaviour = Behaviour.model_validate({"throttling": {"entra": {"apis": {"token": BUCKET}}}})
    async with serve(cloud, [("/", make_service())]) as client:

        async def ask_as(client_id: str) -> int:
            answer = await client.post(f"/{TENANT}/oauth2/v2.0/token", data={**FORM, "client_id": client_id})
            return answer.status_code

        assert [await ask_as(RUNNER_APP), await ask_as(RUNNER_APP), await ask_as("unknown")] == [200, 429, 400]
        refused = await client.post(f"/{TENANT}/oauth2/v2.0/token", data=FORM)
        assert (refused.text, refused.headers["retry-after"]) == ("Too Many Requests", "2")
        assert (await client.get(f"/{TENANT}/discovery/v2.0/keys")).status_code == 200
        cloud.clock.advance(2)
        assert await ask_as(RUNNER_APP) == 200


def test_azure_identity_waits_when_it_is_throttled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(time.time())
    cloud = small_cloud(tmp_path, wall)
    cloud.behaviour = Behaviour.model_validate(
        {"throttling": {"entra": {"apis": {"token": {**BUCKET, "per_second": 1}}}}}
    )
    with running(cloud, [("/", make_service())]) as address:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", address.authority)
        with ClientSecretCredential(
            TENANT, RUNNER_APP, "runner-secret", authority=address.url, disable_instance_discovery=True
        ) as credential:
            monkeypatch.setattr("time.sleep", lambda seconds: setattr(wall, "seconds", wall.seconds + seconds))
            for scope in ("https://management.azure.com/.default", "https://storage.azure.com/.default"):
                credential.get_token(scope)
    assert [each["status"] for each in cloud.requests if each["path"].endswith("/token")] == [200, 429, 200]
