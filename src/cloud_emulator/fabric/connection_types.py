"""The types of connection that the emulator knows: how each is created, and how it may sign in.

[M] for credential types of storage and key vaults; the rest as documented. The service knows some 300 more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DATABRICKS = "AzureDatabricksWorkspace"
STORAGE = "AzureDataLakeStorage"
KEY_VAULT = "AzureKeyVault"


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """One type: its only creation method with its required text parameters, and the credential types.

    ``recommended`` methods are shown without asking for all. ``by_gateway``: usable through a virtual network gateway.
    """

    name: str
    creation_method: str
    parameters: tuple[str, ...]
    credential_types: tuple[str, ...]
    recommended: bool
    by_gateway: bool


CONNECTION_TYPES = {
    each.name: each
    for each in (
        ConnectionType(
            DATABRICKS, "AzureDatabricksWorkspace.Actions", ("url",), ("Key", "OAuth2", "ServicePrincipal"), False, True
        ),
        ConnectionType(
            STORAGE,
            "AzureDataLakeStorage",
            ("server", "path"),
            ("Key", "OAuth2", "SharedAccessSignature", "ServicePrincipal", "WorkspaceIdentity"),
            True,
            False,
        ),
        ConnectionType(
            KEY_VAULT, "AzureKeyVault.Actions", ("accountName",), ("OAuth2", "ServicePrincipal"), False, False
        ),
    )
}


def view(kind: ConnectionType) -> dict[str, Any]:
    """A type as ``supportedConnectionTypes`` shows it."""
    parameters = [{"name": name, "dataType": "Text", "required": True} for name in kind.parameters]
    return {
        "type": kind.name,
        "creationMethods": [{"name": kind.creation_method, "parameters": parameters}],
        "supportedCredentialTypes": list(kind.credential_types),
        "supportedConnectionEncryptionTypes": ["NotEncrypted"],
        "supportsSkipTestConnection": False,
    }
