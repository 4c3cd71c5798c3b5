"""Rules of Fabric's connections, broken."""

from __future__ import annotations

from typing import Any

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import (
    CLOSED_HOST,
    CONNECTOR_APP,
    DATABRICKS,
    EDITOR,
    GATEWAY,
    HOST,
    LISTED_HOST,
    MEMBER,
    MEMBER_APP,
    NOBODY,
    OPEN,
    OTHER_VAULT,
    OUTSIDER_APP,
    REMOTE_HOST,
    RUNNER,
    TENANT,
    TOKEN,
    VAULT,
    VIEWER_APP,
)  # fmt: skip
from tests.emulator.rules.world import Answer, World

ROLES = f"/connections/{DATABRICKS}/roleAssignments"


def principal(app_id: str = CONNECTOR_APP, secret: str = "connector-secret", **fields: Any) -> dict[str, Any]:
    made = {
        "credentialType": "ServicePrincipal", "tenantId": TENANT, "servicePrincipalClientId": app_id, **fields,
    }  # fmt: skip
    return {**made, "servicePrincipalSecret": secret} if secret else made


def databricks(host: str = HOST, name: str = "new", **credentials: Any) -> dict[str, Any]:
    return {
        "connectivityType": "ShareableCloud",
        "displayName": name,
        "connectionDetails": {
            "type": "AzureDatabricksWorkspace",
            "creationMethod": "AzureDatabricksWorkspace.Actions",
            "parameters": [{"dataType": "Text", "name": "url", "value": f"https://{host}"}],
        },
        "privacyLevel": "Organizational",
        "credentialDetails": {
            "singleSignOnType": "None",
            "connectionEncryption": "NotEncrypted",
            "skipTestConnection": False,
            "credentials": credentials or principal(),
        },
    }


def storage(path: str = "lake/sales", account: str = OPEN, **credentials: Any) -> dict[str, Any]:
    body = databricks(**(credentials or principal(MEMBER_APP, "member-secret")))
    body["connectionDetails"] = {
        "type": "AzureDataLakeStorage",
        "creationMethod": "AzureDataLakeStorage",
        "parameters": [
            {"dataType": "Text", "name": "server", "value": f"https://{account}.dfs.core.windows.net"},
            {"dataType": "Text", "name": "path", "value": path},
        ],
    }
    return body


def by_reference(connection: str = VAULT, name: str = "connector") -> dict[str, Any]:
    reference = {"connectionId": connection, "secretName": name}
    return databricks(**principal(secret="", servicePrincipalSecretReference=reference))


async def create(world: World, body: dict[str, Any], who: str = RUNNER) -> Answer:
    return await world.fabric("POST", "/connections", body, who)


async def is_incorrect(world: World, body: dict[str, Any]) -> None:
    assert (await create(world, body)).verdict == (400, "IncorrectCredentials")


@breaks("fabric.connections.creation_method")
async def test_no_creation_method(world: World) -> None:
    body = databricks()
    del body["connectionDetails"]["creationMethod"]
    assert (await create(world, body)).verdict == (400, "InvalidParameter")


@breaks("fabric.connections.credential_type")
async def test_a_credential_that_the_type_does_not_take(world: World) -> None:
    body = databricks(credentialType="WorkspaceIdentity")
    assert (await create(world, body)).verdict == (400, "UnsupportedCredentialType")
    body = databricks(credentialType="OAuth2")
    assert (await create(world, body)).verdict == (400, "UnsupportedCredentialType")


@breaks("fabric.connections.one_proof")
async def test_a_secret_given_twice(world: World) -> None:
    reference = {"connectionId": VAULT, "secretName": "connector"}
    body = databricks(**principal(servicePrincipalSecretReference=reference))
    assert (await create(world, body)).verdict == (400, "InvalidCredentialDetails")


@breaks("fabric.connections.test_not_skipped")
async def test_a_skipped_test(world: World) -> None:
    body = databricks()
    body["credentialDetails"]["skipTestConnection"] = True
    assert (await create(world, body)).verdict == (400, "InvalidCredentialDetails")


@breaks("fabric.connections.secret")
async def test_a_wrong_secret(world: World) -> None:
    await is_incorrect(world, databricks(**principal(secret="wrong")))
    assert (await create(world, databricks())).status == 201


@breaks("fabric.connections.token")
async def test_an_unknown_access_token(world: World) -> None:
    await is_incorrect(world, databricks(credentialType="Key", key="dapi" + "9" * 32))
    assert (await create(world, databricks(credentialType="Key", key=TOKEN))).status == 201


@breaks("fabric.connections.member")
async def test_a_stranger_to_databricks(world: World) -> None:
    await is_incorrect(world, databricks(**principal(VIEWER_APP, "viewer-secret")))


@breaks("fabric.connections.reachable")
async def test_a_databricks_workspace_out_of_reach(world: World) -> None:
    await is_incorrect(world, databricks(LISTED_HOST))
    await is_incorrect(world, databricks(CLOSED_HOST))


@breaks("fabric.connections.account")
async def test_an_account_that_is_not_there(world: World) -> None:
    await is_incorrect(world, storage(account="nobodys"))


@breaks("fabric.connections.storage_rights")
async def test_no_rights_on_the_storage(world: World) -> None:
    await is_incorrect(world, storage(**principal(VIEWER_APP, "viewer-secret")))
    assert (await create(world, storage())).status == 201


@breaks("fabric.connections.storage_folder")
async def test_a_folder_that_is_not_there(world: World) -> None:
    await is_incorrect(world, storage("lake/nowhere"))


@breaks("fabric.connections.key")
async def test_a_wrong_account_key(world: World) -> None:
    await is_incorrect(world, storage(credentialType="Key", key="bad-key"))
    assert (await create(world, storage(credentialType="Key", key="good-key"))).status == 201


@breaks("fabric.connections.vault_usable")
async def test_somebody_elses_key_vault_connection(world: World) -> None:
    assert (await create(world, by_reference(), MEMBER)).verdict == (400, "InvalidCredentialDetails")
    assert (await create(world, by_reference())).status == 201


@breaks("fabric.connections.vault_reader")
async def test_a_key_vault_connection_that_may_not_read(world: World) -> None:
    await is_incorrect(world, by_reference(OTHER_VAULT))


@breaks("fabric.connections.vault_secret")
async def test_a_secret_that_is_not_there(world: World) -> None:
    answer = await create(world, by_reference(name="nothing"))
    assert answer.verdict == (400, "IncorrectCredentials")
    assert "nothing" in answer.text


@breaks("fabric.connections.unique_name")
async def test_a_second_connection_of_a_name(world: World) -> None:
    assert (await create(world, databricks(name="LAKE"))).verdict == (409, "DuplicateConnectionName")


@breaks("fabric.connections.visible")
async def test_a_connection_without_a_role_on_it(world: World) -> None:
    assert (await world.fabric("GET", f"/connections/{DATABRICKS}", who=MEMBER)).verdict == (404, "EntityNotFound")


async def share(world: World, who: str, role: str, by: str = RUNNER) -> Answer:
    body = {"principal": {"id": who, "type": "ServicePrincipal"}, "role": role}
    return await world.fabric("POST", ROLES, body, by)


@breaks("fabric.connections.owner")
async def test_a_user_deletes_a_connection(world: World) -> None:
    (await share(world, EDITOR, "User")).ok()
    path = f"/connections/{DATABRICKS}"
    refused = (403, "InsufficientPermissionsToManageConnection")
    assert (await world.fabric("DELETE", path, who=EDITOR)).verdict == refused
    assert (await world.fabric("DELETE", path)).status == 200


@breaks("fabric.connections.reshare")
async def test_a_user_shares_a_connection(world: World) -> None:
    (await share(world, EDITOR, "User")).ok()
    assert (await share(world, MEMBER, "User", EDITOR)).verdict == (403, "InsufficientPrivileges")


@breaks("fabric.connections.owner_makes_owners")
async def test_a_resharing_user_makes_owners(world: World) -> None:
    (await share(world, EDITOR, "UserWithReshare")).ok()
    assert (await share(world, MEMBER, "Owner", EDITOR)).verdict == (403, "InsufficientPrivileges")
    assert (await share(world, MEMBER, "User", EDITOR)).status == 201


@breaks("fabric.connections.one_role_each")
async def test_a_second_role_on_a_connection(world: World) -> None:
    (await share(world, EDITOR, "User")).ok()
    assert (await share(world, EDITOR, "Owner")).verdict == (400, "BadRequest")


@breaks("fabric.connections.last_owner")
async def test_the_last_owner_leaves(world: World) -> None:
    own = (await world.every(ROLES))[0]["id"]
    assert (await world.fabric("DELETE", f"{ROLES}/{own}")).verdict == (400, "InvalidRequest")


@breaks("fabric.connections.object_id")
async def test_a_connection_role_for_an_application_id(world: World) -> None:
    assert (await share(world, OUTSIDER_APP, "User")).verdict == (404, "PrincipalNotFound")
    assert (await share(world, NOBODY, "User")).verdict == (404, "PrincipalNotFound")


def through_gateway(body: dict[str, Any], name: str = "new") -> dict[str, Any]:
    return {**body, "connectivityType": "VirtualNetworkGateway", "gatewayId": GATEWAY, "displayName": name}


@breaks("fabric.connections.gateway")
async def test_storage_through_a_gateway(world: World) -> None:
    answer = await create(world, through_gateway(storage()))
    assert answer.verdict == (400, "CreateGatewayConnectionFailed")


@breaks("fabric.connections.one_workspace")
async def test_a_second_workspace_through_a_gateway(world: World) -> None:
    assert (await create(world, through_gateway(databricks(CLOSED_HOST)))).status == 201
    answer = await create(world, through_gateway(databricks(), "other"))
    assert answer.verdict == (400, "CreateGatewayConnectionFailed")


@breaks("fabric.connections.gateway_network")
async def test_a_gateway_in_another_network(world: World) -> None:
    assert (await create(world, through_gateway(databricks(REMOTE_HOST)))).verdict == (400, "IncorrectCredentials")


@breaks("fabric.connections.kind_kept")
async def test_a_connection_moves_to_a_gateway(world: World) -> None:
    body = {"connectivityType": "VirtualNetworkGateway", "displayName": "moved"}
    assert (await world.fabric("PATCH", f"/connections/{DATABRICKS}", body)).verdict == (400, "InvalidInput")


async def test_what_is_told_of_a_secret(world: World) -> None:
    made = await create(world, databricks())
    shown = await world.fabric("GET", f"/connections/{made.ok()['id']}")
    assert "connector-secret" not in made.text + shown.text
