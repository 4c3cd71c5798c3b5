"""Workspaces, their roles, capacities and identities."""

from __future__ import annotations

import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric.items import create_item

from .fabric_cloud import (
    ALICE,
    ANALYSTS,
    BARE,
    CAPACITY,
    FAR,
    HIDDEN,
    OTHER,
    PAUSED,
    PERSONAL,
    READER,
    READER_APP,
    TRIAL,
    WORKSPACE,
    Fabric,
    fabric_cloud,
)  # fmt: skip
from .support import RUNNER, token

ONE = f"/workspaces/{WORKSPACE}"
ROLES = f"{ONE}/roleAssignments"


CLOUD = fabric_cloud


def principal(object_id: str, kind: str = "ServicePrincipal") -> dict[str, str]:
    return {"id": object_id, "type": kind}


async def test_lists_only_workspaces_with_a_role(fabric: Fabric) -> None:
    assert [each["displayName"] for each in (await fabric.get("/workspaces"))["value"]] == ["Sales Analytics", "Bare"]
    mine = await fabric.as_(OTHER).get("/workspaces")
    assert [each["id"] for each in mine["value"]] == [WORKSPACE]  # through the group
    assert (await fabric.as_(OTHER).get("/workspaces?roles=Admin,Member"))["value"] == []
    assert (await fabric.as_(READER).get("/workspaces"))["value"] == []
    await fabric.refused(400, "InvalidParameter", "GET", "/workspaces?roles=Owner")


async def test_pages_with_an_absolute_address_of_the_next(fabric: Fabric, cloud: Cloud) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"page_size": 1})
    cloud.store.commit()
    first = await fabric.get("/workspaces?roles=Admin")
    assert first["continuationUri"].startswith("https://cloud.test/v1/workspaces?roles=Admin&continuationToken=")
    second = await fabric.get(first["continuationUri"].removeprefix("https://cloud.test/v1"))
    assert [each["id"] for each in (*first["value"], *second["value"])] == [WORKSPACE, BARE]
    assert "continuationToken" not in second
    await fabric.refused(400, "InvalidParameter", "GET", "/workspaces?continuationToken=nonsense")


async def test_reads_one_workspace(fabric: Fabric) -> None:
    shown = await fabric.get(ONE)
    assert shown["capacityId"] == CAPACITY
    assert shown["capacityRegion"] == "West Europe"
    assert shown["capacityAssignmentProgress"] == "Completed"
    assert shown["oneLakeEndpoints"]["dfsEndpoint"] == "https://westeurope-onelake.dfs.fabric.microsoft.com"
    assert "workspaceIdentity" not in shown
    assert (await fabric.get(f"{ONE}?preferWorkspaceSpecificEndpoints=true"))["apiEndpoint"].startswith("https://4444")
    await fabric.refused(404, "WorkspaceNotFound", "GET", f"/workspaces/{CAPACITY}")
    await fabric.as_(READER).refused(403, "InsufficientPrivileges", "GET", ONE)
    await fabric.refused(400, "InvalidParameter", "GET", "/workspaces/not-a-guid")


async def test_creates_changes_and_deletes_a_workspace(fabric: Fabric, cloud: Cloud) -> None:
    body = {"displayName": "New", "description": "d", "capacityId": CAPACITY}
    made = await fabric.send("POST", "/workspaces", body)
    assert made.status_code == 201
    path = f"/workspaces/{made.json()['id']}"
    assert made.headers["location"] == f"https://cloud.test/v1{path}"
    assert (await fabric.get(f"{path}/roleAssignments"))["value"][0]["principal"]["id"] == RUNNER
    await fabric.refused(409, "WorkspaceNameAlreadyExists", "POST", "/workspaces", {"displayName": "NEW"})
    renamed = await fabric.send("PATCH", path, {"displayName": "Newer"})
    assert (renamed.json()["displayName"], renamed.json()["description"]) == ("Newer", "d")
    await fabric.refused(409, "WorkspaceNameAlreadyExists", "PATCH", path, {"displayName": "bare"})
    await fabric.refused(400, "InvalidRequest", "PATCH", path, {})
    assert (await fabric.send("DELETE", path)).status_code == 200
    await fabric.refused(404, "WorkspaceNotFound", "GET", path)
    assert not cloud.table("fabric.workspaceRoleAssignments").by("workspaceId", made.json()["id"])


@pytest.mark.parametrize("name", ["", " padded", "x" * 257, "Admin monitoring", "line\nbreak"])
async def test_refuses_names_of_workspaces(fabric: Fabric, name: str) -> None:
    await fabric.refused(400, "InvalidInput", "POST", "/workspaces", {"displayName": name})


async def test_a_new_workspace_needs_a_capacity_that_the_caller_may_use(fabric: Fabric) -> None:
    for capacity, status, code in (
        (HIDDEN, 404, "CapacityNotFound"),
        (TRIAL, 403, "InsufficientPrivileges"),
        (PAUSED, 404, "CapacityNotActive"),
    ):
        await fabric.refused(status, code, "POST", "/workspaces", {"displayName": "n", "capacityId": capacity})
    await fabric.refused(404, "DomainNotFound", "POST", "/workspaces", {"displayName": "n", "domainId": CAPACITY})
    assert len((await fabric.get("/workspaces"))["value"]) == 2


async def test_capacities_are_seen_by_contributors(fabric: Fabric) -> None:
    assert [each["displayName"] for each in await fabric.every("/capacities")] == [
        "main", "trial", "paused", "far",
    ]  # fmt: skip
    assert (await fabric.as_(OTHER).get("/capacities"))["value"][0]["id"] == FAR
    assert (await fabric.get(f"/capacities/{PAUSED}"))["state"] == "Inactive"
    await fabric.refused(404, "CapacityNotFound", "GET", f"/capacities/{HIDDEN}")


async def test_assigns_a_capacity_after_a_while(fabric: Fabric, cloud: Cloud) -> None:
    bare = f"/workspaces/{BARE}"
    answer = await fabric.send("POST", f"{bare}/assignToCapacity", {"capacityId": CAPACITY})
    assert answer.status_code == 202
    shown = await fabric.get(bare)
    assert (shown["capacityAssignmentProgress"], shown.get("capacityId")) == ("InProgress", None)
    cloud.clock.advance(1)
    shown = await fabric.get(bare)
    assert (shown["capacityAssignmentProgress"], shown["capacityId"]) == ("Completed", CAPACITY)
    create_item(cloud, BARE, "Lakehouse", "lake")
    cloud.store.commit()
    await fabric.refused(400, "InvalidRequest", "POST", f"{bare}/assignToCapacity", {"capacityId": FAR})
    await fabric.refused(400, "InvalidRequest", "POST", f"{bare}/unassignFromCapacity")
    await fabric.as_(READER).refused(403, "InsufficientPrivileges", "POST", f"{bare}/unassignFromCapacity")


async def test_members_grant_up_to_their_own_role(fabric: Fabric) -> None:
    await fabric.send("POST", ROLES, {"principal": principal(READER), "role": "Member"})
    member = fabric.as_(READER)
    await member.refused(
        403, "InsufficientPrivileges", "POST", ROLES, {"principal": principal(ALICE, "User"), "role": "Admin"}
    )
    made = await member.send("POST", ROLES, {"principal": principal(ALICE, "User"), "role": "Member"})
    assert made.status_code == 201
    assert made.json()["principal"]["userDetails"] == {"userPrincipalName": "alice@contoso.com"}
    one = f"{ROLES}/{made.json()['id']}"
    assert made.headers["location"].endswith(one)
    await member.refused(403, "InsufficientPrivileges", "PATCH", one, {"role": "Viewer"})
    await member.refused(403, "InsufficientPrivileges", "DELETE", one)
    assert (await fabric.send("PATCH", one, {"role": "Viewer"})).json()["role"] == "Viewer"
    assert (await fabric.send("DELETE", one)).status_code == 200
    await fabric.refused(404, "EntityNotFound", "GET", one)
    await fabric.as_(OTHER).refused(403, "InsufficientPrivileges", "GET", ROLES)


async def test_a_role_takes_object_ids_only(fabric: Fabric) -> None:
    body = {"principal": principal(READER_APP), "role": "Viewer"}
    await fabric.refused(404, "PrincipalNotFound", "POST", ROLES, body)
    await fabric.refused(
        404, "PrincipalNotFound", "POST", ROLES, {"principal": principal(READER, "User"), "role": "Viewer"}
    )
    assert (await fabric.send("POST", ROLES, {**body, "principal": principal(READER)})).status_code == 201
    await fabric.refused(
        409, "PrincipalAlreadyHasWorkspaceRolePermissions", "POST", ROLES,
        {"principal": principal(READER), "role": "Admin"},
    )  # fmt: skip


async def test_the_last_admin_stays(fabric: Fabric) -> None:
    listed = (await fabric.get(ROLES))["value"]
    mine = next(each["id"] for each in listed if each["principal"]["id"] == RUNNER)
    await fabric.refused(400, "InvalidRequest", "PATCH", f"{ROLES}/{mine}", {"role": "Viewer"})
    await fabric.refused(400, "InvalidRequest", "DELETE", f"{ROLES}/{mine}")
    assert (await fabric.get(f"{ROLES}/{mine}"))["role"] == "Admin"


async def test_provisions_an_identity_once(fabric: Fabric, cloud: Cloud) -> None:
    started = await fabric.send("POST", f"{ONE}/provisionIdentity")
    assert started.text == "null"
    await fabric.refused(409, "InvalidRequest", "POST", f"{ONE}/provisionIdentity")  # while it runs
    running = await fabric.send("GET", "/operations/" + started.headers["x-ms-operation-id"])
    assert running.json()["percentComplete"] is None
    assert running.json()["error"] is None
    assert running.headers["retry-after"] == "1"
    ended = await fabric.finish(started)
    assert ended.json()["status"] == "Succeeded"
    assert "retry-after" not in ended.headers
    result = (await fabric.send("GET", ended.headers["location"].removeprefix("https://cloud.test/v1"))).json()
    assert result == (await fabric.get(ONE))["workspaceIdentity"]
    made = cloud.directory.by_object_id(result["servicePrincipalId"])
    assert made is not None
    assert (made["appId"], made["displayName"]) == (result["applicationId"], "Sales Analytics")
    assert result["applicationId"] != result["servicePrincipalId"]
    await fabric.refused(409, "InvalidRequest", "POST", f"{ONE}/provisionIdentity")


async def test_the_identity_follows_its_workspace(fabric: Fabric, cloud: Cloud) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"long_running": "immediate"})
    cloud.store.commit()
    answer = await fabric.send("POST", f"{ONE}/provisionIdentity")
    assert answer.status_code == 200
    object_id = answer.json()["servicePrincipalId"]
    await fabric.send("PATCH", ONE, {"displayName": "Renamed"})
    assert (cloud.directory.by_object_id(object_id) or {})["displayName"] == "Renamed"
    await fabric.send("POST", ROLES, {"principal": principal(object_id), "role": "Contributor"})
    assert (await fabric.send("POST", f"{ONE}/deprovisionIdentity")).status_code == 200
    assert cloud.directory.by_object_id(object_id) is None
    assert object_id not in str((await fabric.get(ROLES))["value"])
    await fabric.refused(409, "InvalidRequest", "POST", f"{ONE}/deprovisionIdentity")
    again = (await fabric.send("POST", f"{ONE}/provisionIdentity")).json()["servicePrincipalId"]
    assert again != object_id
    await fabric.send("DELETE", ONE)
    assert cloud.directory.by_object_id(again) is None


async def test_an_identity_needs_an_admin_and_a_capacity(fabric: Fabric) -> None:
    await fabric.send("POST", ROLES, {"principal": principal(READER), "role": "Member"})
    await fabric.as_(READER).refused(403, "InsufficientPrivileges", "POST", f"{ONE}/provisionIdentity")
    await fabric.refused(403, "FeatureNotAvailable", "POST", f"/workspaces/{BARE}/provisionIdentity")
    personal = f"/workspaces/{PERSONAL}"
    await fabric.as_(ALICE).refused(400, "InvalidRequest", "POST", f"{personal}/provisionIdentity")
    await fabric.as_(ALICE).refused(400, "InvalidRequest", "DELETE", personal)
    assert "workspaceIdentity" not in await fabric.as_(ALICE).get(personal)


async def test_operations_are_their_starters(fabric: Fabric) -> None:
    started = await fabric.send("POST", f"{ONE}/provisionIdentity")
    path = "/operations/" + started.headers["x-ms-operation-id"]
    await fabric.as_(READER).refused(404, "EntityNotFound", "GET", path)
    await fabric.refused(400, "InvalidRequest", "GET", f"{path}/result")
    await fabric.refused(404, "EntityNotFound", "GET", f"/operations/{WORKSPACE}")


async def test_unserved_routes_say_so(fabric: Fabric) -> None:
    answer = await fabric.send("POST", f"{ONE}/assignToDomain", {"domainId": CAPACITY})
    assert answer.status_code == 501
    assert f"POST /v1{ONE}/assignToDomain" in answer.json()["message"]
    assert answer.headers["x-ms-public-api-error-code"] == "OperationNotSupported"
    await fabric.refused(400, "InvalidParameter", "GET", "/workspaces?role=Admin")
    await fabric.refused(400, "InvalidInput", "POST", f"{ONE}/provisionIdentity", {})


@pytest.mark.parametrize(
    ("audience", "age", "code"),
    [
        ("https://management.azure.com", 0, "InvalidToken"),
        ("https://analysis.windows.net/powerbi/api", 0, "InvalidToken"),
        ("https://api.fabric.microsoft.com", 4000, "TokenExpired"),
    ],
)
async def test_refuses_tokens(fabric: Fabric, cloud: Cloud, audience: str, age: float, code: str) -> None:
    header = token(cloud, RUNNER, audience)
    cloud.clock.advance(age)
    answer = await fabric.http.get("/v1/workspaces", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["errorCode"]) == (401, code)
    answer = await fabric.http.get("/v1/workspaces")
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "Unauthorized")


async def test_a_token_of_another_tenant_looks_like_a_licence_fault(fabric: Fabric, cloud: Cloud) -> None:
    cloud.directory.add({**(cloud.directory.by_object_id(READER) or {}), "tenantId": CAPACITY})
    cloud.store.commit()
    await fabric.as_(READER).refused(401, "UserNotLicensed", "GET", "/workspaces")


async def test_tenant_switches_concern_service_principals(fabric: Fabric, cloud: Cloud) -> None:
    settings = cloud.table("fabric.tenantSettings")
    settings["servicePrincipalsCanCreateWorkspacesAndConnections"] = {"enabled": False}
    cloud.store.commit()
    await fabric.refused(403, "FeatureNotAvailable", "POST", "/workspaces", {"displayName": "n"})
    assert (await fabric.as_(ALICE).send("POST", "/workspaces", {"displayName": "n"})).status_code == 201
    settings["servicePrincipalsCanUseApis"] = {"enabled": False}
    cloud.store.commit()
    await fabric.refused(403, "FeatureNotAvailable", "GET", "/workspaces")
    assert ANALYSTS not in str(await fabric.as_(ALICE).get("/workspaces"))
