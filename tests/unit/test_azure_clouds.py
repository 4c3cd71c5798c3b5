"""One table of Azure's clouds: what settings take from it, and that a spec can't be of another cloud than they."""

from __future__ import annotations

import pytest

from unity_mirror.errors import SettingsError
from unity_mirror.models.azure_clouds import CLOUDS, AzureCloud, cloud_of
from unity_mirror.settings import Settings
from unity_mirror.spec.urls import azure_cloud


def settings_of(cloud: AzureCloud) -> Settings:
    fabric = {"UNITY_MIRROR_FABRIC_URL": "https://fabric.example/v1", "UNITY_MIRROR_ONELAKE_URL": "https://one.example"}
    return Settings.from_environment({"UNITY_MIRROR_CLOUD": cloud.key, **(fabric if not cloud.fabric else {})})


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.key)
def test_everything_of_a_cloud_comes_from_the_table(cloud: AzureCloud) -> None:
    settings = settings_of(cloud)
    assert settings.endpoints.authority == cloud.authority
    assert settings.endpoints.arm == cloud.arm
    assert settings.endpoints.dfs_url("lake") == f"https://lake.dfs.{cloud.storage_suffix}"
    assert settings.scopes.arm == f"{cloud.arm}/.default"
    assert settings.scopes.powerbi == cloud.powerbi_scope
    assert settings.scopes.sql == cloud.sql_scope
    assert settings.is_public_authority


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.key)
def test_a_workspace_of_another_cloud_is_refused_before_anything_is_sent(cloud: AzureCloud) -> None:
    for other in CLOUDS:
        host = f"adb-1.1.{other.databricks_suffix}"
        assert cloud_of(host) == other
        assert azure_cloud(f"https://{host}") == other.name
        if other == cloud:
            assert settings_of(cloud).endpoints.databricks_url(f"https://{host}") == f"https://{host}"
        else:
            with pytest.raises(SettingsError, match=other.name) as refused:
                settings_of(cloud).endpoints.databricks_url(f"https://{host}")
            assert refused.value.remedy == f"set UNITY_MIRROR_CLOUD to {other.key}"


def test_any_other_host_is_in_no_cloud() -> None:
    assert cloud_of("lake.example") is None
