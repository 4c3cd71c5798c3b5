"""The sample cloud and the library against it: one time for both sides, nothing really sleeps."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.seeds.loading import fill
from cloud_emulator.services import mounts
from tests.contract.world import SharedTime, settings
from unity_mirror.clouds import connect
from unity_mirror.plan.model import Check, Outcome, Remedy, RestCall, StepPlan
from unity_mirror.spec import CatalogSpec, load_spec
from unity_mirror.steps.context import Context
from unity_mirror.steps.runner import Planned, Result, apply_plan, make_plan
from unity_mirror.steps.verification import Depth, verify

EXAMPLES = Path(__file__).parents[2] / "examples"
ROOT = "https://localhost:9999"
_AUDIENCES = {
    "databricks": "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d",
    "arm": "https://management.azure.com",
    "fabric": "https://api.fabric.microsoft.com",
    "storage": "https://storage.azure.com",
}
_WHO = {
    "databricks": identities.PLATFORM,
    "arm": identities.PLATFORM,
    "storage": identities.PLATFORM,
    "fabric": identities.PLATFORM,
}
"""Who carries out a remedy, or changes things behind our back: the catalogs' owners and the subscription's, an admin of
the workspaces. Never the runner."""


class RealTime(SharedTime):
    """The machine's own time."""

    def wall(self) -> float:
        return time.time()


def sample_cloud(folder: Path, clock: SharedTime) -> Cloud:
    """The sample cloud, filled."""
    cloud = open_cloud(folder, wall=clock.wall)
    fill(cloud, "contoso")
    return cloud


def example(name: str, **sets: str) -> CatalogSpec:
    """One of the specs in ``examples/``, with fields set."""
    return load_spec(EXAMPLES / f"{name}.yaml", sets=[f"{path}={value}" for path, value in sets.items()], environ={})


@dataclass
class World:
    """The cloud, its clock, and what a person does with them."""

    cloud: Cloud
    time: SharedTime

    @asynccontextmanager
    async def context(self, spec: CatalogSpec, *, prune: bool = False, **environ: str) -> AsyncIterator[Context]:
        """What steps are given; a request that the emulator doesn't know fails the test."""
        wire = httpx.ASGITransport(app=Emulator(self.cloud, mounts()))
        configured = settings(ROOT, **{**identities.environment(), **environ})
        async with connect(configured, clock=self.time, wire=wire) as clouds:
            yield Context(spec, clouds.clients, clouds.secrets, prune=prune)
        assert [request for request in self.cloud.requests if request["status"] == 501] == []

    async def plan(self, spec: CatalogSpec, *, prune: bool = False) -> Planned:
        """What applying would change."""
        async with self.context(spec, prune=prune) as context:
            return await make_plan(context)

    async def apply(self, spec: CatalogSpec, *, prune: bool = False) -> Result:
        """Plans and applies."""
        async with self.context(spec, prune=prune) as context:
            return await apply_plan(context, await make_plan(context))

    async def verify(self, spec: CatalogSpec, depth: Depth = Depth.WORKS) -> StepPlan:
        """Looks whether everything works."""
        async with self.context(spec) as context:
            return await verify(context, (await make_plan(context)).known, depth)

    async def carry_out(self, remedy: Remedy) -> None:
        """Does what a remedy says, through the clouds' APIs and as someone who may."""
        assert remedy.calls, remedy
        for call in remedy.calls:
            answer = await self.call(call)
            assert answer.is_success, (call, answer.text)

    async def call(self, call: RestCall) -> httpx.Response:
        """Sends a request as written for the public clouds."""
        headers, content = dict(call.headers), None
        if call.body is not None:
            content, headers["content-type"] = json.dumps(call.body).encode(), "application/json"
        return await self.send(call.service, call.method, call.url, content, headers)

    async def send(
        self, service: str, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Sends any content, as whoever administers the service."""
        principal = self.cloud.directory.by_object_id(_WHO[service].object_id)
        assert principal is not None
        token = self.cloud.tokens.issue(principal, _AUDIENCES[service], "https://login.test/v2.0")
        transport = httpx.ASGITransport(app=Emulator(self.cloud, mounts()))
        headers = {"authorization": f"Bearer {token}", **headers}
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, on_the_emulator(url), headers=headers, content=content)

    def effects(self) -> Mapping[str, int]:
        """How many requests of each effect were made."""
        counted: dict[str, int] = {}
        for request in self.cloud.requests:
            counted[request["effect"]] = counted.get(request["effect"], 0) + 1
        return counted

    def dump(self) -> dict[str, Any]:
        """Everything that the cloud holds, but for the bookkeeping of its long-running operations, reads included."""
        self.cloud.store.commit()
        tables = self.cloud.store.dump().items()
        return {name: dict(table) for name, table in tables if name not in ("operations", "jobs")}


def on_the_emulator(url: str) -> str:
    """A public address, as the emulator serves it."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    host = parts.hostname or ""
    if host.endswith(".azuredatabricks.net"):
        return f"{ROOT}/databricks/{host}{parts.path}{query}"
    if host.endswith(".core.windows.net"):
        return f"{ROOT}/storage/{host}{parts.path}{query}"
    return f"{ROOT}{parts.path}{query}"


def failed(checks: StepPlan, check_id: str = "") -> list[Check]:
    """The checks that failed, or those of one kind."""
    return [check for check in checks.checks if check.outcome is Outcome.FAILED and check_id in ("", check.id)]


def trusting(authority: str) -> Mapping[str, str]:
    """This process's environment, trusting an emulator's certificate authority."""
    return {**os.environ, "SSL_CERT_FILE": authority}
