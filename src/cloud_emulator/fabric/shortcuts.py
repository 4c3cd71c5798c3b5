"""OneLake shortcuts: list, get, create one or many, delete. Only targets in OneLake can be made here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import responses, shortcut_state, validation
from cloud_emulator.fabric.errors import FabricError, invalid_input, not_found
from cloud_emulator.fabric.items import ITEMS
from cloud_emulator.fabric.onelake import require_stored
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.shortcut_state import POLICIES, ConflictPolicy
from cloud_emulator.fabric.validation import Body, Guid

_OTHER_TARGETS = (
    "amazonS3", "adlsGen2", "googleCloudStorage", "s3Compatible", "dataverse", "azureBlobStorage", "oneDriveSharePoint",
)  # fmt: skip
_ONE = re.compile(r"(/v1/workspaces/[^/]+/items/[^/]+/shortcuts/)(.+)/([^/]+)", re.IGNORECASE)


class OneLakeTarget(Body):
    """A folder of another item."""

    workspace_id: Guid
    item_id: Guid
    path: str = Field(min_length=1)


class TargetBody(Body):
    """Where a shortcut leads."""

    one_lake: OneLakeTarget


class CreateShortcutRequest(Body):
    """One shortcut to make."""

    path: str = Field(min_length=1)
    name: str = Field(min_length=1)
    target: TargetBody


class BulkCreateRequest(Body):
    """Many shortcuts to make."""

    create_shortcut_requests: list[CreateShortcutRequest] = Field(min_length=1)


def register_jobs(cloud: Cloud) -> None:
    """Names the jobs of this module."""
    cloud.jobs.register("fabric.shortcuts.bulkCreate", responses.operation_job(_bulk_work))


def _list(cloud: Cloud, request: Request) -> Response:
    """The shortcuts that people made; those of a mirrored catalog to its tables are not among them [D]."""
    item = require_stored(cloud, request, "Viewer")
    found = shortcut_state.list_below(cloud, item["id"], request.query.get("parentPath"))
    return responses.listing(cloud, request, found, shortcut_state.view)


def _get(cloud: Cloud, request: Request) -> Response:
    item = require_stored(cloud, request, "Viewer")
    return responses.ok(shortcut_state.view(_named(cloud, request, item)))


def _delete(cloud: Cloud, request: Request) -> Response:
    item = require_stored(cloud, request, "Contributor")
    shortcut_state.delete(cloud, _named(cloud, request, item))
    return responses.done()


def _named(cloud: Cloud, request: Request, item: Document) -> Document:
    return shortcut_state.find(cloud, item["id"], request.params["shortcutPath"], request.params["shortcutName"])


def _create(cloud: Cloud, request: Request) -> Response:
    item = require_stored(cloud, request, "Contributor")
    policy = _policy(request)
    _refuse_other_targets([validation.json_object(request)])
    body = validation.parse(request, CreateShortcutRequest)
    target = body.target.one_lake.model_dump(by_alias=True)
    made, is_new = shortcut_state.create(cloud, request.caller, item, body.path, body.name, target, policy)
    place = quote(made["path"].strip("/"), safe="")
    location = f"{request.base_url}/v1/workspaces/{item['workspaceId']}/items/{item['id']}/shortcuts/{place}/"
    headers = {"Location": location + quote(made["name"], safe="")}
    return json_response(201 if is_new else 200, shortcut_state.view(made), headers)


def _bulk_create(cloud: Cloud, request: Request) -> Response:
    item = require_stored(cloud, request, "Contributor")
    policy = _policy(request)
    wanted = validation.json_object(request).get("createShortcutRequests")
    _refuse_other_targets(wanted if isinstance(wanted, list) else [])
    body = validation.parse(request, BulkCreateRequest)
    arguments = {
        "itemId": item["id"], "caller": request.caller.object_id, "policy": policy,
        "requests": [each.model_dump(by_alias=True) for each in body.create_shortcut_requests],
    }  # fmt: skip
    return responses.long_running(cloud, request, "fabric.shortcuts.bulkCreate", arguments)


def _bulk_work(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    item = cloud.table(ITEMS).get(arguments["itemId"])
    if item is None:
        raise not_found("Item", arguments["itemId"])
    return {"value": [_one_of_many(cloud, item, wanted, arguments) for wanted in arguments["requests"]]}


def _one_of_many(
    cloud: Cloud, item: Document, wanted: Mapping[str, Any], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    caller = cloud.directory.caller(arguments["caller"])
    outcome: dict[str, Any] = {"request": {"path": wanted["path"], "name": wanted["name"]}}
    try:
        if caller is None:
            raise not_found("Principal", arguments["caller"])
        made, _ = shortcut_state.create(
            cloud, caller, item, wanted["path"], wanted["name"], wanted["target"]["oneLake"], arguments["policy"]
        )
    except FabricError as error:
        if not cloud.rules.on("fabric.shortcuts.each_alone"):
            raise
        return {**outcome, "error": {"errorCode": error.code, "message": error.message}, "status": "Failed"}
    return {**outcome, "result": shortcut_state.view(made), "status": "Succeeded"}


def _policy(request: Request) -> ConflictPolicy:
    chosen = validation.choice(request, "shortcutConflictPolicy", POLICIES, default="Abort")
    return next(policy for policy in POLICIES if policy == chosen)


def _refuse_other_targets(wanted: list[Any]) -> None:
    """What the specification allows and the emulator can't make is said so, not called invalid."""
    for each in wanted:
        if not isinstance(each, dict):
            raise invalid_input("Each request must be a JSON object.")
        target = each.get("target")
        if "transform" in each or (isinstance(target, dict) and not target.keys().isdisjoint(_OTHER_TARGETS)):
            raise FabricError(
                501, "OperationNotSupported", "The emulator makes shortcuts to OneLake, without transforms."
            )


def in_one_segment(raw_path: str) -> str:
    """The address of one shortcut, the slashes within the shortcut's path encoded as the specification's template
    wants them; any other address as it is."""
    found = _ONE.fullmatch(raw_path)
    return f"{found[1]}{found[2].replace('/', '%2F')}/{found[3]}" if found else raw_path


def routes() -> Router:
    """The operations of this module."""
    base = "/workspaces/{workspaceId}/items/{itemId}/shortcuts"
    one = base + "/{shortcutPath}/{shortcutName}"
    policy = ("shortcutConflictPolicy",)
    return router(
        (
            Operation("GET", base, "OneLakeShortcuts_ListShortcuts", _list, ("parentPath", "continuationToken")),
            Operation("POST", base, "OneLakeShortcuts_CreateShortcut", _create, policy, body=True),
            Operation(
                "POST", f"{base}/bulkCreate", "OneLakeShortcuts_CreatesShortcutsInBulk", _bulk_create, policy, body=True
            ),
            Operation("GET", one, "OneLakeShortcuts_GetShortcut", _get),
            Operation("DELETE", one, "OneLakeShortcuts_DeleteShortcut", _delete),
        )
    )
