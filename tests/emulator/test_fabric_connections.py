"""Connections: created once tested, used by whom they are shared with, never telling their secrets."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import connections, workspaces
from cloud_emulator.fabric.errors import FabricError

from .fabric_cloud import (
    ACCOUNT,
    ALICE,
    ANALYSTS,
    FIREWALLED,
    GATEWAY,
    HOST,
    OTHER,
    OTHER_APP,
    OTHER_HOST,
    PAT,
    PERSON_CONNECTION,
    READER,
    READER_APP,
    VAULT_CONNECTION,
    WORKSPACE,
    Fabric,
    databricks_connection,
    fabric_cloud,
    grant_blob_reader,
    service_principal,
    storage_connection,
)  # fmt: skip
from .support import RUNNER, TENANT

IDENTITY = {"credentialType": "WorkspaceIdentity"}


CLOUD = fabric_cloud


async def create(fabric: Fabric, body: dict[str, Any]) -> str:
    answer = await fabric.send("POST", "/connections", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def changed(body: dict[str, Any], *path: str | int, value: Any) -> dict[str, Any]:
    """The body with one thing replaced, or taken away with the value ``...``."""
    copy = deepcopy(body)
    part: Any = copy
    for step in path[:-1]:
        part = part[step]
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return copy


async def test_creates_a_databricks_connection(fabric: Fabric, cloud: Cloud) -> None:
    connection_id = await create(fabric, databricks_connection())
    shown = await fabric.get(f"/connections/{connection_id}")
    assert shown["connectionDetails"] == {"type": "AzureDatabricksWorkspace", "path": f"https://{HOST}"}
    assert shown["credentialDetails"]["credentialType"] == "ServicePrincipal"
    listed = await fabric.every("/connections")
    assert shown in listed
    assert "reader-secret" not in json.dumps([shown, listed])
    kept = cloud.table(connections.CONNECTIONS)[connection_id]
    assert connections.databricks_principal(cloud, kept) == (HOST, READER_APP)
    assert (await fabric.get(f"/connections/{connection_id}/roleAssignments"))["value"][0]["role"] == "Owner"


@pytest.mark.parametrize(
    "credentials",
    [
        service_principal(secret="wrong"),
        service_principal(READER),  # an object id names no application
        service_principal(OTHER_APP, "other-secret"),  # not a member of the workspace
        service_principal(tenantId="72f988bf-0000-4000-8000-00000000ffff"),
        {"credentialType": "Key", "key": "dapi-unknown"},
    ],
)
async def test_tests_the_databricks_credential(fabric: Fabric, credentials: dict[str, Any]) -> None:
    await fabric.refused(400, "IncorrectCredentials", "POST", "/connections", databricks_connection(**credentials))
    assert len((await fabric.get("/connections"))["value"]) == 2


async def test_a_token_signs_in_as_its_owner(fabric: Fabric, cloud: Cloud) -> None:
    connection_id = await create(fabric, databricks_connection(credentialType="Key", key=PAT))
    kept = cloud.table(connections.CONNECTIONS)[connection_id]
    assert connections.databricks_principal(cloud, kept) == (HOST, READER_APP)


async def test_a_person_s_connection_is_used_as_that_person(cloud: Cloud) -> None:
    kept = cloud.table(connections.CONNECTIONS)[PERSON_CONNECTION]
    assert connections.databricks_principal(cloud, kept) == (HOST, "alice@contoso.com")


async def test_an_unreachable_workspace_needs_a_gateway(fabric: Fabric) -> None:
    url = ("connectionDetails", "parameters", 0, "value")
    behind = changed(databricks_connection(), *url, value=f"https://{OTHER_HOST}")
    await fabric.refused(400, "IncorrectCredentials", "POST", "/connections", behind)
    unknown = changed(behind, *url, value="https://adb-9.9.azuredatabricks.net")
    await fabric.refused(400, "IncorrectCredentials", "POST", "/connections", unknown)
    through = {**behind, "connectivityType": "VirtualNetworkGateway", "gatewayId": GATEWAY}
    connection_id = await create(fabric, through)
    assert (await fabric.get(f"/connections/{connection_id}"))["gatewayId"] == GATEWAY
    another = {**changed(through, *url, value=f"https://{HOST}"), "displayName": "another"}
    await fabric.refused(400, "CreateGatewayConnectionFailed", "POST", "/connections", another)
    absent = {**another, "gatewayId": WORKSPACE}
    await fabric.refused(400, "CreateGatewayConnectionFailed", "POST", "/connections", absent)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("connectionDetails", "creationMethod"), ..., "InvalidParameter"),
        (("connectionDetails", "creationMethod"), "Databricks.Catalogs", "InvalidConnectionDetails"),
        (("connectionDetails", "type"), "AzureDatabricks", "InvalidConnectionDetails"),
        (("connectionDetails", "parameters"), [], "InvalidConnectionDetails"),
        (("connectionDetails", "parameters", 0, "name"), "host", "InvalidConnectionDetails"),
        (("connectionDetails", "parameters", 0, "dataType"), "Number", "InvalidConnectionDetails"),
        (("connectionDetails", "parameters", 0, "value"), f"http://{HOST}", "InvalidConnectionDetails"),
        (("connectionDetails", "parameters", 0, "value"), f"https://{HOST}/sql", "InvalidConnectionDetails"),
        (("credentialDetails", "credentials", "credentialType"), "Basic", "UnsupportedCredentialType"),
        (("credentialDetails", "credentials"), {"credentialType": "OAuth2"}, "UnsupportedCredentialType"),
        (("credentialDetails", "credentials"), IDENTITY, "UnsupportedCredentialType"),
        (("credentialDetails", "credentials"), {"credentialType": "Password"}, "InvalidInput"),
        (("credentialDetails", "credentials"), {"credentialType": "Key"}, "InvalidCredentialDetails"),
        (("credentialDetails", "credentials", "servicePrincipalSecret"), ..., "InvalidCredentialDetails"),
        (("credentialDetails", "credentials", "key"), "x", "InvalidInput"),
        (("credentialDetails", "skipTestConnection"), True, "InvalidCredentialDetails"),
        (("credentialDetails", "connectionEncryption"), "Encrypted", "InvalidCredentialDetails"),
        (("credentialDetails", "singleSignOnType"), "MicrosoftEntraID", "InvalidCredentialDetails"),
        (("allowUsageInUserControlledCode",), True, "InvalidCredentialDetails"),
        (("connectivityType",), "PersonalCloud", "InvalidInput"),
        (("displayName",), "x" * 201, "InvalidInput"),
        (("privacyLevel",), "Secret", "InvalidInput"),
    ],
)
async def test_refuses_what_a_connection_cannot_be(
    fabric: Fabric, path: tuple[str | int, ...], value: Any, code: str
) -> None:
    body = changed(databricks_connection(), *path, value=value)
    answer = await fabric.refused(400, code, "POST", "/connections", body)
    assert "reader-secret" not in answer.text


async def test_names_are_unique(fabric: Fabric) -> None:
    connection_id = await create(fabric, databricks_connection("one"))
    await fabric.refused(409, "DuplicateConnectionName", "POST", "/connections", databricks_connection("ONE"))
    body = {"connectivityType": "ShareableCloud", "displayName": "alice's"}
    await fabric.refused(409, "DuplicateConnectionName", "PATCH", f"/connections/{connection_id}", body)


async def test_a_secret_may_lie_in_a_key_vault(fabric: Fabric, cloud: Cloud) -> None:
    reference = {"connectionId": VAULT_CONNECTION, "secretName": "reader"}
    credentials = service_principal(secret=None, servicePrincipalSecretReference=reference)
    connection_id = await create(fabric, databricks_connection(**credentials))
    vaults = cloud.table("fabric.keyVaults")
    vaults["contoso-secrets"] = {**vaults["contoso-secrets"], "secrets": {}}
    with pytest.raises(FabricError, match="IncorrectCredentials"):
        connections.databricks_principal(cloud, cloud.table(connections.CONNECTIONS)[connection_id])
    cloud.store.commit()
    await fabric.refused(
        400, "IncorrectCredentials", "POST", "/connections", databricks_connection("again", **credentials)
    )
    both = {**credentials, "servicePrincipalSecret": "reader-secret"}
    await fabric.refused(400, "InvalidCredentialDetails", "POST", "/connections", databricks_connection("both", **both))
    for connection in (PERSON_CONNECTION, WORKSPACE):
        elsewhere = changed(credentials, "servicePrincipalSecretReference", "connectionId", value=connection)
        await fabric.refused(
            400, "InvalidCredentialDetails", "POST", "/connections", databricks_connection("else", **elsewhere)
        )


async def test_tests_a_key_vault_connection(fabric: Fabric) -> None:
    body = databricks_connection("vault 2", **service_principal(OTHER_APP, "other-secret"))
    body["connectionDetails"] = {
        "type": "AzureKeyVault",
        "creationMethod": "AzureKeyVault.Actions",
        "parameters": [{"dataType": "Text", "name": "accountName", "value": "contoso-secrets"}],
    }
    await create(fabric, body)
    no_reader = changed(body, "credentialDetails", "credentials", value=service_principal())
    await fabric.refused(400, "IncorrectCredentials", "POST", "/connections", {**no_reader, "displayName": "3"})
    by_key = changed(body, "credentialDetails", "credentials", value={"credentialType": "Key", "key": "k"})
    await fabric.refused(400, "UnsupportedCredentialType", "POST", "/connections", {**by_key, "displayName": "4"})


async def test_tests_a_storage_connection(fabric: Fabric, cloud: Cloud) -> None:
    body = storage_connection("lake", ACCOUNT, "/lake/sales/", service_principal())
    await fabric.refused(400, "IncorrectCredentials", "POST", "/connections", body)
    grant_blob_reader(cloud, READER, ACCOUNT)
    connection_id = await create(fabric, body)
    kept = cloud.table(connections.CONNECTIONS)[connection_id]
    assert kept["connectionDetails"]["path"] == f"https://{ACCOUNT}.dfs.core.windows.net/lake/sales"
    assert connections.storage_location(kept) == (ACCOUNT, "lake", "sales")
    assert connections.storage_identity(cloud, kept, WORKSPACE) == READER
    for name, account, path in (("no folder", ACCOUNT, "lake/none"), ("no account", "nowhere", "lake")):
        absent = storage_connection(name, account, path, service_principal())
        await fabric.refused(400, "IncorrectCredentials", "POST", "/connections", absent)


async def test_a_firewall_stops_the_test_of_a_storage_connection(fabric: Fabric, cloud: Cloud) -> None:
    grant_blob_reader(cloud, READER, FIREWALLED)
    body = storage_connection("lake", FIREWALLED, "lake/sales", service_principal())
    answer = await fabric.refused(400, "IncorrectCredentials", "POST", "/connections", body)
    assert "AuthorizationFailure" in answer.json()["message"]


async def test_a_signature_must_be_one_that_the_account_accepts(fabric: Fabric, cloud: Cloud) -> None:
    good = {"credentialType": "SharedAccessSignature", "token": "sv=2026&sig=good"}
    connection_id = await create(fabric, storage_connection("sas", ACCOUNT, "lake", good))
    kept = cloud.table(connections.CONNECTIONS)[connection_id]
    assert connections.storage_identity(cloud, kept, WORKSPACE) is None
    bad = {**good, "token": "sv=2026&sig=bad"}
    await fabric.refused(
        400, "IncorrectCredentials", "POST", "/connections", storage_connection("bad", ACCOUNT, "lake", bad)
    )


@pytest.mark.parametrize("path", ["", "/", "lake//sales", "lake/../sales", "UPPER"])
async def test_refuses_storage_paths(fabric: Fabric, path: str) -> None:
    body = storage_connection("lake", ACCOUNT, path, IDENTITY)
    await fabric.refused(400, "InvalidConnectionDetails", "POST", "/connections", body)


async def test_a_workspace_identity_is_that_of_the_workspace_in_use(fabric: Fabric, cloud: Cloud) -> None:
    connection_id = await create(fabric, storage_connection("lake", FIREWALLED, "lake/sales", IDENTITY))
    kept = cloud.table(connections.CONNECTIONS)[connection_id]
    with pytest.raises(FabricError, match="has no workspace identity"):
        connections.storage_identity(cloud, kept, WORKSPACE)
    assert not connections.is_trusted(cloud, WORKSPACE)
    object_id, app_id = cloud.new_id(), cloud.new_id()
    workspaces.add_identity(cloud, cloud.table("fabric.workspaces")[WORKSPACE], object_id, app_id)
    assert connections.storage_identity(cloud, kept, WORKSPACE) == object_id
    assert not connections.is_trusted(cloud, WORKSPACE)  # the identity has no role yet
    workspaces.add_role(cloud, WORKSPACE, object_id, "ServicePrincipal", "Contributor")
    assert connections.is_trusted(cloud, WORKSPACE)
    capacity = cloud.table("fabric.capacities")
    for fields in ({"sku": "FT1"}, {"sku": "P1"}, {"state": "Inactive"}):
        before = capacity["33330000-0000-4000-8000-000000000001"]
        capacity[before["id"]] = {**before, **fields}
        assert not connections.is_trusted(cloud, WORKSPACE)
        capacity[before["id"]] = before


async def test_roles_decide_who_sees_and_manages_a_connection(fabric: Fabric) -> None:
    connection_id = await create(fabric, databricks_connection())
    path = f"/connections/{connection_id}"
    roles = f"{path}/roleAssignments"
    reader, rename = fabric.as_(READER), {"connectivityType": "ShareableCloud", "displayName": "renamed"}
    await reader.refused(404, "EntityNotFound", "GET", path)
    made = await fabric.send(
        "POST", roles, {"principal": {"id": READER, "type": "ServicePrincipal"}, "role": "UserWithReshare"}
    )
    assert (made.status_code, made.headers["location"]) == (
        201,
        f"https://cloud.test/v1{roles}/{made.json()['id']}",
    )
    await reader.get(path)
    await reader.refused(403, "InsufficientPermissionsToManageConnection", "PATCH", path, rename)
    await reader.refused(403, "InsufficientPermissionsToManageConnection", "DELETE", path)
    shared = {"principal": {"id": ANALYSTS, "type": "Group"}, "role": "User"}
    await reader.refused(403, "InsufficientPrivileges", "POST", roles, {**shared, "role": "Owner"})
    assert (await reader.send("POST", roles, shared)).status_code == 201
    alice = fabric.as_(ALICE)
    assert connection_id in str(await alice.get("/connections"))  # through the group
    await alice.refused(403, "InsufficientPrivileges", "POST", roles, shared)
    await fabric.refused(400, "BadRequest", "POST", roles, shared)
    one = f"{roles}/{made.json()['id']}"
    assert (await fabric.send("PATCH", one, {"role": "Owner"})).json()["role"] == "Owner"
    assert (await reader.send("PATCH", path, rename)).json()["displayName"] == "renamed"
    assert (await reader.send("DELETE", one)).status_code == 200
    await reader.refused(404, "EntityNotFound", "GET", path)


async def test_a_role_on_a_connection_takes_object_ids_only(fabric: Fabric) -> None:
    roles = f"/connections/{await create(fabric, databricks_connection())}/roleAssignments"
    for named in ({"id": READER_APP, "type": "ServicePrincipal"}, {"id": READER, "type": "Group"}):
        await fabric.refused(404, "PrincipalNotFound", "POST", roles, {"principal": named, "role": "User"})
    mine = (await fabric.get(roles))["value"][0]["id"]
    await fabric.refused(400, "InvalidRequest", "DELETE", f"{roles}/{mine}")
    await fabric.refused(400, "InvalidRequest", "PATCH", f"{roles}/{mine}", {"role": "User"})
    assert (await fabric.get(f"{roles}/{mine}"))["principal"]["id"] == RUNNER


async def test_new_credentials_are_tested_before_they_are_kept(fabric: Fabric, cloud: Cloud) -> None:
    connection_id = await create(fabric, databricks_connection())
    path = f"/connections/{connection_id}"
    body = {"connectivityType": "ShareableCloud", "credentialDetails": {"credentials": service_principal(secret="no")}}
    await fabric.refused(400, "IncorrectCredentials", "PATCH", path, body)
    kept = cloud.table(connections.CONNECTIONS)[connection_id]
    assert connections.databricks_principal(cloud, kept) == (HOST, READER_APP)
    body["credentialDetails"] = {"credentials": {"credentialType": "Key", "key": PAT}}
    changed_to = (await fabric.send("PATCH", path, body)).json()
    assert changed_to["credentialDetails"]["credentialType"] == "Key"
    wrong = {"connectivityType": "VirtualNetworkGateway", "displayName": "x"}
    await fabric.refused(400, "InvalidInput", "PATCH", path, wrong)


async def test_deleting_a_connection_leaves_nothing(fabric: Fabric, cloud: Cloud) -> None:
    connection_id = await create(fabric, databricks_connection())
    answer = await fabric.send("DELETE", f"/connections/{connection_id}")
    assert (answer.status_code, answer.content) == (200, b"")
    await fabric.refused(404, "EntityNotFound", "GET", f"/connections/{connection_id}")
    assert connection_id not in json.dumps(cloud.store.dump())


async def test_a_rotated_secret_takes_a_connection_offline(fabric: Fabric, cloud: Cloud) -> None:
    connection_id = await create(fabric, databricks_connection())
    online = await fabric.send("POST", f"/connections/{connection_id}/testConnection")
    assert await _result(fabric, online) == {"status": "Online"}
    cloud.directory.add({**(cloud.directory.by_object_id(READER) or {}), "secret": "rotated"})
    cloud.store.commit()
    offline = await fabric.send("POST", f"/connections/{connection_id}/testConnection")
    assert (await _result(fabric, offline))["errors"][0]["errorCode"] == "IncorrectCredentials"


async def _result(fabric: Fabric, answer: Any) -> Any:
    await fabric.finish(answer)
    return await fabric.get(f"/operations/{answer.headers['x-ms-operation-id']}/result")


async def test_lists_the_types_of_connection(fabric: Fabric) -> None:
    recommended = await fabric.get("/connections/supportedConnectionTypes")
    assert [each["type"] for each in recommended["value"]] == ["AzureDataLakeStorage"]
    every = await fabric.every("/connections/supportedConnectionTypes?showAllCreationMethods=true")
    databricks, storage, vault = every
    assert databricks["creationMethods"] == [
        {
            "name": "AzureDatabricksWorkspace.Actions",
            "parameters": [{"name": "url", "dataType": "Text", "required": True}],
        }
    ]
    assert [each["name"] for each in storage["creationMethods"][0]["parameters"]] == ["server", "path"]
    assert "WorkspaceIdentity" in storage["supportedCredentialTypes"]
    assert vault["supportedCredentialTypes"] == ["OAuth2", "ServicePrincipal"]
    path = f"/connections/supportedConnectionTypes?showAllCreationMethods=true&gatewayId={GATEWAY}"
    assert [each["type"] for each in (await fabric.get(path))["value"]] == ["AzureDatabricksWorkspace"]
    await fabric.as_(READER).refused(404, "EntityNotFound", "GET", path)
    await fabric.refused(
        400, "InvalidParameter", "GET", "/connections/supportedConnectionTypes?showAllCreationMethods=yes"
    )


async def test_service_principals_may_be_kept_from_creating_connections(fabric: Fabric, cloud: Cloud) -> None:
    switch = "servicePrincipalsCanCreateWorkspacesAndConnections"
    cloud.table("fabric.tenantSettings")[switch] = {"enabled": False}
    cloud.store.commit()
    await fabric.refused(403, "FeatureNotAvailable", "POST", "/connections", databricks_connection())
    assert (await fabric.as_(ALICE).send("POST", "/connections", databricks_connection())).status_code == 201


async def test_gateways_are_seen_by_their_users(fabric: Fabric) -> None:
    (listed,) = (await fabric.get("/gateways"))["value"]
    assert listed == await fabric.get(f"/gateways/{GATEWAY}")
    assert listed["virtualNetworkAzureResource"]["subnetName"] == "gateways"
    assert (await fabric.as_(OTHER).get("/gateways"))["value"] == []
    await fabric.as_(OTHER).refused(404, "EntityNotFound", "GET", f"/gateways/{GATEWAY}")
    assert TENANT not in str(listed)
