"""How a Fabric connection signs in: a union by ``kind`` for Databricks, another for storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from unity_mirror.spec.base import SpecPart, refuse
from unity_mirror.spec.secrets import SecretRef
from unity_mirror.spec.values import Guid, NonEmpty

_KIND = "How the connection signs in."
_PRINCIPAL = (
    "Who the connection signs in as, where Unity Catalog shall be asked for its privileges: "
    "an application (client) id or a user's e-mail address."
)
_SECRET_EXAMPLES = [{"env": "SALES_DATABRICKS_SECRET"}, {"block": "sales-databricks"}]


class ServicePrincipalAuth(SpecPart, title="Service principal"):
    """An Entra application with a client secret."""

    kind: Literal["service_principal"] = Field(title="Kind", description=_KIND, examples=["service_principal"])
    tenant_id: Guid = Field(
        title="Tenant",
        description="Entra tenant of the application.",
        examples=["72f988bf-0000-4000-8000-00000000c0de"],
    )
    client_id: Guid = Field(
        title="Application (client) id",
        description="Unity Catalog grants name a service principal by this id.",
        examples=["11110000-0000-4000-8000-00000000a001"],
    )
    object_id: Guid | None = Field(
        default=None,
        title="Object id of the service principal",
        description="Azure role assignments and storage ACLs name a service principal by this id, the one under "
        "Enterprise applications. Looked up when left out.",
        examples=["22220000-0000-4000-8000-00000000b001"],
    )
    secret: SecretRef = Field(
        title="Client secret",
        description="Where the application's secret is kept; never the secret.",
        examples=_SECRET_EXAMPLES,
    )

    @model_validator(mode="after")
    def _ids_differ(self) -> ServicePrincipalAuth:
        if self.object_id == self.client_id:
            raise refuse(
                "the object id equals the client id, and no service principal has them equal",
                "take the object id from Entra's Enterprise applications page, or leave it out",
                at="object_id",
            )
        return self


class PersonalAccessTokenAuth(SpecPart, title="Access token"):
    """A Databricks personal access token."""

    kind: Literal["personal_access_token"] = Field(title="Kind", description=_KIND, examples=["personal_access_token"])
    secret: SecretRef = Field(
        title="Token", description="Where the token is kept; never the token.", examples=_SECRET_EXAMPLES
    )
    principal: NonEmpty | None = Field(
        default=None, title="Principal", description=_PRINCIPAL, examples=["etl@contoso.com"]
    )


class SasAuth(SpecPart, title="Shared access signature"):
    """A shared access signature of the storage account."""

    kind: Literal["sas"] = Field(title="Kind", description=_KIND, examples=["sas"])
    secret: SecretRef = Field(
        title="Shared access signature",
        description="Where the SAS token is kept; never the token.",
        examples=_SECRET_EXAMPLES,
    )


class WorkspaceIdentityAuth(SpecPart, title="Workspace identity"):
    """The identity of the Fabric workspace that uses the connection: no secret at all. Recommended for storage."""

    kind: Literal["workspace_identity"] = Field(title="Kind", description=_KIND, examples=["workspace_identity"])


class ExistingAuth(SpecPart, title="Existing connection"):
    """Only reuse a connection that is there, whatever it signs in with; never create one."""

    kind: Literal["existing"] = Field(title="Kind", description=_KIND, examples=["existing"])
    principal: NonEmpty | None = Field(
        default=None, title="Principal", description=_PRINCIPAL, examples=["etl@contoso.com"]
    )
    object_id: Guid | None = Field(
        default=None,
        title="Object id of the principal",
        description="Entra object id of who the connection signs in as, where Azure rights shall be checked.",
        examples=["22220000-0000-4000-8000-00000000b001"],
    )


_PERSON = "an organizational account signs in through a person's browser, which no API can do"
_REUSE = "make the connection in Fabric's portal, give its name or id here and set {kind: existing}"
NOT_FOR_DATABRICKS: Mapping[str, tuple[str, str]] = {
    "workspace_identity": (
        "Fabric's Azure Databricks connections can't sign in with a workspace identity; only storage connections can",
        "use service_principal (recommended), personal_access_token or existing",
    ),
    "sas": (
        "a shared access signature opens a storage account, not a Databricks workspace",
        "use service_principal (recommended), personal_access_token or existing",
    ),
    "organizational_account": (_PERSON, _REUSE),
}
NOT_FOR_STORAGE: Mapping[str, tuple[str, str]] = {
    "personal_access_token": (
        "a personal access token opens a Databricks workspace, not a storage account",
        "use workspace_identity (recommended), service_principal, sas or existing",
    ),
    "account_key": (
        "an account key opens the whole account past every ACL, and mirroring needs only to read one folder",
        "use workspace_identity (recommended), service_principal, sas or existing",
    ),
    "organizational_account": (_PERSON, _REUSE),
}


def _kinds_refused(reasons: Mapping[str, tuple[str, str]]) -> Callable[[Any], Any]:
    """A validator that says why a known kind can't serve here, where pydantic would only list the others."""

    def check(value: Any) -> Any:
        kind = value.get("kind") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in reasons:
            message, hint = reasons[kind]
            raise refuse(message, hint, at="kind")
        return value

    return check


DatabricksAuth = Annotated[
    ServicePrincipalAuth | PersonalAccessTokenAuth | ExistingAuth,
    Field(discriminator="kind"),
    BeforeValidator(_kinds_refused(NOT_FOR_DATABRICKS)),
]
"""How a Databricks connection signs in."""
StorageAuth = Annotated[
    WorkspaceIdentityAuth | ServicePrincipalAuth | SasAuth | ExistingAuth,
    Field(discriminator="kind"),
    BeforeValidator(_kinds_refused(NOT_FOR_STORAGE)),
]
"""How a storage connection signs in."""
