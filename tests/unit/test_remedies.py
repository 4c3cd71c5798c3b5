"""Remedies name the addresses of the spec's own cloud, whichever it is."""

from __future__ import annotations

import shlex
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import pytest

from unity_mirror.models.azure_clouds import CHINA, CLOUDS, PUBLIC, US_GOVERNMENT, AzureCloud
from unity_mirror.models.storage import Acl, StorageUrl
from unity_mirror.models.unity_catalog import MetastoreSummary
from unity_mirror.plan.model import Remedy
from unity_mirror.spec import CatalogSpec, ConnectionShare, load_spec
from unity_mirror.steps import remedies
from unity_mirror.steps.context import Context

GROUP = "/subscriptions/5b1f0000-0000-4000-8000-000000000001/resourceGroups/g"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/lake"
PRINCIPAL = "22220000-0000-4000-8000-00000000b001"
FABRIC = "https://fabric.example/v1"


def spec_in(cloud: AzureCloud) -> CatalogSpec:
    document = {
        "kind": "catalog",
        "catalog": "sales",
        "databricks": {"workspace": f"https://adb-1234567890123456.7.{cloud.databricks_suffix}"},
        "fabric": {"workspace": "Sales"},
        "storage": {
            "url": f"https://lake.dfs.{cloud.storage_suffix}/lake/sales",
            "auth": {"kind": "workspace_identity"},
            "resource_id": ACCOUNT,
        },
    }
    return load_spec(document, environ={})


def every_remedy(cloud: AzureCloud) -> list[Remedy]:
    """One of each kind, made as the steps make them."""
    spec = spec_in(cloud)
    fabric = SimpleNamespace(base_url=FABRIC)
    context = cast("Context", SimpleNamespace(spec=spec, clients=SimpleNamespace(fabric=fabric)))
    here = remedies.cloud_for(context)
    place: Any = spec.storage.location if spec.storage else None
    assert isinstance(place, StorageUrl)
    acl = Acl.parse("user::rwx,group::r-x,other::---")
    share = ConnectionShare.model_validate({"id": PRINCIPAL, "type": "Group", "role": "User"})
    return [
        remedies.enable_external_access(spec, MetastoreSummary(metastore_id="m")),
        remedies.grant(spec, "SCHEMA", "sales.orders", "reader", "EXTERNAL USE SCHEMA"),
        remedies.assign_role(ACCOUNT, PRINCIPAL, PRINCIPAL, "Storage Blob Delegator", here),
        remedies.set_acl(place, "sales", acl, PRINCIPAL, f"user:{PRINCIPAL}:r-x", recursive=True),
        remedies.grant_folder(place, PRINCIPAL),
        remedies.add_network_rule(ACCOUNT, PRINCIPAL, "/workspaces/w", {}, here),
        remedies.provision_identity("w", here),
        remedies.add_contributor("w", PRINCIPAL, here),
        remedies.share_connection("c", share, here),
        remedies.admit_us(spec),
    ]


def addresses(remedy: Remedy) -> list[str]:
    return [*(call.url for call in remedy.calls), *remedy.commands, remedy.text]


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.key)
def test_every_address_is_of_the_specs_cloud(cloud: AzureCloud) -> None:
    foreign = {
        name
        for other in CLOUDS
        if other != cloud
        for name in (other.arm, other.storage_suffix, other.databricks_suffix, other.fabric)
        if name
    }
    for remedy in every_remedy(cloud):
        assert not [text for text in addresses(remedy) for name in foreign if name in text]
    urls = [call.url for remedy in every_remedy(cloud) for call in remedy.calls]
    hosts = {cloud.arm, cloud.fabric or FABRIC, f"https://lake.dfs.{cloud.storage_suffix}"}
    hosts.add(f"https://adb-1234567890123456.7.{cloud.databricks_suffix}")
    assert {host for host in hosts if any(url.startswith(f"{host}/") for url in urls)} == hosts
    assert all(any(url.startswith(f"{host}/") for host in hosts) for url in urls)


@pytest.mark.parametrize("cloud", [US_GOVERNMENT, CHINA], ids=lambda cloud: cloud.key)
def test_the_azure_cli_is_told_of_another_cloud_first(cloud: AzureCloud) -> None:
    for remedy in every_remedy(cloud):
        if any(command.startswith("az ") for command in remedy.commands):
            assert remedy.commands[0] == f"az cloud set --name {cloud.cli}"
    assert not [each for remedy in every_remedy(PUBLIC) for each in remedy.commands if "az cloud set" in each]


HOSTILE = "it's `x`; $(touch gone) \"#%?"


def test_a_path_stays_one_word_of_the_command_and_one_path_of_the_request() -> None:
    """Whoever may write to the lake names its files, and an administrator pastes the command."""
    place = StorageUrl("lake", "data", HOSTILE)
    acl = Acl.parse("user::rwx,group::r-x,other::---")
    for found in (
        remedies.set_acl(place, HOSTILE, acl, PRINCIPAL, "", recursive=False),
        remedies.grant_folder(place, PRINCIPAL),
    ):
        words = shlex.split(found.commands[-1])
        assert words[words.index("--path") + 1] == HOSTILE
    (call,) = remedies.set_acl(place, HOSTILE, acl, PRINCIPAL, "", recursive=False).calls
    parts = urlsplit(call.url)
    assert (unquote(parts.path), parts.query) == (f"/data/{HOSTILE}", "action=setAccessControl")


def test_names_in_a_grant_stay_within_their_quotes() -> None:
    found = remedies.grant(spec_in(PUBLIC), "SCHEMA", "sales.o`d#d", "team `a`; DROP", "SELECT")
    assert found.commands == ("GRANT SELECT ON SCHEMA `sales`.`o``d#d` TO `team ``a``; DROP`;",)
    assert found.calls[0].url.endswith("/permissions/schema/sales.o%60d%23d")
