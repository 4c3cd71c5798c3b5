"""Small clouds to test against, served in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.core.identity import load_signing_key
from cloud_emulator.core.service import Service
from cloud_emulator.core.tls import ensure_certificates
from tests.emulator.checks import check
from tests.emulator.observed import observed

TENANT = "72f988bf-0000-4000-8000-00000000c0de"
RUNNER_APP = "11110000-0000-4000-8000-00000000a000"
RUNNER = "22220000-0000-4000-8000-00000000a000"

AUDIENCES = {
    "fabric": "https://api.fabric.microsoft.com",
    "powerbi": "https://analysis.windows.net/powerbi/api",
    "unity_catalog": "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d",
    "arm": "https://management.azure.com",
    "storage": "https://storage.azure.com",
}
"""The resource that a token for each service is for."""

HARDER = {
    "long_running": "accepted", "page_size": 2, "role_propagation_seconds": 300, "principal_replication_seconds": 120,
    "data_access_role_seconds": 300,
}  # fmt: skip
"""Where reality has two legal outcomes, the harder one."""


class Wall:
    """A machine clock that moves only when told to. For clients that look at their own clock it has to begin now."""

    def __init__(self, seconds: float = 1_790_000_000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.seconds


@cache
def _keys() -> dict[str, bytes]:
    """A signing key and certificates, made once: making them takes longer than most tests."""
    with TemporaryDirectory() as made:
        load_signing_key(Path(made) / "signing.key")
        ensure_certificates(Path(made))
        return {path.name: path.read_bytes() for path in Path(made).iterdir()}


def put_keys(folder: Path) -> None:
    """Gives the cloud that will be in a folder the keys that all clouds of tests have."""
    (folder / "tls").mkdir(parents=True, exist_ok=True)
    for name, content in _keys().items():
        (folder / "tls" / name).write_bytes(content)


def small_cloud(folder: Path, wall: Callable[[], float] | None = None) -> Cloud:
    """An empty cloud with a tenant and the runner's service principal, where all outcomes are the harder ones."""
    put_keys(folder)
    cloud = open_cloud(folder, wall=wall or Wall())
    cloud.behaviour = Behaviour.model_validate(HARDER)
    cloud.directory.tenant_id = TENANT
    add_service_principal(cloud, RUNNER, RUNNER_APP, "runner")
    cloud.store.commit()
    return cloud


def add_service_principal(cloud: Cloud, object_id: str, app_id: str, name: str) -> None:
    """Adds a service principal with the secret ``<name>-secret``."""
    cloud.directory.add(
        {
            "objectId": object_id,
            "appId": app_id,
            "type": "ServicePrincipal",
            "displayName": name,
            "secret": f"{name}-secret",
        }
    )
    cloud.store.commit()


def token(cloud: Cloud, object_id: str, audience: str, *, seconds: int = 3599) -> str:
    """An ``Authorization`` header for a principal."""
    principal = cloud.directory.by_object_id(object_id)
    assert principal is not None, object_id
    return "Bearer " + issued(cloud, principal, audience, seconds=seconds)


_issued: dict[tuple[object, ...], str] = {}


def issued(cloud: Cloud, principal: Mapping[str, Any], audience: str, *, seconds: int = 3599) -> str:
    """A token for a principal; within a second of the cloud's time the same again, since signing takes long."""
    plain = not cloud.rules.on("entra.token.claims")
    who = json.dumps({"tenantId": cloud.directory.tenant_id, **principal}, sort_keys=True)
    key = (cloud.tokens.key_id, who, audience, seconds, int(cloud.clock.time()), plain)
    if key not in _issued:
        issuer = f"https://login.test/{TENANT}/v2.0"
        _issued[key] = cloud.tokens.issue(principal, audience, issuer, seconds=seconds)
    return _issued[key]


@asynccontextmanager
async def serve(cloud: Cloud, mounts: Sequence[tuple[str, Service]]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of these services. An exchange that isn't as specified is answered by 500."""
    transport = httpx.ASGITransport(app=Emulator(cloud, observed(mounts, check)))
    async with httpx.AsyncClient(transport=transport, base_url="https://cloud.test") as client:
        yield client
