"""Take away one thing at a time: reads fail, the report names what is missing, and its remedy mends it."""

from __future__ import annotations

import pytest

from cloud_emulator.seeds.contoso import azure
from cloud_emulator.services import mounts
from tests.emulator.served import running
from tests.onboarding.delta import through_onelake
from tests.onboarding.world import World, example, failed
from unity_mirror.plan.model import Check, RestCall, StepPlan

WORKSPACE = "55550000-0000-4000-8000-00000000f001"
LAKE = "https://contosolake.dfs.core.windows.net/lake"
VERSION = {"x-ms-version": "2023-11-03"}


async def identity_of(world: World) -> str:
    workspace = world.dump()["fabric.workspaces"][WORKSPACE]
    return str(workspace["workspaceIdentity"]["servicePrincipalId"])


async def take(world: World, call: RestCall) -> None:
    answer = await world.call(call)
    assert answer.is_success, answer.text


async def take_folder_acl(world: World) -> None:
    principal = await identity_of(world)
    acl = f"user:{principal},default:user:{principal}"
    url = f"{LAKE}/sales?action=setAccessControlRecursive&mode=remove"
    await take(world, RestCall("storage", "PATCH", url, headers={**VERSION, "x-ms-acl": acl}))


async def take_parent_acl(world: World) -> None:
    principal = await identity_of(world)
    read = await world.call(RestCall("storage", "HEAD", f"{LAKE}/?action=getAccessControl", headers=VERSION))
    kept = ",".join(entry for entry in read.headers["x-ms-acl"].split(",") if principal not in entry)
    url = f"{LAKE}/?action=setAccessControl"
    await take(world, RestCall("storage", "PATCH", url, headers={**VERSION, "x-ms-acl": kept}))


async def take_network_rule(world: World) -> None:
    account = world.dump()["arm.storageAccounts"][azure.LAKE]
    acls = dict(account["properties"]["networkAcls"])
    acls["resourceAccessRules"] = [
        rule for rule in acls["resourceAccessRules"] if not rule["resourceId"].endswith(WORKSPACE)
    ]
    url = f"https://management.azure.com{account['id']}?api-version=2025-06-01"
    await take(world, RestCall("arm", "PATCH", url, {"properties": {"networkAcls": acls}}))


async def take_identity(world: World) -> None:
    url = f"https://api.fabric.microsoft.com/v1/workspaces/{WORKSPACE}/deprovisionIdentity"
    await take(world, RestCall("fabric", "POST", url))
    await world.time.sleep(30)


async def take_contributor(world: World) -> None:
    principal = await identity_of(world)
    url = f"https://api.fabric.microsoft.com/v1/workspaces/{WORKSPACE}/roleAssignments"
    held = (await world.call(RestCall("fabric", "GET", url))).json()["value"]
    role = next(each["id"] for each in held if each["principal"]["id"] == principal)
    await take(world, RestCall("fabric", "DELETE", f"{url}/{role}"))


TAKEN = {
    "folder ACL": (take_folder_acl, "missing_storage_access"),
    "X on a parent folder": (take_parent_acl, "missing_storage_access"),
    "resource instance rule": (take_network_rule, "missing_trusted_access"),
    "workspace identity": (take_identity, "missing_identity"),
    "Contributor for the identity": (take_contributor, "missing_identity"),
}


@pytest.mark.parametrize("what", TAKEN)
async def test_sales_without_one_thing(world: World, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy comes from the report; after it, a run completes the rest."""
    taking, missing = TAKEN[what]
    first = await world.apply(example("sales"))
    await taking(world)
    with running(world.cloud, mounts()) as address:
        monkeypatch.setenv("SSL_CERT_FILE", address.authority)
        with pytest.raises(OSError, match=r"403|AuthorizationPermissionMismatch|AuthorizationFailure|denied"):
            through_onelake(world, address, WORKSPACE, str(first.known.item), first.known.mirrored[0])
    report = await world.verify(example("sales"))
    assert failed(report, "table_readable")
    await mend(world, report, missing)
    result = await world.apply(example("sales"))
    assert failed(result.verification) == []


async def test_hr_without_external_use_schema(world: World) -> None:
    await world.apply(example("hr"))
    url = "https://adb-2234567890123456.16.azuredatabricks.net/api/2.1/unity-catalog/permissions/schema/hr.people"
    body = {
        "changes": [{"principal": example("hr").databricks.connection.principal, "remove": ["EXTERNAL_USE_SCHEMA"]}]
    }
    await take(world, RestCall("databricks", "PATCH", url, body))
    report = await world.verify(example("hr"))
    unreadable = {check.scope.name.partition(".")[0] for check in failed(report, "table_readable")}
    assert unreadable == {"people"}
    grants = [
        command for check in failed(report, "external_use_schema") if check.remedy for command in check.remedy.commands
    ]
    assert grants == ["GRANT EXTERNAL USE SCHEMA ON SCHEMA `hr`.`people` TO `11110000-0000-4000-8000-00000000a002`;"]
    await mend(world, report, "external_use_schema")
    result = await world.apply(example("hr"))
    assert failed(result.verification) == []


async def mend(world: World, report: StepPlan, check_id: str) -> None:
    """Carries out the remedies of what the report says is missing."""
    checks: list[Check] = failed(report, check_id)
    remedies = [check.remedy for check in checks if check.remedy is not None and check.remedy.calls]
    assert remedies, [str(check.scope) for check in checks]
    for remedy in remedies:
        await world.carry_out(remedy)
    await world.time.sleep(30)
