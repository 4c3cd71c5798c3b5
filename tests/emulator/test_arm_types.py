"""The check against the models of Azure's management clients sees what it is for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignment
from azure.mgmt.storage.models import StorageAccount

from cloud_emulator.arm.versions import operations_with_versions
from cloud_emulator.core.http import Request, json_response
from tests.emulator.arm_types import check_resource_manager, faults


@pytest.mark.parametrize(
    ("model", "answer", "fault"),
    [
        (StorageAccount, {"colour": "x"}, "body: colour is no field of StorageAccount"),
        (StorageAccount, {"kind": "Shed"}, "body/kind: 'Shed' is no Kind"),
        (StorageAccount, {"properties": {"isHnsEnabled": "yes"}}, "body/properties/isHnsEnabled: 'yes' is no bool"),
        (StorageAccount, {"properties": {"networkAcls": {"defaultAction": "Maybe"}}}, "'Maybe' is no DefaultAction"),
        (
            StorageAccount,
            {"properties": {"networkAcls": {"ipRules": [{"v": 1}]}}},
            "ipRules/0: v is no field of IPRule",
        ),
        (RoleAssignment, {"properties": {"role": "x"}}, "body: properties.role is no field of RoleAssignment"),
    ],
)
def test_it_sees_what_is_wrong_with_an_answer(model: Any, answer: Any, fault: str) -> None:
    assert fault in "\n".join(faults("body", answer, model))


def test_an_exchange_fails_by_any_entry_of_a_list() -> None:
    request = Request("GET", "/x", "/x", {}, {}, b"", "https://cloud.test")
    check_resource_manager("StorageAccounts_List", request, json_response(200, {"value": [{"name": "a"}]}))
    with pytest.raises(AssertionError, match="nme is no field"):
        check_resource_manager(
            "StorageAccounts_List", request, json_response(200, {"value": [{"name": "a"}, {"nme": 1}]})
        )


@pytest.mark.parametrize("kind", ["RoleAssignments", "RoleDefinitions", "Permissions"])
def test_the_api_versions_are_among_those_of_azures_client(kind: str) -> None:
    """Of all the clients only this one has a module for each version."""
    for version in operations_with_versions()[kind]:
        module = import_module(f"azure.mgmt.authorization.v{version.replace('-', '_')}.operations")
        assert hasattr(module, f"{kind}Operations"), version
