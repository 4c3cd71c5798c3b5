"""Connections: list, read, create, change, delete, test, and the types there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Request, Response, json_response
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connection_bodies as bodies
from cloud_emulator.fabric import connection_types, connections
from cloud_emulator.fabric.connection_tests import check_connection, check_parameters
from cloud_emulator.fabric.credentials import CREDENTIALS
from cloud_emulator.fabric.errors import FabricError, invalid_input
from cloud_emulator.fabric.gateway_routes import find_gateway
from cloud_emulator.fabric.responses import done, listing, long_running, ok, operation_job
from cloud_emulator.fabric.routing import Operation, router
from cloud_emulator.fabric.tenant import CREATE, require_switch
from cloud_emulator.fabric.validation import boolean, guid, json_object, parse

TEST_JOB = "fabric.testConnection"

Create = bodies.CreateCloudConnection | bodies.CreateGatewayConnection
Update = bodies.UpdateCloudConnection | bodies.UpdateGatewayConnection


def list_connections(cloud: Cloud, request: Request) -> Response:
    """The connections on which the caller has a role."""
    table = cloud.table(connections.CONNECTIONS)
    mine = request.caller.object_id
    found = [each for each in table.values() if connections.role_on(cloud, mine, each["id"]) is not None]
    return listing(cloud, request, found, connections.view)


def get_connection(cloud: Cloud, request: Request) -> Response:
    """One connection."""
    connection = connections.require_connection(cloud, request.caller, request.params["connectionId"])
    return ok(connections.view(connection))


def create_connection(cloud: Cloud, request: Request) -> Response:
    """Creates a connection once it has been tested; the caller becomes its owner."""
    require_switch(cloud, request.caller, CREATE)
    body = _create_body(request)
    kind = bodies.connection_type(cloud, body.connection_details)
    parameters = bodies.parameters(kind, body.connection_details)
    path = check_parameters(kind.name, parameters)
    credential = bodies.credentials(cloud, kind, body.credential_details)
    _require_free_name(cloud, body.display_name)
    _check_reference(cloud, request.caller, credential)
    connection = _new_connection(cloud, body, kind, path, parameters, credential)
    if isinstance(body, bodies.CreateGatewayConnection):
        _check_gateway(cloud, request.caller, kind, connection)
    check_connection(cloud, connection, credential.kept())
    cloud.table(connections.CONNECTIONS)[connection["id"]] = connection
    cloud.table(CREDENTIALS)[connection["id"]] = credential.kept()
    connections.assign(cloud, connection["id"], request.caller.object_id, request.caller.kind, "Owner")
    return json_response(201, connections.view(connection))


def update_connection(cloud: Cloud, request: Request) -> Response:
    """Renames a connection or changes its credentials, which are tested first. Needs the role Owner."""
    connection = connections.require_connection(cloud, request.caller, request.params["connectionId"], "Owner")
    body = _update_body(cloud, request, connection)
    changes: dict[str, Any] = {}
    if body.display_name is not None:
        _require_free_name(cloud, body.display_name, besides=connection["id"])
        changes["displayName"] = body.display_name
    if body.privacy_level is not None:
        changes["privacyLevel"] = body.privacy_level
    if isinstance(body, bodies.UpdateCloudConnection) and body.allow_connection_usage_in_gateway is not None:
        changes["allowConnectionUsageInGateway"] = body.allow_connection_usage_in_gateway
    if body.credential_details is not None:
        changes["credentialDetails"] = _change_credentials(cloud, request.caller, connection, body.credential_details)
    changed = {**connection, **changes}
    cloud.table(connections.CONNECTIONS)[connection["id"]] = changed
    return ok(connections.view(changed))


def delete_connection(cloud: Cloud, request: Request) -> Response:
    """Deletes a connection with its role assignments. Needs the role Owner."""
    connection = connections.require_connection(cloud, request.caller, request.params["connectionId"], "Owner")
    assignments = cloud.table(connections.ROLE_ASSIGNMENTS)
    for each in assignments.by("connectionId", connection["id"]):
        del assignments[each["id"]]
    del cloud.table(connections.CONNECTIONS)[connection["id"]]
    del cloud.table(CREDENTIALS)[connection["id"]]
    return done()


def test_connection(cloud: Cloud, request: Request) -> Response:
    """Starts a test of a connection; its result says Online or Offline and why."""
    connection = connections.require_connection(cloud, request.caller, request.params["connectionId"])
    return long_running(cloud, request, TEST_JOB, {"connectionId": connection["id"]})


def _test(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    connection_id = arguments["connectionId"]
    connection = cloud.table(connections.CONNECTIONS).get(connection_id)
    if connection is None:
        raise FabricError(404, "EntityNotFound", f"The connection {connection_id!r} could not be found.")
    try:
        check_connection(cloud, connection, cloud.table(CREDENTIALS)[connection_id])
    except FabricError as error:
        return {"status": "Offline", "errors": [{"errorCode": error.code, "message": error.message}]}
    return {"status": "Online"}


def list_supported_types(cloud: Cloud, request: Request) -> Response:
    """The types of connection; without ``showAllCreationMethods`` only those whose method is recommended."""
    kinds = list(connection_types.CONNECTION_TYPES.values())
    if not boolean(request, "showAllCreationMethods"):
        kinds = [each for each in kinds if each.recommended]
    if "gatewayId" in request.query:
        find_gateway(cloud, request.caller, guid(request, "gatewayId"))
        kinds = [each for each in kinds if each.by_gateway]
    return listing(cloud, request, kinds, connection_types.view)


def _create_body(request: Request) -> Create:
    models: dict[str, type[Create]] = {
        "ShareableCloud": bodies.CreateCloudConnection,
        "VirtualNetworkGateway": bodies.CreateGatewayConnection,
    }
    body = parse(request, models[_connectivity(request, models)])
    if isinstance(body, bodies.CreateCloudConnection) and body.allow_usage_in_user_controlled_code:
        raise bodies.unfit("no such connection can be used in user-controlled code.")
    return body


def _update_body(cloud: Cloud, request: Request, connection: Document) -> Update:
    models: dict[str, type[Update]] = {
        "ShareableCloud": bodies.UpdateCloudConnection,
        "VirtualNetworkGateway": bodies.UpdateGatewayConnection,
    }
    connectivity = _connectivity(request, models)
    if connectivity != connection["connectivityType"] and cloud.rules.on("fabric.connections.kind_kept"):
        raise invalid_input(f"connectivityType: the connection is of type {connection['connectivityType']}.")
    return parse(request, models[connectivity])


def _connectivity(request: Request, models: Mapping[str, Any]) -> str:
    given = json_object(request).get("connectivityType")
    if not isinstance(given, str) or given not in models:
        raise invalid_input(f"connectivityType: must be one of {', '.join(models)}.")
    return given


def _require_free_name(cloud: Cloud, name: str, *, besides: str | None = None) -> None:
    for each in cloud.table(connections.CONNECTIONS).values():
        same = each["id"] != besides and (each.get("displayName") or "").lower() == name.lower()
        if same and cloud.rules.on("fabric.connections.unique_name"):
            raise FabricError(409, "DuplicateConnectionName", f"The connection name {name!r} is already in use.")


def _check_reference(cloud: Cloud, caller: Caller, credential: bodies.Credentials) -> None:
    """A secret's key vault connection must be one that the caller may use."""
    reference = credential.reference()
    if reference is None:
        return
    vault = cloud.table(connections.CONNECTIONS).get(reference.connection_id)
    usable = connections.usable_by(cloud, caller, reference.connection_id)
    if vault is None or (not usable and cloud.rules.on("fabric.connections.vault_usable")):
        raise bodies.unfit(f"the key vault connection {reference.connection_id!r} could not be found.")
    if vault["connectionDetails"]["type"] != connection_types.KEY_VAULT:
        raise bodies.unfit(f"the connection {reference.connection_id!r} does not lead to a key vault.")


def _check_gateway(cloud: Cloud, caller: Caller, kind: connection_types.ConnectionType, connection: Document) -> None:
    """[D] One gateway serves only one Databricks workspace."""
    gateway_id = connection["gatewayId"]
    try:
        find_gateway(cloud, caller, gateway_id)
    except FabricError as error:
        raise FabricError(400, "CreateGatewayConnectionFailed", error.message) from None
    if not kind.by_gateway and cloud.rules.on("fabric.connections.gateway"):
        message = f"Connections of type {kind.name} don't go through a virtual network gateway."
        raise FabricError(400, "CreateGatewayConnectionFailed", message)
    served = cloud.table(connections.CONNECTIONS).by("gatewayId", gateway_id)
    others = any(each["connectionDetails"]["path"] != connection["connectionDetails"]["path"] for each in served)
    if others and cloud.rules.on("fabric.connections.one_workspace"):
        message = f"The gateway {gateway_id!r} serves another Databricks workspace already."
        raise FabricError(400, "CreateGatewayConnectionFailed", message)


def _new_connection(
    cloud: Cloud,
    body: Create,
    kind: connection_types.ConnectionType,
    path: str,
    parameters: Mapping[str, str],
    credential: bodies.Credentials,
) -> dict[str, Any]:
    connection = {
        "id": cloud.new_id(),
        "displayName": body.display_name,
        "connectivityType": body.connectivity_type,
        "connectionDetails": {"type": kind.name, "path": path},
        "privacyLevel": body.privacy_level,
        "credentialDetails": _credential_details(credential),
        "connectionRecency": {"createdDateTime": cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")},
        "parameters": dict(parameters),
    }
    if isinstance(body, bodies.CreateGatewayConnection):
        return {**connection, "gatewayId": body.gateway_id}
    usage = {"allowConnectionUsageInGateway": body.allow_connection_usage_in_gateway or False}
    return {**connection, **usage, "allowUsageInUserControlledCode": False}


def _credential_details(credential: bodies.Credentials) -> dict[str, Any]:
    return {
        "credentialType": credential.kept()["credentialType"],
        "singleSignOnType": "None",
        "connectionEncryption": "NotEncrypted",
        "skipTestConnection": False,
    }


def _change_credentials(
    cloud: Cloud, caller: Caller, connection: Document, details: bodies.CredentialDetails
) -> dict[str, Any]:
    kind = connection_types.CONNECTION_TYPES[connection["connectionDetails"]["type"]]
    if details.credentials is None:
        bodies.check_settings(cloud, kind, details)
        return dict(connection["credentialDetails"])
    credential = bodies.credentials(cloud, kind, details)
    _check_reference(cloud, caller, credential)
    check_connection(cloud, connection, credential.kept())
    cloud.table(CREDENTIALS)[connection["id"]] = credential.kept()
    return _credential_details(credential)


def register_jobs(cloud: Cloud) -> None:
    """Names the job that tests a connection."""
    cloud.jobs.register(TEST_JOB, operation_job(_test))


def routes() -> Router:
    """The operations of this module."""
    one = "/connections/{connectionId}"
    types_query = ("gatewayId", "showAllCreationMethods", "continuationToken")
    return router(
        (
            Operation(
                "GET", "/connections", "Connections_ListConnections", list_connections, query=("continuationToken",)
            ),
            Operation("POST", "/connections", "Connections_CreateConnection", create_connection, body=True),
            Operation(
                "GET",
                "/connections/supportedConnectionTypes",
                "Connections_ListSupportedConnectionTypes",
                list_supported_types,
                query=types_query,
            ),
            Operation("GET", one, "Connections_GetConnection", get_connection),
            Operation("PATCH", one, "Connections_UpdateConnection", update_connection, body=True),
            Operation("DELETE", one, "Connections_DeleteConnection", delete_connection),
            Operation(
                "POST", f"{one}/testConnection", "Connections_TestConnection", test_connection, effect=Effect.READ
            ),
        )
    )
