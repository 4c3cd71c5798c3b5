"""Azure's own clients, unmodified, against the emulator over TLS, signed in through azure-identity."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.policies import UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import ClientSecretCredential, ManagedIdentityCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.databricks import AzureDatabricksManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import (
    NetworkRuleSet,
    ResourceAccessRule,
    Sku,
    StorageAccountCreateParameters,
    StorageAccountPropertiesUpdateParameters,
    StorageAccountUpdateParameters,
)

from cloud_emulator.arm.access import blob_roles
from cloud_emulator.arm.service import make_service
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.entra.service import MACHINE_IDENTITY
from cloud_emulator.entra.service import make_service as make_entra
from tests.emulator.arm_world import (
    ACCOUNT,
    CONTAINER,
    HOST,
    NAME,
    NOBODY,
    NOBODY_APP,
    SUBSCRIPTION_ID,
    arm_cloud,
    definition,
)
from tests.emulator.served import Address, running
from tests.emulator.support import RUNNER, RUNNER_APP, TENANT

AUDIENCES = ["https://management.azure.com/.default"]
FABRIC_WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/Fabric/providers/Microsoft.Fabric/workspaces/w"
)


@dataclass
class World:
    """A served cloud, and who signs in to it."""

    cloud: Cloud
    address: Address
    credential: ClientSecretCredential

    def roles(self) -> AuthorizationManagementClient:
        return AuthorizationManagementClient(
            self.credential, SUBSCRIPTION_ID, base_url=self.address.url, credential_scopes=AUDIENCES, retry_total=0
        )

    def resources(self) -> ARMPipelineClient[HttpRequest, HttpResponse]:
        """What every client of Azure Resource Manager stands on; those of subscriptions and groups have no more."""
        signed = ARMChallengeAuthenticationPolicy(self.credential, *AUDIENCES)
        policies = [UserAgentPolicy(sdk_moniker="mgmt-core/1"), signed]
        return ARMPipelineClient[HttpRequest, HttpResponse](self.address.url, policies=policies)

    def storage(self, credential: ClientSecretCredential | None = None) -> StorageManagementClient:
        return StorageManagementClient(
            credential or self.credential,
            SUBSCRIPTION_ID,
            base_url=self.address.url,
            credential_scopes=AUDIENCES,
            retry_total=0,
        )


def sign_in(address: Address, app_id: str, secret: str) -> ClientSecretCredential:
    return ClientSecretCredential(
        TENANT,
        app_id,
        secret,
        authority=address.url,
        disable_instance_discovery=True,
        connection_verify=address.authority,
    )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    cloud = arm_cloud(tmp_path)
    with running(cloud, [("/subscriptions", make_service()), ("/", make_entra())]) as address:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", address.authority)
        with sign_in(address, RUNNER_APP, "runner-secret") as credential:
            yield World(cloud, address, credential)


def assignment(principal: str = NOBODY, kind: str = "ServicePrincipal") -> RoleAssignmentCreateParameters:
    """The client says ``User`` when it isn't told the type."""
    return RoleAssignmentCreateParameters(
        role_definition_id=definition("Storage Blob Data Reader"), principal_id=principal, principal_type=kind
    )


def test_role_assignments_by_the_authorization_client(world: World) -> None:
    with world.roles() as client:
        made = client.role_assignments.create(CONTAINER, NAME, assignment())
        world.cloud.clock.advance(world.cloud.behaviour.role_propagation_seconds)
        assert blob_roles(world.cloud, NOBODY, "contosolake", "lake") == {"Storage Blob Data Reader"}
        assert client.role_assignments.create(CONTAINER, NAME, assignment()).id == made.id
        with pytest.raises(ResourceExistsError) as exists:
            client.role_assignments.create(CONTAINER, NAME.replace("9", "8"), assignment())
        assert exists.value.error is not None
        assert exists.value.error.code == "RoleAssignmentExists"
        with pytest.raises(HttpResponseError, match="PrincipalNotFound"):
            client.role_assignments.create(ACCOUNT, NAME.replace("9", "8"), assignment(NOBODY_APP))
        listed = client.role_assignments.list_for_scope(CONTAINER, filter=f"principalId eq '{NOBODY}'")
        assert [each.name for each in listed] == [NAME]
        assert client.role_assignments.get(CONTAINER, NAME).principal_id == NOBODY
        assert client.role_assignments.get_by_id(str(made.id)).scope == CONTAINER
        assert NAME in [each.name for each in client.role_assignments.list_for_subscription()]
        assert NAME not in [
            each.name for each in client.role_assignments.list_for_resource_group("contoso-data", "atScope()")
        ]
        in_account = client.role_assignments.list_for_resource(
            "contoso-data", "Microsoft.Storage", "storageAccounts", "contosolake"
        )
        assert NAME in [each.name for each in in_account]
        client.role_assignments.delete(CONTAINER, NAME)
        client.role_assignments.delete(CONTAINER, NAME)
        with pytest.raises(ResourceNotFoundError):
            client.role_assignments.get(CONTAINER, NAME)
    assert blob_roles(world.cloud, NOBODY, "contosolake", "lake") == frozenset()


def test_role_definitions_by_the_authorization_client(world: World) -> None:
    with world.roles() as client:
        (found,) = client.role_definitions.list(ACCOUNT, filter="roleName eq 'Storage Blob Delegator'")
        assert client.role_definitions.get(ACCOUNT, str(found.name)).role_name == "Storage Blob Delegator"
        assert client.role_definitions.get_by_id(str(found.id)).name == found.name
        allowed = client.permissions.list_for_resource(
            "contoso-data", "Microsoft.Storage", "", "storageAccounts", "contosolake"
        )
        assert [each.actions for each in allowed] == [["*"]]


def test_network_rules_by_the_storage_client(world: World) -> None:
    with world.storage() as client:
        account = client.storage_accounts.get_properties("contoso-data", "contosolake")
        acls = account.network_rule_set
        assert isinstance(acls, NetworkRuleSet)
        acls.resource_access_rules = [ResourceAccessRule(tenant_id=TENANT, resource_id=FABRIC_WORKSPACE)]
        client.storage_accounts.update(
            "contoso-data",
            "contosolake",
            StorageAccountUpdateParameters(properties=StorageAccountPropertiesUpdateParameters(network_rule_set=acls)),
        )
        after = client.storage_accounts.get_properties("contoso-data", "contosolake").network_rule_set
        assert after is not None
        assert [each.resource_id for each in after.resource_access_rules or ()] == [FABRIC_WORKSPACE]
        assert [each.ip_address_or_range for each in after.ip_rules or ()] == ["198.51.100.0/24"]
        assert [each.ip_address_or_range for each in after.ipv6_rules or ()] == ["2001:db8::/64"]


def test_accounts_and_containers_by_the_storage_client(world: World) -> None:
    with world.storage() as client:
        assert len(list(client.storage_accounts.list())) == 2
        assert len(list(client.storage_accounts.list_by_resource_group("contoso-data"))) == 2
        assert [each.name for each in client.blob_containers.list("contoso-data", "contosolake")] == ["lake"]
        assert client.blob_containers.get("contoso-data", "contosolake", "lake").name == "lake"
        with pytest.raises(ResourceNotFoundError):
            client.storage_accounts.get_properties("contoso-data", "nowhere")


def test_an_account_is_put_as_a_whole_by_the_storage_client(world: World) -> None:
    parameters = StorageAccountCreateParameters(
        sku=Sku(name="Standard_LRS"), kind="StorageV2", location="westeurope", tags={"by": "the client"}
    )
    with world.storage() as client:
        made = client.storage_accounts.begin_create("contoso-data", "contosohr", parameters).result()
        assert made.tags == {"by": "the client"}
        parameters.location = "northeurope"
        with pytest.raises(HttpResponseError, match="InvalidResourceLocation"):
            client.storage_accounts.begin_create("contoso-data", "contosohr", parameters)


def test_databricks_workspaces_by_their_client(world: World) -> None:
    with AzureDatabricksManagementClient(
        world.credential, SUBSCRIPTION_ID, base_url=world.address.url, credential_scopes=AUDIENCES, retry_total=0
    ) as client:
        found = client.workspaces.get("contoso-data", "sales")
        assert found.workspace_url == HOST
        assert [each.name for each in client.workspaces.list_by_resource_group("contoso-data")] == ["sales"]
        assert [each.name for each in client.workspaces.list_by_subscription()] == ["sales"]
        with pytest.raises(ResourceNotFoundError):
            client.workspaces.get("contoso-data", "none")


def test_a_managed_identity_signs_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.cloud.table("settings")[MACHINE_IDENTITY] = {"objectId": RUNNER, "header": "emulator"}
    world.cloud.store.commit()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{world.address.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "emulator")
    with (
        ManagedIdentityCredential() as credential,
        StorageManagementClient(
            credential, SUBSCRIPTION_ID, base_url=world.address.url, credential_scopes=AUDIENCES, retry_total=0
        ) as client,
    ):
        assert len(list(client.storage_accounts.list())) == 2
    monkeypatch.setenv("IDENTITY_HEADER", "other")
    with ManagedIdentityCredential() as refused, pytest.raises(ClientAuthenticationError):
        refused.get_token(*AUDIENCES)


@pytest.mark.parametrize(
    ("secret", "error"), [("nobody-secret", "AuthorizationFailed"), ("wrong", "AADSTS7000215")], ids=["role", "secret"]
)
def test_who_has_no_role_or_secret_reads_nothing(world: World, secret: str, error: str) -> None:
    with (
        sign_in(world.address, NOBODY_APP, secret) as nobody,
        world.storage(nobody) as client,
        pytest.raises(HttpResponseError, match=error),
    ):
        client.storage_accounts.get_properties("contoso-data", "contosolake")


def test_subscriptions_and_their_groups(world: World) -> None:
    def answer(path: str, version: str) -> tuple[int, Any]:
        found = client.send_request(HttpRequest("GET", world.address.url + path, params={"api-version": version}))
        return found.status_code, json.loads(found.text())

    one = f"/subscriptions/{SUBSCRIPTION_ID}"
    with world.resources() as client:
        assert [each["id"] for each in answer("/subscriptions", "2022-12-01")[1]["value"]] == [one]
        status, subscription = answer(one, "2022-12-01")
        assert (status, subscription["subscriptionId"]) == (200, SUBSCRIPTION_ID)
        groups = answer(f"{one}/resourceGroups", "2025-04-01")[1]["value"]
        assert answer(f"{one}/resourceGroups/{groups[0]['name']}", "2025-04-01") == (200, groups[0])
        status, refused = answer(f"{one}/resourceGroups/none", "2025-04-01")
        assert (status, refused["error"]["code"]) == (404, "ResourceGroupNotFound")
