"""Bodies that the specification of Fabric forbids: for each operation that takes one, every mutation of a good body is
refused and changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric.service import AUDIENCES, FabricService

from .fabric_cloud import ALICE, CAPACITY, OTHER, READER, WORKSPACE, Fabric, databricks_connection
from .fabric_data_cloud import (
    CATALOGS,
    STORAGE,
    data_cloud,
    definition,
    mirror,
    parts,
    payload,
    settle,
)  # fmt: skip
from .support import token
from .swagger import mutations, specification, unspecified_mutations
from .test_fabric_data_models import MODELS, creation, make_model, model
from .test_fabric_data_onelake import LAKEHOUSES, LINES, lakehouse, shortcut
from .test_fabric_data_roles import role

pytestmark = pytest.mark.skipif(specification() is None, reason="the Fabric specifications are not there")

WORKSPACES = f"/workspaces/{WORKSPACE}"


@dataclass(frozen=True)
class There:
    """What is there before the bodies are sent: ids."""

    mirror: str
    lake: str
    endpoint: str
    model: str
    connection: str
    connection_role: str
    workspace_role: str
    storage_path: str


CLOUD = data_cloud


@pytest_asyncio.fixture
async def there(fabric: Fabric, cloud: Cloud) -> There:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    await settle(fabric, 30)
    connection = (await fabric.send("POST", "/connections", databricks_connection("ours"))).json()["id"]
    shared = {"principal": {"id": ALICE, "type": "User"}, "role": "User"}
    connection_role = (await fabric.send("POST", f"/connections/{connection}/roleAssignments", shared)).json()["id"]
    member = {"principal": {"id": OTHER, "type": "ServicePrincipal"}, "role": "Viewer"}
    return There(
        mirror=item_id,
        lake=lake_id,
        endpoint=(await fabric.get(f"{LAKEHOUSES}/{lake_id}"))["properties"]["sqlEndpointProperties"]["id"],
        model=await make_model(fabric, item_id),
        connection=connection,
        connection_role=connection_role,
        workspace_role=(await fabric.send("POST", f"{WORKSPACES}/roleAssignments", member)).json()["id"],
        storage_path=cloud.table("fabric.connections")[STORAGE]["connectionDetails"]["path"],
    )


def _binding(there: There) -> Any:
    details = {"type": "AzureDataLakeStorage", "path": there.storage_path}
    return {"connectionBinding": {"id": STORAGE, "connectivityType": "ShareableCloud", "connectionDetails": details}}


NAMED = {"displayName": "n", "description": "d"}
ONE_SHORTCUT: Callable[[There], Any] = lambda there: shortcut("Tables/dbo", "l", there.mirror, LINES)  # noqa: E731
SMALL_MODEL = {
    path: text for path, text in model("55550000-0000-4000-8000-000000000009").items() if "tables" not in path
}
PREVIEW = "?preview=true"
CALLS: dict[str, tuple[str, Callable[[There], str], Callable[[There], Any]]] = {
    "Workspaces_CreateWorkspace": (
        "POST", lambda _: "/workspaces", lambda _: {**NAMED, "capacityId": CAPACITY},
    ),
    "Workspaces_UpdateWorkspace": ("PATCH", lambda _: WORKSPACES, lambda _: NAMED),
    "Workspaces_AssignToCapacity": (
        "POST", lambda _: f"{WORKSPACES}/assignToCapacity", lambda _: {"capacityId": CAPACITY},
    ),
    "Workspaces_AddWorkspaceRoleAssignment": (
        "POST", lambda _: f"{WORKSPACES}/roleAssignments",
        lambda _: {"principal": {"id": READER, "type": "ServicePrincipal"}, "role": "Viewer"},
    ),
    "Workspaces_UpdateWorkspaceRoleAssignment": (
        "PATCH", lambda there: f"{WORKSPACES}/roleAssignments/{there.workspace_role}", lambda _: {"role": "Member"},
    ),
    "Connections_CreateConnection": ("POST", lambda _: "/connections", lambda _: databricks_connection("other")),
    "Connections_UpdateConnection": (
        "PATCH", lambda there: f"/connections/{there.connection}",
        lambda _: {"connectivityType": "ShareableCloud", "displayName": "n", "privacyLevel": "Private"},
    ),
    "Connections_AddConnectionRoleAssignment": (
        "POST", lambda there: f"/connections/{there.connection}/roleAssignments",
        lambda _: {"principal": {"id": OTHER, "type": "ServicePrincipal"}, "role": "User"},
    ),
    "Connections_UpdateConnectionRoleAssignment": (
        "PATCH", lambda there: f"/connections/{there.connection}/roleAssignments/{there.connection_role}",
        lambda _: {"role": "Owner"},
    ),
    "Items_CreateItem": (
        "POST", lambda _: f"{WORKSPACES}/items", lambda _: {**NAMED, "type": "VariableLibrary"},
    ),
    "Items_UpdateItem": ("PATCH", lambda there: f"{WORKSPACES}/items/{there.lake}", lambda _: NAMED),
    "Items_CreateMirroredAzureDatabricksCatalog": (
        "POST", lambda _: CATALOGS, lambda _: {**payload(name="other"), "description": "d"},
    ),
    "Items_UpdateMirroredAzureDatabricksCatalog": (
        "PATCH", lambda there: f"{CATALOGS}/{there.mirror}",
        lambda _: {**NAMED, "properties": {"autoSync": "Disabled"}},
    ),
    "Items_UpdateMirroredAzureDatabricksCatalogDefinition": (
        "POST", lambda there: f"{CATALOGS}/{there.mirror}/updateDefinition",
        lambda _: {"definition": parts({"definition.json": definition()})},
    ),
    "Items_CreateLakehouse": (
        "POST", lambda _: LAKEHOUSES, lambda _: {**NAMED, "creationPayload": {"enableSchemas": True}},
    ),
    "Items_UpdateLakehouse": ("PATCH", lambda there: f"{LAKEHOUSES}/{there.lake}", lambda _: NAMED),
    "Items_RefreshSqlEndpointMetadata": (
        "POST", lambda there: f"{WORKSPACES}/sqlEndpoints/{there.endpoint}/refreshMetadata",
        lambda _: {"timeout": {"timeUnit": "Seconds", "value": 60}},
    ),
    "Items_CreateSemanticModel": (
        "POST", lambda _: MODELS, lambda _: {**creation(SMALL_MODEL, "n"), "description": "d"},
    ),
    "Items_UpdateSemanticModel": ("PATCH", lambda there: f"{MODELS}/{there.model}", lambda _: NAMED),
    "Items_UpdateSemanticModelDefinition": (
        "POST", lambda there: f"{MODELS}/{there.model}/updateDefinition",
        lambda _: {"definition": {"format": "TMDL", **parts(SMALL_MODEL)}},
    ),
    "Items_UpdateItemDefinition": (
        "POST", lambda there: f"{WORKSPACES}/items/{there.model}/updateDefinition",
        lambda _: {"definition": {"format": "TMDL", **parts(SMALL_MODEL)}},
    ),
    "Items_BindSemanticModelConnection": (
        "POST", lambda there: f"{MODELS}/{there.model}/bindConnection", _binding,
    ),
    "OneLakeShortcuts_CreateShortcut": (
        "POST", lambda there: f"{WORKSPACES}/items/{there.lake}/shortcuts", ONE_SHORTCUT,
    ),
    "OneLakeShortcuts_CreatesShortcutsInBulk": (
        "POST", lambda there: f"{WORKSPACES}/items/{there.lake}/shortcuts/bulkCreate",
        lambda there: {"createShortcutRequests": [ONE_SHORTCUT(there)]},
    ),
    "OneLakeDataAccessSecurity_CreateOrUpdateDataAccessRoles": (
        "PUT", lambda there: f"{WORKSPACES}/items/{there.mirror}/dataAccessRoles", lambda _: {"value": [role()]},
    ),
    "OneLakeDataAccessSecurity_CreateOrUpdateSingleDataAccessRole": (
        "POST", lambda there: f"{WORKSPACES}/items/{there.mirror}/dataAccessRoles{PREVIEW}", lambda _: role(),
    ),
}  # fmt: skip


def test_every_operation_with_a_body_is_asked() -> None:
    specified = specification()
    assert specified is not None
    served = {route.endpoint.operation for route in FabricService().router.routes()}
    assert {name for name in served if specified.named(name).parameters("body")} == CALLS.keys()


def test_there_are_more_than_twenty_kinds_of_mutations() -> None:
    kinds = Counter(done for _, done, _ in mutations({"a": "x", "b": [{"c": "y"}]}))
    assert len(kinds) >= 20


@pytest.mark.parametrize("name", CALLS)
async def test_forbidden_bodies_are_refused(fabric: Fabric, cloud: Cloud, there: There, name: str) -> None:
    method, path, body = CALLS[name]
    before = json.dumps(cloud.store.dump())
    accepted = []
    tried = 0
    for done, changed in unspecified_mutations(name, body(there)):
        answer = await send(fabric, method, path(there), changed)
        tried += 1
        if not 400 <= answer.status_code < 500:
            accepted.append(f"{done}: {answer.status_code}")
    assert accepted == []
    assert tried >= 15
    assert json.dumps(cloud.store.dump()) == before
    good = await send(fabric, method, path(there), body(there))
    assert good.is_success, good.text


async def send(fabric: Fabric, method: str, path: str, body: Any) -> httpx.Response:
    """One request, a body of null included."""
    headers = {"Authorization": token(fabric.cloud, fabric.caller, AUDIENCES[0]), "Content-Type": "application/json"}
    return await fabric.http.request(method, f"/v1{path}", content=json.dumps(body).encode(), headers=headers)
