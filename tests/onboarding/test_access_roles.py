"""OneLake data access roles out of Unity Catalog's grants: who reads what before, after, and as grants change."""

from __future__ import annotations

import pytest

from cloud_emulator.core.faults import FaultRule
from cloud_emulator.seeds.contoso import databricks, identities
from cloud_emulator.seeds.contoso.identities import ANALYST, CONTROLLER, FINANCE, RUNNER, SALES_ANALYSTS
from cloud_emulator.unity_catalog import state
from tests.onboarding.access import SALES_HOST, grant, granted, make_workspace_admin, onelake, readable
from tests.onboarding.world import World, example, failed
from unity_mirror.models.fabric import DataAccessRole
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.access_roles import is_ours
from unity_mirror.plan.model import Action, Outcome, Reason, StepName
from unity_mirror.spec import AccessSpec, CatalogSpec
from unity_mirror.steps.runner import Result

WORKSPACE = "55550000-0000-4000-8000-00000000f001"


def without_roles() -> CatalogSpec:
    return example("sales", access="null")


def spec(groups: dict[str, str] | None = None) -> CatalogSpec:
    sales = example("sales")
    return sales if groups is None else sales.model_copy(update={"access": AccessSpec(groups=groups)})


def roles(world: World, item: str) -> dict[str, dict[str, object]]:
    return {key: role for key, role in world.dump()["fabric.dataAccessRoles"].items() if role["itemId"] == item}


def ours(world: World, item: str) -> dict[str, dict[str, object]]:
    return {key: role for key, role in roles(world, item).items() if is_ours(str(role["name"]))}


def item_of(result: Result) -> str:
    return str(result.known.item)


async def controller_reads(world: World, result: Result) -> set[TableRef]:
    """What the controller, a Viewer through a group, reads in OneLake."""
    return await readable(world, CONTROLLER, WORKSPACE, item_of(result), result.known.mirrored)


def controller_is_granted(world: World, result: Result) -> set[TableRef]:
    """What Unity Catalog's rules let the controller read."""
    return granted(world, CONTROLLER.user_name, "sales", result.known.mirrored)


async def test_without_roles_a_viewer_reads_nothing_with_them_what_unity_catalog_grants(world: World) -> None:
    result = await world.apply(without_roles())
    tables = result.known.mirrored
    assert await controller_reads(world, result) == set()
    assert (await world.plan(without_roles())).plan.step(StepName.ACCESS_ROLES).notes == ()
    await world.apply(spec())
    wanted = controller_is_granted(world, result)
    assert 0 < len(wanted) < len(tables)
    assert await controller_reads(world, result) == wanted


async def test_a_second_run_writes_nothing(world: World) -> None:
    await world.apply(spec())
    world.cloud.requests.clear()
    assert (await world.plan(spec())).plan.changes == ()
    assert "write" not in world.effects()


async def test_what_is_granted_and_revoked_later_is_kept_in_step(world: World) -> None:
    result = await world.apply(spec())
    await grant(world, "table", "sales.inventory.suppliers", FINANCE.name, add=("SELECT",))
    await grant(world, "schema", "sales.inventory", FINANCE.name, add=("USE_SCHEMA",))
    await grant(world, "schema", "sales.orders", SALES_ANALYSTS.name, remove=("SELECT",))
    assert await controller_reads(world, result) != controller_is_granted(world, result)
    changes = (await world.apply(spec())).plan.step(StepName.ACCESS_ROLES).changes
    assert {change.action for change in changes} == {Action.UPDATE}
    assert await controller_reads(world, result) == controller_is_granted(world, result)


async def test_a_group_that_lost_everything_is_let_out_at_once_and_its_role_goes_with_prune(world: World) -> None:
    result = await world.apply(spec())
    item = item_of(result)
    count = len(ours(world, item))
    await grant(world, "schema", "sales.finance", FINANCE.name, remove=("USE_SCHEMA", "SELECT"))
    await world.apply(spec())
    assert len(ours(world, item)) == count
    assert await controller_reads(world, result) == controller_is_granted(world, result)
    assert (await world.plan(spec())).plan.changes == ()
    pruned = await world.apply(spec(), prune=True)
    assert [change.action for change in pruned.plan.step(StepName.ACCESS_ROLES).changes] == [Action.DELETE]
    assert len(ours(world, item)) == count - 1


async def test_roles_that_others_made_stay_byte_for_byte(world: World) -> None:
    item = item_of(await world.apply(without_roles()))
    theirs = {
        "name": "UnityMirror_sales_analysts_by_hand",
        "decisionRules": [
            {
                "effect": "Permit",
                "permission": [
                    {"attributeName": "Path", "attributeValueIncludedIn": ["/Tables/finance"]},
                    {"attributeName": "Action", "attributeValueIncludedIn": ["Read"]},
                ],
            }
        ],
        "members": {
            "microsoftEntraMembers": [
                {"tenantId": identities.TENANT, "objectId": SALES_ANALYSTS.object_id, "objectType": "Group"}
            ]
        },
    }
    async with world.context(without_roles()) as context:
        made = DataAccessRole.model_validate(theirs)
        await context.clients.fabric.access_roles.upsert(WORKSPACE, item, made, "Abort")
    before = roles(world, item)
    await world.apply(spec())
    await grant(world, "catalog", "sales", SALES_ANALYSTS.name, remove=("USE_CATALOG",))
    result = await world.apply(spec(), prune=True)
    after = roles(world, item)
    assert {key: after[key] for key in before} == before
    matrix = result.plan.step(StepName.ACCESS_ROLES).tables[0]
    analysts = next(row for row in matrix.rows if row[0] == SALES_ANALYSTS.name)
    assert "a role that isn't ours opens more" in analysts
    assert matrix.rows.index(analysts) in matrix.remarkable


async def test_object_ids_come_from_scim_where_we_may_ask_and_are_unknown_where_not(world: World) -> None:
    hidden = (await world.plan(spec({}))).plan.step(StepName.ACCESS_ROLES)
    assert hidden.changes == ()
    assert {check.outcome for check in hidden.checks} == {Outcome.UNKNOWN}
    assert all(check.remedy and "access.groups" in check.remedy.text for check in hidden.checks)
    make_workspace_admin(world, SALES_HOST, identities.grantee(RUNNER))
    result = await world.apply(spec({}))
    assert await controller_reads(world, result) == controller_is_granted(world, result)
    unresolved = [check.title for check in result.plan.step(StepName.ACCESS_ROLES).checks]
    assert all("workspace-testers" in title for title in unresolved)


@pytest.mark.parametrize("prune", [False, True])
async def test_nobody_loses_a_role_because_we_may_not_ask_scim_any_more(world: World, prune: bool) -> None:
    """Who the roles were made for, the roles say; what is revoked goes all the same."""
    table = world.cloud.table("unity_catalog.workspaces")
    before = table[SALES_HOST]
    make_workspace_admin(world, SALES_HOST, identities.grantee(RUNNER))
    result = await world.apply(spec({}))
    wanted = await controller_reads(world, result)
    assert wanted
    table[SALES_HOST] = before
    plan = (await world.plan(spec({}), prune=prune)).plan
    assert plan.changes == ()
    await grant(world, "schema", "sales.finance", FINANCE.name, remove=("SELECT",))
    await world.apply(spec({}), prune=prune)
    assert await controller_reads(world, result) == controller_is_granted(world, result)
    assert await controller_reads(world, result) < wanted


async def test_a_directory_that_is_shown_in_part_is_not_known(world: World) -> None:
    make_workspace_admin(world, SALES_HOST, identities.grantee(RUNNER))
    denied = {"status": "403", "detail": "Only admins may list users."}
    world.cloud.faults.set([FaultRule(method="GET", path="scim/v2/Users", status=403, body=denied)])
    try:
        plan = (await world.plan(spec({}))).plan.step(StepName.ACCESS_ROLES)
    finally:
        world.cloud.faults.set([])
    assert plan.changes == ()
    assert {check.outcome for check in plan.checks} == {Outcome.UNKNOWN}


async def test_what_cannot_be_carried_over_is_said(world: World) -> None:
    await world.apply(spec())
    plan = (await world.plan(spec())).plan.step(StepName.ACCESS_ROLES)
    told = "\n".join(plan.notes)
    assert "DefaultReader" in told
    assert "SQL analytics endpoint" in told
    assert "finance.commissions" in told
    assert "marketing.leads" in told


async def test_a_contributor_reads_everything_and_the_matrix_says_so(world: World) -> None:
    make_workspace_admin(world, SALES_HOST, identities.grantee(RUNNER))
    result = await world.apply(spec())
    assert await onelake(world, ANALYST, WORKSPACE, item_of(result), "Tables/inventory") == 200
    matrix = result.plan.step(StepName.ACCESS_ROLES).tables[0]
    mira = next(row for row in matrix.rows if row[0] == ANALYST.user_name)
    assert "its workspace role reads everything, whatever data access roles say" in mira


async def test_who_sees_only_its_own_grants_changes_no_role(world: World) -> None:
    """Roles made from a part of the grants would shut people out."""
    result = await world.apply(spec())
    before = roles(world, item_of(result))
    await grant(world, "catalog", "sales", identities.grantee(RUNNER), add=("SELECT",), remove=("MANAGE",))
    plan = (await world.plan(spec())).plan.step(StepName.ACCESS_ROLES)
    assert plan.changes == ()
    assert [check.outcome for check in plan.checks] == [Outcome.UNKNOWN]
    assert plan.checks[0].remedy is not None
    assert "GRANT MANAGE ON CATALOG `sales`" in plan.checks[0].remedy.commands[0]
    await world.apply(spec())
    assert roles(world, item_of(result)) == before


@pytest.mark.parametrize("pruning", [False, True])
async def test_roles_of_a_spec_without_access_go_only_with_prune(world: World, pruning: bool) -> None:
    item = item_of(await world.apply(spec()))
    await world.apply(without_roles(), prune=pruning)
    assert bool(ours(world, item)) is not pruning


def put_policy(world: World, kind: str, name: str) -> None:
    """An attribute-based policy on a catalog, schema or table."""
    on = state.grants_key(databricks.METASTORE, state.Securable(kind, name))
    body = {
        "name": "hide-amounts", "policy_type": "POLICY_TYPE_COLUMN_MASK", "on_securable_type": kind,
        "on_securable_fullname": name, "for_securable_type": "TABLE", "to_principals": ["account users"],
    }  # fmt: skip
    state.table_of(world.cloud, "policies")[f"{on}/hide-amounts"] = {"on": on, "body": body}
    world.cloud.store.commit()


@pytest.mark.parametrize(
    ("kind", "name", "predicted"),
    [("SCHEMA", "sales.orders", True), ("TABLE", "sales.orders.delivery_slots", False)],
)
async def test_what_a_policy_covers_is_left_out_with_its_name(
    world: World, kind: str, name: str, predicted: bool
) -> None:
    """A table's own policy is asked for only once Fabric didn't mirror the table."""
    put_policy(world, kind, name)
    chosen = {"select.include": "[orders.*, inventory.*]", "select.exclude": "[]", "lakehouse": "null"}
    only = example("sales", semantic_model="null", **chosen)
    plan = (await world.plan(only)).plan
    left = {each.subject: each for each in plan.left_out if each.reason is Reason.POLICY}
    assert bool(left) is predicted
    result = await world.apply(only)
    fell_out = {each.subject: each for each in result.left_out if each.reason is Reason.POLICY}
    assert "orders.delivery_slots" in fell_out
    assert f"policy hide-amounts on {name} covers it" in fell_out["orders.delivery_slots"].detail
    covered = {ref for ref in result.known.mirrored if ref.full_name("sales").startswith(name)}
    assert covered == set()
    assert failed(result.verification) == []
    again = (await world.plan(only)).plan
    assert again.changes == ()
    told = "\n".join(again.step(StepName.ACCESS_ROLES).notes)
    assert ("The attribute-based policy hide-amounts on sales.orders isn't carried over" in told) is predicted


async def test_a_policy_on_the_whole_catalog_leaves_nothing_to_mirror(world: World) -> None:
    put_policy(world, "CATALOG", "hr")
    plan = (await world.plan(example("hr"))).plan
    assert {each.reason for each in plan.left_out if each.subject.startswith("people.")} == {Reason.POLICY}
    result = await world.apply(example("hr"))
    assert result.known.mirrored == ()


async def test_a_deleted_default_reader_is_not_mentioned_any_more(world: World) -> None:
    item = item_of(await world.apply(spec()))
    told = "\n".join((await world.plan(spec())).plan.step(StepName.ACCESS_ROLES).notes)
    assert "The role DefaultReader isn't ours and opens every table to whoever holds ReadAll" in told
    async with world.context(spec()) as context:
        await context.clients.fabric.access_roles.delete(WORKSPACE, item, "DefaultReader")
    told = "\n".join((await world.plan(spec())).plan.step(StepName.ACCESS_ROLES).notes)
    assert "DefaultReader" not in told
    assert "SQL analytics endpoint" in told
