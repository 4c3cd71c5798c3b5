"""The bodies that make a connection or change its credential; the only place where a secret is put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.models.fabric import Connection, Gateway, SupportedConnectionType
from unity_mirror.plan.ownership import Made
from unity_mirror.spec import (
    ConnectionRef,
    DatabricksAuth,
    ExistingAuth,
    KeyVaultSecret,
    PersonalAccessTokenAuth,
    SasAuth,
    SecretRef,
    ServicePrincipalAuth,
    StorageAuth,
    WorkspaceIdentityAuth,
)
from unity_mirror.steps.context import Context

DATABRICKS = "AzureDatabricksWorkspace"
STORAGE = "AzureDataLakeStorage"
_KEY_VAULT = "AzureKeyVault"
_KINDS = {
    ServicePrincipalAuth: "ServicePrincipal",
    PersonalAccessTokenAuth: "Key",
    SasAuth: "SharedAccessSignature",
    WorkspaceIdentityAuth: "WorkspaceIdentity",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One connection that the spec asks for. ``field`` is its place in the spec, ``url`` what it leads to."""

    field: str
    type: str
    url: str
    ref: ConnectionRef
    auth: DatabricksAuth | StorageAuth | None
    default_name: str
    fact: str
    made: Made
    gateway: Gateway | None = None

    @property
    def kind(self) -> str | None:
        """The credential kind that it must have; ``None`` when the spec leaves it open."""
        return None if self.auth is None or isinstance(self.auth, ExistingAuth) else _KINDS[type(self.auth)]

    @property
    def name(self) -> str:
        """The display name of one that is to be made."""
        return self.ref.name or self.default_name

    @property
    def auth_field(self) -> str:
        """Where the spec says how it signs in."""
        return "storage.auth" if self.type == STORAGE else f"{self.field}.auth"

    @property
    def secret(self) -> SecretRef | None:
        """Where its secret is kept, if it has one."""
        return getattr(self.auth, "secret", None)


async def creation_body(context: Context, wanted: Wanted, supported: SupportedConnectionType) -> dict[str, Any]:
    """What ``POST /connections`` takes; method and parameters as the service says that it needs them."""
    method = supported.creation_methods[0]
    known = _values(wanted.type, wanted.url)
    parameters = [
        {"dataType": each.data_type, "name": each.name, "value": known[each.name]}
        for each in method.parameters
        if each.name in known
    ]
    through = (
        {"connectivityType": "VirtualNetworkGateway", "gatewayId": wanted.gateway.id}
        if wanted.gateway
        else {"connectivityType": "ShareableCloud"}
    )
    return {
        **through,
        "displayName": wanted.name,
        "connectionDetails": {"type": wanted.type, "creationMethod": method.name, "parameters": parameters},
        "privacyLevel": "Organizational",
        "credentialDetails": await _credential_details(context, wanted),
    }


async def rotation_body(context: Context, wanted: Wanted, held: Connection) -> dict[str, Any]:
    """What ``PATCH /connections/{id}`` takes to change the credential alone."""
    return {
        "connectivityType": held.connectivity_type,
        "credentialDetails": await _credential_details(context, wanted),
    }


def parameter_names(kind: str) -> frozenset[str]:
    """The parameters that we have a value for."""
    return frozenset(_values(kind, "https://x/y"))


async def _credential_details(context: Context, wanted: Wanted) -> dict[str, Any]:
    return {
        "singleSignOnType": "None",
        "connectionEncryption": "NotEncrypted",
        "skipTestConnection": False,
        "credentials": await _credentials(context, wanted),
    }


def _values(kind: str, url: str) -> Mapping[str, str]:
    if kind == DATABRICKS:
        return {"url": url}
    parts = urlsplit(url)
    return {"server": f"{parts.scheme}://{parts.netloc}", "path": parts.path or "/"}


async def _credentials(context: Context, wanted: Wanted) -> Mapping[str, Any]:
    auth = wanted.auth
    if isinstance(auth, ServicePrincipalAuth):
        secret = await _secret(context, wanted, auth.secret, "servicePrincipalSecret")
        return {
            "credentialType": "ServicePrincipal",
            "tenantId": auth.tenant_id,
            "servicePrincipalClientId": auth.client_id,
            **secret,
        }
    if isinstance(auth, PersonalAccessTokenAuth):
        return {"credentialType": "Key", **await _secret(context, wanted, auth.secret, "key")}
    if isinstance(auth, SasAuth):
        return {"credentialType": "SharedAccessSignature", **await _secret(context, wanted, auth.secret, "token")}
    return {"credentialType": "WorkspaceIdentity"}


async def _secret(context: Context, wanted: Wanted, ref: SecretRef, field: str) -> Mapping[str, Any]:
    """The secret's value, or a reference that Fabric itself follows to the Key Vault."""
    if not isinstance(ref, KeyVaultSecret):
        return {field: context.secrets.resolve(ref)}
    vault = await find_vault(context, wanted, ref)
    return {f"{field}Reference": {"connectionId": vault.id, "secretName": ref.key_vault.secret_name}}


async def find_vault(context: Context, wanted: Wanted, ref: KeyVaultSecret) -> Connection:
    """The Key Vault connection that a secret's reference names. Raises ``SpecError`` when we may use none of it."""
    listed = await context.reads.once(("connections",), context.clients.fabric.connections.list)
    named = ref.key_vault.connection.lower()
    vaults = [each for each in listed if each.connection_details.type == _KEY_VAULT]
    found = [each for each in vaults if named in (each.id.lower(), (each.display_name or "").lower())]
    if not found:
        message = f"there is no Azure Key Vault connection {ref.key_vault.connection!r} that we may use"
        hint = "make it in Fabric's portal, and have its owner share it with the identity that runs unity-mirror"
        raise SpecError([SpecProblem(f"{wanted.auth_field}.secret.key_vault.connection", message, hint)])
    return found[0]
