"""What the tests of ``microsoft-fabric-api`` stand on: waiting on the cloud's clock, and bodies."""

from __future__ import annotations

import time
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from microsoft_fabric_api.client import FabricClient  # type: ignore[import-untyped]
from microsoft_fabric_api.generated.core import models as core
from microsoft_fabric_api.generated.mirroredazuredatabrickscatalog import models as mirrored

from cloud_emulator.core.cloud import Cloud
from tests.emulator.fabric_cloud import CAPACITY, HOST, READER_APP
from tests.emulator.fabric_data_cloud import DATABRICKS, STORAGE
from tests.emulator.support import TENANT


class CloudTime(RequestsTransport):  # type: ignore[misc]  # its package names it only when asked
    """Sleeps on the cloud's clock."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self._cloud = cloud

    def sleep(self, duration: float) -> None:
        """Moves the clock."""
        self._cloud.clock.advance(duration)


def done(begun: Any) -> Any:
    """What a long-running operation ends with."""
    if hasattr(begun, "wait"):
        return begun.result()
    deadline = time.monotonic() + 20
    while begun.result is None:
        assert time.monotonic() < deadline, "the operation did not end"
        time.sleep(0.005)
    return begun.result


def settle(cloud: Cloud, fabric: FabricClient) -> None:
    """Lets syncs, and what they start, come to their end."""
    for _ in range(3):
        cloud.clock.advance(30)
        fabric.core.capacities.get_capacity(CAPACITY)


def connection(name: str) -> core.CreateCloudConnectionRequest:
    """A connection to Databricks as the reader."""
    return core.CreateCloudConnectionRequest(
        display_name=name,
        privacy_level="Organizational",
        connection_details=core.CreateConnectionDetails(
            type="AzureDatabricksWorkspace",
            creation_method="AzureDatabricksWorkspace.Actions",
            parameters=[core.ConnectionDetailsTextParameter(name="url", value=f"https://{HOST}")],
        ),
        credential_details=core.CreateCredentialDetails(
            single_sign_on_type="None",
            connection_encryption="NotEncrypted",
            skip_test_connection=False,
            credentials=core.ServicePrincipalCredentials(
                tenant_id=TENANT, service_principal_client_id=READER_APP, service_principal_secret="reader-secret"
            ),
        ),
    )


def catalog(name: str = "sales") -> mirrored.CreateMirroredAzureDatabricksCatalogRequest:
    """A mirrored catalog with a storage connection."""
    return mirrored.CreateMirroredAzureDatabricksCatalogRequest(
        display_name=name,
        creation_payload=mirrored.MirroredAzureDatabricksCatalogCreationPayload(
            catalog_name="sales",
            databricks_workspace_connection_id=DATABRICKS,
            mirroring_mode="Full",
            storage_connection_id=STORAGE,
        ),
    )
