"""What surrounds a catalog and can stand in the way: regions, IP access lists, workspace storage, our own rights."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unity_mirror.models.fabric import Capacity
from unity_mirror.models.storage import StorageUrl
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.model import Check, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.plan.regions import AS_OF, mirrors_databricks
from unity_mirror.plan.selection import location_of
from unity_mirror.spec import CatalogSpec

# Databricks names the account of a workspace's own storage (DBFS root) so; it lies in a managed resource group.
_WORKSPACE_STORAGE = re.compile(r"dbstorage[a-z0-9]+")


def region_notes(capacity: Capacity | None) -> tuple[str, ...]:
    """A warning for a capacity in a region that isn't on the dated list."""
    if capacity is None or not capacity.region or mirrors_databricks(capacity.region):
        return ()
    note = (
        f"The capacity is in {capacity.region}, which wasn't on Fabric's list of regions for mirrored Databricks "
        f"catalogs in {AS_OF}: look whether it is by now."
    )
    return (note,)


def folder_notes(spec: CatalogSpec, selected: Sequence[Table]) -> tuple[str, ...]:
    """The folder to use where the spec opens a whole account or container (recommended: a folder)."""
    if spec.storage is None or spec.storage.location.folder:
        return ()
    folder = common_folder(spec.storage.location, selected)
    if folder == str(spec.storage.location):
        return ()
    return (f"storage.url opens more than the selected tables need: {folder} holds all of them.",)


def common_folder(location: StorageUrl, selected: Sequence[Table]) -> str:
    """The deepest folder that holds every selected table of the account; the account where there is none."""
    places = [place for table in selected if (place := location_of(table)) and place.account == location.account]
    root = f"https://{location.host}"
    if len({place.container for place in places}) != 1:
        return root
    common: list[str] = []
    for parts in zip(*(place.folder.split("/")[:-1] for place in places), strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return "/".join([root, places[0].container, *common])


def ip_access_lists(spec: CatalogSpec, enabled: bool | None) -> Check:
    """IP access lists of the Databricks workspace aren't supported: Fabric's addresses change."""
    title = "The Databricks workspace has no IP access lists"
    scope = Scope(ScopeKind.CATALOG, spec.catalog)
    if enabled is None:
        evidence = "only admins of the Databricks workspace may look"
        remedy = Remedy("A workspace admin looks whether IP access lists are on:", (_STATUS,))
        return Check("ip_access_lists", title, scope, Outcome.UNKNOWN, evidence, remedy)
    if not enabled:
        return Check("ip_access_lists", title, scope, Outcome.PASSED, "enableIpAccessLists is off")
    evidence = "enableIpAccessLists is on, and mirrored catalogs don't support it"
    remedy = Remedy("A workspace admin turns IP access lists off:", (_OFF,))
    return Check("ip_access_lists", title, scope, Outcome.FAILED, evidence, remedy)


_STATUS = "databricks workspace-conf get-status enableIpAccessLists"
_OFF = """databricks workspace-conf set-status --json '{"enableIpAccessLists": "false"}'"""


def workspace_storage(spec: CatalogSpec) -> Check | None:
    """A workspace's own storage (DBFS root) behind a firewall isn't supported (S17)."""
    if spec.storage is None or not _WORKSPACE_STORAGE.fullmatch(spec.storage.location.account):
        return None
    remedy = Remedy("Move the tables to a storage account of your own, as an external location or managed storage.")
    evidence = f"{spec.storage.location.account} is the Databricks workspace's own storage (DBFS root)"
    title = "The tables aren't in the Databricks workspace's own storage"
    return Check("workspace_storage", title, Scope(ScopeKind.CATALOG, spec.catalog), Outcome.FAILED, evidence, remedy)
