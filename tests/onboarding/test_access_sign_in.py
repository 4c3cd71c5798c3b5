"""Every way that azure-identity's default chain signs in by, as far as this machine goes: unmodified credentials, the
emulator's Entra, and requests for any other host cut off."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from cloud_emulator.core.app import Emulator
from cloud_emulator.entra.service import MACHINE_IDENTITY
from cloud_emulator.seeds.contoso.identities import RUNNER, TENANT
from cloud_emulator.services import mounts
from tests.contract.world import settings
from tests.onboarding.world import ROOT, World
from unity_mirror.clouds import connect
from unity_mirror.errors import CredentialError

HR = "https://adb-2234567890123456.16.azuredatabricks.net"
Entra = Callable[[httpx.Request], httpx.Response | None]


class Loopback(httpx.AsyncBaseTransport):
    """The emulator, and no way to anywhere else; ``entra`` may answer what the emulator's doesn't serve."""

    def __init__(self, world: World, entra: Entra = lambda _: None) -> None:
        self._entra = entra
        self._emulator = httpx.ASGITransport(app=Emulator(world.cloud, mounts()))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "localhost":
            raise httpx.ConnectError("there is no way out", request=request)
        return self._entra(request) or await self._emulator.handle_async_request(request)


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials but those that a test puts there, and no command line tools that are signed in."""
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))


async def who_is_signed_in(world: World, entra: Entra = lambda _: None, **environ: str) -> str:
    """The object id that Fabric, Databricks and Azure accept a token of; nothing is asked of a client secret."""
    nobody = {"AZURE_TENANT_ID": "", "AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": ""}
    configured = settings(ROOT, **{**nobody, **environ})
    async with connect(configured, clock=world.time, wire=Loopback(world, entra)) as clouds:
        us = await clouds.clients.whoami()
        assert await clouds.clients.fabric.workspaces.list()
        assert (await clouds.clients.unity_catalog(HR).metastore_summary()).metastore_id
        account = next(iter(world.dump()["arm.storageAccounts"].values()))["id"]
        assert await clouds.clients.arm.permissions(account)
        return us.object_id


async def test_a_managed_identity(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = world.dump()["settings"][MACHINE_IDENTITY]
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{ROOT}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", machine["header"])
    assert await who_is_signed_in(world) == RUNNER.object_id
    monkeypatch.setenv("IDENTITY_HEADER", "somebody else's")
    with pytest.raises(CredentialError, match="could not sign in"):
        await who_is_signed_in(world)


def a_token(world: World, audience: str) -> str:
    principal = world.cloud.directory.by_object_id(RUNNER.object_id)
    assert principal is not None
    return world.cloud.tokens.issue(principal, audience, "https://login.test/v2.0")


async def test_a_workload_identity(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The cluster's token is exchanged at Entra, which the emulator doesn't do: that one answer is made up here."""
    federated = tmp_path / "token"
    federated.write_text("the cluster's word", encoding="utf-8")
    pod = {
        "AZURE_FEDERATED_TOKEN_FILE": str(federated), "AZURE_CLIENT_ID": RUNNER.app_id, "AZURE_TENANT_ID": TENANT,
    }  # fmt: skip
    for name, value in pod.items():
        monkeypatch.setenv(name, value)

    def entra(request: httpx.Request) -> httpx.Response | None:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if "client_assertion" not in form:
            return None
        if (form["client_assertion"], form["client_id"]) != ("the cluster's word", RUNNER.app_id):
            refusal = {"error": "invalid_client", "error_description": "AADSTS700213: No matching federated identity."}
            return httpx.Response(401, json=refusal, request=request)
        audience = form["scope"].split()[0].removesuffix("/.default")
        body = {"access_token": a_token(world, audience), "expires_in": 3600, "token_type": "Bearer"}
        return httpx.Response(200, json=body, request=request)

    assert await who_is_signed_in(world, entra, **pod) == RUNNER.object_id
    federated.write_text("somebody else's word", encoding="utf-8")
    with pytest.raises(CredentialError, match="could not sign in"):
        await who_is_signed_in(world, entra, **pod)


def put_azure_cli(world: World, folder: Path, *, signed_in: bool) -> None:
    """An ``az`` that hands out the runner's tokens, or says what the real one says to strangers."""
    audiences = (
        "https://api.fabric.microsoft.com", "https://management.azure.com", "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d",
    )  # fmt: skip
    tokens = {audience: a_token(world, audience) for audience in audiences}
    script = f"""#!{sys.executable}
import json, sys, time
if not {signed_in}:
    sys.exit("ERROR: Please run 'az login' to setup account.")
asked = sys.argv[sys.argv.index("--resource") + 1] if "--resource" in sys.argv else sys.argv[-1]
token = json.loads({json.dumps(json.dumps(tokens))})[asked.removesuffix("/.default")]
print(json.dumps({{"accessToken": token, "expires_on": {int(time.time()) + 3600}, "expiresOn": "2099-01-01 00:00"}}))
"""
    program = folder / "az"
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)


async def test_the_azure_cli(world: World, tmp_path: Path) -> None:
    put_azure_cli(world, tmp_path, signed_in=True)
    assert await who_is_signed_in(world) == RUNNER.object_id
    put_azure_cli(world, tmp_path, signed_in=False)
    with pytest.raises(CredentialError) as refused:
        await who_is_signed_in(world)
    assert "az login" in refused.value.remedy


async def test_nothing_at_all_says_what_to_set(world: World) -> None:
    with pytest.raises(CredentialError) as refused:
        await who_is_signed_in(world)
    assert "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET" in refused.value.remedy
    assert "ManagedIdentityCredential: " in refused.value.why
    assert "AzureCliCredential: " in refused.value.why
