"""What Direct Lake refuses of a table by its Delta log.

[D] Delta Lake interoperability, edition of April 2025, and the guardrails of the Direct Lake overview, 2026. Where
those say nothing of a feature (V2 checkpoints), the table is refused: permitting more than the service
does is the worse fault.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import delta_log
from cloud_emulator.fabric.items import CAPACITIES
from cloud_emulator.fabric.onelake_location import Location
from cloud_emulator.fabric.permissions import WORKSPACES
from cloud_emulator.storage import files

UNREADABLE: Mapping[str, str] = {
    "timestampNtz": "columns of the type TIMESTAMP_NTZ",
    "v2Checkpoint": "V2 checkpoints",
    "typeWidening": "type widening",
    "collations": "collations",
    "variantType": "the type VARIANT",
    "variantShredding": "the type VARIANT",
    "catalogManaged": "catalog-managed commits",
    "catalogOwned": "catalog-managed commits",
    "coordinatedCommits": "coordinated commits",
}
"""Features of the Delta protocol, without ``-preview``."""
_SMALL = frozenset({"F2", "F4", "F8", "F16", "F32"})
_LARGE = frozenset({"F512", "F1024", "F2048", "P4", "P5"})


def refusal(cloud: Cloud, place: Location, workspace_id: str, *, through_sql: bool) -> str | None:
    """Why the table that lies there can't be framed for a model of a workspace, or ``None``.

    ``through_sql``: the model reads it from the SQL endpoint, which has to read it too; past the guardrails it falls
    back to DirectQuery.
    """
    try:
        state = delta_log.read_state(cloud, place)
    except (ValueError, KeyError) as error:
        return f"its Delta log can't be read: {error}"
    if state is None:
        return None
    found = sorted(feature.removesuffix("-preview") for feature in state.features)
    named = next((UNREADABLE[feature] for feature in found if feature in UNREADABLE), None)
    if named is None and state.properties.get("delta.universalFormat.enabledFormats"):
        named = "UniForm"
    if named is not None:
        return f"Direct Lake does not read Delta tables with {named}."
    if through_sql:
        hindrance = state.unreadable()
        return f"The SQL analytics endpoint can't read Delta tables with {hindrance}." if hindrance else None
    number, most = _file_count(cloud, place), _most_files(cloud, workspace_id)
    return f"it has {number} files; the capacity takes {most} for each table." if number > most else None


def _most_files(cloud: Cloud, workspace_id: str) -> int:
    capacity = cloud.table(CAPACITIES).get(cloud.table(WORKSPACES)[workspace_id].get("capacityId") or "") or {}
    sku = str(capacity.get("sku", "")).upper()
    return 1_000 if sku in _SMALL else 10_000 if sku in _LARGE else 5_000


def _file_count(cloud: Cloud, place: Location) -> int:
    """Files in the table's latest version, by its commits; what only a checkpoint remembers isn't counted."""
    live: set[str] = set()
    for node in sorted(
        files.children(cloud, place.account, place.container, f"{place.path}/_delta_log"), key=lambda each: each["path"]
    ):
        name = str(node["path"]).rpartition("/")[2]
        if delta_log.log_version(name) is None or not name.endswith(".json"):
            continue
        for line in filter(None, files.content(cloud, node).splitlines()):
            action = orjson.loads(line)
            live |= {each["path"] for each in [action.get("add")] if each}
            live -= {each["path"] for each in [action.get("remove")] if each}
    return len(live)
