"""Where the clients' clouds are served, and the runner's sign-in. Modules with less to serve have their own ``at``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.identity import ClientSecretCredential

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.services import mounts
from tests.emulator.served import Address, running
from tests.emulator.support import RUNNER_APP, TENANT


@pytest.fixture
def at(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """Where all services are served, which clients over requests trust."""
    with running(cloud, mounts()) as address:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", address.authority)
        yield address


@pytest.fixture
def credential(at: Address) -> Iterator[ClientSecretCredential]:
    """The runner's sign-in."""
    with ClientSecretCredential(
        TENANT, RUNNER_APP, "runner-secret", authority=at.url, disable_instance_discovery=True
    ) as signed_in:
        yield signed_in
