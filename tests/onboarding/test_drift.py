"""Drift: what others changed or removed of ours is found by the plan and repaired by apply; nothing else moves."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from cloud_emulator.seeds.contoso import azure, identities
from cloud_emulator.unity_catalog import state
from tests.onboarding.access import SALES_HOST, grant
from tests.onboarding.states import State, differences
from tests.onboarding.world import World, example, failed
from unity_mirror.plan.model import Action, RestCall
from unity_mirror.steps import storage_acls

WORKSPACE = "55550000-0000-4000-8000-00000000f001"
FABRIC = f"https://api.fabric.microsoft.com/v1/workspaces/{WORKSPACE}"
LAKE = "https://contosolake.dfs.core.windows.net/lake"
CATALOG = "https://adb-1234567890123456.7.azuredatabricks.net/api/2.1/unity-catalog"
TOKEN = "dapi0123456789abcdef0123456789abcdef"
DEEP_FILE = "orders/dim_customer/_delta_log/00000000000000000000.json"
VERSION = {"x-ms-version": "2023-11-03"}
NEW_LOCATION = "abfss://lake@contosolake.dfs.core.windows.net/sales/orders/returns_again"


async def do(world: World, service: str, method: str, url: str, body: Any = None, **headers: str) -> Any:
    answer = await world.call(RestCall(service, method, url, body, headers))
    assert answer.is_success, answer.text
    await world.time.sleep(30)
    return answer


def item_of(world: World, kind: str, name: str) -> str:
    wanted = (kind, name, WORKSPACE)
    items = world.dump()["fabric.items"].items()
    return next(str(key) for key, each in items if (each["type"], each["displayName"], each["workspaceId"]) == wanted)


async def settle(world: World) -> None:
    """Lets what runs by itself come to its end, such as a SQL endpoint that follows its item."""
    for _ in range(3):
        await world.time.sleep(60)
        await do(world, "fabric", "GET", "https://api.fabric.microsoft.com/v1/workspaces")


async def rename_item(world: World) -> None:
    item = item_of(world, "MirroredAzureDatabricksCatalog", "sales")
    await do(world, "fabric", "PATCH", f"{FABRIC}/items/{item}", {"displayName": "sales (old)"})


async def delete_item(world: World) -> None:
    item = item_of(world, "MirroredAzureDatabricksCatalog", "sales")
    await do(world, "fabric", "DELETE", f"{FABRIC}/items/{item}")


async def disable_auto_sync(world: World) -> None:
    item = item_of(world, "MirroredAzureDatabricksCatalog", "sales")
    body = {"properties": {"autoSync": "Disabled"}}
    await do(world, "fabric", "PATCH", f"{FABRIC}/mirroredAzureDatabricksCatalogs/{item}", body)


async def rename_lakehouse(world: World) -> None:
    item = item_of(world, "Lakehouse", "sales_lake")
    await do(world, "fabric", "PATCH", f"{FABRIC}/items/{item}", {"displayName": "sales_lake_old"})


async def delete_lakehouse(world: World) -> None:
    await do(world, "fabric", "DELETE", f"{FABRIC}/items/{item_of(world, 'Lakehouse', 'sales_lake')}")


def shortcut(world: World, place: str = "") -> str:
    return f"{FABRIC}/items/{item_of(world, 'Lakehouse', 'sales_lake')}/shortcuts{place}"


async def delete_shortcut(world: World) -> None:
    await do(world, "fabric", "DELETE", shortcut(world, "/Tables%2Forders/dim_date"))


async def retarget_shortcut(world: World) -> None:
    item = item_of(world, "MirroredAzureDatabricksCatalog", "sales")
    await _retarget(world, item, "Tables/finance/accounts")


async def retarget_shortcut_to_another_item(world: World) -> None:
    item = item_of(world, "Lakehouse", "sales_lake")
    await _retarget(world, item, "Tables/orders/dim_store")


async def _retarget(world: World, item: str, path: str) -> None:
    target = {"oneLake": {"workspaceId": WORKSPACE, "itemId": item, "path": path}}
    body = {"path": "Tables/orders", "name": "dim_date", "target": target}
    await do(world, "fabric", "POST", shortcut(world, "?shortcutConflictPolicy=CreateOrOverwrite"), body)


def identity_of(world: World) -> str:
    return str(world.dump()["fabric.workspaces"][WORKSPACE]["workspaceIdentity"]["servicePrincipalId"])


async def remove_folder_acl(world: World) -> None:
    await _remove_acl(world, "sales")


async def remove_parent_acl(world: World) -> None:
    await _remove_acl(world, "")


async def _remove_acl(world: World, path: str) -> None:
    url = f"{LAKE}/{path}"
    read = await do(world, "storage", "HEAD", f"{url}?action=getAccessControl", **VERSION)
    kept = ",".join(entry for entry in read.headers["x-ms-acl"].split(",") if identity_of(world) not in entry)
    await do(world, "storage", "PATCH", f"{url}?action=setAccessControl", **VERSION, **{"x-ms-acl": kept})


async def remove_tree_acl(world: World) -> None:
    acl = f"user:{identity_of(world)},default:user:{identity_of(world)}"
    url = f"{LAKE}/sales?action=setAccessControlRecursive&mode=remove"
    await do(world, "storage", "PATCH", url, **VERSION, **{"x-ms-acl": acl})


async def remove_deep_acl(world: World) -> None:
    """Of a folder and of a file, others' entries staying; and of a whole branch, default entries included."""
    await _remove_acl(world, "sales/orders/dim_store/_delta_log")
    await _remove_acl(world, f"sales/{DEEP_FILE}")
    acl = f"user:{identity_of(world)},default:user:{identity_of(world)}"
    url = f"{LAKE}/sales/finance/accounts?action=setAccessControlRecursive&mode=remove"
    await do(world, "storage", "PATCH", url, **VERSION, **{"x-ms-acl": acl})


async def change_databricks_credential(world: World) -> None:
    """To a personal access token. (The storage's firewall admits no other sign-in than there is.)"""
    token = {"host": SALES_HOST, "principal": identities.SALES_READER.app_id}
    state.table_of(world.cloud, "accessTokens")[state.token_key(TOKEN)] = token
    await _change_credential(world, "databricks-sales", {"credentialType": "Key", "key": TOKEN})


async def _change_credential(world: World, name: str, credentials: Mapping[str, Any]) -> None:
    held = world.dump()["fabric.connections"]
    connection = next(key for key, each in held.items() if each["displayName"] == name)
    details = {
        "singleSignOnType": "None",
        "connectionEncryption": "NotEncrypted",
        "skipTestConnection": False,
        "credentials": credentials,
    }
    body = {"connectivityType": "ShareableCloud", "credentialDetails": details}
    await do(world, "fabric", "PATCH", f"https://api.fabric.microsoft.com/v1/connections/{connection}", body)


async def remove_onelake_role(world: World) -> None:
    item = item_of(world, "MirroredAzureDatabricksCatalog", "sales")
    await do(
        world, "fabric", "DELETE", f"{FABRIC}/items/{item}/dataAccessRoles/{_finance_role(world.dump())}?preview=true"
    )


def _finance_role(before: State) -> str:
    roles = before["fabric.dataAccessRoles"].values()
    return next(str(each["name"]) for each in roles if "finance" in str(each["name"]).lower())


async def rename_model(world: World) -> None:
    model = item_of(world, "SemanticModel", "Sales")
    await do(world, "fabric", "PATCH", f"{FABRIC}/items/{model}", {"displayName": "Sales (old)"})


async def rename_table(world: World) -> None:
    """As far as REST goes: registered where it lies, under another name (ALTER TABLE RENAME is SQL)."""
    url = f"{CATALOG}/tables"
    held = (await do(world, "databricks", "GET", f"{url}/sales.finance.accounts")).json()
    await do(world, "databricks", "DELETE", f"{url}/sales.finance.accounts")
    await _register(world, "finance", "ledgers", held["storage_location"], held["columns"])


async def remove_storage_role(world: World) -> None:
    identity = identity_of(world)
    roles = world.dump()["arm.roleAssignments"].values()
    scope = next(each["body"]["id"] for each in roles if each["principalId"] == identity)
    await do(world, "arm", "DELETE", f"https://management.azure.com{scope}?api-version=2022-04-01")


async def remove_workspace_role(world: World) -> None:
    identity = identity_of(world)
    roles = world.dump()["fabric.workspaceRoleAssignments"].values()
    role = next(each["id"] for each in roles if each["principalId"] == identity)
    await do(world, "fabric", "DELETE", f"{FABRIC}/roleAssignments/{role}")


async def drop_network_rule(world: World) -> None:
    account = world.dump()["arm.storageAccounts"][azure.LAKE]
    acls = dict(account["properties"]["networkAcls"])
    rules = acls["resourceAccessRules"]
    acls["resourceAccessRules"] = [rule for rule in rules if not rule["resourceId"].endswith(WORKSPACE)]
    url = f"https://management.azure.com{account['id']}?api-version=2025-06-01"
    await do(world, "arm", "PATCH", url, {"properties": {"networkAcls": acls}})


async def remove_model_table(world: World) -> None:
    """Takes a table out of the definition, with the relationships that hang on it, as a modeller would."""
    model = item_of(world, "SemanticModel", "Sales")
    parts = world.dump()["fabric.definitions"][model]["parts"]
    kept = [_without_table(part, "dim_promotion") for part in parts if "dim_promotion" not in part["path"]]
    body = {"definition": {"format": "TMDL", "parts": kept}}
    await do(world, "fabric", "POST", f"{FABRIC}/semanticModels/{model}/updateDefinition", body)


def _without_table(part: Mapping[str, str], table: str) -> dict[str, str]:
    text = base64.b64decode(part["payload"]).decode()
    if part["path"].endswith("relationships.tmdl"):
        blocks = ("\n" + text).split("\nrelationship ")
        text = blocks[0] + "".join(f"\nrelationship {each}" for each in blocks[1:] if table not in each)
    lines = [line for line in text.splitlines() if line.strip() != f"ref table {table}"]
    ending = "\n" if text.endswith("\n") else ""
    payload = base64.b64encode(("\n".join(lines) + ending).encode()).decode()
    return {"path": part["path"], "payload": payload, "payloadType": "InlineBase64"}


async def delete_model(world: World) -> None:
    await do(world, "fabric", "DELETE", f"{FABRIC}/items/{item_of(world, 'SemanticModel', 'Sales')}")


async def add_table(world: World) -> None:
    await write_log(world, "sales/orders/returns_again")
    await register(world, "orders", "returns_again", NEW_LOCATION)


async def register(world: World, schema: str, name: str, location: str) -> None:
    """Registers the empty table that ``write_log`` writes."""
    columns = [{"name": "id", "type_text": "bigint", "type_name": "LONG", "position": 0, "type_json": _LONG}]
    await _register(world, schema, name, location, columns)


async def _register(world: World, schema: str, name: str, location: str, columns: Any) -> None:
    """Registers an external table, after granting itself what that takes."""
    who = identities.PLATFORM.app_id
    for securable, privileges in (
        (f"schema/sales.{schema}", ["EXTERNAL_USE_SCHEMA"]),
        ("external_location/contoso-sales", ["EXTERNAL_USE_LOCATION", "CREATE_EXTERNAL_TABLE"]),
    ):
        grant = {"changes": [{"principal": who, "add": privileges}]}
        await do(world, "databricks", "PATCH", f"{CATALOG}/permissions/{securable}", grant)
    body = {
        "name": name, "catalog_name": "sales", "schema_name": schema, "table_type": "EXTERNAL",
        "data_source_format": "DELTA", "storage_location": location, "columns": columns,
    }  # fmt: skip
    await do(world, "databricks", "POST", f"{CATALOG}/tables", body)


async def write_log(world: World, folder: str) -> None:
    """A Delta table without rows, written where it lies; its files inherit the folder's default entries."""
    await commit(world, folder, 0, {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": _EMPTY})


async def commit(world: World, folder: str, version: int, *actions: Any) -> None:
    """Commits to a Delta table, as its writers do."""
    url, content = f"{LAKE}/{folder}/_delta_log/{version:020}.json", "\n".join(map(json.dumps, actions)).encode()
    for method, query, body in (
        ("PUT", "resource=file", None),
        ("PATCH", "action=append&position=0", content),
        ("PATCH", f"action=flush&position={len(content)}", None),
    ):
        answer = await world.send("storage", method, f"{url}?{query}", body, VERSION)
        assert answer.is_success, answer.text
    await world.time.sleep(30)


_EMPTY = {
    "id": "8d8e4d3a-5d5b-4c7e-9a52-0d6a5f4a1b01",
    "format": {"provider": "parquet", "options": {}},
    "schemaString": json.dumps(
        {"type": "struct", "fields": [{"name": "id", "type": "long", "nullable": True, "metadata": {}}]}
    ),
    "partitionColumns": [],
    "configuration": {},
    "createdTime": 0,
}
_LONG = json.dumps({"name": "id", "type": "long", "nullable": True, "metadata": {}})


async def drop_table(world: World) -> None:
    await do(world, "databricks", "DELETE", f"{CATALOG}/tables/sales.orders.dim_promotion")


async def mask_a_table(world: World) -> None:
    """No API of ours sets a row filter, so it is put where SQL would put it."""
    tables = world.cloud.table("unity_catalog.tables")
    key = next(key for key, each in tables.items() if each["body"]["full_name"] == "sales.orders.dim_promotion")
    stored = tables[key]
    row_filter = {"function_name": "sales.orders.only_mine", "input_column_names": []}
    tables[key] = {**stored, "body": {**stored["body"], "row_filter": row_filter}}
    world.cloud.store.commit()
    await world.time.sleep(30)


Paths = Callable[[State], Iterable[str]]
ITEM = "<MirroredAzureDatabricksCatalog sales in Sales Analytics>"
MODEL = "<SemanticModel Sales in Sales Analytics>"
LAKEHOUSE = "<Lakehouse sales_lake in Sales Analytics>"
ENDPOINTS = ("<SQLEndpoint sales in Sales Analytics>", "<SQLEndpoint sales_lake in Sales Analytics>")


def nothing(_: State) -> Iterable[str]:
    """The state is the very same."""
    return ()


def synced(before: State) -> Iterable[str]:
    """When the item and the endpoints that follow it were last brought up to date."""
    yield f"fabric.items|{ITEM}|properties|syncDetails|lastSyncDateTime"
    yield from endpoints_refreshed(before)


def endpoints_refreshed(before: State) -> Iterable[str]:
    for each in before["fabric.sqlTables"].values():
        for endpoint in ENDPOINTS:
            yield f"fabric.sqlTables|{endpoint}/{each['schema']}/{each['table']}|lastSuccess"


def made_anew(before: State) -> Iterable[str]:
    """A new item, and a model that is framed on it."""
    yield from synced(before)
    yield f"fabric.refreshes|<refresh 2 of {MODEL}>"


def tree_granted(before: State, folder: str = "sales") -> Iterable[str]:
    """Entries are merged into each list of the tree; the lists are the same, their ETags new."""
    for key in before["storage.nodes"]:
        if f"{key}/".startswith(f"contosolake/lake/{folder}/"):
            yield f"storage.nodes|{key}|etag"
            yield f"storage.nodes|{key}|modified"


def root_granted(_: State) -> Iterable[str]:
    yield "storage.nodes|contosolake/lake|etag"
    yield "storage.nodes|contosolake/lake|modified"
    yield "storage.nodes|contosolake/lake/|etag"
    yield "storage.nodes|contosolake/lake/|modified"


def role_assigned(before: State) -> Iterable[str]:
    identity = before["fabric.workspaces"][WORKSPACE]["workspaceIdentity"]["servicePrincipalId"]
    key = next(key for key, each in before["arm.roleAssignments"].items() if each["principalId"] == identity)
    name = "<role db58b8e5-c6ad-4a2a-8342-4190687cbf4a on contosolake: <identity of Sales Analytics>>"
    path = f"arm.roleAssignments|{key.rpartition('/')[0]}/{name}"
    return [f"{path}|body|properties|createdOn", f"{path}|body|properties|updatedOn", f"{path}|effectiveAt"]


def framed(_: State) -> Iterable[str]:
    yield f"fabric.refreshes|<refresh 2 of {MODEL}>"


def model_mended(before: State) -> Iterable[str]:
    """The table and its relationships come last now."""
    yield from framed(before)
    yield f"fabric.definitions|{MODEL}|parts|definition/model.tmdl"
    yield f"fabric.definitions|{MODEL}|parts|definition/relationships.tmdl"


def framed_anew(_: State) -> Iterable[str]:
    yield f"fabric.refreshes|<refresh 1 of {MODEL}>|startTime"
    yield f"fabric.refreshes|<refresh 1 of {MODEL}>|endTime"


def table_come(before: State) -> Iterable[str]:
    yield from synced(before)
    yield from framed(before)
    yield from _everywhere("returns_again")
    yield f"fabric.definitions|{MODEL}|parts|definition/model.tmdl"
    yield f"fabric.definitions|{MODEL}|parts|definition/tables/returns_again.tmdl"
    yield f"fabric.shortcuts|{LAKEHOUSE}/Tables/orders/returns_again"


def table_gone(before: State) -> Iterable[str]:
    """Its shortcut and its table in the model stay: deletions are asked for."""
    yield from synced(before)
    yield from _everywhere("dim_promotion")


def _everywhere(table: str) -> Iterable[str]:
    yield f"fabric.mirroredTables|{ITEM}/orders/{table}"
    for endpoint in ENDPOINTS:
        yield f"fabric.sqlTables|{endpoint}/orders/{table}"


def deep_acls_granted(_: State) -> Iterable[str]:
    """Just the paths that lost the entry."""
    for key in (*DEEP, f"contosolake/lake/sales/{DEEP_FILE}"):
        yield f"storage.nodes|{key}|etag"
        yield f"storage.nodes|{key}|modified"


DEEP = (
    "contosolake/lake/sales/orders/dim_store/_delta_log",
    "contosolake/lake/sales/finance/accounts",
    "contosolake/lake/sales/finance/accounts/_delta_log",
    "contosolake/lake/sales/finance/accounts/_delta_log/00000000000000000000.json",
)


def files_of_accounts(before: State) -> Iterable[str]:
    yield from deep_acls_granted(before)
    for key in before["storage.nodes"]:
        if key.startswith("contosolake/lake/sales/finance/accounts/") and key.endswith(".parquet"):
            yield f"storage.nodes|{key}|etag"
            yield f"storage.nodes|{key}|modified"


def table_renamed(before: State) -> Iterable[str]:
    yield from synced(before)
    for table in ("accounts", "ledgers"):
        yield f"fabric.mirroredTables|{ITEM}/finance/{table}"
        yield f"fabric.sqlTables|{ENDPOINTS[0]}/finance/{table}"


def onelake_role_made(before: State) -> Iterable[str]:
    yield f"fabric.dataAccessRoles|{ITEM}/{_finance_role(before).lower()}|etag"


NO_ROLES = {"access": "null"}
"""Where tables come and go, roles follow: tests/onboarding/test_access_roles.py."""
SHARED = {"id": identities.PLATFORM.object_id, "type": "ServicePrincipal", "role": "Owner"}
CONNECTION = {"databricks.connection.share": json.dumps([SHARED])}
"""Who else may change the connection."""


@dataclass(frozen=True)
class Drift:
    """What someone does, the change that the plan must hold, and the paths at which the state may differ afterwards."""

    make: Callable[[World], Awaitable[None]]
    change: tuple[Action, str]
    allowed: Paths = nothing
    sets: Mapping[str, str] = field(default_factory=dict)


DRIFTS: dict[str, Drift] = {
    "item renamed": Drift(rename_item, (Action.UPDATE, "Mirrored Azure Databricks catalog"), synced),
    "item deleted": Drift(delete_item, (Action.CREATE, "Mirrored Azure Databricks catalog"), made_anew),
    "automatic sync off": Drift(disable_auto_sync, (Action.UPDATE, "Mirrored Azure Databricks catalog"), synced),
    "lakehouse renamed": Drift(rename_lakehouse, (Action.UPDATE, "Lakehouse"), endpoints_refreshed),
    "lakehouse deleted": Drift(delete_lakehouse, (Action.CREATE, "Lakehouse"), endpoints_refreshed),
    "shortcut gone": Drift(delete_shortcut, (Action.CREATE, "OneLake shortcut"), endpoints_refreshed),
    "shortcut to another table": Drift(retarget_shortcut, (Action.UPDATE, "OneLake shortcut"), endpoints_refreshed),
    "shortcut to another item": Drift(
        retarget_shortcut_to_another_item, (Action.UPDATE, "OneLake shortcut"), endpoints_refreshed
    ),
    "ACL of the folder": Drift(remove_folder_acl, (Action.UPDATE, "Storage ACL"), tree_granted),
    "ACL of a folder above": Drift(remove_parent_acl, (Action.UPDATE, "Storage ACL"), root_granted),
    "ACL of the whole tree": Drift(remove_tree_acl, (Action.UPDATE, "Storage ACL"), tree_granted),
    "ACLs deep in the tree": Drift(remove_deep_acl, (Action.UPDATE, "Storage ACL"), files_of_accounts),
    "Databricks connection's sign-in": Drift(
        change_databricks_credential, (Action.UPDATE, "Fabric connection"), nothing, CONNECTION
    ),
    "role on the account": Drift(remove_storage_role, (Action.CREATE, "Azure role assignment"), role_assigned),
    "role in the workspace": Drift(remove_workspace_role, (Action.CREATE, "Fabric workspace role")),
    "network rule": Drift(drop_network_rule, (Action.CREATE, "Storage network rule")),
    "semantic model's table": Drift(remove_model_table, (Action.UPDATE, "Semantic model"), model_mended),
    "OneLake role": Drift(remove_onelake_role, (Action.CREATE, "OneLake data access role"), onelake_role_made),
    "semantic model renamed": Drift(rename_model, (Action.UPDATE, "Semantic model"), framed),
    "semantic model deleted": Drift(delete_model, (Action.CREATE, "Semantic model"), framed_anew),
    "table added": Drift(add_table, (Action.UPDATE, "Catalog sync"), table_come, NO_ROLES),
    "table renamed": Drift(rename_table, (Action.UPDATE, "Catalog sync"), table_renamed, NO_ROLES),
    "table dropped": Drift(drop_table, (Action.UPDATE, "Catalog sync"), table_gone, NO_ROLES),
    "table with a row filter now": Drift(mask_a_table, (Action.UPDATE, "Catalog sync"), table_gone, NO_ROLES),
}


@pytest.mark.parametrize("what", DRIFTS)
async def test_drift_is_found_and_repaired(world: World, what: str) -> None:
    """Back to the very state there was, but for the paths listed."""
    drift = DRIFTS[what]
    spec = example("sales", **drift.sets)
    await world.apply(spec)
    await settle(world)
    before = world.dump()
    await drift.make(world)
    drifted = world.dump()
    world.cloud.requests.clear()
    plan = (await world.plan(spec)).plan
    assert "write" not in world.effects()
    assert drift.change in {(change.action, change.kind) for change in plan.changes}
    result = await world.apply(spec)
    assert failed(result.verification) == []
    await settle(world)
    moved = differences({**before, **made_by_others(before, drifted)}, world.dump())
    allowed = set(drift.allowed(before))
    assert {path: values for path, values in moved.items() if not _is_at_or_below(path, allowed)} == {}
    assert (await world.plan(spec)).plan.changes == ()


def made_by_others(before: State, drifted: State) -> dict[str, Any]:
    """What Unity Catalog holds, and new files: there someone else made the change, and it stays as they left it."""
    nodes = {key: node for key, node in drifted["storage.nodes"].items() if key not in before["storage.nodes"]}
    catalog = {name: table for name, table in drifted.items() if name.startswith("unity_catalog.")}
    return {**catalog, "storage.nodes": {**before["storage.nodes"], **nodes}}


def _is_at_or_below(path: str, allowed: set[str]) -> bool:
    return any(path == each or path.startswith((f"{each}|", f"{each}[")) for each in allowed)


async def test_the_search_for_lost_acls_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan asks whether it gets in, reads two lists on the way, one listing, and ``ASKED`` of the lists below."""
    await world.apply(example("sales"))
    assert await _storage_calls(world) == {"HEAD": 3 + storage_acls.ASKED, "GET": 1}
    monkeypatch.setattr(storage_acls, "ASKED", 10)
    assert await _storage_calls(world) == {"HEAD": 3 + 10, "GET": 1}
    await _remove_acl(world, f"sales/{DEEP_FILE}")
    assert (await world.plan(example("sales"))).plan.changes == ()
    unreadable = failed(await world.verify(example("sales")), "table_readable")
    assert [check.scope.name for check in unreadable] == ["orders.dim_customer"]


async def _storage_calls(world: World) -> dict[str, int]:
    world.cloud.requests.clear()
    await world.plan(example("sales"))
    return Counter(
        each["method"]
        for each in world.cloud.requests
        if each["service"] == "storage" and "contosolake" in each["path"] and "resource=filesystem" not in each["path"]
    )


@pytest.mark.parametrize("prune", [False, True])
async def test_what_is_only_hidden_from_us_is_not_taken_for_dropped(world: World, prune: bool) -> None:
    """Unity Catalog lists what we may see. Fabric tells that the connection still sees the tables, and what the item's
    definition says of a hidden schema stays: an exclusion that went would mirror it."""
    spec = example("sales", **{"select.exclude": "[finance.tmp_*, staging.*]"})
    await world.apply(spec)
    await settle(world)
    us = identities.grantee(identities.RUNNER)
    held = ("MANAGE", "USE_SCHEMA", "BROWSE", "SELECT")
    await grant(world, "catalog", "sales", us, add=("USE_CATALOG",), remove=held)
    for schema in ("finance", "marketing", "inventory"):
        await grant(world, "schema", f"sales.{schema}", us, add=("USE_SCHEMA", "SELECT"))
    before = world.dump()
    plan = (await world.plan(spec, prune=prune)).plan
    assert (plan.changes, plan.prunable) == ((), ())
    assert any("hidden by Unity Catalog" in note and "orders." in note for step in plan for note in step.notes)
    await world.apply(spec, prune=prune)
    assert differences(before, world.dump()) == {}
