"""Mirrored Azure Databricks catalogs: the item, its definition, and the operations on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Request, Response
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import access_roles, definition_parts, responses, sql_endpoints, sync, validation
from cloud_emulator.fabric.definition_parts import DEFINITIONS, PLATFORM, Definition, corrupted
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.items import (
    ITEMS,
    ItemType,
    change_item,
    check_new_item,
    create_item,
    item_view,
    update_item,
)
from cloud_emulator.fabric.mirror_sources import check_sources
from cloud_emulator.fabric.mirrored_definition import (
    BadDefinition,
    CatalogDefinition,
    parse_definition,
)
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.typed_items import TypedItems
from cloud_emulator.fabric.validation import Body, Guid

PART = "definition.json"


def _on_delete(cloud: Cloud, item: Document) -> None:
    sync.forget(cloud, item["id"])
    sql_endpoints.forget(cloud, item)
    access_roles.forget(cloud, item["id"])
    cloud.table(DEFINITIONS).pop(item["id"], None)


TYPE = ItemType(
    "MirroredAzureDatabricksCatalog",
    soft_delete=True,
    on_delete=_on_delete,
    on_change=sql_endpoints.follow_parent,
)


class CreationPayload(Body):
    """A whole catalog, without inclusion and exclusion lists."""

    catalog_name: str
    databricks_workspace_connection_id: Guid
    mirroring_mode: Literal["Full", "Partial"]
    storage_connection_id: Guid | None = None


class CreateRequest(Body):
    """The body of a creation: by payload or by definition."""

    display_name: str
    description: str = ""
    creation_payload: CreationPayload | None = None
    definition: Definition | None = None


class UpdatePayload(Body):
    """The properties that an update can change."""

    auto_sync: Literal["Enabled", "Disabled"] | None = None
    mirroring_mode: Literal["Full", "Partial"] | None = None
    storage_connection_id: Guid | None = None


class UpdateRequest(Body):
    """The body of an update."""

    display_name: str | None = None
    description: str | None = None
    properties: UpdatePayload | None = None


def view(item: Document) -> dict[str, Any]:
    """A mirrored catalog as the API shows it."""
    return {**item_view(item), "properties": item["properties"]}


CATALOGS = TypedItems(
    TYPE,
    "mirroredAzureDatabricksCatalogs",
    "mirroredAzureDatabricksCatalogId",
    "MirroredAzureDatabricksCatalog",
    "MirroredAzureDatabricksCatalogs",
    view,
)


def register_jobs(cloud: Cloud) -> None:
    """Names the jobs of this module."""
    cloud.jobs.register("fabric.mirroredCatalog.create", responses.operation_job(_create_work))
    cloud.jobs.register("fabric.mirroredCatalog.getDefinition", responses.operation_job(_get_definition_work))
    cloud.jobs.register("fabric.mirroredCatalog.updateDefinition", responses.operation_job(_update_definition_work))
    cloud.jobs.register("fabric.mirroredCatalog.refresh", responses.operation_job(_refresh_work))


def make_mirrored_catalog(
    cloud: Cloud,
    workspace_id: str,
    display_name: str,
    description: str,
    definition: CatalogDefinition,
    *,
    owner: str | None = None,
) -> Document:
    """Adds a mirrored catalog of an owner (an object id) whose connections were checked; its first sync and its SQL
    endpoint are on the way.

    Automatic sync is on whatever the definition says: it can be set by updates only [D]. Raises 409 for a name in use.
    """
    sql_endpoints.check_name(cloud, workspace_id, display_name)
    item_id = cloud.new_id()
    properties: dict[str, Any] = {
        "catalogName": definition.catalog_name,
        "databricksWorkspaceConnectionId": definition.databricks_workspace_connection_id.lower(),
        "oneLakeTablesPath": f"https://onelake.dfs.fabric.microsoft.com/{workspace_id}/{item_id}/Tables",
        "autoSync": _first_auto_sync(cloud, definition),
        "mirroringMode": definition.mirroring_mode,
        "mirrorStatus": "NotMirrored",
        "syncDetails": {"status": "NotStarted", "lastSyncDateTime": sync.NEVER},
    }
    if definition.storage_connection_id is not None:
        properties["storageConnectionId"] = definition.storage_connection_id.lower()
    item = create_item(
        cloud, workspace_id, TYPE.name, display_name, description, item_id=item_id, owner=owner, properties=properties
    )
    _put_lists(cloud, item_id, definition)
    access_roles.make_default(cloud, item)
    sql_endpoints.plan(cloud, item)
    sync.begin_soon(cloud, item_id)
    return item


def _first_auto_sync(cloud: Cloud, definition: CatalogDefinition) -> str:
    heeded = not cloud.rules.on("fabric.mirror.auto_sync_default")
    return (definition.auto_sync if heeded else None) or "Enabled"


def create(cloud: Cloud, request: Request) -> Response:
    """Makes a mirrored catalog, by payload or by definition. Needs the role Contributor, and the capacity."""
    workspace_id = request.params["workspaceId"]
    body = validation.parse(request, CreateRequest)
    both_or_neither = (body.creation_payload is None) == (body.definition is None)
    if both_or_neither and cloud.rules.on("fabric.mirror.one_way"):
        raise FabricError(400, "InvalidInput", "Give either creationPayload or definition, and not both.")
    check_new_item(cloud, request.caller, workspace_id, TYPE, body.display_name, body.description)
    sql_endpoints.check_name(cloud, workspace_id, body.display_name)
    if body.creation_payload is not None:
        content = orjson.dumps({"$schema": None, **body.creation_payload.model_dump(by_alias=True, exclude_none=True)})
    else:
        content = _part(cloud, body.definition)
    arguments = {
        "workspaceId": workspace_id, "displayName": body.display_name, "description": body.description,
        "content": content.decode(errors="replace"), "caller": request.caller.object_id,
    }  # fmt: skip
    if not cloud.rules.on("fabric.mirror.fails_late"):
        _parse(cloud, arguments)
    return responses.long_running(cloud, request, "fabric.mirroredCatalog.create", arguments, immediate=201)


def _part(cloud: Cloud, definition: Definition | None) -> bytes:
    """The content of ``definition.json``. Raises 400 ``CorruptedPayload``."""
    if definition is None or definition.format is not None:
        raise corrupted("The definition of a mirrored Azure Databricks catalog has no format.")
    contents = definition_parts.decode(definition)
    if cloud.rules.on("fabric.mirror.parts"):
        definition_parts.check_paths(contents, (PART, PLATFORM), (PART,))
        definition_parts.check_platform(contents, TYPE.name)
    return contents[PART]


def _create_work(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """[M] A bad definition, or one with a dead connection, fails here and not at the request."""
    definition = _parse(cloud, arguments)
    workspace_id = arguments["workspaceId"]
    caller = _caller(cloud, arguments)
    check_new_item(cloud, caller, workspace_id, TYPE, arguments["displayName"], arguments["description"])
    check_sources(cloud, caller, workspace_id, definition)
    name, description = arguments["displayName"], arguments["description"]
    item = make_mirrored_catalog(cloud, workspace_id, name, description, definition, owner=caller.object_id)
    return item_view(item)


def _update(cloud: Cloud, request: Request) -> Response:
    item = CATALOGS.item(cloud, request, "Contributor")
    body = validation.parse(request, UpdateRequest)
    _require_idle(cloud, item, "InvalidRequest", "fabric.mirror.idle_update")
    changes = body.properties.model_dump(by_alias=True, exclude_none=True) if body.properties else {}
    if body.properties is not None and not changes:
        raise FabricError(400, "InvalidRequest", "The update's properties name nothing to change.")
    if body.display_name is not None or body.description is not None or not changes:
        item = update_item(cloud, item, TYPE, body.display_name, body.description)
    if changes:
        item = _change_properties(cloud, request.caller, item, changes)
    return responses.ok(view(item))


def _change_properties(cloud: Cloud, caller: Caller, item: Document, changes: Mapping[str, Any]) -> Document:
    """Puts properties in place; a change of what is mirrored starts a sync. Raises 400 when they don't agree."""
    before = item["properties"]
    item = change_item(cloud, item, properties={**before, **changes})
    try:
        definition = sync.definition_of(cloud, item)
    except BadDefinition as error:
        raise FabricError(400, "InvalidRequest", str(error)) from error
    if changes.keys() & {"mirroringMode", "storageConnectionId"}:
        try:
            check_sources(cloud, caller, item["workspaceId"], definition)
        except FabricError as error:
            raise FabricError(400, "InvalidRequest", error.message) from error
        sync.ask(cloud, item["id"])
    elif before["autoSync"] != item["properties"]["autoSync"]:
        sync.plan_next(cloud, item["id"])
    return cloud.table(ITEMS)[item["id"]]


def get_definition(cloud: Cloud, request: Request) -> Response:
    """Gives out the definition. Needs the role Contributor."""
    item = CATALOGS.item(cloud, request, "Contributor")
    if "format" in request.query:
        raise FabricError(400, "OperationNotSupportedForItem", "The definition of this item type has no format.")
    return responses.long_running(cloud, request, "fabric.mirroredCatalog.getDefinition", {"itemId": item["id"]})


def _get_definition_work(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    item = _item(cloud, arguments)
    document = sync.definition_of(cloud, item).document()
    contents = {PART: orjson.dumps(document), PLATFORM: definition_parts.platform_file(item)}
    return {"definition": {"parts": definition_parts.encode(contents)}}


def update_definition(cloud: Cloud, request: Request) -> Response:
    """Replaces the definition. Needs the role Contributor, and the capacity."""
    item = CATALOGS.item(cloud, request, "Contributor")
    body = validation.parse(request, definition_parts.UpdateDefinitionRequest)
    _require_idle(cloud, item, "OperationNotSupportedForItem", "fabric.mirror.idle_definition")
    content = _part(cloud, body.definition).decode(errors="replace")
    arguments = {"itemId": item["id"], "content": content, "caller": request.caller.object_id}
    job = "fabric.mirroredCatalog.updateDefinition"
    return responses.long_running(cloud, request, job, arguments, has_result=False)


def _update_definition_work(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    item = _item(cloud, arguments)
    _require_idle(cloud, item, "OperationNotSupportedForItem", "fabric.mirror.idle_definition")
    definition = _parse(cloud, arguments)
    properties = dict(item["properties"])
    fixed = (definition.catalog_name, definition.databricks_workspace_connection_id.lower())
    kept = fixed == (properties["catalogName"], properties["databricksWorkspaceConnectionId"])
    if not kept and cloud.rules.on("fabric.mirror.fixed"):
        raise corrupted("catalogName and databricksWorkspaceConnectionId can't be changed.")
    check_sources(cloud, _caller(cloud, arguments), item["workspaceId"], definition)
    properties.pop("storageConnectionId", None)
    properties |= {"mirroringMode": definition.mirroring_mode}
    if definition.auto_sync is not None:
        properties["autoSync"] = definition.auto_sync
    if definition.storage_connection_id is not None:
        properties["storageConnectionId"] = definition.storage_connection_id.lower()
    change_item(cloud, item, properties=properties)
    _put_lists(cloud, item["id"], definition)
    sync.ask(cloud, item["id"])


def _refresh(cloud: Cloud, request: Request) -> Response:
    item = CATALOGS.item(cloud, request, "Contributor")
    _require_idle(cloud, item, "OperationNotSupportedForItem", "fabric.mirror.idle_refresh")
    arguments = {"itemId": item["id"]}
    return responses.long_running(cloud, request, "fabric.mirroredCatalog.refresh", arguments, has_result=False)


def _refresh_work(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    """The operation ends when the sync has begun; how that goes stands in ``syncDetails``."""
    item = _item(cloud, arguments)
    _require_idle(cloud, item, "OperationNotSupportedForItem", "fabric.mirror.idle_refresh")
    sync.ask(cloud, item["id"])


def _require_idle(cloud: Cloud, item: Document, code: str, rule: str) -> None:
    if sync.is_running(item) and cloud.rules.on(rule):
        message = f"A sync of {item['displayName']!r} is running; try again when it is done."
        raise FabricError(409, code, message, retriable=True)


def _parse(cloud: Cloud, arguments: Mapping[str, Any]) -> CatalogDefinition:
    try:
        return parse_definition(arguments["content"].encode(), cloud.rules)
    except BadDefinition as error:
        raise corrupted(str(error)) from error


def _put_lists(cloud: Cloud, item_id: str, definition: CatalogDefinition) -> None:
    lists = definition.mirror_configuration.model_dump(by_alias=True, exclude_unset=True)
    cloud.table(DEFINITIONS)[item_id] = {"itemId": item_id, "mirrorConfiguration": lists}


def _item(cloud: Cloud, arguments: Mapping[str, Any]) -> Document:
    item = cloud.table(ITEMS).get(arguments["itemId"])
    if item is None:
        raise not_found("Item", arguments["itemId"])
    return item


def _caller(cloud: Cloud, arguments: Mapping[str, Any]) -> Caller:
    caller = cloud.directory.caller(arguments["caller"])
    if caller is None:
        raise not_found("Principal", arguments["caller"])
    return caller


def routes() -> Router:
    """The operations of this module."""
    collection, one = CATALOGS.collection, CATALOGS.one
    kind = "MirroredAzureDatabricksCatalog"
    return router(
        (
            *CATALOGS.operations(update=False),
            Operation("POST", collection, f"Items_Create{kind}", create, body=True),
            Operation("PATCH", one, f"Items_Update{kind}", _update, body=True),
            Operation(
                "POST", f"{one}/getDefinition", f"Items_Get{kind}Definition", get_definition, ("format",),
                effect=Effect.READ,
            ),
            Operation(
                "POST", f"{one}/updateDefinition", f"Items_Update{kind}Definition", update_definition, body=True
            ),
            Operation("POST", f"{one}/refreshCatalogMetadata", "Refresh_RefreshCatalogMetadata", _refresh),
        )
    )  # fmt: skip
