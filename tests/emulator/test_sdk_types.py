"""The check against the types of Databricks' SDK sees what it is for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud_emulator.core.http import Request, json_response
from cloud_emulator.unity_catalog.service import UnityCatalogService
from tests.emulator.checks import WITHOUT_A_METHOD
from tests.emulator.sdk_types import check_databricks, sdk_operation


def test_every_operation_served_is_a_method_of_the_sdk() -> None:
    served = {route.endpoint.operation for route in UnityCatalogService().router.routes()}
    for name in served - WITHOUT_A_METHOD:
        assert sdk_operation(name).required <= sdk_operation(name).query.keys() | sdk_operation(name).body.keys()
    with pytest.raises(LookupError):
        sdk_operation("Tables_Invent")


@pytest.mark.parametrize(
    ("operation", "answer", "fault"),
    [
        ("Tables_Get", {"name": "t", "colour": "x"}, "body: colour is no field"),
        ("Tables_Get", {"table_type": "SPREADSHEET"}, "body/table_type: 'SPREADSHEET' is no TableType"),
        ("Tables_Get", {"columns": [{"position": "0"}]}, "body/columns/0/position: '0' is no int"),
        ("Tables_Get", {"created_at": True}, "body/created_at: True is no int"),
        ("Tables_Get", {"properties": {"k": 1}}, "is no map of str"),
        ("Tables_Get", {"row_filter": []}, "body/row_filter: [] is no object"),
        ("Tables_List", {"tables": {}}, "body/tables: {} is no list"),
        ("Tables_List", {"schemas": []}, "body: schemas is no field"),
        ("Schemas_List", {"schemas": [{"nme": "x"}]}, "body/schemas/0: nme is no field"),
        ("Groups_List", {"Resources": [], "totalResults": 0, "odd": 1}, "body: odd is no field"),
    ],
)
def test_it_sees_what_is_wrong_with_an_answer(operation: str, answer: Any, fault: str) -> None:
    found = list(sdk_operation(operation).response_faults(json.dumps(answer).encode()))
    assert fault in "\n".join(found)


@pytest.mark.parametrize(
    ("operation", "query", "body", "fault"),
    [
        ("Tables_List", {"catalog_name": "c", "schema_name": "s", "depth": "1"}, None, "query: depth is not sent"),
        ("Tables_List", {"catalog_name": "c"}, None, "schema_name is required"),
        ("Schemas_Create", {}, {"name": "s"}, "catalog_name is required"),
        ("Schemas_Create", {}, {"name": "s", "catalog_name": 1}, "body/catalog_name: 1 is no str"),
        ("Schemas_Update", {}, {"name": "s"}, "body: name is no field"),
        ("Grants_Update", {}, {"changes": [{"add": ["FLY"]}]}, "body/changes/0/add/0: 'FLY' is no Privilege"),
    ],
)
def test_it_sees_what_is_wrong_with_a_request(operation: str, query: dict[str, str], body: Any, fault: str) -> None:
    content = b"" if body is None else json.dumps(body).encode()
    assert fault in "\n".join(sdk_operation(operation).request_faults(query, content))


def test_an_exchange_fails_by_either_side() -> None:
    request = Request("GET", "/x", "/x", {"catalog_name": "c"}, {}, b"", "https://cloud.test")
    check_databricks("Schemas_List", request, json_response(200, {"schemas": [{"name": "s"}]}))
    with pytest.raises(AssertionError, match="next is no field"):
        check_databricks("Schemas_List", request, json_response(200, {"next": 1}))
    request.query = {}
    with pytest.raises(AssertionError, match="accepted, although: catalog_name is required"):
        check_databricks("Schemas_List", request, json_response(200, {}))
