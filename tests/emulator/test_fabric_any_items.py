"""The operations on items of any type do what the type's own operation does."""

from __future__ import annotations

import base64
import json
from typing import Any

from cloud_emulator.core.cloud import Cloud

from .fabric_cloud import READER, WORKSPACE, Fabric
from .fabric_data_cloud import CATALOGS, data_cloud, failure, mirror, parts, payload, result, settle
from .test_fabric_data_models import MODELS, PBISM, creation, make_model
from .test_fabric_data_onelake import LAKEHOUSES

ITEMS = f"/workspaces/{WORKSPACE}/items"


CLOUD = data_cloud


def platform(**metadata: Any) -> dict[str, Any]:
    """The part that says how an item is called."""
    return {".platform": {"metadata": {"type": "SemanticModel", **metadata}}}


async def test_items_are_made_by_their_type(fabric: Fabric) -> None:
    lake = {"displayName": "lake", "creationPayload": {"enableSchemas": True}}
    made = {}
    for kind, path, body in (
        ("Lakehouse", LAKEHOUSES, lake),
        ("MirroredAzureDatabricksCatalog", CATALOGS, payload()),
        ("SemanticModel", MODELS, creation({"definition.pbism": PBISM, **SMALL})),
    ):
        answer = await result(fabric, "POST", ITEMS, {**body, "type": kind})
        made[kind] = await fabric.get(f"{path}/{answer['id']}")
        assert answer == {name: made[kind][name] for name in answer}
    assert made["Lakehouse"]["properties"]["defaultSchema"] == "dbo"
    assert made["MirroredAzureDatabricksCatalog"]["properties"]["catalogName"] == "sales"


SMALL = {
    "definition/database.tmdl": "database\n\tcompatibilityLevel: 1604\n",
    "definition/model.tmdl": "model Model\n\tculture: en-US\n",
}


async def test_what_can_not_be_made(fabric: Fabric, cloud: Cloud) -> None:
    before = json.dumps(cloud.store.dump())
    await fabric.refused(400, "InvalidInput", "POST", ITEMS, {"displayName": "n"})
    await fabric.refused(400, "InvalidInput", "POST", ITEMS, {"displayName": "n", "type": 1})
    await fabric.refused(400, "InvalidItemType", "POST", ITEMS, {"displayName": "n", "type": "Lake"})
    both = {**payload(), "definition": parts({"definition.json": {}}), "type": "MirroredAzureDatabricksCatalog"}
    await fabric.refused(400, "InvalidInput", "POST", ITEMS, both)
    in_folder = {"displayName": "n", "type": "Lakehouse", "folderId": WORKSPACE}
    await fabric.refused(404, "EntityNotFound", "POST", ITEMS, in_folder)
    lakehouse = {"displayName": "n", "type": "Lakehouse"}
    await fabric.as_(READER).refused(403, "InsufficientPrivileges", "POST", ITEMS, lakehouse)
    answer = await fabric.send("POST", ITEMS, {"displayName": "n", "type": "Notebook"})
    assert answer.status_code == 501
    assert json.dumps(cloud.store.dump()) == before


async def test_definitions_are_those_of_the_type(fabric: Fabric) -> None:
    catalog = await mirror(fabric)
    model_id = await make_model(fabric, catalog)
    for path, item_id in ((CATALOGS, catalog), (MODELS, model_id)):
        own = await result(fabric, "POST", f"{path}/{item_id}/getDefinition")
        assert await result(fabric, "POST", f"{ITEMS}/{item_id}/getDefinition") == own


async def test_a_definition_brings_its_name_along_when_asked_to(fabric: Fabric) -> None:
    item_id = (await result(fabric, "POST", MODELS, creation({**SMALL, "definition.pbism": PBISM})))["id"]
    renamed = {
        "definition": parts({**SMALL, "definition.pbism": PBISM, **platform(displayName="Other", description="d")})
    }
    path = f"{ITEMS}/{item_id}/updateDefinition"
    await result(fabric, "POST", path, renamed)
    assert (await fabric.get(f"{ITEMS}/{item_id}"))["displayName"] == "Sales"
    await result(fabric, "POST", f"{path}?updateMetadata=true", renamed)
    changed = await fabric.get(f"{ITEMS}/{item_id}")
    assert (changed["displayName"], changed["description"]) == ("Other", "d")
    got = await result(fabric, "POST", f"{ITEMS}/{item_id}/getDefinition")
    told = next(each for each in got["definition"]["parts"] if each["path"] == ".platform")
    assert json.loads(base64.b64decode(told["payload"]))["metadata"]["displayName"] == "Other"
    wrong = {"definition": parts({**SMALL, "definition.pbism": PBISM, **platform(displayName=1)})}
    code, _ = await failure(fabric, "POST", f"{path}?updateMetadata=true", wrong)
    assert code == "CorruptedPayload"


async def test_what_has_no_definition_here(fabric: Fabric) -> None:
    lake = (await result(fabric, "POST", LAKEHOUSES, {"displayName": "lake"}))["id"]
    await settle(fabric)
    catalog = await mirror(fabric)
    body = {"definition": parts({"x": "y"})}
    for path in (
        f"{lake}/getDefinition",
        f"{lake}/updateDefinition",
        f"{catalog}/updateDefinition?updateMetadata=true",
    ):
        answer = await fabric.send("POST", f"{ITEMS}/{path}", body if "update" in path else None)
        assert answer.status_code == 501
    await fabric.refused(404, "ItemNotFound", "POST", f"{ITEMS}/{WORKSPACE}/getDefinition")
    await fabric.as_(READER).refused(403, "InsufficientPrivileges", "POST", f"{ITEMS}/{catalog}/getDefinition")


async def test_there_are_no_folders(fabric: Fabric) -> None:
    folders = f"/workspaces/{WORKSPACE}/folders"
    assert await fabric.get(f"{folders}?recursive=true") == {"value": []}
    await fabric.refused(404, "EntityNotFound", "GET", f"{folders}?rootFolderId={WORKSPACE}")
    await fabric.as_(READER).refused(403, "InsufficientPrivileges", "GET", folders)


async def test_a_body_where_none_belongs_is_passed_over_when_reading_and_deleting(fabric: Fabric) -> None:
    lake = (await result(fabric, "POST", LAKEHOUSES, {"displayName": "lake"}))["id"]
    read = await fabric.send("GET", ITEMS, "{}")
    assert (read.status_code, len(read.headers["requestid"])) == (200, 36)
    deleted = await fabric.send("DELETE", f"{LAKEHOUSES}/{lake}", "{}")
    assert (deleted.status_code, deleted.headers["content-type"]) == (200, "application/octet-stream")
