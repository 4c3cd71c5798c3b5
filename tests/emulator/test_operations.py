"""What docs/emulator.md says of each operation is what the last recorded run showed, and that is enough."""

from __future__ import annotations

import pytest

from tests.emulator.arm_types import has_model
from tests.emulator.checks import WITHOUT_A_METHOD
from tests.emulator.observed import SPECIFICATION, read_record
from tests.emulator.operations import PAGE, TITLES, served, written

CLIENTS = {
    "fabric": {"fabric-cicd", "microsoft-fabric-api"},
    "powerbi": {"azure-core"},
    "unity_catalog": {"databricks-sdk"},
    "arm": {"azure-mgmt-authorization", "azure-mgmt-core", "azure-mgmt-databricks", "azure-mgmt-storage"},
    "entra": {"azure-identity", "PyJWT"},
    "storage": {"azure-storage-blob", "azure-storage-file-datalake", "deltalake", "pyarrow"},
}
WITHOUT_A_CLIENT = {
    "storage": {
        # the Blob client asks for properties instead
        "Get Blob Metadata",
        # always refused
        "Write to OneLake",
    },
}  # fmt: skip
"""Operations that none of the foreign clients has."""


def test_the_page_says_what_was_recorded() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page, read_record()), "run EMULATOR_RECORD=1 pytest tests/emulator"


def test_the_record_names_operations_that_are_served() -> None:
    assert {each.service for each in served()} == TITLES.keys()
    assert {(service, name) for service, name, _ in read_record()} <= {(each.service, each.name) for each in served()}


@pytest.mark.parametrize("service", ["fabric", "unity_catalog", "arm"])
def test_every_operation_was_held_to_the_specification(service: str) -> None:
    checked = {name for where, name, what in read_record() if (where, what) == (service, SPECIFICATION)}
    names = {each.name for each in served() if each.service == service}
    assert {name for name in names - WITHOUT_A_METHOD if service != "arm" or has_model(name)} == checked


@pytest.mark.parametrize("service", TITLES)
def test_every_operation_was_used_by_a_foreign_client_that_has_it(service: str) -> None:
    used = {name for where, name, what in read_record() if where == service and what in CLIENTS[service]}
    names = {each.name for each in served() if each.service == service}
    assert names - used == WITHOUT_A_CLIENT.get(service, set())
