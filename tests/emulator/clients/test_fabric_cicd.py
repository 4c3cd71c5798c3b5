"""Microsoft's ``fabric-cicd``, unmodified, over TLS, signed in through azure-identity: it publishes a folder of items.

It goes where its constants say, which it lets programs change, and trusts what ``REQUESTS_CA_BUNDLE`` names. It waits
by its own module's ``time``; here that moves the cloud's clock. Of the items it reads the first page only (1.4).
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.identity import ClientSecretCredential

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.definition_parts import DEFINITIONS
from tests.emulator.fabric_cloud import WORKSPACE
from tests.emulator.fabric_data_cloud import data_cloud
from tests.emulator.served import Address
from tests.emulator.test_fabric_data_models import PBISM


@contextmanager
def process_kept() -> Iterator[None]:
    """Puts back what a module's import changes for the whole process: who logs what, and where exceptions go."""
    root, hook = logging.getLogger(), sys.excepthook
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    sys.excepthook = hook


with process_kept():
    import fabric_cicd  # type: ignore[import-untyped]
    from fabric_cicd import FabricWorkspace, publish_all_items, unpublish_all_orphan_items
    from fabric_cicd._common import _fabric_endpoint  # type: ignore[import-untyped]

SMALL = {
    "definition.pbism": PBISM,
    "definition/database.tmdl": "database\n\tcompatibilityLevel: 1604\n",
    "definition/model.tmdl": "model Model\n\tculture: en-US\n",
}
SCHEMA = "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/schema.json"
Publish = Callable[[], FabricWorkspace]


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A workspace without items, whose lists are whole."""
    made = data_cloud(tmp_path / "cloud", time.time)
    made.behaviour = made.behaviour.model_copy(update={"page_size": None})
    return made


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A lakehouse with schemas and a shortcut to itself, and a semantic model."""
    folder = tmp_path / "repository"
    one_lake = {"workspaceId": "00000000-0000-0000-0000-000000000000", "itemId": "00000000-0000-0000-0000-000000000000"}
    shortcut = {
        "name": "again",
        "path": "Files",
        "target": {"oneLake": {**one_lake, "path": "Tables"}},
    }
    put(folder, "gold.Lakehouse", {
        "lakehouse.metadata.json": {"defaultSchema": "dbo"}, "shortcuts.metadata.json": [shortcut],
    })  # fmt: skip
    put(folder, "Sales.SemanticModel", SMALL)
    return folder


def put(folder: Path, item: str, files: dict[str, Any], description: str = "") -> None:
    """Writes an item as Git integration does."""
    name, kind = item.split(".")
    metadata = {"type": kind, "displayName": name, "description": description}
    logical = f"{len(kind):08}-0000-4000-8000-000000000000"
    platform = {"$schema": SCHEMA, "metadata": metadata, "config": {"version": "2.0", "logicalId": logical}}
    for path, content in {".platform": platform, **files}.items():
        where = folder / item / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


@pytest.fixture
def workspace(
    cloud: Cloud, at: Address, credential: ClientSecretCredential, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> Publish:
    """The workspace as fabric-cicd sees it, as the runner, made anew as each run of it would."""
    for name in ("FABRIC_API_ROOT_URL", "DEFAULT_API_ROOT_URL"):
        monkeypatch.setattr(fabric_cicd.constants, name, at.url)
    monkeypatch.setattr(fabric_cicd.constants, "FEATURE_FLAG", {"enable_shortcut_publish"})
    monkeypatch.setattr(_fabric_endpoint, "time", SimpleNamespace(time=time.time, sleep=cloud.clock.advance))
    return lambda: FabricWorkspace(
        workspace_id=WORKSPACE, repository_directory=str(repository), token_credential=credential,
        item_type_in_scope=["Lakehouse", "SemanticModel"],
    )  # fmt: skip


def items(cloud: Cloud) -> dict[str, Document]:
    """The workspace's items by type."""
    return {item["type"]: item for item in cloud.table("fabric.items").by("workspaceId", WORKSPACE)}


def test_a_folder_is_published_published_again_and_what_it_lost_removed(
    cloud: Cloud, workspace: Publish, repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish_all_items(workspace())
    made = items(cloud)
    assert made.keys() == {"Lakehouse", "SQLEndpoint", "SemanticModel"}
    assert made["Lakehouse"]["properties"]["defaultSchema"] == "dbo"
    assert [each["name"] for each in cloud.table("fabric.shortcuts").values()] == ["again"]
    assert _parts(cloud) == SMALL.keys()

    put(
        repository, "Sales.SemanticModel", {**SMALL, "definition/cultures/en-US.tmdl": "cultureInfo en-US\n"}, "changed"
    )
    publish_all_items(workspace())
    again = items(cloud)
    assert {kind: item["id"] for kind, item in again.items()} == {kind: item["id"] for kind, item in made.items()}
    assert again["SemanticModel"]["description"] == "changed"
    assert _parts(cloud) == SMALL.keys() | {"definition/cultures/en-US.tmdl"}

    for each in sorted((repository / "Sales.SemanticModel").rglob("*"), reverse=True):
        each.rmdir() if each.is_dir() else each.unlink()
    with caplog.at_level("WARNING", "fabric_cicd"):
        caplog.clear()
        unpublish_all_orphan_items(workspace())
    assert not [each for each in caplog.messages if "Failed" in each]
    assert items(cloud).keys() == {"Lakehouse", "SQLEndpoint"}


def _parts(cloud: Cloud) -> set[str]:
    held = cloud.table(DEFINITIONS)[items(cloud)["SemanticModel"]["id"]]
    return {part["path"] for part in held["parts"]}
