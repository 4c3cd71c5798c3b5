"""Role assignments: by object id, once for each triple, effective after a while, written by those who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud_emulator.arm.access import blob_roles
from cloud_emulator.arm.builtin_roles import ROLES_BY_NAME
from cloud_emulator.arm.seed import ArmSeed, load
from cloud_emulator.arm.service import make_service
from tests.emulator.arm_world import (
    ACCOUNT,
    ASSIGNMENTS,
    AUDIENCE,
    CONTAINER,
    CONTRIBUTOR,
    DATA_READER,
    GROUP,
    MEMBER,
    NAME,
    NOBODY,
    NOBODY_APP,
    READER,
    SUBSCRIPTION,
    TEAM,
    VERSION,
    World,
    arm_cloud,
    code,
    definition,
)
from tests.emulator.support import RUNNER, TENANT, Wall, serve, token

OTHER_NAME = "9a000000-0000-4000-8000-000000000002"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    wall = Wall()
    cloud = arm_cloud(tmp_path, wall)
    service = make_service()
    async with serve(cloud, [("/subscriptions", service), ("/providers", service)]) as client:
        yield World(cloud, wall, client)


async def test_an_assignment_gives_its_role_at_its_scope_and_below(world: World) -> None:
    assert blob_roles(world.cloud, NOBODY, "contosolake", "lake") == frozenset()
    status, body = await world.assign(CONTAINER)
    assert status == 201
    assert (body["name"], body["properties"]["principalType"]) == (NAME, "ServicePrincipal")
    assert blob_roles(world.cloud, NOBODY, "contosolake", "lake") == {DATA_READER}
    assert blob_roles(world.cloud, NOBODY, "contosolake", None) == frozenset()
    assert blob_roles(world.cloud, NOBODY, "contosohr", "lake") == frozenset()
    await world.assign(GROUP, OTHER_NAME)
    assert blob_roles(world.cloud, NOBODY, "contosohr", None) == {DATA_READER}
    assert blob_roles(world.cloud, NOBODY, "nowhere", None) == frozenset()


async def test_groups_pass_their_roles_on(world: World) -> None:
    await world.assign(ACCOUNT, principal=TEAM)
    assert blob_roles(world.cloud, MEMBER, "contosolake", None) == {DATA_READER}


async def test_the_same_again_changes_nothing_and_other_values_are_refused(world: World) -> None:
    assert (await world.put(ACCOUNT))[0] == 201
    before = world.cloud.store.dump()["arm.roleAssignments"]
    assert (await world.put(ACCOUNT))[0] == 200
    assert world.cloud.store.dump()["arm.roleAssignments"] == before
    for scope, more in ((GROUP, {}), (ACCOUNT, {"principal": MEMBER}), (ACCOUNT, {"role": "Storage Blob Delegator"})):
        assert code(await world.put(scope, **more)) == (400, "RoleAssignmentUpdateNotPermitted")
    assert code(await world.put(ACCOUNT, OTHER_NAME)) == (409, "RoleAssignmentExists")
    status, body = await world.put(ACCOUNT, description="why")
    assert (status, body["properties"]["description"]) == (200, "why")


async def test_an_application_id_names_nobody(world: World) -> None:
    assert code(await world.put(ACCOUNT, principal=NOBODY_APP)) == (400, "PrincipalNotFound")
    answer = await world.put(ACCOUNT, principal=NOBODY_APP, principalType="ServicePrincipal")
    assert code(answer) == (400, "PrincipalNotFound")
    assert code(await world.put(ACCOUNT, principalType="User")) == (400, "UnmatchedPrincipalType")


async def test_a_new_principal_is_unknown_for_a_while_unless_its_type_is_given(world: World) -> None:
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"principal_replication_seconds": 60.0})
    fresh = "22220000-0000-4000-8000-00000000c0ff"
    world.cloud.directory.add(
        {
            "objectId": fresh, "appId": "11110000-0000-4000-8000-00000000c0ff", "type": "ServicePrincipal",
            "displayName": "fresh", "createdAt": world.cloud.clock.time(),
        }
    )  # fmt: skip
    world.cloud.store.commit()
    assert code(await world.put(ACCOUNT, principal=fresh)) == (400, "PrincipalNotFound")
    assert (await world.put(ACCOUNT, principal=fresh, principalType="ServicePrincipal"))[0] == 201
    assert code(await world.put(GROUP, OTHER_NAME, principal=fresh)) == (400, "PrincipalNotFound")
    world.wall.seconds += 61
    assert (await world.put(GROUP, OTHER_NAME, principal=fresh))[0] == 201


async def test_a_role_takes_effect_after_a_while(world: World) -> None:
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"role_propagation_seconds": 30.0})
    await world.put(ACCOUNT)
    assert blob_roles(world.cloud, NOBODY, "contosolake", None) == frozenset()
    world.wall.seconds += 31
    assert blob_roles(world.cloud, NOBODY, "contosolake", None) == {DATA_READER}


@pytest.mark.parametrize("who", [READER, CONTRIBUTOR, NOBODY])
async def test_those_who_may_not_assign_are_refused(world: World, who: str) -> None:
    assert code(await world.put(ACCOUNT, who=who)) == (403, "AuthorizationFailed")
    assert blob_roles(world.cloud, NOBODY, "contosolake", None) == frozenset()


async def test_a_granter_of_one_account_grants_there_only(world: World) -> None:
    await world.assign(ACCOUNT, principal=MEMBER, role="User Access Administrator")
    assert (await world.put(CONTAINER, OTHER_NAME, who=MEMBER))[0] == 201
    assert code(await world.put(GROUP, OTHER_NAME, who=MEMBER)) == (403, "AuthorizationFailed")


async def test_bad_names_scopes_roles_and_bodies_are_refused(world: World) -> None:
    assert code(await world.put(ACCOUNT, "not-a-guid")) == (400, "InvalidRoleAssignmentId")
    assert code(await world.put(f"{ACCOUNT}x")) == (404, "ResourceNotFound")
    assert code(await world.put(f"{CONTAINER}x")) == (404, "ResourceNotFound")
    nowhere = "/subscriptions/5b1f0000-0000-4000-8000-00000000dead"
    assert code(await world.put(nowhere)) == (404, "SubscriptionNotFound")
    path = f"{ACCOUNT}/{ASSIGNMENTS}/{NAME}?{VERSION}"
    role = definition(DATA_READER)
    for properties in (
        {"roleDefinitionId": role},
        {"roleDefinitionId": role, "principalId": NOBODY, "principal": 1},
        {"roleDefinitionId": role, "principalId": NOBODY, "condition": "true"},
        {"roleDefinitionId": role, "principalId": NOBODY, "principalType": "Robot"},
    ):
        assert code(await world.ask("PUT", path, json={"properties": properties})) == (400, "InvalidRequestContent")
    json_type = {"content-type": "application/json"}
    assert code(await world.ask("PUT", path, content=b"{", headers=json_type)) == (400, "InvalidRequestContent")
    unknown = {"roleDefinitionId": f"{role[:-1]}0", "principalId": NOBODY}
    assert code(await world.ask("PUT", path, json={"properties": unknown})) == (404, "RoleDefinitionDoesNotExist")
    by_name = {"roleDefinitionId": DATA_READER, "principalId": NOBODY}
    assert code(await world.ask("PUT", path, json={"properties": by_name})) == (400, "InvalidRoleDefinitionId")


async def test_deleting_takes_the_role_and_again_is_204(world: World) -> None:
    await world.put(ACCOUNT)
    path = f"{ACCOUNT}/{ASSIGNMENTS}/{NAME}?{VERSION}"
    assert code(await world.ask("DELETE", path, READER)) == (403, "AuthorizationFailed")
    assert (await world.ask("DELETE", path))[0] == 200
    assert blob_roles(world.cloud, NOBODY, "contosolake", None) == frozenset()
    assert await world.ask("DELETE", path) == (204, None)
    assert code(await world.ask("GET", path)) == (404, "RoleAssignmentNotFound")


async def test_lists_follow_scope_and_filter(world: World) -> None:
    await world.put(CONTAINER)
    await world.put(ACCOUNT, OTHER_NAME, principal=TEAM)
    assert set(await world.listed(ACCOUNT, f"principalId eq '{NOBODY}'")) == {CONTAINER}
    assert await world.listed(ACCOUNT, f"atScope() and principalId eq '{NOBODY}'") == []
    assert await world.listed(ACCOUNT, f"assignedTo('{MEMBER}')") == [ACCOUNT]
    assert await world.listed(ACCOUNT, f"principalId eq '{MEMBER}'") == []
    assert CONTAINER not in await world.listed(ACCOUNT, "atScope()")
    assert {CONTAINER, ACCOUNT, SUBSCRIPTION} <= set(await world.listed(ACCOUNT))
    assert SUBSCRIPTION in await world.listed(CONTAINER, "atScope()")
    bad = await world.ask("GET", f"{ACCOUNT}/{ASSIGNMENTS}?{VERSION}&$filter=roleName eq 'x'")
    assert code(bad) == (400, "InvalidFilter")
    assert code(await world.ask("GET", f"{ACCOUNT}/{ASSIGNMENTS}?{VERSION}", NOBODY)) == (403, "AuthorizationFailed")


async def test_requests_across_tenants_are_not_served(world: World) -> None:
    path = f"{ACCOUNT}/{ASSIGNMENTS}?{VERSION}&tenantId="
    assert (await world.ask("GET", path + TENANT))[0] == 200
    other = "11111111-1111-4111-8111-111111111111"
    assert code(await world.ask("GET", path + other)) == (501, "NotImplemented")
    one = f"{ACCOUNT}/{ASSIGNMENTS}/{NAME}?{VERSION}&tenantId={other}"
    for method in ("GET", "DELETE"):
        assert code(await world.ask(method, one)) == (501, "NotImplemented")


async def test_lists_page_with_an_absolute_next_link(world: World) -> None:
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"page_size": 3})
    found, path = [], f"{SUBSCRIPTION}/{ASSIGNMENTS}?{VERSION}&$filter=atScope()"
    while path:
        _, body = await world.ask("GET", path)
        found += body["value"]
        path = body.get("nextLink", "")
        assert path == "" or path.startswith("https://cloud.test/subscriptions/")
    assert len(found) == 4


async def test_built_in_roles_are_told(world: World) -> None:
    path = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
    _, body = await world.ask("GET", f"{path}?{VERSION}&$filter=roleName eq 'Storage Blob Delegator'", READER)
    assert [each["name"] for each in body["value"]] == ["db58b8e5-c6ad-4a2a-8342-4190687cbf4a"]
    guid = ROLES_BY_NAME[DATA_READER].guid
    _, body = await world.ask("GET", f"{path}/{guid}?{VERSION}", READER)
    assert body["properties"]["roleName"] == DATA_READER
    _, body = await world.ask("GET", f"{ACCOUNT}/providers/Microsoft.Authorization/permissions?{VERSION}", NOBODY)
    assert body == {"value": []}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", "MissingApiVersionParameter"),
        ("api-version=latest", "InvalidApiVersionParameter"),
        ("api-version=2021-01-01", "NoRegisteredProviderFound"),
    ],
)
async def test_api_versions_are_checked(world: World, query: str, error: str) -> None:
    assert code(await world.ask("GET", f"{ACCOUNT}/{ASSIGNMENTS}?{query}")) == (400, error)


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("", "AuthenticationFailed"),
        ("Bearer x", "InvalidAuthenticationToken"),
        ("expired", "ExpiredAuthenticationToken"),
        ("audience", "InvalidAuthenticationTokenAudience"),
        ("tenant", "InvalidAuthenticationTokenTenant"),
    ],
)
async def test_bad_tokens_are_refused_in_azures_way(world: World, header: str, error: str) -> None:
    if header == "expired":
        header = token(world.cloud, RUNNER, AUDIENCE, seconds=-1)
    elif header == "audience":
        header = token(world.cloud, RUNNER, "https://storage.azure.com")
    elif header == "tenant":
        world.cloud.directory.add(
            {
                "objectId": "f",
                "appId": "g",
                "type": "ServicePrincipal",
                "displayName": "foreign",
                "tenantId": "elsewhere",
            }
        )
        header = token(world.cloud, "f", AUDIENCE)
    answer = await world.client.get(f"{SUBSCRIPTION}?api-version=2022-12-01", headers={"Authorization": header})
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert code((answer.status_code, answer.json())) == (401, error)


async def test_routes_are_case_insensitive_and_unknown_ones_not_emulated(world: World) -> None:
    assert (await world.assign(ACCOUNT.lower().replace("contosolake", "ContosoLake")))[0] == 201
    assert blob_roles(world.cloud, NOBODY, "contosolake", None) == {DATA_READER}
    status, body = await world.ask("GET", f"{GROUP}/providers/Microsoft.KeyVault/vaults/v?api-version=2023-07-01")
    assert (status, body["error"]["code"]) == (501, "NotImplemented")


def test_a_seed_that_assigns_to_an_application_id_is_refused(tmp_path: Path) -> None:
    cloud = arm_cloud(tmp_path)
    section = {"role_assignments": [{"scope": SUBSCRIPTION, "principal_id": NOBODY_APP, "role": DATA_READER}]}
    with pytest.raises(ValueError, match="application id"):
        load(cloud, ArmSeed.model_validate(section))
