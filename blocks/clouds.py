"""The block that says which clouds a run talks to, and as whom."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, Self

from prefect.blocks.core import Block
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

from blocks.checking import Answer, Checked, check_clouds
from unity_mirror.clouds import connect
from unity_mirror.errors import SettingsError
from unity_mirror.settings import Settings

LOGO_VARIABLE = "UNITY_MIRROR_LOGO_URL"
"""Where browsers find ``blocks/logo.svg``, when the block is registered: Prefect holds an address, never a picture."""


class Addresses(BaseModel):
    """Where the APIs are reached. All empty in the public cloud; the emulator and private links need them."""

    model_config = ConfigDict(extra="forbid")

    fabric: str | None = Field(default=None, title="Fabric", examples=["https://api.fabric.microsoft.com/v1"])
    powerbi: str | None = Field(default=None, title="Power BI", examples=["https://api.powerbi.com/v1.0/myorg"])
    arm: str | None = Field(default=None, title="Azure Resource Manager", examples=["https://management.azure.com"])
    authority: str | None = Field(default=None, title="Entra ID", examples=["https://login.microsoftonline.com"])
    databricks: str | None = Field(
        default=None, title="Databricks", description="Holds {workspace}.", examples=["https://{workspace}"]
    )
    dfs: str | None = Field(
        default=None,
        title="ADLS Gen2",
        description="Holds {account}.",
        examples=["https://{account}.dfs.core.windows.net"],
    )
    blob: str | None = Field(
        default=None,
        title="Blob storage",
        description="Holds {account}.",
        examples=["https://{account}.blob.core.windows.net"],
    )
    onelake: str | None = Field(default=None, title="OneLake", examples=["https://onelake.dfs.fabric.microsoft.com"])
    sql_server: str | None = Field(
        default=None,
        title="SQL analytics endpoints",
        description="One server for all of them, with a port after a comma; may hold {server}.",
        examples=["localhost,1433"],
    )


class UnityMirrorClouds(Block):
    """Which clouds a flow talks to, and the service principal that it signs in as.

    What is left empty comes from the worker's environment, as on the command line; without a service principal the run
    signs in as whatever identity azure-identity finds there, such as the machine's managed identity.

    ``check`` tries it out, and so does the deployment ``check-clouds``.
    """

    _block_type_name = "Unity Mirror Clouds"
    _block_type_slug = "unity-mirror-clouds"
    _description = (
        "Which clouds unity-mirror talks to, and the service principal that it signs in as. "
        "Try it out with the deployment check-clouds."
    )
    _documentation_url = HttpUrl("https://learn.microsoft.com/fabric/database/mirrored-database/azure-databricks")
    _code_example = """```python
from blocks import UnityMirrorClouds

clouds = await UnityMirrorClouds.aload("BLOCK_NAME")
print(await clouds.check())
```"""

    # Required, though it could default: where all fields of a block may be left out, Prefect takes a reference to a
    # block document for the block itself as well, and refuses a parameter that fits both.
    cloud: Literal["public", "usgov", "china"] = Field(
        title="Azure cloud", description="Public, US Government or China (21Vianet).", examples=["public"]
    )
    tenant_id: str | None = Field(
        default=None, title="Tenant id", description="Entra tenant of the service principal that runs unity-mirror."
    )
    client_id: str | None = Field(
        default=None, title="Client id", description="Application (client) id of that service principal."
    )
    client_secret: SecretStr | None = Field(
        default=None, title="Client secret", description="Its client secret; kept encrypted, never shown."
    )
    addresses: Addresses = Field(
        default_factory=Addresses,
        title="Addresses",
        description="Only where the APIs aren't at their public addresses, such as on the local emulator.",
    )
    ca_file: str | None = Field(
        default=None,
        title="Certificate authorities",
        description="Path, on the worker, of a PEM file with the authorities to trust.",
    )

    @model_validator(mode="after")
    def _whole_principal(self) -> Self:
        given = [self.tenant_id, self.client_id, self.client_secret]
        if any(given) and not all(given):
            raise ValueError("a service principal needs tenant_id, client_id and client_secret: give all three or none")
        return self

    @classmethod
    def _to_block_type(cls) -> Any:
        logo = os.environ.get(LOGO_VARIABLE)
        return super()._to_block_type().model_copy(update={"logo_url": HttpUrl(logo) if logo else None})

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """The block that holds what the environment says, as the command line reads it."""
        addresses = {name: environ.get(_url_variable(name)) for name in Addresses.model_fields}
        secret = environ.get("AZURE_CLIENT_SECRET")
        return cls.model_validate(
            {
                "cloud": environ.get("UNITY_MIRROR_CLOUD", "public"),
                "tenant_id": environ.get("AZURE_TENANT_ID"),
                "client_id": environ.get("AZURE_CLIENT_ID"),
                "client_secret": SecretStr(secret) if secret else None,
                "addresses": addresses,
                "ca_file": environ.get("SSL_CERT_FILE"),
            }
        )

    def variables(self) -> dict[str, str]:
        """This block as the environment variables that unity-mirror reads; what is empty is left out."""
        addresses = self.addresses.model_dump(exclude_none=True)
        held = {
            "UNITY_MIRROR_CLOUD": self.cloud,
            "AZURE_TENANT_ID": self.tenant_id,
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_CLIENT_SECRET": self.client_secret.get_secret_value() if self.client_secret else None,
            "SSL_CERT_FILE": self.ca_file,
            **{_url_variable(name): url for name, url in addresses.items()},
        }
        return {name: value for name, value in held.items() if value}

    async def check(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        databricks_workspace: str | None = None,
        storage_account: str | None = None,
    ) -> Checked:
        """Sign in with this block and ask each API something small. Writes nothing; what fails is told, not raised.

        Args:
            environ: What lies under the block; this process's environment when left out.
            databricks_workspace: URL of a workspace; Databricks isn't asked without.
            storage_account: Azure resource id of a storage account; Azure Resource Manager isn't asked without.
        """
        try:
            settings = self.settings(os.environ if environ is None else environ)
            async with connect(settings) as clouds:
                return await check_clouds(clouds.clients, databricks_workspace, storage_account)
        except SettingsError as error:
            return Checked((Answer("Settings", "failed", str(error)),))

    def settings(self, environ: Mapping[str, str]) -> Settings:
        """Settings from the environment with this block laid over it. Raises SettingsError for what can't be used."""
        return Settings.from_environment({**environ, **self.variables()})


def _url_variable(name: str) -> str:
    return "UNITY_MIRROR_SQL_SERVER" if name == "sql_server" else f"UNITY_MIRROR_{name.upper()}_URL"
