"""Azure's clouds: where each signs in, what its services are called, and by what an address shows its cloud.

Fabric's own addresses outside the public cloud aren't documented with the API: settings have to name them there.
Databricks and Azure Storage take tokens of the same audience in every cloud.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AzureCloud:
    """One cloud. ``key`` is what UNITY_MIRROR_CLOUD calls it, ``cli`` what the Azure CLI does; addresses have no slash
    at the end."""

    key: str
    name: str
    cli: str
    authority: str
    arm: str
    powerbi: str
    powerbi_scope: str
    sql_scope: str
    storage_suffix: str
    databricks_suffix: str
    fabric: str = ""
    onelake: str = ""


PUBLIC = AzureCloud(
    key="public",
    name="public",
    cli="AzureCloud",
    authority="https://login.microsoftonline.com",
    arm="https://management.azure.com",
    powerbi="https://api.powerbi.com/v1.0/myorg",
    powerbi_scope="https://analysis.windows.net/powerbi/api/.default",
    sql_scope="https://database.windows.net/.default",
    storage_suffix="core.windows.net",
    databricks_suffix="azuredatabricks.net",
    fabric="https://api.fabric.microsoft.com/v1",
    onelake="https://onelake.dfs.fabric.microsoft.com",
)
US_GOVERNMENT = AzureCloud(
    key="usgov",
    name="US Government",
    cli="AzureUSGovernment",
    authority="https://login.microsoftonline.us",
    arm="https://management.usgovcloudapi.net",
    powerbi="https://api.powerbigov.us/v1.0/myorg",
    powerbi_scope="https://analysis.usgovcloudapi.net/powerbi/api/.default",
    sql_scope="https://database.usgovcloudapi.net/.default",
    storage_suffix="core.usgovcloudapi.net",
    databricks_suffix="databricks.azure.us",
)
CHINA = AzureCloud(
    key="china",
    name="China",
    cli="AzureChinaCloud",
    authority="https://login.chinacloudapi.cn",
    arm="https://management.chinacloudapi.cn",
    powerbi="https://api.powerbi.cn/v1.0/myorg",
    powerbi_scope="https://analysis.chinacloudapi.cn/powerbi/api/.default",
    sql_scope="https://database.chinacloudapi.cn/.default",
    storage_suffix="core.chinacloudapi.cn",
    databricks_suffix="databricks.azure.cn",
)
CLOUDS = (PUBLIC, US_GOVERNMENT, CHINA)


def cloud_of(host: str) -> AzureCloud | None:
    """The cloud that a storage account's or Databricks workspace's host is in; ``None`` for any other host."""
    ends = host.lower()
    return next(
        (cloud for cloud in CLOUDS if ends.endswith((f".{cloud.storage_suffix}", f".{cloud.databricks_suffix}"))), None
    )
