"""The two Fabric connections that a spec names: to the Databricks workspace and, behind a firewall, to the storage."""

from __future__ import annotations

from pydantic import Field, model_validator

from unity_mirror.models.storage import StorageUrl
from unity_mirror.spec.auth import DatabricksAuth, StorageAuth, WorkspaceIdentityAuth
from unity_mirror.spec.base import SpecPart, refuse
from unity_mirror.spec.sharing import ConnectionShare
from unity_mirror.spec.urls import (
    AdlsUrl,
    DatabricksWorkspaceId,
    DatabricksWorkspaceUrl,
    StorageAccountId,
    resource_name,
)
from unity_mirror.spec.values import ConnectionName, Guid, NonEmpty

_RESOURCES = "/subscriptions/5b1f0000-0000-4000-8000-000000000001/resourceGroups/contoso-data/providers"


class ConnectionRef(SpecPart):
    """A connection in Fabric, by name or by id."""

    name: ConnectionName | None = Field(
        default=None,
        title="Name",
        description="Display name of the connection: reused when there is one, else given to the one that is made.",
        examples=["databricks-sales"],
    )
    id: Guid | None = Field(
        default=None,
        title="Id",
        description="Id of a connection that is there; it is reused, never made.",
        examples=["33330000-0000-4000-8000-00000000c001"],
    )

    share: tuple[ConnectionShare, ...] = Field(
        default=(),
        title="Share with",
        description="Who else gets a role on the connection. Roles that others hold on it stay as they are.",
        examples=[[{"id": "44440000-0000-4000-8000-00000000d001", "type": "Group", "role": "User"}]],
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> ConnectionRef:
        if self.name is not None and self.id is not None:
            raise refuse("the connection is named twice, by name and by id", "keep one of them", at="id")
        return self


class DatabricksConnection(ConnectionRef):
    """Fabric's connection to the Databricks workspace. With no name or id, one with the workspace's URL is reused."""

    auth: DatabricksAuth | None = Field(
        default=None,
        title="Sign-in",
        description="How the connection signs in. Needed only when there is none to reuse.",
        examples=[{"kind": "existing"}],
    )

    gateway: NonEmpty | None = Field(
        default=None,
        title="Virtual network data gateway",
        description="Name or id of the gateway through which the connection reaches a workspace behind a private "
        "endpoint. Left out: the only one that we may use and that serves no other workspace.",
        examples=["contoso-vnet-gateway"],
    )

    @property
    def principal(self) -> str | None:
        """Who Unity Catalog sees: an application id or a user's e-mail address; None where the spec doesn't tell."""
        if self.auth is None:
            return None
        return self.auth.client_id if self.auth.kind == "service_principal" else self.auth.principal


class DatabricksSpec(SpecPart):
    """The Databricks workspace through which Fabric reads the catalog."""

    workspace: DatabricksWorkspaceUrl = Field(
        title="Workspace URL",
        description="URL of the Azure Databricks workspace, without a path.",
        examples=["https://adb-1234567890123456.7.azuredatabricks.net"],
    )
    resource_id: DatabricksWorkspaceId | None = Field(
        default=None,
        title="Azure resource id",
        description="Lets the prerequisite checks see whether the workspace is behind a private endpoint.",
        examples=[
            f"{_RESOURCES}/Microsoft.Databricks/workspaces/contoso-sales",
        ],
    )
    connection: DatabricksConnection = Field(
        default=DatabricksConnection(),
        title="Fabric connection",
        description="The connection to reuse or to make. Left out: one with this workspace's URL is reused.",
        examples=[{"name": "databricks-sales"}],
    )


class StorageSpec(SpecPart):
    """The catalog's storage. Only needed when it is behind a firewall; else Unity Catalog vends access to it."""

    url: AdlsUrl = Field(
        title="Storage URL",
        description="Data Lake URL of the folder (recommended), container or account that holds the catalog's tables.",
        examples=["https://contosolake.dfs.core.windows.net/lake/sales"],
    )
    auth: StorageAuth = Field(
        default=WorkspaceIdentityAuth(kind="workspace_identity"),
        title="Sign-in",
        description="How the storage connection signs in. The workspace identity needs no secret.",
        examples=[{"kind": "workspace_identity"}],
    )
    resource_id: StorageAccountId | None = Field(
        default=None,
        title="Azure resource id",
        description="Resource id of the storage account; needed to grant rights on it and for trusted access.",
        examples=[
            f"{_RESOURCES}/Microsoft.Storage/storageAccounts/contosolake",
        ],
    )
    trusted_access: bool = Field(
        default=False,
        title="Trusted workspace access",
        description="Keep a rule on the account that admits the Fabric workspace through its firewall.",
        examples=[True],
    )
    used_outside_item: bool = Field(
        default=False,
        title="Used outside the item",
        description="Whether the storage connection also serves other things, such as lakehouse shortcuts: then its "
        "principal also needs Storage Blob Delegator on the account.",
        examples=[False],
    )
    connection: ConnectionRef = Field(
        default=ConnectionRef(),
        title="Fabric connection",
        description="The connection to reuse or to make. Left out: one with this URL is reused.",
        examples=[{"name": "adls-sales"}],
    )

    @property
    def location(self) -> StorageUrl:
        """Account, container and folder of the URL."""
        return StorageUrl.parse(self.url)

    @model_validator(mode="after")
    def _resource_is_the_account(self) -> StorageSpec:
        if self.resource_id is None and self.trusted_access:
            raise refuse(
                "trusted access is a rule on the storage account, and the account's resource id isn't given",
                "add resource_id, or set trusted_access: false",
                at="resource_id",
            )
        named = resource_name(self.resource_id) if self.resource_id else self.location.account
        if named.lower() != self.location.account:
            raise refuse(
                f"the URL is of account {self.location.account!r}, storage.resource_id of {named!r}",
                "both have to name the same storage account",
                at="url",
            )
        return self
