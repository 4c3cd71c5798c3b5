"""Answers lost on the way, over real TLS connections and in this process: nothing is made twice."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.faults import FaultRule
from tests.contract.world import RUNNER, URL, WORKSPACE, SharedTime, databricks_connection, services, settings
from tests.emulator.served import eventually, running
from unity_mirror.clouds import Clouds, connect
from unity_mirror.errors import OperationFailed, ServiceUnavailable, Throttled
from unity_mirror.models.fabric import ShortcutRequest

PBISM = {
    "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/semanticModel/definitionProperties/1.0.0/"
    "schema.json",
    "version": "4.2",
    "settings": {},
}
MODEL = {
    "definition.pbism": json.dumps(PBISM),
    "definition/database.tmdl": "database\n\tcompatibilityLevel: 1604\n",
    "definition/model.tmdl": "model Model\n\tculture: en-US\n",
}


def strike(cloud: Cloud, **rule: Any) -> None:
    """Have one fault happen."""
    cloud.faults.set([FaultRule.model_validate({"times": 1, **rule})])


def posted(cloud: Cloud, path: str) -> int:
    """Return how often something was POSTed there."""
    return sum(request["method"] == "POST" and request["path"].endswith(path) for request in cloud.requests)


@asynccontextmanager
async def over_tls(cloud: Cloud, time: SharedTime) -> AsyncIterator[Clouds]:
    """Give clients that reach the cloud over real connections."""
    with running(cloud, services()) as address:
        reached = settings(address.url, SSL_CERT_FILE=address.authority)
        async with connect(reached, clock=time) as clouds:
            yield clouds
    gc.collect()  # an unclosed connection would warn, and warnings are errors


class TestOverTls:
    async def test_signs_in_and_reads_everything(self, cloud: Cloud, time: SharedTime) -> None:
        async with over_tls(cloud, time) as clouds:
            clients = clouds.clients
            assert (await clients.whoami()).object_id == RUNNER
            assert len(await clients.fabric.workspaces.list()) == 1
            assert (await clients.unity_catalog(URL).metastore_summary()).external_access_enabled
            await clients.storage.reachable("contosolake", "lake")
            assert (await clients.storage.access_control("contosolake", "lake", "sales")).etag
            assert len(await clients.storage.list_paths("contosolake", "lake", "sales")) == 2

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("action", ["reset", "half_body", "status"])
    async def test_a_connection_is_created_once(self, cloud: Cloud, time: SharedTime, action: str, when: str) -> None:
        strike(cloud, method="POST", path="/connections$", action=action, when=when, status=500)
        async with over_tls(cloud, time) as clouds:
            made = await clouds.clients.fabric.connections.create(databricks_connection("databricks-sales"))
            listed = await clouds.clients.fabric.connections.list()
        assert [each.id for each in listed] == [made.id]

    async def test_reads_survive_a_reset(self, cloud: Cloud, time: SharedTime) -> None:
        strike(cloud, method="GET", path="/workspaces$", action="reset")
        async with over_tls(cloud, time) as clouds:
            assert len(await clouds.clients.fabric.workspaces.list()) == 1

    async def test_a_cancelled_request_leaves_the_client_usable(self, cloud: Cloud, time: SharedTime) -> None:
        strike(cloud, method="GET", path="/workspaces$", action="hang")
        async with over_tls(cloud, time) as clouds:
            asked = asyncio.create_task(clouds.clients.fabric.workspaces.list())
            await asyncio.to_thread(eventually, lambda: cloud.faults.counts()[0]["struck"], "the request hangs")
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            assert len(await clouds.clients.fabric.workspaces.list()) == 1

    async def test_an_untrusted_certificate_is_said_so(self, cloud: Cloud, time: SharedTime) -> None:
        with running(cloud, services()) as address:
            async with connect(settings(address.url), _Tokens(), clock=time) as clouds:
                with pytest.raises(ServiceUnavailable, match="SSL_CERT_FILE"):
                    await clouds.clients.fabric.workspaces.list()
        gc.collect()


class _Tokens:
    async def token(self, scope: str) -> str:
        return "token"

    def invalidate(self, scope: str, token: str | None = None) -> None: ...

    async def identity(self) -> Any: ...

    async def close(self) -> None: ...


@pytest.mark.parametrize("when", ["before", "after"])
class TestDoubts:
    async def test_a_lakehouse_is_created_once(self, cloud: Cloud, clouds: Clouds, when: str) -> None:
        strike(cloud, method="POST", path="/lakehouses$", when=when, status=502)
        made = await clouds.clients.fabric.lakehouses.create(WORKSPACE, "lake", "ours")
        assert [each.id for each in await clouds.clients.fabric.lakehouses.list(WORKSPACE)] == [made.id]

    async def test_a_workspace_is_shared_once(self, cloud: Cloud, clouds: Clouds, when: str) -> None:
        strike(cloud, method="POST", path="/roleAssignments$", when=when, status=500)
        workspaces = clouds.clients.fabric.workspaces
        reader = "22220000-0000-4000-8000-00000000a001"
        await workspaces.add_role_assignment(WORKSPACE, reader, "ServicePrincipal", "Viewer")
        assert len(await workspaces.role_assignments(WORKSPACE)) == 2

    async def test_an_identity_is_created_once(self, cloud: Cloud, clouds: Clouds, when: str) -> None:
        strike(cloud, method="POST", path="/provisionIdentity$", when=when, status=500)
        made = await clouds.clients.fabric.workspaces.provision_identity(WORKSPACE)
        assert (await clouds.clients.fabric.workspaces.get(WORKSPACE)).workspace_identity == made

    async def test_shortcuts_are_created_once(self, cloud: Cloud, clouds: Clouds, when: str) -> None:
        fabric = clouds.clients.fabric
        source = await fabric.lakehouses.create(WORKSPACE, "source", "")
        target = await fabric.lakehouses.create(WORKSPACE, "target", "")
        strike(cloud, method="POST", path="/bulkCreate", when=when, status=500)
        wanted = [ShortcutRequest.to_onelake("Files", name, WORKSPACE, source.id, "Files") for name in ("a", "b")]
        results = await fabric.shortcuts.bulk_create(WORKSPACE, target.id, wanted)
        assert [each.status for each in results] == ["Succeeded", "Succeeded"]
        assert len(await fabric.shortcuts.list(WORKSPACE, target.id)) == 2


class TestThrottling:
    async def test_the_time_asked_for_is_waited_and_no_more(
        self, cloud: Cloud, clouds: Clouds, time: SharedTime
    ) -> None:
        strike(cloud, path="/workspaces$", status=429, headers={"Retry-After": "30"})
        await clouds.clients.fabric.workspaces.list()
        assert 30 <= time.slept <= 31
        assert clouds.meter.throttled == 1

    async def test_patience_ends(self, cloud: Cloud, clouds: Clouds) -> None:
        strike(cloud, path="/workspaces$", status=429, headers={"Retry-After": "30"}, times=1000)
        with pytest.raises(Throttled):
            await clouds.clients.fabric.workspaces.list()


class TestSemanticModels:
    async def test_creates_reads_replaces_and_deletes(self, cloud: Cloud, clouds: Clouds) -> None:
        models = clouds.clients.fabric.semantic_models
        made = await models.create(WORKSPACE, "Sales", "ours", MODEL)
        held = await models.definition(WORKSPACE, made.id)
        assert {path: held[path] for path in MODEL} == MODEL
        await models.update_definition(WORKSPACE, made.id, {**MODEL, "definition/model.tmdl": "model Model\n"})
        assert (await models.definition(WORKSPACE, made.id))["definition/model.tmdl"] == "model Model\n"
        renamed = await models.update(WORKSPACE, made.id, display_name="Sales 2", description="new")
        assert (renamed.display_name, renamed.description) == ("Sales 2", "new")
        await models.delete(WORKSPACE, made.id)
        assert await models.list(WORKSPACE) == []

    async def test_a_bad_model_is_a_failed_operation(self, cloud: Cloud, clouds: Clouds) -> None:
        bad = {**MODEL, "definition/model.tmdl": "model Model\n\tnonsense: 1\n"}
        with pytest.raises(OperationFailed, match="create the semantic model 'Sales'"):
            await clouds.clients.fabric.semantic_models.create(WORKSPACE, "Sales", "", bad)

    async def test_frames_a_model(self, cloud: Cloud, clouds: Clouds) -> None:
        made = await clouds.clients.fabric.semantic_models.create(WORKSPACE, "Sales", "", MODEL)
        powerbi = clouds.clients.powerbi
        refresh = await powerbi.refresh(WORKSPACE, made.id, {"type": "full"})
        assert (await powerbi.wait_for_refresh(WORKSPACE, made.id, refresh)).status == "Completed"
        assert [each.request_id for each in await powerbi.refreshes(WORKSPACE, made.id)] == [refresh]
