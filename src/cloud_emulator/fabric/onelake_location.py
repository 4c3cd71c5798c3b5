"""Where a mirrored table really lies, as whom OneLake reads it there, and whether it can."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections
from cloud_emulator.fabric.connection_types import DATABRICKS, STORAGE
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.items import ITEMS
from cloud_emulator.fabric.mirror_sources import connection_of
from cloud_emulator.storage import access as storage
from cloud_emulator.storage import files
from cloud_emulator.storage.access import Denial, Source
from cloud_emulator.unity_catalog import access as unity_catalog


@dataclass(frozen=True, slots=True)
class Location:
    """Where a path really lies in ADLS, and as whom and from where OneLake reads it.

    ``object_id`` is ``None`` for credentials that are rights themselves: vended by Unity Catalog, a key, a signature.
    """

    account: str
    container: str
    path: str
    object_id: str | None
    source: Source


class OneLakeDenied(Exception):
    """OneLake refuses."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(f"{denial.status} {denial.code}: {denial.message}")
        self.denial = denial


def locate(cloud: Cloud, table: Document, rest: Iterable[str] = ()) -> Location:
    """Where a mirrored table, or a path in it, lies.

    Raises :class:`OneLakeDenied` when OneLake has no way to read it: the connection's credentials are no longer good,
    or Unity Catalog vends none.
    """
    path = "/".join((table["path"], *rest)).strip("/")
    item = cloud.table(ITEMS)[table["itemId"]]
    try:
        identity, source = _as_whom(cloud, item, table)
    except FabricError as error:
        raise denied(403, "AuthorizationFailure", error.message) from error
    return Location(table["account"], table["container"], path, identity, source)


def unreadable(cloud: Cloud, location: Location) -> Denial | None:
    """Why OneLake can't read what lies there, or ``None``: storage refuses, or there is no Delta table."""
    log = f"{location.path}/_delta_log"
    denial = storage.check(
        cloud, object_id=location.object_id, account=location.account, container=location.container, path=log,
        want="list", source=location.source,
    )  # fmt: skip
    if denial is None and not files.children(cloud, location.account, location.container, log):
        return Denial(404, "PathNotFound", f"There is no Delta table at {location.container}/{location.path}.")
    return denial


def denied(status: int, code: str, message: str) -> OneLakeDenied:
    """A refusal."""
    return OneLakeDenied(Denial(status, code, message))


def missing(path: str) -> OneLakeDenied:
    """404 for a path."""
    return denied(404, "PathNotFound", f"The specified path does not exist: {path}")


def _as_whom(cloud: Cloud, item: Document, table: Document) -> tuple[str | None, Source]:
    properties, workspace_id = item["properties"], item["workspaceId"]
    if properties.get("storageConnectionId") is None:
        databricks = connection_of(cloud, properties["databricksWorkspaceConnectionId"], DATABRICKS)
        host, principal = connections.databricks_principal(cloud, databricks)
        refusal = unity_catalog.vend(cloud, host, principal, table["fullName"])
        if refusal is not None and cloud.rules.on("fabric.mirror.vended"):
            raise denied(403, "AuthorizationFailure", f"Unity Catalog vended no credentials: {refusal.message}")
        return None, Source(None)
    storage_connection = connection_of(cloud, properties["storageConnectionId"], STORAGE)
    trusted = workspace_id if connections.is_trusted(cloud, workspace_id) else None
    return connections.storage_identity(cloud, storage_connection, workspace_id), Source(None, trusted)
