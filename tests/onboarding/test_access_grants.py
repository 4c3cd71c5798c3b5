"""Unity Catalog's side (S1 to S3): privileges of the connecting principal by every way that they reach it, whose they
are, and repairs, each from both sides."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_emulator.seeds.contoso import databricks, identities
from cloud_emulator.seeds.contoso.identities import HR_READER, PARTNER, PLATFORM_TEAM, RUNNER, SALES_READER
from cloud_emulator.unity_catalog import identities as databricks_identities
from cloud_emulator.unity_catalog import state
from tests.onboarding.access import SALES_HOST, grant, make_workspace_admin
from tests.onboarding.world import EXAMPLES, World, example, failed
from unity_mirror.errors import PrerequisiteFailed, SpecError
from unity_mirror.plan.model import Check, Outcome, Reason, RestCall, StepName
from unity_mirror.spec import CatalogSpec, load_spec
from unity_mirror.steps.doctor import diagnose
from unity_mirror.steps.runner import Planned, Result, apply_plan, make_plan

HR_HOST = "adb-2234567890123456.16.azuredatabricks.net"
READS = ("USE_SCHEMA", "SELECT")
TOKEN = "dapi0123456789abcdef0123456789abcdef"


def join(world: World, team: str, principal: str) -> None:
    """Puts somebody into a group of Databricks'."""
    table = state.table_of(world.cloud, "identities")
    member = databricks_identities.identity(world.cloud, principal)
    group = databricks_identities.identity(world.cloud, team)
    assert member is not None
    assert group is not None
    key = next(key for key, held in table.items() if held["id"] == group["id"])
    table[key] = {**group, "members": [*group["members"], member["id"]]}
    world.cloud.store.commit()


def sales(*schemas: str, **sets: str) -> CatalogSpec:
    """The example ``sales`` with these schemas only, and nothing on top."""
    chosen = ", ".join(f"{each}.*" for each in schemas)
    return example(
        "sales",
        **{"select.include": f"[{chosen}]", "select.exclude": "[]", "lakehouse": "null", "semantic_model": "null"},
        **sets,
    )


def use_checks(planned: Planned) -> dict[str, Check]:
    """The checks of EXTERNAL USE SCHEMA by schema."""
    return {each.scope.name: each for each in planned.plan.checks if each.id == "external_use_schema"}


async def test_a_grant_to_a_group_is_unknown_until_groups_can_be_read(world: World) -> None:
    assert use_checks(await world.plan(sales("staging", "finance", "inventory")))["staging"].outcome is Outcome.FAILED
    await grant(world, "schema", "sales.staging", "finance-controllers", add=("EXTERNAL_USE_SCHEMA",))
    staging = use_checks(await world.plan(sales("staging", "finance", "inventory")))["staging"]
    assert staging.outcome is Outcome.UNKNOWN
    assert "only admins of the Databricks workspace may look up who is in that" in staging.evidence
    make_workspace_admin(world, SALES_HOST, identities.grantee(RUNNER))
    assert use_checks(await world.plan(sales("staging", "finance", "inventory")))["staging"].outcome is Outcome.FAILED
    join(world, "finance-controllers", SALES_READER.app_id)
    assert use_checks(await world.plan(sales("staging", "finance", "inventory")))["staging"].outcome is Outcome.PASSED
    result = await world.apply(sales("staging", "finance", "inventory"))
    assert "staging.raw_orders" in {str(ref) for ref in result.known.mirrored}
    assert failed(result.verification) == []


async def only_by_group(world: World) -> None:
    """Takes the reader's own privileges on a schema and gives them to a group."""
    reader = SALES_READER.app_id
    await grant(world, "schema", "sales.finance", reader, remove=(*READS, "EXTERNAL_USE_SCHEMA"))
    await grant(world, "schema", "sales.finance", "finance-controllers", add=(*READS, "EXTERNAL_USE_SCHEMA"))


async def test_what_a_group_may_give_is_mirrored_where_the_principal_is_in_it(world: World) -> None:
    await only_by_group(world)
    join(world, "finance-controllers", SALES_READER.app_id)
    result = await world.apply(sales("staging", "finance", "inventory"))
    assert any(ref.schema == "finance" for ref in result.known.mirrored)
    assert failed(result.verification) == []
    assert (await world.plan(sales("staging", "finance", "inventory"))).plan.changes == ()


async def test_what_a_group_may_give_is_left_out_once_fabric_shows_that_it_does_not(world: World) -> None:
    await only_by_group(world)
    result = await world.apply(sales("staging", "finance", "inventory"))
    assert not any(ref.schema == "finance" for ref in result.known.mirrored)
    assert "finance.invoices" in {left.subject for left in result.left_out}
    assert failed(result.verification) == []
    again = (await world.plan(sales("staging", "finance", "inventory"))).plan
    assert again.changes == ()
    unseen = [
        left for left in again.left_out if left.subject.startswith("finance.") and "doesn't see it" in left.detail
    ]
    assert all(left.subject.startswith("finance.") for left in unseen)
    assert {left.reason for left in unseen} == {Reason.NO_PRIVILEGE}


async def test_privileges_of_account_users_count_for_everyone(world: World) -> None:
    await grant(world, "schema", "sales.staging", "account users", add=("EXTERNAL_USE_SCHEMA",))
    plan = (await world.plan(sales("staging", "finance", "inventory"))).plan
    assert Reason.NO_EXTERNAL_USE not in {left.reason for left in plan.left_out}


async def test_external_use_schema_is_inherited_from_the_catalog(world: World) -> None:
    reader = HR_READER.app_id
    for schema in ("hr.people", "hr.recruiting"):
        await grant(world, "schema", schema, reader, remove=("EXTERNAL_USE_SCHEMA",), host=HR_HOST)
    planned = await world.plan(example("hr"))
    assert {each.outcome for each in use_checks(planned).values()} == {Outcome.FAILED}
    await grant(world, "catalog", "hr", reader, add=("ALL_PRIVILEGES",), host=HR_HOST)
    planned = await world.plan(example("hr"))
    assert {each.outcome for each in use_checks(planned).values()} == {Outcome.FAILED}
    await grant(world, "catalog", "hr", reader, add=("EXTERNAL_USE_SCHEMA",), host=HR_HOST)
    result = await world.apply(example("hr"))
    assert {each.outcome for each in use_checks(await world.plan(example("hr"))).values()} == {Outcome.PASSED}
    assert failed(result.verification) == []


FIXING = {"prerequisites.fix": "[external_data_access, external_use_schema]"}
GRANT = f"GRANT EXTERNAL USE SCHEMA ON SCHEMA `sales`.`staging` TO `{SALES_READER.app_id}`;"


async def test_a_grant_is_repaired_by_the_catalogs_owner_and_its_tables_are_mirrored(world: World) -> None:
    join(world, PLATFORM_TEAM.name, RUNNER.app_id)
    spec = sales("staging", "inventory", **FIXING)
    changes = (await world.plan(spec)).plan.step(StepName.PREREQUISITES).changes
    assert [(each.name, each.after["privilege"]) for each in changes] == [("sales.staging", "EXTERNAL USE SCHEMA")]
    result = await world.apply(spec)
    assert failed(result.verification) == []
    assert "staging.raw_orders" in {str(ref) for ref in result.known.mirrored}
    assert (await world.plan(spec)).plan.changes == ()


async def test_a_repair_that_we_may_not_make_names_the_statement_and_nothing_else_is_written(
    world: World,
) -> None:
    """Whether we are in the group that owns the catalog shows only when the grant is tried."""
    with pytest.raises(PrerequisiteFailed) as refused:
        await world.apply(sales("staging", "inventory", **FIXING))
    assert GRANT in refused.value.remedy
    written = [each for each in world.cloud.requests if each["effect"] == "write" and each["status"] < 300]
    assert written == []


async def test_a_repair_that_is_known_to_be_somebody_elses_is_not_planned(world: World) -> None:
    make_workspace_admin(world, SALES_HOST, identities.grantee(RUNNER))
    planned = await world.plan(sales("staging", "inventory", **FIXING))
    assert planned.plan.step(StepName.PREREQUISITES).changes == ()
    staging = use_checks(planned)["staging"]
    assert "that is for data-platform, and we are" in staging.evidence
    assert staging.remedy is not None
    assert staging.remedy.commands == (GRANT,)
    result = await world.apply(sales("staging", "inventory", **FIXING))
    assert not any(ref.schema == "staging" for ref in result.known.mirrored)


async def turn_off(world: World) -> None:
    url = f"https://{SALES_HOST}/api/2.1/unity-catalog/metastores/{databricks.METASTORE}"
    answer = await world.call(RestCall("databricks", "PATCH", url, {"external_access_enabled": False}))
    assert answer.is_success


@pytest.mark.parametrize("admin", [True, False])
async def test_external_data_access_is_turned_on_by_a_metastore_admin_only(world: World, admin: bool) -> None:
    await turn_off(world)
    if not admin:
        with pytest.raises(PrerequisiteFailed) as refused:
            await world.apply(example("hr", **FIXING))
        assert "databricks metastores update" in refused.value.remedy
        return
    join(world, PLATFORM_TEAM.name, RUNNER.app_id)
    result = await world.apply(example("hr", **FIXING))
    assert failed(result.verification) == []


def by_token(**auth: Any) -> CatalogSpec:
    """The example ``hr``, its connection by a personal access token."""
    base = load_spec(EXAMPLES / "hr.yaml", environ={}).model_dump(mode="json", exclude_none=True)
    token = {"kind": "personal_access_token", "secret": {"env": "HR_TOKEN"}, **auth}
    base["databricks"]["connection"] = {"name": "databricks-hr-token", "auth": token}
    return load_spec(base, environ={})


def give_token(world: World, owner: str) -> None:
    """A personal access token of somebody's, that the workspace knows."""
    state.table_of(world.cloud, "accessTokens")[state.token_key(TOKEN)] = {"host": HR_HOST, "principal": owner}
    world.cloud.store.commit()


async def plan(world: World, spec: CatalogSpec) -> Planned:
    async with world.context(spec, HR_TOKEN=TOKEN) as context:
        return await make_plan(context)


async def apply(world: World, spec: CatalogSpec) -> Result:
    async with world.context(spec, HR_TOKEN=TOKEN) as context:
        return await apply_plan(context, await make_plan(context))


async def test_a_tokens_owner_is_found_and_its_privileges_are_what_counts(world: World) -> None:
    give_token(world, HR_READER.app_id)
    planned = await plan(world, by_token())
    assert planned.known.surveyed.principal == HR_READER.app_id
    result = await apply(world, by_token())
    assert len(result.known.mirrored) == 4
    assert failed(result.verification) == []


async def test_a_tokens_owner_without_the_privileges_gets_the_grants_by_its_own_name(world: World) -> None:
    give_token(world, PARTNER.user_name)
    planned = await plan(world, by_token())
    assert planned.known.surveyed.principal == PARTNER.user_name
    people = use_checks(planned)["people"]
    assert people.remedy is not None
    assert people.remedy.commands == (f"GRANT EXTERNAL USE SCHEMA ON SCHEMA `hr`.`people` TO `{PARTNER.user_name}`;",)
    await world.carry_out(people.remedy)
    reason = {left.subject: left.detail for left in (await plan(world, by_token())).plan.left_out}
    assert reason["recruiting.applications"] == f"{PARTNER.user_name} lacks USE SCHEMA, SELECT."


async def test_a_token_of_somebody_else_than_the_spec_says_is_refused(world: World) -> None:
    give_token(world, HR_READER.app_id)
    with pytest.raises(SpecError, match=f"is that of {HR_READER.app_id}, not of {PARTNER.user_name}") as refused:
        await plan(world, by_token(principal=PARTNER.user_name))
    assert refused.value.problems[0].path == "databricks.connection.auth.principal"
    assert "write" not in world.effects()


async def test_a_token_that_the_workspace_does_not_know_stops_everything_before_a_write(world: World) -> None:
    with pytest.raises(PrerequisiteFailed, match="accepts the access token") as refused:
        await apply(world, by_token())
    assert TOKEN not in str(refused.value.checks)
    assert "write" not in world.effects()


async def test_a_token_of_no_member_of_the_workspace_is_refused(world: World) -> None:
    give_token(world, SALES_READER.app_id)
    with pytest.raises(PrerequisiteFailed, match="accepts the access token"):
        await apply(world, by_token())


async def test_by_a_databricks_token_of_our_own_grants_are_those_of_its_owner(world: World) -> None:
    """DATABRICKS_TOKEN signs in to Databricks as its owner, whoever the Entra token is for."""
    give_token(world, PARTNER.user_name)
    async with world.context(example("hr"), DATABRICKS_TOKEN=TOKEN) as context:
        (check,) = [each for each in await diagnose(context) if each.id == "runner_catalog"]
    assert check.outcome is Outcome.UNKNOWN
    assert check.remedy is not None
    assert check.remedy.commands == (f"GRANT MANAGE ON CATALOG `hr` TO `{PARTNER.user_name}`;",)
    await world.carry_out(check.remedy)
    async with world.context(example("hr"), DATABRICKS_TOKEN=TOKEN) as context:
        (check,) = [each for each in await diagnose(context) if each.id == "runner_catalog"]
    assert check.outcome is Outcome.PASSED
