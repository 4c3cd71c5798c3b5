"""The sample cloud served over TLS, as flows meet it, and what a person does with it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from blocks import UnityMirrorClouds
from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.environment import variables
from cloud_emulator.seeds.contoso import databricks, identities
from cloud_emulator.seeds.contoso.catalogs import SALES_HOST
from cloud_emulator.seeds.loading import fill
from cloud_emulator.services import mounts
from tests.emulator.served import running

EXAMPLES = Path(__file__).parents[2] / "examples"
_QUICK = {
    "long_running": "immediate",
    "operation_seconds": 0,
    "sync_seconds": 0,
    "sql_endpoint_seconds": 0,
    "name_reservation_seconds": 0,
}


@dataclass
class SampleCloud:
    """The cloud, and the environment that leads to it."""

    cloud: Cloud
    environment: Mapping[str, str]
    client: httpx.Client

    @property
    def block(self) -> UnityMirrorClouds:
        """The block that leads flows here."""
        return UnityMirrorClouds.from_environment(self.environment)

    def reset(self) -> None:
        """Back to how it was seeded, with nothing that takes time."""
        self.client.post("/_emulator/reset").raise_for_status()
        self.client.put("/_emulator/settings", json=_QUICK).raise_for_status()

    def writes(self) -> list[dict[str, Any]]:
        """The requests that changed something since the last reset."""
        return [each for each in self.client.get("/_emulator/requests").json() if each["effect"] == "write"]

    def unknown_requests(self) -> list[dict[str, Any]]:
        """Requests that the emulator doesn't know: each is a mistake of ours."""
        return [each for each in self.client.get("/_emulator/requests").json() if each["status"] == 501]

    def forget_requests(self) -> None:
        """Begins a new list of requests."""
        self.client.delete("/_emulator/requests").raise_for_status()

    def strike(self, *rules: dict[str, Any]) -> None:
        """What goes wrong from now on, by rule; without rules, nothing does."""
        self.client.put("/_emulator/faults", json=list(rules)).raise_for_status()

    def state(self) -> dict[str, Any]:
        """All that the cloud holds."""
        found: dict[str, Any] = self.client.get("/_emulator/state").json()
        return found

    def names(self, workspace: str) -> set[str]:
        """What people know by name: a workspace's items, and all connections."""
        connections = self._fabric("/v1/connections")
        return {each["displayName"] for each in (*self.items(workspace, "items"), *connections)}

    def delete_item(self, workspace: str, kind: str, name: str) -> None:
        """As somebody else in Fabric's portal."""
        (item,) = [each for each in self.items(workspace, kind) if each["displayName"] == name]
        headers = {"authorization": self._token(identities.RUNNER, "https://api.fabric.microsoft.com")}
        path = f"/v1/workspaces/{item['workspaceId']}/items/{item['id']}"
        self.client.delete(path, headers=headers).raise_for_status()

    def items(self, workspace: str, kind: str) -> list[dict[str, Any]]:
        """The items of one kind in a Fabric workspace, by the workspace's name."""
        found = self._fabric("/v1/workspaces")
        workspace_id = next(each["id"] for each in found if each["displayName"] == workspace)
        return self._fabric(f"/v1/workspaces/{workspace_id}/{kind}")

    def forbid_external_access(self) -> None:
        """As the metastore's admin: turns external data access off."""
        url = f"/databricks/{SALES_HOST}/api/2.1/unity-catalog/metastores/{databricks.METASTORE}"
        headers = {"authorization": self._token(identities.PLATFORM, "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d")}
        self.client.patch(url, json={"external_access_enabled": False}, headers=headers).raise_for_status()

    def _fabric(self, path: str) -> list[dict[str, Any]]:
        headers = {"authorization": self._token(identities.RUNNER, "https://api.fabric.microsoft.com")}
        answer = self.client.get(path, headers=headers)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def _token(self, who: identities.App, audience: str) -> str:
        principal = self.cloud.directory.by_object_id(who.object_id)
        assert principal is not None
        return "Bearer " + self.cloud.tokens.issue(principal, audience, "https://login.test/v2.0")


@contextmanager
def served(folder: Path) -> Iterator[SampleCloud]:
    """The sample cloud, until the block ends."""
    cloud = open_cloud(folder)
    fill(cloud, "contoso")
    with running(cloud, mounts()) as address:
        port = int(address.url.rpartition(":")[2])
        trusted = ssl.create_default_context(cafile=address.authority)
        with httpx.Client(base_url=address.url, verify=trusted, timeout=30) as client:
            yield SampleCloud(cloud, variables(folder, port), client)
    cloud.close()
