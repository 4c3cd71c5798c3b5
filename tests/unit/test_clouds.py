"""The composition root: one sign-in, one transport, everything closed."""

import base64
import gc
import json
from pathlib import Path

import httpx
import pytest

from tests.unit.cloud_fakes import Wire, answer
from unity_mirror.clock import ManualClock
from unity_mirror.clouds import connect
from unity_mirror.errors import CredentialError, SettingsError
from unity_mirror.models.identity import Identity
from unity_mirror.settings import Settings

ENVIRON = {
    "AZURE_TENANT_ID": "00000000-0000-0000-0000-000000000001",
    "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000002",
    "AZURE_CLIENT_SECRET": "hush",
    "UNITY_MIRROR_AUTHORITY_URL": "https://localhost:9",
    "UNITY_MIRROR_FABRIC_URL": "https://localhost:9/v1",
    "UNITY_MIRROR_DATABRICKS_URL": "https://localhost:9/databricks/{workspace}",
    "UNITY_MIRROR_DFS_URL": "https://localhost:9/storage/{account}.dfs.core.windows.net",
}
WORKSPACE = "https://adb-1.2.azuredatabricks.net"


def token() -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"oid": "o", "azp": "a", "tid": "t"}).encode()).decode()
    return f"h.{claims}.s"


def cloud(request: httpx.Request) -> httpx.Response:
    path = request.url.path
    if path.endswith("/token"):
        return answer(200, {"access_token": token(), "expires_in": 3600, "token_type": "Bearer"})
    if path.endswith("/workspaces"):
        return answer(200, {"value": [{"id": "w", "displayName": "Sales"}]})
    if path.endswith("/metastore_summary"):
        return answer(200, {"metastore_id": "m"})
    if path.endswith("/Groups"):
        return answer(200, {"Resources": [], "totalResults": 0})
    return answer(200, None, x_ms_acl="user::rwx,group::r-x,other::---", etag='"1"')


async def test_all_clients_share_one_sign_in_and_one_meter() -> None:
    wire = Wire(handler=cloud)
    settings = Settings.from_environment(ENVIRON)
    async with connect(settings, clock=ManualClock(), wire=httpx.MockTransport(wire)) as clouds:
        clients = clouds.clients
        assert [w.id for w in await clients.fabric.workspaces.list()] == ["w"]
        assert (await clients.unity_catalog(WORKSPACE).metastore_summary()).metastore_id == "m"
        assert await clients.databricks(WORKSPACE).groups() == []
        assert (await clients.storage.access_control("lake", "c", "f")).etag == '"1"'
        assert await clients.whoami() == Identity("o", "a", "t")
    assert wire.requests[-1].url.path == "/storage/lake.dfs.core.windows.net/c/f"
    assert f"/databricks/{WORKSPACE.removeprefix('https://')}/api/2.1/unity-catalog/metastore_summary" in {
        request.url.path for request in wire.requests
    }
    assert clouds.meter.total(effect="auth") == 3
    assert clouds.meter.total(effect="read") == 4
    assert clouds.meter.total(effect="write") == 0
    gc.collect()  # an unclosed connection would warn, and warnings are errors


async def test_a_databricks_token_replaces_entra_for_databricks_only() -> None:
    wire = Wire(handler=cloud)
    settings = Settings.from_environment({**ENVIRON, "DATABRICKS_TOKEN": "dapi-hush"})
    async with connect(settings, clock=ManualClock(), wire=httpx.MockTransport(wire)) as clouds:
        await clouds.clients.unity_catalog(WORKSPACE).metastore_summary()
        await clouds.clients.fabric.workspaces.list()
    assert wire.authorizations[0] == "Bearer dapi-hush"
    assert wire.authorizations[-1] == f"Bearer {token()}"


async def test_a_refused_sign_in_is_one_clear_error() -> None:
    refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
    wire = Wire(handler=lambda _: answer(401, refusal))
    settings = Settings.from_environment(ENVIRON)
    async with connect(settings, clock=ManualClock(), wire=httpx.MockTransport(wire)) as clouds:
        with pytest.raises(CredentialError, match="AZURE_CLIENT_SECRET"):
            await clouds.clients.fabric.workspaces.list()
    assert "hush" not in repr(clouds)


@pytest.mark.parametrize("proxy", ["socks5://localhost:1", "ftp://user:hush-hush@host", "http://"])
async def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(SettingsError, match="HTTPS_PROXY is not") as caught:
        async with connect(Settings.from_environment(ENVIRON)):
            pass
    assert "hush" not in str(caught.value)


async def test_a_bundle_of_authorities_that_is_none_is_told(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("not PEM", encoding="utf-8")
    with pytest.raises(SettingsError, match="SSL_CERT_FILE can't be used"):
        async with connect(Settings.from_environment({**ENVIRON, "SSL_CERT_FILE": str(bundle)})):
            pass


async def test_nothing_is_sent_before_it_is_asked_for() -> None:
    wire = Wire()
    async with connect(Settings.from_environment(ENVIRON), wire=httpx.MockTransport(wire)):
        pass
    assert wire.requests == []
