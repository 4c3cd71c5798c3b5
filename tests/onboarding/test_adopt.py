"""Adopting what an administrator set up by hand, as the tutorial has it: its spec makes no change, and none is made."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cloud_emulator.seeds.contoso import identities
from tests.onboarding.access import SALES_HOST
from tests.onboarding.states import differences
from tests.onboarding.test_drift import FABRIC, do, item_of, settle
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import SpecError
from unity_mirror.plan.model import Action
from unity_mirror.spec import load_spec
from unity_mirror.steps.adopt import write_spec
from unity_mirror.steps.offboard import apply_offboarding, plan_offboarding
from unity_mirror.steps.runner import apply_plan, make_plan

CONNECTIONS = "https://api.fabric.microsoft.com/v1/connections"
URL = f"https://{SALES_HOST}"
MODEL = {
    "definition.pbism": json.dumps(
        {
            "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/semanticModel/definitionProperties/1.0.0/schema.json",
            "version": "4.2",
            "settings": {},
        }
    ),
    "definition/database.tmdl": "database\n\tcompatibilityLevel: 1604\n",
    "definition/model.tmdl": "model Model\n\tculture: en-US\n\nref table Stores\n",
    "definition/tables/Stores.tmdl": (
        "table Stores\n\n\tcolumn store_key\n\t\tdataType: int64\n\t\tsourceColumn: store_key\n\n"
        "\tpartition Stores = entity\n\t\tmode: directLake\n\t\tsource\n\t\t\tentityName: dim_store\n"
        "\t\t\tschemaName: orders\n\t\t\texpressionSource: Lake\n"
    ),
}


async def give_rights(world: World) -> None:
    """The identity and its role, the network rule, Azure's role and the lists: what the plan's remedies say."""
    for _ in range(3):
        plan = (await world.plan(example("sales"))).plan
        remedies = [change.remedy for change in plan.changes if change.remedy is not None]
        for remedy in remedies:
            await world.carry_out(remedy)
        await world.time.sleep(600)


async def connect_by_hand(world: World, kind: str, parameters: dict[str, str], credentials: dict[str, Any]) -> str:
    """A connection of the administrators', which they share with the runner."""
    method = f"{kind}.Actions" if kind.startswith("AzureDatabricks") else kind
    body = {
        "connectivityType": "ShareableCloud",
        "displayName": f"{kind} by hand",
        "connectionDetails": {
            "type": kind,
            "creationMethod": method,
            "parameters": [{"dataType": "Text", "name": name, "value": value} for name, value in parameters.items()],
        },
        "privacyLevel": "Organizational",
        "credentialDetails": {
            "singleSignOnType": "None",
            "connectionEncryption": "NotEncrypted",
            "skipTestConnection": False,
            "credentials": credentials,
        },
    }
    made = str((await do(world, "fabric", "POST", CONNECTIONS, body)).json()["id"])
    runner = {"principal": {"id": identities.RUNNER.object_id, "type": "ServicePrincipal"}, "role": "User"}
    await do(world, "fabric", "POST", f"{CONNECTIONS}/{made}/roleAssignments", runner)
    return made


async def set_up_by_hand(world: World) -> None:
    """All of the tutorial, by another principal than the runner."""
    await give_rights(world)
    secret = {"tenantId": identities.TENANT, "servicePrincipalClientId": identities.SALES_READER.app_id}
    secret |= {"credentialType": "ServicePrincipal", "servicePrincipalSecret": identities.SALES_READER.secret or ""}
    databricks = await connect_by_hand(world, "AzureDatabricksWorkspace", {"url": URL}, secret)
    place = {"server": "https://contosolake.dfs.core.windows.net", "path": "/lake/sales"}
    storage = await connect_by_hand(world, "AzureDataLakeStorage", place, {"credentialType": "WorkspaceIdentity"})
    payload = {
        "catalogName": "sales",
        "databricksWorkspaceConnectionId": databricks,
        "mirroringMode": "Full",
        "storageConnectionId": storage,
    }
    body = {"displayName": "Sales by hand", "description": "Ask finance.", "creationPayload": payload}
    await do(world, "fabric", "POST", f"{FABRIC}/mirroredAzureDatabricksCatalogs", body)
    await settle(world)
    item = item_of(world, "MirroredAzureDatabricksCatalog", "Sales by hand")
    lakehouse = {"displayName": "hand_lake", "creationPayload": {"enableSchemas": True}}
    await do(world, "fabric", "POST", f"{FABRIC}/lakehouses", lakehouse)
    await settle(world)
    shortcuts = f"{FABRIC}/items/{item_of(world, 'Lakehouse', 'hand_lake')}/shortcuts"
    for table in ("dim_store", "fact_sales"):
        target = {"oneLake": {"workspaceId": FABRIC[-36:], "itemId": item, "path": f"Tables/orders/{table}"}}
        await do(world, "fabric", "POST", shortcuts, {"path": "Tables/orders", "name": table, "target": target})
    url = f"https://onelake.dfs.fabric.microsoft.com/{FABRIC[-36:]}/{item}"
    source = (
        f'expression Lake =\n\t\tlet\n\t\t    Source = AzureStorage.DataLake("{url}", [HierarchicalNavigation=true])\n'
    )
    parts = {**MODEL, "definition/expressions.tmdl": f"{source}\t\tin\n\t\t    Source\n"}
    encoded = [
        {"path": path, "payload": base64.b64encode(text.encode()).decode(), "payloadType": "InlineBase64"}
        for path, text in parts.items()
    ]
    model = {"displayName": "Sales by hand", "definition": {"format": "TMDL", "parts": encoded}}
    await do(world, "fabric", "POST", f"{FABRIC}/semanticModels", model)
    await settle(world)


async def test_a_set_up_by_hand_is_adopted_with_an_empty_plan(world: World) -> None:
    await set_up_by_hand(world)
    before = world.dump()
    async with world.context(example("sales")) as context:
        written = await write_spec(context.clients, "sales", URL, "Sales Analytics")
    assert written["fabric"]["item_name"] == "Sales by hand"
    assert written["storage"]["url"] == "https://contosolake.dfs.core.windows.net/lake/sales"
    assert written["lakehouse"]["tables"] == ["orders.dim_store", "orders.fact_sales"]
    spec = load_spec(written, environ={})
    world.cloud.requests.clear()
    async with world.context(spec) as context:
        planned = await make_plan(context)
        assert [(change.action, change.kind, change.name) for change in planned.plan.changes] == []
        result = await apply_plan(context, planned)
    assert failed(result.verification) == []
    assert "write" not in world.effects()
    assert differences(before, world.dump()) == {}


async def test_what_was_adopted_is_not_ours_and_stays_when_it_is_offboarded(world: World) -> None:
    await set_up_by_hand(world)
    async with world.context(example("sales")) as context:
        spec = load_spec(await write_spec(context.clients, "sales", URL, "Sales Analytics"), environ={})
    before = world.dump()
    async with world.context(spec) as context:
        offboarding = await plan_offboarding(context)
        await apply_offboarding(context, offboarding)
    assert [change for change in offboarding.plan.changes if change.action is Action.DELETE] == []
    assert differences(before, world.dump()) == {}


async def test_an_item_of_others_keeps_its_letters_case(world: World) -> None:
    """Fabric's names have no case: the spec's item is theirs, and a name that only looks different is no reason to
    rename it."""
    await set_up_by_hand(world)
    before = world.dump()
    async with world.context(example("sales")) as context:
        written = await write_spec(context.clients, "sales", URL, "Sales Analytics")
    written["fabric"]["item_name"] = "SALES BY HAND"
    assert (await world.apply(load_spec(written, environ={}))).plan.changes == ()
    assert differences(before, world.dump()) == {}


async def test_a_model_of_others_gets_none_of_our_tables(world: World) -> None:
    """Nor a refresh: the name is theirs."""
    await set_up_by_hand(world)
    before = world.dump()
    async with world.context(example("sales")) as context:
        written = await write_spec(context.clients, "sales", URL, "Sales Analytics")
    written["semantic_model"] = {"name": "sales BY hand"}
    with pytest.raises(SpecError, match="a semantic model 'Sales by hand' is there already, and isn't ours"):
        await world.apply(load_spec(written, environ={}))
    assert differences(before, world.dump()) == {}


async def test_a_model_of_ours_is_known_by_what_we_wrote_in_it(world: World) -> None:
    """Its description is people's to change, and the mark may be lost with it."""
    await world.apply(example("sales"))
    url = f"{FABRIC}/items/{item_of(world, 'SemanticModel', 'Sales')}"
    await do(world, "fabric", "PATCH", url, {"description": "What we sell."})
    assert (await world.plan(example("sales"))).plan.changes == ()
