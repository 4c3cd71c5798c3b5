"""Request bodies about connections, and the rules for what they may say together.

Shapes: the specification's discriminated unions, closed. What a type of connection can't do is refused here as well.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric.connection_types import CONNECTION_TYPES, KEY_VAULT, ConnectionType
from cloud_emulator.fabric.errors import FabricError, invalid_input
from cloud_emulator.fabric.validation import Body, Guid

PrivacyLevel = Literal["None", "Private", "Organizational", "Public"]
SingleSignOn = Literal[
    "None", "Kerberos", "MicrosoftEntraID", "SecurityAssertionMarkupLanguage", "KerberosDirectQueryAndRefresh"
]
CredentialType = Literal[
    "Windows", "Anonymous", "Basic", "Key", "OAuth2", "WindowsWithoutImpersonation", "SharedAccessSignature",
    "ServicePrincipal", "WorkspaceIdentity", "KeyPair",
]  # fmt: skip
_CREDENTIAL_TYPES = TypeAdapter(CredentialType)

Name = Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=200)]
"""1 to 200 characters, no blanks around them, in one line."""


class VaultReference(Body):
    """A secret in a key vault."""

    connection_id: Guid
    secret_name: str
    version: str | None = None


class Credentials(Body):
    """What all credentials share. ``proof`` is the field that proves who signs in, which may be a reference instead."""

    proof: ClassVar[str | None] = None

    def kept(self) -> dict[str, Any]:
        """The credential as it is kept: camelCase, nothing that wasn't given."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def reference(self) -> VaultReference | None:
        """Where the secret lies, if in a key vault."""
        return getattr(self, f"{self.proof}_reference") if self.proof else None

    def check(self, cloud: Cloud) -> None:
        """Raises 400 ``InvalidCredentialDetails`` unless exactly one of secret and reference is given."""
        both_or_neither = self.proof and (not getattr(self, self.proof)) == (self.reference() is None)
        if both_or_neither and cloud.rules.on("fabric.connections.one_proof"):
            raise unfit("exactly one of a secret and a reference to a secret is needed.")


class KeyCredentials(Credentials):
    """An account key, or a personal access token."""

    proof: ClassVar[str | None] = "key"
    credential_type: Literal["Key"]
    key: str | None = None
    key_reference: VaultReference | None = None


class SharedAccessSignatureCredentials(Credentials):
    """A shared access signature."""

    proof: ClassVar[str | None] = "token"
    credential_type: Literal["SharedAccessSignature"]
    token: str | None = None
    token_reference: VaultReference | None = None


class ServicePrincipalCredentials(Credentials):
    """A service principal."""

    proof: ClassVar[str | None] = "service_principal_secret"
    credential_type: Literal["ServicePrincipal"]
    tenant_id: Guid
    service_principal_client_id: Guid
    service_principal_secret: str | None = None
    service_principal_secret_reference: VaultReference | None = None


class WorkspaceIdentityCredentials(Credentials):
    """The identity of the workspace that uses the connection."""

    credential_type: Literal["WorkspaceIdentity"]


_MODELS: dict[str, type[Credentials]] = {
    "Key": KeyCredentials,
    "SharedAccessSignature": SharedAccessSignatureCredentials,
    "ServicePrincipal": ServicePrincipalCredentials,
    "WorkspaceIdentity": WorkspaceIdentityCredentials,
}


class Parameter(Body):
    """A parameter of a connection. All types that the emulator knows have text parameters only."""

    data_type: Literal["Text", "Number", "Boolean", "Duration", "Date", "DateTime", "DateTimeZone", "Time"]
    name: str
    value: Any


class Details(Body):
    """The kind of connection and its parameters; ``creationMethod`` is looked at apart, its absence has its own
    code."""

    type: str
    creation_method: str | None = None
    parameters: tuple[Parameter, ...] = Field(strict=False)


class CredentialDetails(Body):
    """How a connection signs in; ``credentials`` is read by its type."""

    single_sign_on_type: SingleSignOn | None = None
    connection_encryption: Literal["Encrypted", "Any", "NotEncrypted"] | None = None
    skip_test_connection: bool | None = None
    credentials: dict[str, Any] | None = None


class _CreateConnection(Body):
    display_name: Name
    connection_details: Details
    privacy_level: PrivacyLevel = "Organizational"
    credential_details: CredentialDetails


class CreateCloudConnection(_CreateConnection):
    """POST /connections, straight through the cloud."""

    connectivity_type: Literal["ShareableCloud"]
    allow_connection_usage_in_gateway: bool | None = None
    allow_usage_in_user_controlled_code: bool | None = None


class CreateGatewayConnection(_CreateConnection):
    """POST /connections, through a virtual network gateway."""

    connectivity_type: Literal["VirtualNetworkGateway"]
    gateway_id: Guid


class UpdateCloudConnection(Body):
    """PATCH /connections/{id} of a cloud connection."""

    connectivity_type: Literal["ShareableCloud"]
    display_name: Name | None = None
    privacy_level: PrivacyLevel | None = None
    credential_details: CredentialDetails | None = None
    allow_connection_usage_in_gateway: bool | None = None


class UpdateGatewayConnection(Body):
    """PATCH /connections/{id} of a connection through a virtual network gateway."""

    connectivity_type: Literal["VirtualNetworkGateway"]
    display_name: Name | None = None
    privacy_level: PrivacyLevel | None = None
    credential_details: CredentialDetails | None = None


def unfit(reason: str) -> FabricError:
    """400: credential details that this type of connection can't have."""
    return FabricError(400, "InvalidCredentialDetails", f"The credential details are not valid: {reason}")


def connection_type(cloud: Cloud, details: Details) -> ConnectionType:
    """The type of connection asked for. Raises 400 ``InvalidParameter`` without a creation method [M], 400
    ``InvalidConnectionDetails`` for an unknown type or method."""
    method = details.creation_method
    if method is None and cloud.rules.on("fabric.connections.creation_method"):
        raise FabricError(400, "InvalidParameter", "The parameter 'creationMethod' is required.")
    kind = CONNECTION_TYPES.get(details.type)
    if kind is None:
        raise invalid_details(f"the emulator knows no type {details.type!r}.")
    if method not in (None, kind.creation_method):
        raise invalid_details(f"{kind.name} is created by {kind.creation_method!r}.")
    return kind


def parameters(kind: ConnectionType, details: Details) -> dict[str, str]:
    """The parameters by name: exactly those of the type, each once and as text. Raises 400
    ``InvalidConnectionDetails``."""
    if sorted(each.name for each in details.parameters) != sorted(kind.parameters):
        raise invalid_details(f"{kind.name} takes the parameters {', '.join(kind.parameters)}, each once.")
    for each in details.parameters:
        if each.data_type != "Text" or not isinstance(each.value, str) or not each.value:
            raise invalid_details(f"the parameter {each.name!r} must be text.")
    return {each.name: each.value for each in details.parameters}


def credentials(cloud: Cloud, kind: ConnectionType, details: CredentialDetails) -> Credentials:
    """The credentials of a request, which must suit the type.

    Raises 400 ``UnsupportedCredentialType`` [M], 400 ``InvalidCredentialDetails``, 400 ``InvalidInput``.
    """
    check_settings(cloud, kind, details)
    given = details.credentials or {}
    try:
        named = _CREDENTIAL_TYPES.validate_python(given.get("credentialType"))
    except ValidationError:
        raise invalid_input("credentialDetails.credentials.credentialType: is not a credential type.") from None
    fits = named in kind.credential_types or not cloud.rules.on("fabric.connections.credential_type")
    if not fits or named not in _MODELS:
        message = f"A connection of type {kind.name} can't be created with credentials of type {named}."
        raise FabricError(400, "UnsupportedCredentialType", message)
    try:
        found = _MODELS[named].model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(("credentialDetails", "credentials", *map(str, first["loc"])))
        raise invalid_input(f"The request has an invalid input: {where}: {first['msg']}") from None
    found.check(cloud)
    if kind.name == KEY_VAULT and found.reference() is not None:
        raise unfit("the secret of a key vault connection can't lie in a key vault.")
    return found


def check_settings(cloud: Cloud, kind: ConnectionType, details: CredentialDetails) -> None:
    """What a type can't do besides its credentials. Raises 400 ``InvalidCredentialDetails``."""
    if details.single_sign_on_type not in (None, "None"):
        raise unfit(f"{kind.name} has no single sign-on of type {details.single_sign_on_type}.")
    if details.connection_encryption not in (None, "NotEncrypted"):
        raise unfit(f"{kind.name} supports the connection encryption NotEncrypted only.")
    if details.skip_test_connection and cloud.rules.on("fabric.connections.test_not_skipped"):
        raise unfit(f"the test of a connection of type {kind.name} can't be skipped.")


def invalid_details(reason: str) -> FabricError:
    """400: connection details that make no sense."""
    return FabricError(400, "InvalidConnectionDetails", f"The connection details are not valid: {reason}")
