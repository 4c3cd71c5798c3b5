"""Microsoft's own client of Fabric, ``microsoft-fabric-api``, unmodified, over TLS, signed in through azure-identity.

It waits for long-running operations in a thread of its own, sleeping through its transport: here that moves the
cloud's clock. Its calls without ``begin_`` look for the result every five seconds, so the tests start them by
``begin_`` and look more often.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import ClientSecretCredential
from microsoft_fabric_api.client import FabricClient  # type: ignore[import-untyped]
from microsoft_fabric_api.generated.core import models as core
from microsoft_fabric_api.generated.lakehouse import models as lakehouses
from microsoft_fabric_api.generated.mirroredazuredatabrickscatalog import models as mirrored
from microsoft_fabric_api.generated.semanticmodel import models as semantic

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import seed
from cloud_emulator.fabric.seed import FabricSeed
from tests.emulator.clients.fabric_api import CloudTime, catalog, connection, done, settle
from tests.emulator.fabric_cloud import ALICE, ANALYSTS, CAPACITY, GATEWAY, READER, WORKSPACE
from tests.emulator.fabric_data_cloud import DATABRICKS, STORAGE, data_cloud, definition, parts
from tests.emulator.served import Address
from tests.emulator.support import RUNNER, TENANT, Wall, token
from tests.emulator.test_fabric_data_models import model
from tests.emulator.test_fabric_data_roles import role


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """Mirrored catalogs can be made in it; there is a gateway. What takes time ends when a test moves the clock."""
    made = data_cloud(tmp_path, Wall(time.time()))
    gateway = {
        "id": GATEWAY, "display_name": "vnet", "capacity_id": CAPACITY, "subscription_id": TENANT,
        "resource_group": "g", "virtual_network": "v", "subnet": "s", "users": [RUNNER],
    }  # fmt: skip
    seed.load(made, FabricSeed.model_validate({"gateways": [gateway]}))
    made.store.commit()
    return made


@pytest.fixture
def fabric(cloud: Cloud, at: Address, credential: ClientSecretCredential) -> Iterator[FabricClient]:
    """The client, as the runner."""
    transport = CloudTime(cloud)
    yield FabricClient(credential, base_url=f"{at.url}/", transport=transport, retry_total=0)
    transport.close()


def test_workspaces(cloud: Cloud, fabric: FabricClient) -> None:
    client = fabric.core.workspaces
    made = client.create_workspace(core.CreateWorkspaceRequest(display_name="New"))
    assert {each.display_name for each in client.list_workspaces()} == {"New", "Sales Analytics"}
    client.update_workspace(made.id, core.UpdateWorkspaceRequest(description="changed"))
    client.assign_to_capacity(made.id, core.AssignWorkspaceToCapacityRequest(capacity_id=CAPACITY))
    cloud.clock.advance(30)
    shown = client.get_workspace(made.id)
    assert (shown.description, shown.capacity_id, shown.capacity_assignment_progress) == (
        "changed", CAPACITY, "Completed",
    )  # fmt: skip
    identity = done(client.begin_provision_identity(made.id))
    assert identity.service_principal_id != identity.application_id
    assert client.get_workspace(made.id).workspace_identity.application_id == identity.application_id
    done(client.begin_deprovision_identity(made.id))
    client.unassign_from_capacity(made.id)
    client.delete_workspace(made.id)
    with pytest.raises(HttpResponseError, match="could not be found"):
        client.get_workspace(made.id)


def test_workspace_roles(fabric: FabricClient) -> None:
    client = fabric.core.workspaces
    principal = core.ServicePrincipal(id=READER)
    made = client.add_workspace_role_assignment(
        WORKSPACE, core.AddWorkspaceRoleAssignmentRequest(principal=principal, role="Viewer")
    )
    client.update_workspace_role_assignment(
        WORKSPACE, made.id, core.UpdateWorkspaceRoleAssignmentRequest(role="Member")
    )
    assert client.get_workspace_role_assignment(WORKSPACE, made.id).role == "Member"
    assert made.id in [each.id for each in client.list_workspace_role_assignments(WORKSPACE)]
    client.delete_workspace_role_assignment(WORKSPACE, made.id)
    assert made.id not in [each.id for each in client.list_workspace_role_assignments(WORKSPACE)]


def test_capacities(fabric: FabricClient) -> None:
    assert [each.id for each in fabric.core.capacities.list_capacities()] == [CAPACITY]
    assert fabric.core.capacities.get_capacity(CAPACITY).sku == "F64"


def test_gateways(fabric: FabricClient) -> None:
    assert [each.id for each in fabric.core.gateways.list_gateways()] == [GATEWAY]
    assert fabric.core.gateways.get_gateway(GATEWAY).display_name == "vnet"


def _immediately(cloud: Cloud) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"long_running": "immediate"})
    cloud.store.commit()


def test_connections_and_their_roles(cloud: Cloud, fabric: FabricClient) -> None:
    client = fabric.core.connections
    made = client.create_connection(connection("by the client"))
    _immediately(cloud)  # of a long-running test the client takes the operation's status for the connection's
    assert done(client.begin_test_connection(made.id)).status == "Online"
    client.update_connection(made.id, core.UpdateShareableCloudConnectionRequest(display_name="renamed"))
    assert client.get_connection(made.id).display_name == "renamed"
    assert made.id in [each.id for each in client.list_connections()]
    kinds = {each.type for each in client.list_supported_connection_types(show_all_creation_methods=True)}
    assert {"AzureDatabricksWorkspace", "AzureDataLakeStorage"} <= kinds
    shared = client.add_connection_role_assignment(
        made.id,
        core.AddConnectionRoleAssignmentRequest(principal=core.GroupPrincipal(id=ANALYSTS), role="User"),
    )
    client.update_connection_role_assignment(
        made.id, shared.id, core.UpdateConnectionRoleAssignmentRequest(role="UserWithReshare")
    )
    assert client.get_connection_role_assignment(made.id, shared.id).role == "UserWithReshare"
    assert len(list(client.list_connection_role_assignments(made.id))) == 2
    client.delete_connection_role_assignment(made.id, shared.id)
    client.delete_connection(made.id)
    assert made.id not in [each.id for each in client.list_connections()]


def test_mirrored_catalogs(cloud: Cloud, fabric: FabricClient) -> None:
    client = fabric.mirroredazuredatabrickscatalog
    made = done(client.items.begin_create_mirrored_azure_databricks_catalog(WORKSPACE, catalog()))
    item_id = made.id
    shown = client.items.get_mirrored_azure_databricks_catalog(WORKSPACE, item_id)
    assert (shown.properties.catalog_name, shown.properties.auto_sync) == ("sales", "Enabled")
    listed = client.items.list_mirrored_azure_databricks_catalogs(WORKSPACE)
    assert [each.id for each in listed] == [item_id]
    settle(cloud, fabric)
    done(client.refresh.begin_refresh_catalog_metadata(WORKSPACE, item_id))
    got = done(client.items.begin_get_mirrored_azure_databricks_catalog_definition(WORKSPACE, item_id))
    assert "definition.json" in {part.path for part in got.definition.parts}
    settle(cloud, fabric)
    changed = definition(autoSync="Disabled")
    request = mirrored.UpdatemirroredAzureDatabricksCatalogDefinitionRequest(
        definition=mirrored.MirroredAzureDatabricksCatalogPublicDefinition(
            parts=[
                mirrored.MirroredAzureDatabricksCatalogPublicDefinitionPart(
                    path=each["path"], payload=each["payload"], payload_type=each["payloadType"]
                )
                for each in parts({"definition.json": changed})["parts"]
            ]
        )
    )
    done(client.items.begin_update_mirrored_azure_databricks_catalog_definition(WORKSPACE, item_id, request))
    settle(cloud, fabric)
    update = mirrored.UpdateMirroredAzureDatabricksCatalogRequest(description="changed")
    assert client.items.update_mirrored_azure_databricks_catalog(WORKSPACE, item_id, update).description == "changed"
    after = client.items.get_mirrored_azure_databricks_catalog(WORKSPACE, item_id)
    assert (after.description, after.properties.auto_sync) == ("changed", "Disabled")
    client.items.delete_mirrored_azure_databricks_catalog(WORKSPACE, item_id)
    with pytest.raises(HttpResponseError, match="could not be found"):
        client.items.get_mirrored_azure_databricks_catalog(WORKSPACE, item_id)


def test_discovery(fabric: FabricClient) -> None:
    client = fabric.mirroredazuredatabrickscatalog.discovery
    by = {"databricks_workspace_connection_id": DATABRICKS}
    assert "sales" in [each.name for each in client.discover_catalogs(WORKSPACE, **by)]
    assert "orders" in [each.name for each in client.discover_schemas(WORKSPACE, "sales", **by)]
    assert "lines" in [each.name for each in client.discover_tables(WORKSPACE, "sales", "orders", **by)]


def lakehouse(fabric: FabricClient, name: str = "lake") -> str:
    """A lakehouse with schemas, its endpoint there."""
    payload = lakehouses.LakehouseCreationPayload(enable_schemas=True)
    request = lakehouses.CreateLakehouseRequest(display_name=name, creation_payload=payload)
    return str(done(fabric.lakehouse.items.begin_create_lakehouse(WORKSPACE, request)).id)


def test_lakehouses_and_their_endpoints(cloud: Cloud, fabric: FabricClient) -> None:
    lake_id = lakehouse(fabric)
    cloud.clock.advance(30)
    client = fabric.lakehouse.items
    shown = client.get_lakehouse(WORKSPACE, lake_id).properties.sql_endpoint_properties
    assert shown.provisioning_status == "Success"
    assert [each.id for each in client.list_lakehouses(WORKSPACE)] == [lake_id]
    client.update_lakehouse(WORKSPACE, lake_id, lakehouses.UpdateLakehouseRequest(description="changed"))
    endpoints = fabric.sqlendpoint.items
    assert endpoints.get_connection_string(WORKSPACE, shown.id).connection_string == shown.connection_string
    assert done(endpoints.begin_refresh_sql_endpoint_metadata(WORKSPACE, shown.id)).value == []
    client.delete_lakehouse(WORKSPACE, lake_id)
    with pytest.raises(ResourceNotFoundError):
        client.get_lakehouse(WORKSPACE, lake_id)


class _Person:
    """A person's sign-in, which takes a browser: the token is made by the cloud itself."""

    def __init__(self, cloud: Cloud, object_id: str) -> None:
        self._header = token(cloud, object_id, "https://api.fabric.microsoft.com")

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """The token."""
        return AccessToken(self._header.removeprefix("Bearer "), int(time.time()) + 3000)


def test_sql_endpoints_are_listed_for_people(cloud: Cloud, at: Address, fabric: FabricClient) -> None:
    lakehouse(fabric)
    cloud.clock.advance(30)
    person = FabricClient(_Person(cloud, ALICE), base_url=f"{at.url}/", transport=CloudTime(cloud), retry_total=0)
    assert [each.display_name for each in person.sqlendpoint.items.list_sql_endpoints(WORKSPACE)] == ["lake"]
    with pytest.raises(HttpResponseError, match="not supported for service principals"):
        list(fabric.sqlendpoint.items.list_sql_endpoints(WORKSPACE))


def test_shortcuts(cloud: Cloud, fabric: FabricClient) -> None:
    items = fabric.mirroredazuredatabrickscatalog.items
    item_id = done(items.begin_create_mirrored_azure_databricks_catalog(WORKSPACE, catalog())).id
    settle(cloud, fabric)
    lake_id, client = lakehouse(fabric), fabric.core.one_lake_shortcuts

    def shortcut(name: str) -> core.CreateShortcutRequest:
        target = core.OneLake(workspace_id=WORKSPACE, item_id=item_id, path="Tables/orders/lines")
        return core.CreateShortcutRequest(
            path="Tables/dbo", name=name, target=core.CreatableShortcutTarget(one_lake=target)
        )

    assert client.create_shortcut(WORKSPACE, lake_id, shortcut("one")).name == "one"
    many = core.BulkCreateShortcutsRequest(
        create_shortcut_requests=[
            core.CreateShortcutWithTransformRequest(path=each.path, name=each.name, target=each.target)
            for each in (shortcut("two"), shortcut("three"))
        ]
    )
    made = done(client.begin_creates_shortcuts_in_bulk(WORKSPACE, lake_id, many))
    assert [each.status for each in made.value] == ["Succeeded", "Succeeded"]
    assert {each.name for each in client.list_shortcuts(WORKSPACE, lake_id)} == {"one", "two", "three"}
    assert client.get_shortcut(WORKSPACE, lake_id, "Tables/dbo", "two").target.one_lake.item_id == item_id
    client.delete_shortcut(WORKSPACE, lake_id, "Tables/dbo", "two")
    with pytest.raises(ResourceNotFoundError):
        client.get_shortcut(WORKSPACE, lake_id, "Tables/dbo", "two")


def test_data_access_roles(cloud: Cloud, fabric: FabricClient) -> None:
    items = fabric.mirroredazuredatabrickscatalog.items
    item_id = done(items.begin_create_mirrored_azure_databricks_catalog(WORKSPACE, catalog())).id
    settle(cloud, fabric)
    client = fabric.core.one_lake_data_access_security
    assert [each.name for each in client.list_data_access_roles(WORKSPACE, item_id).value] == ["DefaultReader"]
    readers = core.DataAccessRole.deserialize(role("readers"))
    client.create_or_update_data_access_roles(
        WORKSPACE, item_id, core.CreateOrUpdateDataAccessRolesRequest(value=[readers])
    )
    writers = core.DataAccessRole.deserialize(role("others"))
    preview = {"params": {"preview": "true"}}  # the operations on one role are in preview; the client can't say so
    client.create_or_update_single_data_access_role(WORKSPACE, item_id, writers, **preview)
    assert client.get_data_access_role(WORKSPACE, item_id, "others", **preview).name == "others"
    client.delete_data_access_role(WORKSPACE, item_id, "others", **preview)
    assert [each.name for each in client.list_data_access_roles(WORKSPACE, item_id).value] == ["readers"]


def _path_of(cloud: Cloud, connection_id: str) -> str:
    return str(cloud.table("fabric.connections")[connection_id]["connectionDetails"]["path"])


def direct_lake_model(cloud: Cloud, fabric: FabricClient) -> tuple[str, semantic.SemanticModelDefinition]:
    """A model over a mirrored catalog, and its definition."""
    catalogs = fabric.mirroredazuredatabrickscatalog.items
    item_id = done(catalogs.begin_create_mirrored_azure_databricks_catalog(WORKSPACE, catalog())).id
    settle(cloud, fabric)
    client = fabric.semanticmodel.items
    contents = semantic.SemanticModelDefinition(
        format="TMDL",
        parts=[
            semantic.SemanticModelDefinitionPart(
                path=each["path"], payload=each["payload"], payload_type="InlineBase64"
            )
            for each in parts(model(item_id))["parts"]
        ],
    )
    request = semantic.CreateSemanticModelRequest(display_name="Sales", definition=contents)
    model_id = done(client.begin_create_semantic_model(WORKSPACE, request)).id
    return str(model_id), contents


def test_semantic_models(cloud: Cloud, fabric: FabricClient) -> None:
    client = fabric.semanticmodel.items
    model_id, contents = direct_lake_model(cloud, fabric)
    assert client.get_semantic_model(WORKSPACE, model_id).display_name == "Sales"
    assert [each.id for each in client.list_semantic_models(WORKSPACE)] == [model_id]
    got = done(client.begin_get_semantic_model_definition(WORKSPACE, model_id, format="TMDL"))
    assert "definition/model.tmdl" in {part.path for part in got.definition.parts}
    update = semantic.UpdateSemanticModelDefinitionRequest(definition=contents)
    done(client.begin_update_semantic_model_definition(WORKSPACE, model_id, update))
    where = semantic.ListConnectionDetails(type="AzureDataLakeStorage", path=_path_of(cloud, STORAGE))
    binding = semantic.ConnectionBinding(id=STORAGE, connectivity_type="ShareableCloud", connection_details=where)
    client.bind_semantic_model_connection(
        WORKSPACE, model_id, semantic.BindSemanticModelConnectionRequest(connection_binding=binding)
    )
    assert list(cloud.table("fabric.items")[model_id]["bindings"].values()) == [STORAGE]
    (source,) = fabric.core.items.list_item_connections(WORKSPACE, model_id)
    assert (source.connectivity_type, source.connection_details.type) == ("Automatic", "AzureDataLakeStorage")
    client.update_semantic_model(WORKSPACE, model_id, semantic.UpdateSemanticModelRequest(description="changed"))
    client.delete_semantic_model(WORKSPACE, model_id)
    assert list(client.list_semantic_models(WORKSPACE)) == []


def test_power_bi_is_asked_to_refresh(
    cloud: Cloud, at: Address, fabric: FabricClient, credential: ClientSecretCredential
) -> None:
    """Power BI has no client of its own for Python: azure-core's pipeline, which all of Azure's stand on, calls it."""
    model_id, _ = direct_lake_model(cloud, fabric)
    path = f"{at.url}/v1.0/myorg/groups/{WORKSPACE}/datasets/{model_id}/refreshes"
    scope = "https://analysis.windows.net/powerbi/api/.default"
    policies = [UserAgentPolicy(sdk_moniker="core/1"), BearerTokenCredentialPolicy(credential, scope)]
    with PipelineClient[HttpRequest, HttpResponse](at.url, policies=policies) as client:
        begun = client.send_request(HttpRequest("POST", path, json={"type": "Full"}))
        assert begun.status_code == 202
        assert client.send_request(HttpRequest("GET", begun.headers["location"])).status_code == 202
        cloud.clock.advance(60)
        ended = client.send_request(HttpRequest("GET", begun.headers["location"]))
        assert json.loads(ended.text())["status"] in ("Completed", "Failed")
        listed = json.loads(client.send_request(HttpRequest("GET", path)).text())["value"]
    assert [each["requestId"] for each in listed] == [begun.headers["requestid"]]


def test_items_of_any_type(fabric: FabricClient) -> None:
    client = fabric.core.items
    request = core.CreateItemRequest(display_name="variables", type="VariableLibrary")
    made = done(client.begin_create_item(WORKSPACE, request))
    assert client.get_item(WORKSPACE, made.id).type == "VariableLibrary"
    assert [each.id for each in client.list_items(WORKSPACE, type="VariableLibrary")] == [made.id]
    client.update_item(WORKSPACE, made.id, core.UpdateItemRequest(description="changed"))
    mirror = done(
        fabric.mirroredazuredatabrickscatalog.items.begin_create_mirrored_azure_databricks_catalog(WORKSPACE, catalog())
    )
    held = done(client.begin_get_item_definition(WORKSPACE, mirror.id))
    assert "definition.json" in [each.path for each in held.definition.parts]
    client.delete_item(WORKSPACE, made.id)
    with pytest.raises(ResourceNotFoundError):
        client.get_item(WORKSPACE, made.id)


def test_operations_can_be_asked_for_by_hand(cloud: Cloud, fabric: FabricClient) -> None:
    lakehouse(fabric)
    (operation_id,) = cloud.table("operations")
    client = fabric.core.long_running_operations
    assert client.get_operation_state(operation_id).status == "Succeeded"
    client.get_operation_result(operation_id)


def test_refusals_become_the_clients_own_errors(fabric: FabricClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        fabric.core.workspaces.create_workspace(core.CreateWorkspaceRequest(display_name="sales analytics"))
    assert refused.value.status_code == 409
    assert refused.value.response is not None
    assert refused.value.response.json()["errorCode"] == "WorkspaceNameAlreadyExists"  # type: ignore[attr-defined]
