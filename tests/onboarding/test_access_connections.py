"""Connections of every kind: made, reused, refused, shared, rotated, and through a gateway."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_emulator.fabric import seed as fabric_seed
from cloud_emulator.fabric.seed import FabricSeed
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.seeds.contoso.identities import ANALYST, RUNNER, SALES_ANALYSTS, SALES_READER
from cloud_emulator.unity_catalog import state
from tests.onboarding.world import EXAMPLES, World, example, failed
from unity_mirror.errors import InvalidRequest, PermissionDenied, SpecError
from unity_mirror.plan.model import Action, Outcome, RestCall, StepName
from unity_mirror.spec import CatalogSpec, ConnectionShare, load_spec
from unity_mirror.steps.offboard import apply_offboarding, plan_offboarding
from unity_mirror.steps.rotation import rotate_secrets
from unity_mirror.steps.runner import apply_plan, make_plan

CONNECTIONS = "https://api.fabric.microsoft.com/v1/connections"
HR_HOST = "adb-2234567890123456.16.azuredatabricks.net"
TOKEN = "dapi0123456789abcdef0123456789abcdef"


def sales_storage(auth: dict[str, Any], **storage: Any) -> CatalogSpec:
    """The example ``sales`` with another sign-in to the storage."""
    base = load_spec(EXAMPLES / "sales.yaml", environ={}).model_dump(mode="json", exclude_none=True)
    base["storage"] = {**base["storage"], **storage, "auth": auth}
    return load_spec(base, environ={})


def connection(world: World, name: str) -> dict[str, Any]:
    return next(each for each in world.dump()["fabric.connections"].values() if each["displayName"] == name)


def a_token(world: World, host: str, principal: str) -> None:
    """A personal access token that the workspace knows."""
    state.table_of(world.cloud, "accessTokens")[state.token_key(TOKEN)] = {"host": host, "principal": principal}


async def test_by_personal_access_token(world: World) -> None:
    a_token(world, HR_HOST, identities.HR_READER.app_id)
    auth = {"kind": "personal_access_token", "secret": {"env": "HR_TOKEN"}, "principal": identities.HR_READER.app_id}
    spec = load_spec(EXAMPLES / "hr.yaml", environ={})
    base = spec.model_dump(mode="json", exclude_none=True)
    base["databricks"]["connection"] = {"name": "databricks-hr-token", "auth": auth}
    result = await apply(world, load_spec(base, environ={}), HR_TOKEN=TOKEN)
    assert failed(result.verification) == []
    assert connection(world, "databricks-hr-token")["credentialDetails"]["credentialType"] == "Key"


def a_vault(world: World, *, shared: bool) -> None:
    """A Key Vault with the reader's secret, and a connection to it; ``shared`` lets the runner use it."""
    readers = (ANALYST.object_id,)
    vault = {
        "name": "contosovault",
        "secrets": {"hr-databricks": identities.HR_READER.secret or ""},
        "readers": readers,
    }
    roles = [{"principal": ANALYST.object_id, "role": "Owner"}]
    roles += [{"principal": RUNNER.object_id, "role": "User"}] if shared else []
    held = {
        "id": "55550000-0000-4000-8000-00000000ac77",
        "display_name": "contoso-vault",
        "type": "AzureKeyVault",
        "parameters": {"accountName": "contosovault"},
        "credential": {"type": "OAuth2", "object_id": ANALYST.object_id},
        "roles": roles,
    }
    fabric_seed.load(world.cloud, FabricSeed.model_validate({"key_vaults": [vault], "connections": [held]}))
    world.cloud.store.commit()


async def test_by_key_vault_reference_the_secret_never_passes_through_us(world: World) -> None:
    a_vault(world, shared=True)
    spec = _hr_by_vault()
    result = await apply(world, spec, HR_DATABRICKS_SECRET="")
    assert failed(result.verification) == []
    kept = world.dump()["fabric.connectionCredentials"][connection(world, "databricks-hr")["id"]]
    assert kept["servicePrincipalSecretReference"]["secretName"] == "hr-databricks"


async def test_a_vault_connection_that_is_not_ours_to_use_is_refused_before_anything_is_made(world: World) -> None:
    a_vault(world, shared=False)
    with pytest.raises(SpecError) as refused:
        await apply(world, _hr_by_vault(), HR_DATABRICKS_SECRET="")
    assert refused.value.problems[0].path == "databricks.connection.auth.secret.key_vault.connection"
    assert "write" not in world.effects()


def _hr_by_vault() -> CatalogSpec:
    base = load_spec(EXAMPLES / "hr.yaml", environ={}).model_dump(mode="json", exclude_none=True)
    base["databricks"]["connection"]["auth"]["secret"] = {
        "key_vault": {"connection": "contoso-vault", "secret_name": "hr-databricks"}
    }
    return load_spec(base, environ={})


def share_theirs(world: World, name: str, role: str = "User") -> str:
    """Lets the runner use a connection that a person made with their own account; returns its id."""
    held = connection(world, name)
    table = world.cloud.table("fabric.connectionRoleAssignments")
    table["shared"] = {
        "id": "shared",
        "connectionId": held["id"],
        "principalId": RUNNER.object_id,
        "principalType": "ServicePrincipal",
        "role": role,
    }
    return str(held["id"])


def _existing(**ref: str) -> CatalogSpec:
    base = load_spec(EXAMPLES / "sales.yaml", environ={}).model_dump(mode="json", exclude_none=True)
    base["databricks"]["connection"] = {**ref, "auth": {"kind": "existing"}}
    return load_spec(base, environ={})


async def test_a_persons_connection_is_reused_by_id_or_by_name_once_it_is_shared(world: World) -> None:
    theirs = next(
        each
        for each in world.dump()["fabric.connections"].values()
        if each["connectionDetails"]["type"] == "AzureDatabricksWorkspace"
    )
    with pytest.raises(SpecError, match="that we may use") as refused:
        await world.plan(_existing(id=theirs["id"]))
    assert "share the connection" in refused.value.problems[0].hint
    share_theirs(world, theirs["displayName"])
    for ref in ({"id": theirs["id"]}, {"name": theirs["displayName"]}, {}):
        planned = await world.plan(_existing(**ref))
        assert planned.known.databricks_connection == theirs["id"], ref


async def test_without_sign_in_data_nothing_can_be_made_and_the_error_says_how(world: World) -> None:
    with pytest.raises(SpecError) as refused:
        await world.plan(_existing())
    assert "organizational account needs a person" in refused.value.problems[0].hint


async def test_storage_by_service_principal_its_object_id_found_from_its_own_token(world: World) -> None:
    auth = {
        "kind": "service_principal",
        "tenant_id": identities.TENANT,
        "client_id": SALES_READER.app_id,
        "secret": {"env": "SALES_DATABRICKS_SECRET"},
    }
    spec = sales_storage(auth, trusted_access=False)
    planned = await world.plan(spec)
    assert planned.known.storage_principal == SALES_READER.object_id
    named = {change.after.get("principal") for change in planned.plan.step(StepName.STORAGE_ACCESS).changes}
    assert named <= {None, SALES_READER.object_id}
    hidden = sales_storage({**auth, "secret": {"env": "NOT_SET_ANYWHERE"}}, trusted_access=False)
    unknown = (await world.plan(hidden)).plan.step(StepName.STORAGE_ACCESS).checks
    assert [check.outcome for check in unknown] == [Outcome.UNKNOWN]
    assert unknown[0].remedy is not None
    assert "object_id" in unknown[0].remedy.text


async def test_the_tenant_switch_is_named_when_it_keeps_us_from_making_connections(world: World) -> None:
    switches = world.cloud.table("fabric.tenantSettings")
    switches["servicePrincipalsCanCreateWorkspacesAndConnections"] = {"enabled": False}
    with pytest.raises(PermissionDenied) as refused:
        await world.apply(example("hr"))
    assert "Service principals can create workspaces, connections" in refused.value.remedy


async def test_a_team_gets_the_role_that_the_spec_names_and_nobody_loses_one(world: World) -> None:
    shares = ({"id": SALES_ANALYSTS.object_id, "type": "Group", "role": "User"},)
    await world.apply(example("hr"))
    before = _roles(world, "databricks-hr")
    spec = _shared(shares)
    changes = (await world.apply(spec)).plan.step(StepName.CONNECTIONS).changes
    assert [change.action for change in changes] == [Action.CREATE]
    after = _roles(world, "databricks-hr")
    assert after == {**before, SALES_ANALYSTS.object_id: "User"}
    assert (await world.plan(spec)).plan.changes == ()
    raised = _shared(({**shares[0], "role": "UserWithReshare"},))
    assert [change.action for change in (await world.apply(raised)).plan.changes] == [Action.UPDATE]
    assert _roles(world, "databricks-hr")[SALES_ANALYSTS.object_id] == "UserWithReshare"
    assert (await world.plan(spec)).plan.changes == ()


def _shared(shares: tuple[dict[str, str], ...]) -> CatalogSpec:
    spec = example("hr")
    share = tuple(ConnectionShare.model_validate(each) for each in shares)
    connection = spec.databricks.connection.model_copy(update={"share": share})
    databricks = spec.databricks.model_copy(update={"connection": connection})
    return spec.model_copy(update={"databricks": databricks})


def _roles(world: World, name: str) -> dict[str, str]:
    held = connection(world, name)["id"]
    found = world.dump()["fabric.connectionRoleAssignments"].values()
    return {each["principalId"]: each["role"] for each in found if each["connectionId"] == held}


async def test_rotating_a_secret_changes_the_credential_and_nothing_else(world: World) -> None:
    await world.apply(example("hr"))
    new = "not-a-secret.rotated.contoso.example"
    reader = world.cloud.directory.by_app_id(identities.HR_READER.app_id)
    assert reader is not None
    world.cloud.directory.add({**reader, "secret": new})
    before = world.dump()
    async with world.context(example("hr"), HR_DATABRICKS_SECRET=new) as context:
        done = await rotate_secrets(context)
    assert [each.name for each in done] == ["databricks-hr"]
    after = world.dump()
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"fabric.connectionCredentials"}
    with pytest.raises(InvalidRequest):
        async with world.context(example("hr"), HR_DATABRICKS_SECRET="wrong") as context:
            await rotate_secrets(context)
    assert world.dump()["fabric.connectionCredentials"] == after["fabric.connectionCredentials"]


LOWEST = "00000000-0000-4000-8000-000000000001"
"""Sorts before any id that the cloud gives."""


def unnamed(name: str) -> CatalogSpec:
    """An example whose spec names no connection: one that fits is reused, else one is made."""
    base = load_spec(EXAMPLES / f"{name}.yaml", environ={}).model_dump(mode="json", exclude_none=True)
    del base["databricks"]["connection"]["name"]
    return load_spec(base, environ={})


def another_connection(world: World, like: str, **roles: str) -> str:
    """Others make one that leads to the same place by the same kind of sign-in, and share it; its id."""
    for table, key in (("fabric.connections", "id"), ("fabric.connectionCredentials", "connectionId")):
        rows, held = world.cloud.table(table), connection(world, like)["id"]
        rows[LOWEST] = {**rows[held], key: LOWEST, **({"displayName": "Theirs"} if key == "id" else {})}
    for number, (who, role) in enumerate(roles.items()):
        key = f"{LOWEST[:-1]}{number + 2}"
        row = {"id": key, "connectionId": LOWEST, "principalId": who, "principalType": "ServicePrincipal", "role": role}
        world.cloud.table("fabric.connectionRoleAssignments")[key] = row
    world.cloud.store.commit()
    return LOWEST


async def test_what_others_make_later_and_fits_as_well_is_not_taken_instead_of_ours(world: World) -> None:
    """An item's Databricks connection can't be changed: the plan would be refused from then on."""
    await apply(world, unnamed("hr"))
    another_connection(world, "databricks-hr", **{RUNNER.object_id: "Owner"})
    planned = await world.plan(unnamed("hr"))
    assert planned.known.databricks_connection == connection(world, "databricks-hr")["id"]
    assert planned.plan.changes == ()


async def test_a_default_name_that_is_taken_is_refused_before_anything_is_made(world: World) -> None:
    """Fabric would refuse the connection only when the rights that it needs had been given."""
    rows, theirs = world.cloud.table("fabric.connections"), "The analyst's Databricks"
    held = connection(world, theirs)["id"]
    rows[held] = {**rows[held], "displayName": "Databricks-HR"}
    share_theirs(world, "Databricks-HR")
    world.cloud.requests.clear()
    with pytest.raises(
        SpecError, match="a connection 'Databricks-HR' already, and it doesn't fit: it leads to"
    ) as told:
        await apply(world, unnamed("hr"))
    assert told.value.problems[0].path == "databricks.connection.name"
    assert "write" not in world.effects()


@pytest.mark.parametrize("ours", [True, False])
async def test_a_rotated_secret_goes_into_no_connection_that_only_fits(world: World, ours: bool) -> None:
    await apply(world, unnamed("hr"))
    theirs = another_connection(world, "databricks-hr", **{RUNNER.object_id: "Owner"})
    if not ours:
        await world.call(RestCall("fabric", "DELETE", f"{CONNECTIONS}/{connection(world, 'databricks-hr')['id']}"))
        async with world.context(unnamed("hr")) as context:
            await apply_offboarding(context, await plan_offboarding(context))
    before = world.dump()["fabric.connectionCredentials"][theirs]
    async with world.context(unnamed("hr")) as context:
        done = await rotate_secrets(context)
    assert [each.name for each in done] == (["databricks-hr"] if ours else [])
    assert world.dump()["fabric.connectionCredentials"][theirs] == before


async def test_offboarding_deletes_no_connection_that_the_spec_came_to_name(world: World) -> None:
    """We made one, the mark says; the item reads by another one than the spec names now, which isn't ours."""
    await world.apply(example("hr"))
    theirs = another_connection(world, "databricks-hr", **{RUNNER.object_id: "Owner"})
    spec = example("hr", **{"databricks.connection.name": "Theirs"})
    with pytest.raises(SpecError, match="uses another Databricks connection"):
        await world.plan(spec)
    async with world.context(spec) as context:
        offboarding = await plan_offboarding(context)
        await apply_offboarding(context, offboarding)
    assert theirs in world.dump()["fabric.connections"]
    assert "Fabric connection" not in {change.kind for change in offboarding.plan.changes}
    notes = [note for step in offboarding.plan for note in step.notes]
    assert any(note.startswith("Fabric connection Theirs stays: the item doesn't read by it") for note in notes), notes


async def apply(world: World, spec: CatalogSpec, **environ: str) -> Any:
    """Plans and applies with more in the environment."""
    async with world.context(spec, prune=False, **environ) as context:
        return await apply_plan(context, await make_plan(context))
