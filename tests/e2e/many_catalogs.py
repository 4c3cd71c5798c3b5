"""The scaled set-up on a cloud with many small catalogs, and a fleet of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from cloud_emulator.core.cloud import open_cloud
from cloud_emulator.seeds.contoso.catalogs import SALES_HOST
from cloud_emulator.seeds.contoso.identities import HR_READER, SALES_READER, TENANT
from cloud_emulator.seeds.loading import fill
from deploy.local.layout import Layout
from deploy.local.supervision import down
from deploy.scaled.databases import postgres_folder
from deploy.scaled.layout import scaled_layout
from deploy.scaled.secrets import sign_in_file
from deploy.scaled.stack import up
from tasks.lease import LEASE_VARIABLE
from tests.coverage_rows import ROOT
from tests.e2e.driver import METASTORE, Driver
from tests.onboarding.sizes import add_catalog, spec_of

TOLD_BY_HAND = 3
"""Catalogs whose runs the test starts itself; the watch finds the others."""
_QUICK = {"long_running": "immediate", "operation_seconds": 0, "sync_seconds": 0, "sql_endpoint_seconds": 0}


def catalog_names(count: int) -> list[str]:
    """The small catalogs of the test."""
    return [f"many_{number:02}" for number in range(1, count + 1)]


def prepare_cloud(folder: Path, count: int) -> None:
    """The sample cloud with small catalogs besides, in the folder where the stack's emulator will find it."""
    cloud = open_cloud(folder)
    fill(cloud, "contoso")
    for name in catalog_names(count):
        add_catalog(cloud, name, schemas=1, tables_each=2)
        grants = cloud.table("unity_catalog.grants")
        held = grants[f"{METASTORE}/CATALOG/{name}"]["grants"]
        both = {**held, SALES_READER.app_id: held[HR_READER.app_id]}
        grants[f"{METASTORE}/CATALOG/{name}"] = {"grants": both}
    cloud.save_seed()
    cloud.close()


@contextmanager
def scaled(data: Path, catalogs: int, lease_seconds: float | None = None) -> Iterator[Driver]:
    """The scaled set-up on a cloud with so many catalogs; whatever was started of it is stopped in the end.

    Its workers hold leases of so many seconds, or of as many as are deployed.
    """
    layout = scaled_layout(Layout(ROOT, data))
    layout.data.mkdir(parents=True)
    prepare_cloud(layout.cloud, catalogs)
    try:
        up(layout, print, {LEASE_VARIABLE: str(lease_seconds)} if lease_seconds else {})
        user, _, password = sign_in_file(layout).read_text().partition(":")
        driver = Driver(layout, (user, password))
        driver.emulator("PUT", "/settings", _QUICK)
        yield driver
    finally:
        down(layout)
        shutil.rmtree(postgres_folder(layout).resolve(), ignore_errors=True)


def write_fleet(path: Path) -> str:
    """A fleet of the catalogs that nobody tells by hand, seen through another workspace of theirs; gives its file."""
    auth = {
        "kind": "service_principal",
        "tenant_id": TENANT,
        "client_id": SALES_READER.app_id,
        "secret": {"env": "SALES_DATABRICKS_SECRET"},
    }
    connection = {"name": "databricks-many", "auth": auth}
    databricks = {"workspace": f"https://{SALES_HOST}", "connection": connection}
    fleet = {
        "kind": "fleet",
        "defaults": {"databricks": databricks, "fabric": spec_of("any")["fabric"]},
        "discover": {"include": ["many_*"], "exclude": catalog_names(TOLD_BY_HAND)},
    }
    path.write_text(yaml.safe_dump(fleet))
    return str(path)
