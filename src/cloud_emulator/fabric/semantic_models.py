"""Semantic models: definitions in TMDL, checked in the operation, and the connections that they are bound to.

[M] A definition that is no model is accepted and fails as an operation. Only models on OneLake (Direct Lake) are
served.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections, definition_parts, onelake, responses, sql_endpoints, validation
from cloud_emulator.fabric.access_roles import Reach
from cloud_emulator.fabric.definition_parts import DEFINITIONS, PLATFORM, Definition, UpdateDefinitionRequest
from cloud_emulator.fabric.errors import FabricError, not_found
from cloud_emulator.fabric.items import ITEMS, ItemType, check_new_item, create_item, item_view, update_item
from cloud_emulator.fabric.onelake_location import OneLakeDenied
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.tmdl_check import BadModel, ModelTable, check_model
from cloud_emulator.fabric.typed_items import TypedItems, no_folder
from cloud_emulator.fabric.validation import Body, Guid

FORMAT = "TMDL"
REFRESHES = "fabric.refreshes"


def _on_delete(cloud: Cloud, item: Document) -> None:
    cloud.table(DEFINITIONS).pop(item["id"], None)
    for refresh in cloud.table(REFRESHES).by("modelId", item["id"]):
        del cloud.table(REFRESHES)[refresh["id"]]


TYPE = ItemType("SemanticModel", soft_delete=True, on_delete=_on_delete)
MODELS = TypedItems(TYPE, "semanticModels", "semanticModelId", "SemanticModel", "SemanticModels")


class CreateRequest(Body):
    """The body of a creation; sensitivity labels aren't served."""

    display_name: str
    description: str = ""
    folder_id: Guid | None = None
    definition: Definition


class ConnectionDetails(Body):
    """What a data source reference names."""

    type: str
    path: str


class Binding(Body):
    """A connection for a data source reference; ``None`` unbinds."""

    id: Guid | None = None
    connectivity_type: Literal[
        "ShareableCloud", "PersonalCloud", "OnPremisesGateway", "OnPremisesGatewayPersonal", "VirtualNetworkGateway",
        "Automatic", "None",
    ] | None = None  # fmt: skip
    connection_details: ConnectionDetails


class BindConnectionRequest(Body):
    """The body of bindConnection."""

    connection_binding: Binding


def register_jobs(cloud: Cloud) -> None:
    """Names the jobs of this module."""
    cloud.jobs.register("fabric.semanticModel.create", responses.operation_job(_create_work))
    cloud.jobs.register("fabric.semanticModel.getDefinition", responses.operation_job(_get_definition_work))
    cloud.jobs.register("fabric.semanticModel.updateDefinition", responses.operation_job(_update_definition_work))


def tables_of(cloud: Cloud, item: Document) -> list[ModelTable]:
    """The tables of a model's present definition."""
    return check_model(_contents(cloud.table(DEFINITIONS)[item["id"]]["parts"]))


def source_item(cloud: Cloud, table: ModelTable) -> Document | None:
    """The item in OneLake that a table of a model comes from, be it through its SQL endpoint."""
    if table.server is not None:
        return _behind_endpoint(cloud, table.server, table.item_id)
    item = cloud.table(ITEMS).get(table.item_id)
    known = item is not None and item["workspaceId"] == table.workspace_id and item["type"] in onelake.ROOTS
    return item if known else None


def _behind_endpoint(cloud: Cloud, server: str, database: str) -> Document | None:
    """The item whose SQL endpoint has this id or name on this server."""
    for endpoint in cloud.table(ITEMS).by("type", sql_endpoints.TYPE.name):
        named = database in (endpoint["id"], endpoint["displayName"].lower())
        if named and sql_endpoints.connection_string(endpoint["workspaceId"]) == server:
            return cloud.table(ITEMS).get(endpoint["parentId"])
    return None


def create(cloud: Cloud, request: Request) -> Response:
    """Makes a semantic model of a definition. Needs the role Contributor, and the capacity."""
    workspace_id = request.params["workspaceId"]
    body = validation.parse(request, CreateRequest)
    check_new_item(cloud, request.caller, workspace_id, TYPE, body.display_name, body.description)
    no_folder(body.folder_id)
    arguments = {
        "workspaceId": workspace_id, "displayName": body.display_name, "description": body.description,
        "parts": _parts(body.definition), "caller": request.caller.object_id,
    }  # fmt: skip
    if not cloud.rules.on("fabric.models.fails_late"):
        _check(cloud, arguments)
    return responses.long_running(cloud, request, "fabric.semanticModel.create", arguments, immediate=201)


def _parts(definition: Definition) -> list[dict[str, Any]]:
    """The parts as they came. Raises 400 ``CorruptedPayload`` for what can't be unpacked."""
    if definition.format not in (None, FORMAT):
        message = f"The emulator reads semantic models in the format {FORMAT}, not {definition.format!r}."
        raise definition_parts.corrupted(message)
    contents = definition_parts.decode(definition)
    definition_parts.check_platform(contents, TYPE.name)
    return definition_parts.encode(contents)


def _contents(parts: list[dict[str, Any]]) -> dict[str, bytes]:
    return definition_parts.decode(Definition.model_validate({"parts": parts}))


def _create_work(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    _check(cloud, arguments)
    item = create_item(
        cloud, arguments["workspaceId"], TYPE.name, arguments["displayName"], arguments["description"],
        owner=arguments["caller"], bindings={}, properties={},
    )  # fmt: skip
    _put_definition(cloud, item["id"], arguments["parts"])
    return item_view(item)


def _check(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    """Whether the parts are a model whose tables exist. Raises 400 with the service's code."""
    caller = cloud.directory.caller(arguments["caller"])
    if caller is None:
        raise not_found("Principal", arguments["caller"])
    try:
        tables = check_model(_contents(arguments["parts"]))
    except BadModel as error:
        if not cloud.rules.on("fabric.models.well_formed"):
            return
        raise FabricError(400, error.code, f"The dataset workload failed to import the dataset. {error}") from error
    for table in tables:
        item = source_item(cloud, table)
        if item is None or Reach(cloud, caller, item).nothing:
            if not cloud.rules.on("fabric.models.source_item"):
                continue
            raise _import_failed(f"the source of the table {table.name!r} is no item that the caller may read.")
        if not _exists(cloud, item, table) and cloud.rules.on("fabric.models.source_table"):
            where = f"{table.schema}.{table.entity}" if table.schema else table.entity
            raise _import_failed(f"the item {item['displayName']!r} has no table {where!r}.")


def _exists(cloud: Cloud, item: Document, table: ModelTable) -> bool:
    """Items with schemas need a schemaName; those without have none."""
    has_schemas = item["type"] == onelake.MIRRORED or item["properties"].get("defaultSchema") is not None
    if has_schemas != (table.schema is not None):
        return False
    try:
        return onelake.table_exists(cloud, item, table.schema, table.entity)
    except OneLakeDenied:
        return False


def _import_failed(reason: str) -> FabricError:
    message = f"The dataset workload failed to import the dataset: {reason}"
    return FabricError(400, "Dataset_Import_FailedToImportDataset", message)


def _put_definition(cloud: Cloud, item_id: str, parts: list[dict[str, Any]]) -> None:
    kept = [part for part in parts if part["path"] != PLATFORM]
    cloud.table(DEFINITIONS)[item_id] = {"itemId": item_id, "parts": kept}


def get_definition(cloud: Cloud, request: Request) -> Response:
    """Gives out the definition. Needs the role Contributor."""
    item = MODELS.item(cloud, request, "Contributor")
    if request.query.get("format", FORMAT) != FORMAT:
        message = f"The emulator gives out semantic models in the format {FORMAT}."
        raise FabricError(400, "OperationNotSupportedForItem", message)
    return responses.long_running(cloud, request, "fabric.semanticModel.getDefinition", {"itemId": item["id"]})


def _get_definition_work(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    item = _item(cloud, arguments)
    platform = definition_parts.encode({PLATFORM: definition_parts.platform_file(item)})
    parts = [*cloud.table(DEFINITIONS)[item["id"]]["parts"], *platform]
    return {"definition": {"format": FORMAT, "parts": parts}}


def update_definition(cloud: Cloud, request: Request) -> Response:
    """Replaces the definition. Needs the role Contributor, and the capacity."""
    item = MODELS.item(cloud, request, "Contributor")
    body = validation.parse(request, UpdateDefinitionRequest)
    arguments = {
        "itemId": item["id"], "parts": _parts(body.definition), "caller": request.caller.object_id,
        "updateMetadata": validation.boolean(request, "updateMetadata"),
    }  # fmt: skip
    job = "fabric.semanticModel.updateDefinition"
    return responses.long_running(cloud, request, job, arguments, has_result=False)


def _update_definition_work(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    item = _item(cloud, arguments)
    _check(cloud, arguments)
    if arguments["updateMetadata"]:
        name, description = definition_parts.platform_metadata(_contents(arguments["parts"]))
        update_item(cloud, item, TYPE, name, description)
    _put_definition(cloud, item["id"], arguments["parts"])


def _bind_connection(cloud: Cloud, request: Request) -> Response:
    """Binds, or with the connectivity type None unbinds, one data source reference. Only the model's owner may."""
    item = MODELS.item(cloud, request, "Contributor")
    if item["owner"] != request.caller.object_id and cloud.rules.on("fabric.models.owner_binds"):
        raise FabricError(403, "InsufficientPrivileges", "Only the owner of the semantic model may bind connections.")
    binding = validation.parse(request, BindConnectionRequest).connection_binding
    details = binding.connection_details
    reference = f"{details.type};{details.path.rstrip('/').lower()}"
    bindings = {name: bound for name, bound in item["bindings"].items() if name != reference}
    if binding.connectivity_type == "None":
        if binding.id is not None:
            raise FabricError(400, "InvalidRequest", "Unbinding names no connection.")
    else:
        bindings[reference] = _bound_connection(cloud, request, binding)
    cloud.table(ITEMS)[item["id"]] = {**item, "bindings": bindings}
    return responses.done()


def _bound_connection(cloud: Cloud, request: Request, binding: Binding) -> str:
    if binding.id is None or binding.connectivity_type is None:
        raise FabricError(400, "InvalidRequest", "Binding needs a connection's id and connectivity type.")
    usable = connections.usable_by(cloud, request.caller, binding.id)
    if not usable and cloud.rules.on("fabric.models.bound_usable"):
        raise FabricError(400, "InvalidRequest", f"The caller may use no connection {binding.id}.")
    connection = cloud.table(connections.CONNECTIONS)[binding.id]
    details = connection["connectionDetails"]
    if binding.connectivity_type not in (connection["connectivityType"], "Automatic"):
        raise FabricError(400, "InvalidRequest", "The connectivity type is not that of the connection.")
    same_path = details["path"].rstrip("/").lower() == binding.connection_details.path.rstrip("/").lower()
    if details["type"] != binding.connection_details.type or not same_path:
        raise FabricError(400, "InvalidRequest", "The connection's type and path are not those of the reference.")
    return binding.id


def _item(cloud: Cloud, arguments: Mapping[str, Any]) -> Document:
    item = cloud.table(ITEMS).get(arguments["itemId"])
    if item is None:
        raise not_found("Item", arguments["itemId"])
    return item


def routes() -> Router:
    """The operations of this module."""
    collection, one = MODELS.collection, MODELS.one
    return router(
        (
            *MODELS.operations(),
            Operation("POST", collection, "Items_CreateSemanticModel", create, body=True),
            Operation(
                "POST", f"{one}/getDefinition", "Items_GetSemanticModelDefinition", get_definition, ("format",),
                effect=Effect.READ,
            ),
            Operation(
                "POST", f"{one}/updateDefinition", "Items_UpdateSemanticModelDefinition", update_definition,
                ("updateMetadata",), body=True,
            ),
            Operation(
                "POST", f"{one}/bindConnection", "Items_BindSemanticModelConnection", _bind_connection, body=True
            ),
        )
    )  # fmt: skip
