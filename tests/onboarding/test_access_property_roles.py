"""For random grants in Unity Catalog and roles that others made: in OneLake a viewer reads exactly what the grants of
its groups come to, one group at a time, and never what Unity Catalog doesn't let it read; others' roles stay as is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.seeds.contoso import databricks
from cloud_emulator.seeds.contoso.identities import ANALYST, CONTROLLER, FINANCE, RUNNER, SALES_ANALYSTS, SALES_READER
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.state import Securable, named
from tests.onboarding.access import granted, readable
from tests.onboarding.test_access_grants import sales
from tests.onboarding.world import World
from unity_mirror.models.fabric import DataAccessRole
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.access_roles import is_ours
from unity_mirror.spec import AccessSpec
from unity_mirror.steps.access_roles import AccessRoles
from unity_mirror.steps.context import Context, Known

WORKSPACE = "55550000-0000-4000-8000-00000000f001"
TEAMS = (SALES_ANALYSTS, FINANCE)
KEPT = (SALES_READER.app_id, RUNNER.app_id)
SCHEMAS = ("inventory", "restricted")
PRIVILEGES = ("USE_CATALOG", "USE_SCHEMA", "SELECT", "ALL_PRIVILEGES", "BROWSE", "EXTERNAL_USE_SCHEMA")
ROLES = itertools.count(1)

Level = Mapping[str, frozenset[str]]
HELD = st.dictionaries(
    st.sampled_from([team.name for team in TEAMS]), st.frozensets(st.sampled_from(PRIVILEGES), max_size=3), max_size=2
)


@pytest.fixture
async def known(world: World) -> Known:
    """The catalog, mirrored once for all examples."""
    return (await world.apply(sales(*SCHEMAS))).known


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
async def test_a_viewer_reads_what_its_groups_are_granted(world: World, known: Known, data: st.DataObject) -> None:
    spec = sales(*SCHEMAS).model_copy(
        update={"access": AccessSpec(groups={team.name: team.object_id for team in TEAMS})}
    )
    item, tables = str(known.item), known.mirrored
    places = [named("sales"), *(named(f"sales.{name}") for name in SCHEMAS)]
    places += [named(ref.full_name("sales")) for ref in tables]
    for place in places:
        put(world.cloud, place, data.draw(HELD, label=place.full_name))
    async with world.context(spec) as context:
        await make_theirs(context, item, data.draw(st.booleans(), label="a role of others'"), tables)
        before = theirs(world, item)
        step = AccessRoles()
        for _ in range(2):
            context.reads.forget()
            found = await step.plan(context, known)
            await step.apply(context, known, found)
        assert found.plan.changes == ()
    assert theirs(world, item) == before
    alone = {team: granted(world, team.name, "sales", tables) for team in TEAMS}
    assert await readable(world, CONTROLLER, WORKSPACE, item, tables) == alone[SALES_ANALYSTS] | alone[FINANCE]
    assert alone[SALES_ANALYSTS] | alone[FINANCE] <= granted(world, CONTROLLER.user_name, "sales", tables)


def put(cloud: Cloud, place: Securable, held: Mapping[str, frozenset[str]]) -> None:
    """Replaces what teams hold somewhere; the connection's principal and the runner keep theirs."""
    fitting = {"CATALOG": PRIVILEGES, "SCHEMA": PRIVILEGES[1:], "TABLE": ("SELECT", "ALL_PRIVILEGES")}[place.kind]
    kept = {who: what for who, what in state.grants_on(cloud, databricks.METASTORE, place).items() if who in KEPT}
    chosen = {who: [each for each in sorted(what) if each in fitting] for who, what in held.items()}
    state.put_grants(cloud, databricks.METASTORE, place, {**kept, **chosen})
    cloud.store.commit()


async def make_theirs(context: Context, item: str, wanted: bool, tables: tuple[TableRef, ...]) -> None:
    """A role by hand, for someone who is no viewer by any of the teams."""
    if not wanted:
        return
    role = {
        "name": f"ByHand{next(ROLES)}",
        "decisionRules": [
            {
                "effect": "Permit",
                "permission": [
                    {"attributeName": "Path", "attributeValueIncludedIn": [f"/{tables[0].onelake_path}"]},
                    {"attributeName": "Action", "attributeValueIncludedIn": ["Read"]},
                ],
            }
        ],
        "members": {
            "microsoftEntraMembers": [
                {
                    "tenantId": (await context.clients.whoami()).tenant_id,
                    "objectId": ANALYST.object_id,
                    "objectType": "User",
                }
            ]
        },
    }
    await context.clients.fabric.access_roles.upsert(WORKSPACE, item, DataAccessRole.model_validate(role), "Abort")


def theirs(world: World, item: str) -> dict[str, Any]:
    """The roles that we didn't make, as they are kept."""
    held = world.dump()["fabric.dataAccessRoles"]
    return {key: role for key, role in held.items() if role["itemId"] == item and not is_ours(str(role["name"]))}
