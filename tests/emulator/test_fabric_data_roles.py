"""OneLake data access roles: entity tags, dry runs, one by one, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from cloud_emulator.core.cloud import Cloud

from .fabric_cloud import ALICE, ANALYSTS, OTHER, OTHER_APP, WORKSPACE, Fabric
from .fabric_data_cloud import data_cloud, mirror, refusal
from .support import TENANT

CLOUD = data_cloud


@pytest_asyncio.fixture
async def path(fabric: Fabric) -> str:
    return f"/workspaces/{WORKSPACE}/items/{await mirror(fabric)}/dataAccessRoles"


def role(
    name: str = "readers", paths: list[str] | None = None, *, actions: list[str] | None = None, **more: Any
) -> Any:
    permission = [
        {"attributeName": "Path", "attributeValueIncludedIn": paths or ["/Tables/orders"]},
        {"attributeName": "Action", "attributeValueIncludedIn": actions or ["Read"]},
    ]
    rule = {"effect": "Permit", "permission": permission}
    return {"name": name, "decisionRules": [rule], "members": members(ANALYSTS), **more}


def members(object_id: str, **more: Any) -> Any:
    return {"microsoftEntraMembers": [{"tenantId": TENANT, "objectId": object_id, **more}]}


async def names(fabric: Fabric, path: str) -> list[str]:
    return [each["name"] for each in (await fabric.get(path))["value"]]


async def test_new_items_have_the_default_reader(fabric: Fabric, path: str) -> None:
    shown = (await fabric.get(path))["value"]
    assert [each["name"] for each in shown] == ["DefaultReader"]
    assert shown[0]["members"]["fabricItemMembers"][0]["itemAccess"] == ["ReadAll"]


async def test_put_replaces_all_if_nobody_else_did(fabric: Fabric, path: str) -> None:
    before = (await fabric.send("GET", path)).headers["etag"]
    dry = await fabric.send("PUT", f"{path}?dryRun=true", {"value": [role()]})
    assert (dry.status_code, dry.headers["etag"]) == (200, before)
    assert await names(fabric, path) == ["DefaultReader"]
    done = await fabric.send("PUT", path, {"value": [role()]}, **{"If-Match": before})
    assert done.status_code == 200
    assert await names(fabric, path) == ["readers"]
    lost = await fabric.send("PUT", path, {"value": []}, **{"If-Match": before})
    assert (lost.status_code, lost.json()["errorCode"]) == (412, "PreconditionFailed")
    bare = await fabric.send("PUT", path, {"value": []}, **{"If-Match": before.strip('"')})
    assert bare.status_code == 400
    now = done.headers["etag"]
    same = await fabric.send("PUT", path, {"value": []}, **{"If-None-Match": now})
    assert same.status_code == 412
    kept = (await fabric.get(path))["value"][0]["id"]
    await fabric.send("PUT", path, {"value": [role(paths=["*"]), role("second")]})
    assert (await fabric.get(path))["value"][0]["id"] == kept


async def test_roles_one_by_one(fabric: Fabric, path: str) -> None:
    one = f"{path}?preview=true"
    made = await fabric.send("POST", one, role())
    assert made.status_code == 201
    assert made.headers["location"] == f"https://cloud.test/v1{path}/readers"
    await fabric.refused(409, "Conflict", "POST", one, role())
    overwritten = await fabric.send("POST", f"{one}&dataAccessRoleConflictPolicy=Overwrite", role(paths=["*"]))
    assert overwritten.status_code == 200
    shown = await fabric.send("GET", f"{path}/readers?preview=true")
    assert shown.headers["etag"] == overwritten.headers["etag"] != made.headers["etag"]
    assert shown.json()["decisionRules"][0]["permission"][0]["attributeValueIncludedIn"] == ["*"]
    stale = await fabric.send(
        "POST", f"{one}&dataAccessRoleConflictPolicy=Overwrite", role(), **{"If-Match": made.headers["etag"]}
    )
    assert stale.status_code == 412
    assert (await fabric.send("DELETE", f"{path}/Readers?preview=true")).status_code == 200
    await fabric.refused(404, "RoleNotFound", "GET", f"{path}/readers?preview=true")
    await fabric.refused(404, "RoleNotFound", "DELETE", f"{path}/readers?preview=true")
    await fabric.refused(400, "InvalidParameter", "POST", path, role())
    await fabric.as_(ALICE).refused(403, "InsufficientPrivileges", "POST", one, role("x"))


@pytest.mark.parametrize(
    "body",
    [
        role("1st"),
        role("a b"),
        role(paths=["/Files/x"]),
        role(paths=["orders"]),
        role(actions=["ReadWrite"]),
        role(actions=["Write"]),
        role(effect="Deny"),
        role(kind="Rule"),
        role(eTag="x"),
        {**role(), "decisionRules": []},
        {**role(), "decisionRules": [{"effect": "Deny", "permission": role()["decisionRules"][0]["permission"]}]},
        {**role(), "decisionRules": [{"permission": role()["decisionRules"][0]["permission"][:1] * 2}]},
        {**role(), "decisionRules": [{"permission": role()["decisionRules"][0]["permission"][:1]}]},
        role(members=members(ANALYSTS, objectType="User")),
        role(members={"microsoftEntraMembers": [{"tenantId": ANALYSTS, "objectId": ANALYSTS}]}),
        role(members={"fabricItemMembers": [{"itemAccess": ["ReadAll"], "sourcePath": f"{WORKSPACE}/{WORKSPACE}"}]}),
        role(members={"fabricItemMembers": [{"itemAccess": ["All"], "sourcePath": f"{WORKSPACE}/{WORKSPACE}"}]}),
        role(paths=[f"/Tables/orders/t{number}" for number in range(501)]),
    ],
)
async def test_what_is_no_role(fabric: Fabric, path: str, body: Any) -> None:
    await fabric.refused(400, "InvalidInput", "POST", f"{path}?preview=true", body)
    await fabric.refused(400, "InvalidInput", "PUT", path, {"value": [body]})
    assert await names(fabric, path) == ["DefaultReader"]


async def test_members_are_found_by_object_id_only(fabric: Fabric, path: str) -> None:
    await fabric.send("POST", f"{path}?preview=true", role(members=members(OTHER)))
    wrong = role("wrong", members=members(OTHER_APP))
    await fabric.refused(404, "PrincipalNotFound", "POST", f"{path}?preview=true", wrong)


async def test_limits_and_names(fabric: Fabric, path: str) -> None:
    await fabric.refused(400, "InvalidInput", "PUT", path, {"value": [role(), role("READERS")]})
    await fabric.refused(400, "InvalidInput", "PUT", path, {"value": [role(f"r{number}") for number in range(251)]})
    await fabric.refused(400, "InvalidInput", "PUT", path, {"value": [role(id=WORKSPACE)]})
    await fabric.refused(400, "InvalidInput", "PUT", path, {})


async def test_constrained_tables_are_not_read_as_files(fabric: Fabric, path: str, cloud: Cloud) -> None:
    item_id = path.split("/")[4]
    constrained = role()
    table = "/Tables/orders/lines"
    constrained["decisionRules"][0]["constraints"] = {"rows": [{"tablePath": table, "value": "select 1"}]}
    assert (await fabric.send("POST", f"{path}?preview=true", constrained)).status_code == 201
    assert refusal(cloud, item_id, table, OTHER)[0] == 403
    constrained["decisionRules"][0]["constraints"]["rows"][0]["tablePath"] = "/Tables/other/t"
    await fabric.refused(400, "InvalidInput", "PUT", path, {"value": [constrained]})


async def test_item_permissions_make_members(fabric: Fabric, path: str, cloud: Cloud) -> None:
    item_id = path.split("/")[4]
    for access, status in ((["ReadAll"], 403), (["Read"], None)):
        member = {"itemAccess": access, "sourcePath": f"{WORKSPACE}/{item_id}"}
        body = {"value": [role(members={"fabricItemMembers": [member]})]}
        assert (await fabric.send("PUT", path, body)).status_code == 200
        cloud.clock.advance(301)
        if status is not None:
            assert refusal(cloud, item_id, "Tables/orders/lines", OTHER)[0] == status
    with pytest.raises(AssertionError, match="Location"):
        refusal(cloud, item_id, "Tables/orders/lines", OTHER)
