"""The emulated Fabric against the official specification: every operation served is one of it, and what it forbids is
refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, json_response
from cloud_emulator.fabric.service import AUDIENCES, FabricService

from .fabric_cloud import (
    ACCOUNT,
    GATEWAY,
    READER,
    WORKSPACE,
    Fabric,
    databricks_connection,
    fabric_cloud,
    storage_connection,
)  # fmt: skip
from .support import token
from .swagger import (
    PREFIX,
    CheckedTransport,
    Specification,
    SpecOperation,
    as_specified,
    check_served,
    specification,
    unspecified_mutations,
)  # fmt: skip

pytestmark = pytest.mark.skipif(specification() is None, reason="the Fabric specifications are not there")

BROKEN_EXAMPLES = {
    "Discovery_DiscoverCatalogs": "null as continuation",
    "Discovery_DiscoverSchemas": "null as continuation",
    "Discovery_DiscoverTables": "null as continuation",
    "Items_BindSemanticModelConnection": "a connectivity type that the enumeration lacks",
    "Items_GetMirroredAzureDatabricksCatalog": "null as error",
    "Items_ListItems": "a type of items that the enumeration lacks",
    "Items_ListMirroredAzureDatabricksCatalogs": "null as error",
    "Items_UpdateMirroredAzureDatabricksCatalog": "null as error and as storage connection",
}
"""Examples that break their own schema, by operation."""


@pytest.fixture
def specified() -> Specification:
    found = specification()
    assert found is not None
    return found


CLOUD = fabric_cloud


def test_every_operation_served_is_in_the_specification(specified: Specification) -> None:
    for route in FabricService().router.routes():
        operation = specified.named(route.endpoint.operation)
        path = "/".join(operation.segments)
        assert (route.method, route.template) == (operation.method, f"{PREFIX}/{path}"), operation.name


def test_the_examples_are_as_specified(specified: Specification) -> None:
    served = {route.endpoint.operation for route in FabricService().router.routes()}
    broken = set()
    for operation in map(specified.named, sorted(served)):
        for _, example in _examples(specified, operation):
            if list(_example_faults(specified, operation, example)):
                broken.add(operation.name)
    assert broken == BROKEN_EXAMPLES.keys() & served


def _examples(specified: Specification, operation: SpecOperation) -> Iterator[tuple[str, Any]]:
    for title, reference in operation.raw.get("x-ms-examples", {}).items():
        path = specified.file_of(operation).parent / reference["$ref"]
        yield title, json.loads(path.read_text("utf-8-sig"))


def _example_faults(specified: Specification, operation: SpecOperation, example: Any) -> Iterator[str]:
    for name in operation.parameters("body").keys() & example["parameters"].keys():
        yield from specified.body_faults(operation, json.dumps(example["parameters"][name]).encode())
    for status, answer in example["responses"].items():
        headers = dict.fromkeys(operation.raw["responses"][status].get("headers", {}), "x")
        if answer.get("body") is not None and operation.name != "LongRunningOperations_GetOperationState":
            body = json.dumps(answer["body"]).encode()
            yield from specified.response_faults(operation, int(status), headers, body)


def _example_requests(specified: Specification, operation: SpecOperation) -> Iterator[tuple[str, httpx.Request]]:
    """The examples of an operation as requests to the emulator."""
    for title, example in _examples(specified, operation):
        given = example["parameters"]
        path = "/".join(
            quote(str(given[part[1:-1]]), safe="") if part.startswith("{") else part for part in operation.segments
        )
        query = {name: given[name] for name in operation.parameters("query") if name in given}
        headers = {name: str(given[name]) for name in operation.parameters("header") if name in given}
        body = next((given[name] for name in operation.parameters("body") if name in given), None)
        yield title, httpx.Request(
            operation.method, f"https://cloud.test{PREFIX}/{path}", params={**operation.fixed_query, **query},
            headers=headers, json=body,
        )  # fmt: skip


PREVIEW = "it leaves out preview=true, which the operation's description requires"
UNSERVED_EXAMPLES = {
    "Connections_CreateConnection: On-premises gateway example": "no such gateways are emulated",
    "Connections_CreateConnection: Streaming virtual network gateway example": "no such gateways are emulated",
    "Items_CreateItem: Create an item with sensitivity label strategy example": "no sensitivity labels",
    "Items_CreateLakehouse: Create a lakehouse with definition example": "no definitions of lakehouses",
    "OneLakeDataAccessSecurity_CreateOrUpdateSingleDataAccessRole: Create or update single data access role example": (
        PREVIEW
    ),
    "OneLakeDataAccessSecurity_DeleteDataAccessRole: Delete data access role example": PREVIEW,
    "OneLakeDataAccessSecurity_GetDataAccessRole: Get data access role example": PREVIEW,
}
"""Examples whose request the emulator refuses by design, by operation and title, and why."""


async def test_the_examples_are_replayed(fabric: Fabric, specified: Specification) -> None:
    """No example's request is refused for its form. What it names isn't there, mostly, and the answer says so."""
    served = {route.endpoint.operation for route in FabricService().router.routes()}
    refused = {}
    for operation in map(specified.named, sorted(served)):
        for title, request in _example_requests(specified, operation):
            request.headers["Authorization"] = token(fabric.cloud, fabric.caller, AUDIENCES[0])
            answer = await fabric.http.send(request)
            formal = answer.status_code == 400 and answer.json()["errorCode"] in ("InvalidInput", "InvalidParameter")
            if formal or answer.status_code in (405, 415, 500, 501):
                refused[f"{operation.name}: {title}"] = answer.text
    assert refused.keys() == UNSERVED_EXAMPLES.keys(), json.dumps(refused, indent=1)


PRINCIPAL = {"principal": {"id": READER, "type": "ServicePrincipal"}, "role": "Viewer"}
BODIES: list[tuple[str, str, str, Any]] = [
    (
        "Connections_CreateConnection", "POST", "/connections",
        {**databricks_connection(), "connectivityType": "VirtualNetworkGateway", "gatewayId": GATEWAY},
    ),
    (
        "Connections_CreateConnection", "POST", "/connections",
        storage_connection("lake", ACCOUNT, "lake/sales", {"credentialType": "WorkspaceIdentity"}),
    ),
]  # fmt: skip
"""Kinds of connections; the other operations are in test_fabric_mutations."""


@pytest.mark.parametrize(("name", "method", "path", "body"), BODIES)
async def test_bodies_that_the_specification_forbids_are_refused(
    fabric: Fabric, cloud: Cloud, name: str, method: str, path: str, body: Any
) -> None:
    before = json.dumps(cloud.store.dump())
    tried = 0
    for done, changed in unspecified_mutations(name, body):
        answer = await fabric.send(method, path, changed)
        assert 400 <= answer.status_code < 500, f"{done}: {answer.status_code} {changed}"
        tried += 1
    assert tried >= 20
    assert json.dumps(cloud.store.dump()) == before
    assert (await fabric.send(method, path, body)).is_success


@pytest.mark.parametrize(
    ("status", "headers", "body", "fault"),
    [
        (202, {}, b"null", "202 is not declared"),
        (200, {}, b'{"value": [], "next": 1}', "'next' was unexpected"),
        (200, {}, b'{"value": [{"id": "x"}]}', "'x' is not a 'uuid'"),
        (200, {}, b"{}", "'value' is a required property"),
        (400, {}, b'{"error": {"code": "x"}}', "'errorCode' is a required property"),
        (400, {"x-ms-public-api-error-code": "Odd"}, b'{"errorCode": "Odd", "message": "m"}', "errorCode Odd"),
        (400, {}, b'{"errorCode": "InvalidParameter", "message": "m"}', "header x-ms-public-api-error-code"),
    ],
)
async def test_the_check_sees_what_is_wrong_with_an_answer(
    specified: Specification, status: int, headers: dict[str, str], body: bytes, fault: str
) -> None:
    inner = httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, content=body))
    async with httpx.AsyncClient(transport=CheckedTransport(inner, specified)) as client:
        with pytest.raises(AssertionError, match=fault):
            await client.get("https://cloud.test/v1/workspaces")


def test_the_check_within_the_emulator_sees_what_is_wrong() -> None:
    request = Request("GET", "/v1/workspaces", "/v1/workspaces", {"role": "Admin"}, {}, b"", "https://cloud.test")
    with pytest.raises(AssertionError, match="query: role is not declared"):
        check_served("fabric", request, json_response(200, {"value": []}))
    request.query = {}
    with pytest.raises(AssertionError, match="'next' was unexpected"):
        check_served("fabric", request, json_response(200, {"value": [], "next": 1}))
    check_served("fabric", request, json_response(200, {"value": []}))


@pytest.mark.parametrize(
    ("method", "path", "body", "fault"),
    [
        ("GET", "/workspaces?role=Admin", None, "query: role is not declared"),
        ("GET", "/workspaces?preferWorkspaceSpecificEndpoints=1", None, "'1' is not of type 'boolean'"),
        ("GET", "/workspaces/x", None, "path: workspaceId"),
        ("POST", f"/workspaces/{WORKSPACE}/roleAssignments", {**PRINCIPAL, "id": "x"}, "'id' was unexpected"),
        ("POST", "/workspaces", None, "body: is required"),
        ("POST", f"/workspaces/{WORKSPACE}/provisionIdentity", {}, "body: none is declared"),
        (
            "POST", "/connections",
            databricks_connection(credentialType="Key", servicePrincipalClientId=READER), "servicePrincipalClientId",
        ),
        ("POST", "/connections", databricks_connection(credentialType="OAuth2"), "'OAuth2' is not one of"),
    ],
)  # fmt: skip
def test_the_check_sees_what_is_wrong_with_a_request(
    specified: Specification, method: str, path: str, body: Any, fault: str
) -> None:
    url = httpx.URL(f"https://cloud.test{path}")
    query = dict(url.params)
    operation = specified.find(method, url.path, query)
    assert operation is not None
    content = json.dumps(body).encode() if body is not None else b""
    assert fault in "\n".join(specified.request_faults(operation, url.path, query, content))


def test_measured_deviations_are_taken_back_before_the_check() -> None:
    state = {
        "status": "Running", "createdTimeUtc": "2026-08-10T10:00:00.1234567", "error": None, "percentComplete": None,
        "lastUpdatedTimeUtc": "2026-08-10T10:00:00.1234567",
    }  # fmt: skip
    assert as_specified("Capacities_GetCapacity", state) is state
    assert as_specified("LongRunningOperations_GetOperationState", state) == {
        "status": "Running",
        "createdTimeUtc": "2026-08-10T10:00:00.1234567Z",
        "lastUpdatedTimeUtc": "2026-08-10T10:00:00.1234567Z",
    }
