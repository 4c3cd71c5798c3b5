"""Semantic models: TMDL definitions, what is refused of them, and refreshes through Power BI."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric.powerbi import AUDIENCES

from .fabric_cloud import ALICE, CAPACITY, WORKSPACE, Fabric
from .fabric_data_cloud import (
    STORAGE,
    add_table,
    data_cloud,
    failure,
    mirror,
    parts,
    payload,
    result,
    set_grants,
    settle,
)  # fmt: skip
from .support import RUNNER, token
from .test_fabric_data_onelake import LINES, lakehouse, link, shortcut

MODELS = f"/workspaces/{WORKSPACE}/semanticModels"
PBISM = {
    "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/semanticModel/definitionProperties/1.0.0/schema.json",
    "version": "4.2",
    "settings": {},
}
RELATIONSHIP = """\
relationship lines_people
	fromColumn: lines.'Line id'
	toColumn: people.id
"""


CLOUD = data_cloud


def table(name: str, schema: str | None, key: str = "id", *, mode: str = "directLake", source: str = "Lake") -> str:
    schema_line = f"\t\t\tschemaName: {schema}\n" if schema else ""
    return (
        f"/// What was sold\ntable {name}\n\tlineageTag: {name}\n\n\tcolumn {key}\n\t\tdataType: int64\n\t\tisKey\n"
        "\t\tformatString: 0\n\t\tsummarizeBy: none\n\t\tsourceColumn: id\n\n"
        "\t\tannotation SummarizationSetBy = Automatic\n\n"
        "\tcolumn name\n\t\tdataType: string\n\t\tsourceColumn: name\n\n"
        f"\tmeasure 'How many' = ```\n\t\t\tCOUNTROWS({name})\n\t\t\t  + 0\n\t\t\t```\n\t\tformatString: #,##0\n\n"
        f"\tpartition {name} = entity\n\t\tmode: {mode}\n\t\tsource\n\t\t\tentityName: {name}\n{schema_line}"
        f"\t\t\texpressionSource: {source}\n"
    )


def expression(item_id: str, workspace: str = WORKSPACE) -> str:
    url = f"https://onelake.dfs.fabric.microsoft.com/{workspace}/{item_id}"
    return (
        f'expression Lake =\n\t\tlet\n\t\t    Source = AzureStorage.DataLake("{url}", [HierarchicalNavigation=true])\n'
        "\t\tin\n\t\t    Source\n\tlineageTag: 2\n\n\tannotation PBI_IncludeFutureArtifacts = False\n"
    )


def model(item_id: str) -> dict[str, Any]:
    return {
        "definition.pbism": PBISM,
        "definition/database.tmdl": "database\n\tcompatibilityLevel: 1604\n",
        "definition/model.tmdl": "model Model\n\tculture: en-US\n\nref table lines\nref table people\n",
        "definition/expressions.tmdl": expression(item_id),
        "definition/relationships.tmdl": RELATIONSHIP,
        "definition/tables/lines.tmdl": table("lines", "orders", "'Line id'"),
        "definition/tables/people.tmdl": table("people", "customers"),
    }


def creation(contents: dict[str, Any], name: str = "Sales") -> dict[str, Any]:
    return {"displayName": name, "definition": {"format": "TMDL", **parts(contents)}}


async def make_model(fabric: Fabric, item_id: str) -> str:
    return str((await result(fabric, "POST", MODELS, creation(model(item_id))))["id"])


async def test_a_model_is_made_read_and_changed(fabric: Fabric) -> None:
    contents = model(await mirror(fabric))
    model_id = (await result(fabric, "POST", MODELS, creation(contents)))["id"]
    assert (await fabric.get(f"{MODELS}/{model_id}"))["displayName"] == "Sales"
    answer = await result(fabric, "POST", f"{MODELS}/{model_id}/getDefinition?format=TMDL")
    got = {each["path"]: base64.b64decode(each["payload"]).decode() for each in answer["definition"]["parts"]}
    assert json.loads(got.pop(".platform"))["metadata"]["type"] == "SemanticModel"
    assert json.loads(got.pop("definition.pbism")) == PBISM
    assert got == {path: text for path, text in contents.items() if path != "definition.pbism"}
    changed = {**contents, "definition/relationships.tmdl": ""}
    await result(fabric, "POST", f"{MODELS}/{model_id}/updateDefinition", {"definition": parts(changed)})
    answer = await result(fabric, "POST", f"{MODELS}/{model_id}/getDefinition")
    got = {each["path"]: base64.b64decode(each["payload"]).decode() for each in answer["definition"]["parts"]}
    assert got["definition/relationships.tmdl"] == ""
    assert (await fabric.send("DELETE", f"{MODELS}/{model_id}")).status_code == 200


PARSE, IMPORT = "Workload_FailedToParseFile", "Dataset_Import_FailedToImportDataset"
REL = "definition/relationships.tmdl"
BOTH = "\tcrossFilteringBehavior: bothDirections\n"


@pytest.mark.parametrize(
    ("path", "content", "code", "word"),
    [
        ("definition.pbism", None, PARSE, "missing"),
        ("definition.pbism", "{", PARSE, "JSON"),
        ("definition.pbism", {**PBISM, "version": "1.0"}, PARSE, "4.0"),
        ("definition.pbism", {**PBISM, "more": 1}, PARSE, "only"),
        ("definition.pbism", {"version": "4.2"}, PARSE, "schema"),
        ("definition/database.tmdl", None, PARSE, "missing"),
        ("definition/database.tmdl", "database\n\tcompatibilityLevel: 1567\n", IMPORT, "1604"),
        ("definition/database.tmdl", "database\n    compatibilityLevel: 1604\n", PARSE, "tabs"),
        ("definition/model.tmdl", "model Model\n\tunheard: x\n", PARSE, "unheard"),
        ("definition/model.tmdl", "model Model\n\nref table absent\n", PARSE, "absent"),
        ("definition/other.tmdl", "", PARSE, "unexpected"),
        ("definition/expressions.tmdl", "", PARSE, "ExpressionSource"),
        ("definition/expressions.tmdl", "expression Lake = 1\n", IMPORT, "OneLake"),
        ("definition/expressions.tmdl", expression(CAPACITY), IMPORT, "no item"),
        ("definition/tables/people.tmdl", table("people", "orders"), IMPORT, "orders.people"),
        ("definition/tables/people.tmdl", table("people", None), IMPORT, "'people'"),
        ("definition/tables/people.tmdl", table("people", "customers", mode="import"), IMPORT, "Direct Lake"),
        ("definition/tables/people.tmdl", table("people", "customers") * 2, PARSE, "twice"),
        ("definition/tables/people.tmdl", table("people", "customers").replace("int64", "whole"), PARSE, "whole"),
        ("definition/tables/people.tmdl", table("people", "customers").replace("int64", "string"), IMPORT, "types"),
        ("definition/tables/people.tmdl", table("people", "customers").replace("int64", "binary"), IMPORT, "binary"),
        (
            "definition/tables/people.tmdl",
            table("people", "customers").replace("\tsourceColumn: name", ""),
            PARSE,
            "name",
        ),
        ("definition/tables/people.tmdl", table("people", "customers", "name"), PARSE, "twice"),
        (REL, "relationship r\n\tfromColumn: lines.absent\n\ttoColumn: people.id\n", PARSE, "FromColumn"),
        (REL, "relationship r\n\tfromColumn: lines\n\ttoColumn: people.id\n", PARSE, "refer"),
        (REL, RELATIONSHIP * 2, PARSE, "twice"),
        (REL, RELATIONSHIP + RELATIONSHIP.replace("lines_people", "again"), IMPORT, "ambiguous"),
        (REL, RELATIONSHIP + BOTH + RELATIONSHIP.replace("lines_people", "again"), IMPORT, "ambiguous"),
        (REL, RELATIONSHIP + "\tisActive: maybe\n", PARSE, "maybe"),
    ],
)
async def test_what_is_no_model_fails_as_an_operation(
    fabric: Fabric, path: str, content: Any, code: str, word: str
) -> None:
    contents = {**model(await mirror(fabric)), path: content}
    contents = {each: text for each, text in contents.items() if text is not None}
    failed, message = await failure(fabric, "POST", MODELS, creation(contents))
    assert failed == code, message
    assert word in message
    assert (await fabric.get(MODELS))["value"] == []


async def test_an_inactive_relationship_is_not_ambiguous(fabric: Fabric) -> None:
    contents = model(await mirror(fabric))
    contents[REL] += RELATIONSHIP.replace("lines_people", "again") + "\tisActive: false\n"
    await result(fabric, "POST", MODELS, creation(contents))


async def test_what_can_not_be_unpacked_is_refused_at_once(fabric: Fabric) -> None:
    body = creation(model(await mirror(fabric)))
    await fabric.refused(
        400, "CorruptedPayload", "POST", MODELS, {**body, "definition": {**body["definition"], "format": "TMSL"}}
    )
    broken = [{**each, "payload": "!"} for each in body["definition"]["parts"]]
    await fabric.refused(400, "CorruptedPayload", "POST", MODELS, {**body, "definition": {"parts": broken}})
    await fabric.refused(400, "InvalidInput", "POST", MODELS, {"displayName": "Sales"})


async def test_models_on_lakehouses_follow_shortcuts(fabric: Fabric) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric, schemas=False)
    await link(fabric, lake_id, shortcut("Tables", "lines", item_id, LINES))
    contents = model(lake_id)
    del contents["definition/tables/people.tmdl"], contents[REL]
    contents["definition/model.tmdl"] = "model Model\n"
    contents["definition/tables/lines.tmdl"] = table("lines", None)
    model_id = (await result(fabric, "POST", MODELS, creation(contents)))["id"]
    assert (await refresh(fabric, model_id))["status"] == "Completed"


async def power_bi(fabric: Fabric, method: str, path: str, body: Any = None, caller: str = RUNNER) -> httpx.Response:
    headers = {"Authorization": token(fabric.cloud, caller, AUDIENCES[0]), "Content-Type": "application/json"}
    content = json.dumps(body).encode() if body is not None else b""
    return await fabric.http.request(method, f"/v1.0/myorg{path}", content=content, headers=headers)


def refreshes(model_id: str) -> str:
    return f"/groups/{WORKSPACE}/datasets/{model_id}/refreshes"


async def refresh(fabric: Fabric, model_id: str, caller: str = RUNNER) -> dict[str, Any]:
    started = await power_bi(fabric, "POST", refreshes(model_id), {"type": "full"}, caller)
    assert started.status_code == 202, started.text
    place = started.headers["location"].removeprefix("https://cloud.test/v1.0/myorg")
    running = await power_bi(fabric, "GET", place)
    assert (running.status_code, running.json()["status"]) == (202, "Unknown")
    await settle(fabric)
    ended = await power_bi(fabric, "GET", place)
    assert ended.status_code == 200, ended.text
    return dict(ended.json())


async def test_a_refresh_reads_every_table(fabric: Fabric, cloud: Cloud) -> None:
    model_id = await make_model(fabric, await mirror(fabric))
    assert (await refresh(fabric, model_id))["status"] == "Completed"
    cloud.table("arm.roleAssignments").clear()
    cloud.store.commit()
    failed = await refresh(fabric, model_id)
    assert failed["status"] == "Failed"
    assert "'lines' could not be read" in failed["messages"][0]["message"]
    history = (await power_bi(fabric, "GET", refreshes(model_id) + "?$top=5")).json()["value"]
    assert [each["status"] for each in history] == ["Failed", "Completed"]
    assert "serviceExceptionJson" in history[0]


async def test_a_refresh_of_vended_tables_needs_external_use(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric, payload("hr", "hr", storage=False))
    contents = model(item_id)
    del contents["definition/tables/lines.tmdl"], contents[REL]
    contents["definition/model.tmdl"] = "model Model\n"
    contents["definition/tables/people.tmdl"] = table("people", "staff")
    model_id = (await result(fabric, "POST", MODELS, creation(contents)))["id"]
    set_grants(cloud, "CATALOG", "hr", "USE_CATALOG", "USE_SCHEMA", "SELECT")
    failed = await refresh(fabric, model_id)
    assert "EXTERNAL USE SCHEMA" in failed["messages"][0]["message"]


async def test_a_refresh_needs_the_models_columns(fabric: Fabric, cloud: Cloud) -> None:
    add_table(cloud, "empty", "lines")
    contents = model(await mirror(fabric))
    contents["definition/tables/lines.tmdl"] = table("lines", "empty", "'Line id'").replace(
        "sourceColumn: id", "sourceColumn: gone"
    )
    model_id = (await result(fabric, "POST", MODELS, creation(contents)))["id"]
    assert "no column 'gone'" in (await refresh(fabric, model_id))["messages"][0]["message"]
    contents["definition/tables/lines.tmdl"] = table("lines", "empty", "'Line id'").replace(
        "sourceColumn: name", "sourceColumn: blob"
    )
    await result(fabric, "POST", f"{MODELS}/{model_id}/updateDefinition", {"definition": parts(contents)})
    assert "Direct Lake does not read" in (await refresh(fabric, model_id))["messages"][0]["message"]


async def test_power_bi_refuses(fabric: Fabric) -> None:
    model_id = await make_model(fabric, await mirror(fabric))
    path = refreshes(model_id)
    for body in ({"type": "everything"}, {"notifyOption": "MailOnFailure"}, {"unknown": 1}):
        assert (await power_bi(fabric, "POST", path, body)).status_code == 400, body
    assert (await power_bi(fabric, "POST", path, {"type": "Full"}, ALICE)).status_code == 403
    assert (await power_bi(fabric, "POST", refreshes(CAPACITY), {})).status_code == 404
    assert (await power_bi(fabric, "DELETE", path)).status_code == 501
    assert (await fabric.http.get(f"/v1.0/myorg{path}")).status_code == 401
    wrong = await fabric.http.get(
        f"/v1.0/myorg{path}", headers={"Authorization": token(fabric.cloud, RUNNER, "https://api.fabric.microsoft.com")}
    )
    assert wrong.status_code == 401
    plain = await power_bi(fabric, "POST", path)
    assert (plain.status_code, "location" in plain.headers) == (202, False)
    again = await power_bi(fabric, "POST", path, {"type": "Full"})
    assert (again.status_code, again.json()["error"]["code"]) == (400, "RefreshInProgressException")


async def test_binds_connections_for_its_owner(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    model_id = await make_model(fabric, item_id)
    source = f"https://onelake.dfs.fabric.microsoft.com/{WORKSPACE}/{item_id}"
    path = f"{MODELS}/{model_id}/bindConnection"
    details = {
        "type": "AzureDataLakeStorage",
        "path": cloud.table("fabric.connections")[STORAGE]["connectionDetails"]["path"],
    }
    binding = {"id": STORAGE, "connectivityType": "ShareableCloud", "connectionDetails": details}
    assert (await fabric.send("POST", path, {"connectionBinding": binding})).status_code == 200
    assert list(cloud.table("fabric.items")[model_id]["bindings"].values()) == [STORAGE]
    listed = f"/workspaces/{WORKSPACE}/items/{model_id}/connections"
    assert (await fabric.get(listed))["value"] == [
        {"connectivityType": "Automatic", "connectionDetails": {"type": "AzureDataLakeStorage", "path": source}}
    ], "bound is another data source than the model's"
    bound = cloud.table("fabric.items")[model_id]
    cloud.table("fabric.items")[model_id] = {
        **bound, "bindings": {**bound["bindings"], f"AzureDataLakeStorage;{source.lower()}": STORAGE}
    }  # fmt: skip
    assert [each["id"] for each in (await fabric.get(listed))["value"]] == [STORAGE]
    cloud.table("fabric.items")[model_id] = bound
    own = await fabric.get(f"/workspaces/{WORKSPACE}/items/{item_id}/connections")
    assert STORAGE in [each["id"] for each in own["value"]]
    assert (await refresh(fabric, model_id))["status"] == "Completed"  # as the workspace's identity
    for wrong in (
        {"id": CAPACITY},
        {"connectivityType": "PersonalCloud"},
        {"connectionDetails": {**details, "path": "x"}},
    ):
        await fabric.refused(400, "InvalidRequest", "POST", path, {"connectionBinding": {**binding, **wrong}})
    unbind = {"connectivityType": "None", "connectionDetails": details}
    assert (await fabric.send("POST", path, {"connectionBinding": unbind})).status_code == 200
    assert cloud.table("fabric.items")[model_id]["bindings"] == {}
