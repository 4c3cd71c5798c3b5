"""What Direct Lake refuses of a table by its Delta log.

[D] Delta Lake interoperability, edition of April 2025, and the guardrails of the Direct Lake overview, 2026. Where
those say nothing of a feature (V2 checkpoints), the table is refused: permitting more than the service
does is the worse fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import delta_log
from cloud_emulator.fabric.items import CAPACITIES
from cloud_emulator.fabric.onelake_location import Location
from cloud_emulator.fabric.permissions import WORKSPACES
from cloud_emulator.storage import files

_GB = 1024**3
_ANY_CAPACITY = 10_000
"""Files past which no model is framed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a capacity takes of one table: files (and row groups) and millions of rows; and GB of a whole model."""

    files: int
    millions: int
    model_gb: int | None = None


_LIMITS = {
    **dict.fromkeys(("F2", "F4", "F8"), Limits(1_000, 300, 10)),
    "F16": Limits(1_000, 300, 20),
    "F32": Limits(1_000, 300, 40),
    **dict.fromkeys(("F128", "P2"), Limits(5_000, 3_000)),
    **dict.fromkeys(("F256", "P3"), Limits(5_000, 6_000)),
    **dict.fromkeys(("F512", "P4"), Limits(10_000, 12_000)),
    **dict.fromkeys(("F1024", "F2048", "P5"), Limits(10_000, 24_000)),
}
_OTHER = Limits(5_000, 1_500)


@dataclass(frozen=True, slots=True)
class Content:
    """The files of a table's latest version, by path: their ``add`` actions."""

    added: Mapping[str, Mapping[str, Any]]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(int(each.get("size") or 0) for each in self.added.values())

    @property
    def rows(self) -> int:
        """Rows, as far as statistics tell."""
        return sum(_rows(each) for each in self.added.values())


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
    named = next((delta_log.UNREADABLE[feature] for feature in found if feature in delta_log.UNREADABLE), None)
    if named is None and state.properties.get("delta.universalFormat.enabledFormats"):
        named = "UniForm"
    named = named or state.unheard_of(delta_log.UNREADABLE)
    if named is not None:
        return f"Direct Lake does not read Delta tables with {named}."
    hindrance = state.unreadable() if through_sql else None
    if hindrance:
        return f"The SQL analytics endpoint can't read Delta tables with {hindrance}."
    return _past_limits(cloud, place, workspace_id, through_sql=through_sql)


def too_large(cloud: Cloud, places: list[Location], workspace_id: str) -> str | None:
    """Why a model over these tables is more than its capacity takes, or ``None``."""
    most = _limits(cloud, workspace_id).model_gb
    size = sum(content(cloud, place).size for place in places) if most is not None else 0
    if most is None or size <= most * _GB:
        return None
    return f"The model takes {size / _GB:.0f} GB in OneLake; the capacity takes {most} GB."


def _past_limits(cloud: Cloud, place: Location, workspace_id: str, *, through_sql: bool) -> str | None:
    limits, found = _limits(cloud, workspace_id), content(cloud, place)
    number, most = len(found.added), _ANY_CAPACITY if through_sql else limits.files
    if number > most:
        return f"it has {number} files; the capacity takes {most} for each table."
    if through_sql:
        return None
    if found.rows > limits.millions * 1_000_000:
        return f"it has {found.rows} rows; the capacity takes {limits.millions} million for each table."
    groups = _row_groups(cloud, place, found) if found.rows > limits.files else 0
    if groups > limits.files:
        return f"it has {groups} row groups; the capacity takes {limits.files} for each table."
    return None


def _limits(cloud: Cloud, workspace_id: str) -> Limits:
    capacity = cloud.table(CAPACITIES).get(cloud.table(WORKSPACES)[workspace_id].get("capacityId") or "") or {}
    return _LIMITS.get(str(capacity.get("sku", "")).upper(), _OTHER)


def content(cloud: Cloud, place: Location) -> Content:
    """A table's files, by its commits; what only a checkpoint remembers isn't counted."""
    live: dict[str, Mapping[str, Any]] = {}
    log = files.children(cloud, place.account, place.container, f"{place.path}/_delta_log")
    for node in sorted(log, key=lambda each: str(each["path"])):
        name = str(node["path"]).rpartition("/")[2]
        if delta_log.log_version(name) is None or not name.endswith(".json"):
            continue
        for line in filter(None, files.content(cloud, node).splitlines()):
            action = orjson.loads(line)
            if action.get("remove"):
                live.pop(action["remove"]["path"], None)
            if action.get("add"):
                live[action["add"]["path"]] = action["add"]
    return Content(live)


def _rows(added: Mapping[str, Any]) -> int:
    return int(orjson.loads(added.get("stats") or b"{}").get("numRecords") or 0)


def _row_groups(cloud: Cloud, place: Location, found: Content) -> int:
    """Row groups of the files that are there, by their footers."""
    import pyarrow.parquet as parquet  # slow to import, and few tables have so many rows

    counted = 0
    for path in found.added:
        node = files.stat(cloud, place.account, place.container, f"{place.path}/{unquote(path)}")
        if node is not None and node.get("digest"):
            counted += int(parquet.read_metadata(cloud.blobs.path(node["digest"])).num_row_groups)
    return counted
