"""The facts by which tables are judged. They change: this file is the one place to revise, with its dates.

Sources: Fabric's "Delta Lake table format interoperability" (edition of April 2025) for the features, its "Direct Lake
overview" (2026) for guardrails and types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from unity_mirror.models.delta import DeltaState

AS_OF = "features: April 2025; Direct Lake: 2026"


class Engine(StrEnum):
    """What reads tables in Fabric."""

    SQL_ENDPOINT = "SQL analytics endpoint"
    DIRECT_LAKE = "Direct Lake"
    SPARK = "Spark"
    DATAFLOWS = "Dataflows Gen2"
    PIPELINES = "Pipelines"
    KQL = "KQL"
    LAKEHOUSE_PREVIEW = "Lakehouse preview"


ENGINES = tuple(Engine)
Answer = Literal["yes", "no", "?"]
"""``?``: the documentation doesn't say."""


@dataclass(frozen=True, slots=True)
class Feature:
    """Something of a table that not every engine reads: how to see it, and what each engine makes of it."""

    title: str
    present: Callable[[DeltaState], bool]
    answers: Mapping[Engine, Answer]


def _row(text: str) -> Mapping[Engine, Answer]:
    answers: dict[str, Answer] = {"yes": "yes", "no": "no", "?": "?"}
    return dict(zip(ENGINES, (answers[word] for word in text.split()), strict=True))


def _protocol(*names: str) -> Callable[[DeltaState], bool]:
    return lambda state: not state.features.isdisjoint(names)


def _mapping(state: DeltaState) -> str:
    """The mode of column mapping. Where the feature stands without a mode, readers have to know it all the same."""
    mode = state.properties.get("delta.columnMapping.mode", "none").lower()
    return "name" if mode == "none" and "columnMapping" in state.features else mode


def _managed(state: DeltaState) -> bool:
    coordinator = any(name.startswith("delta.coordinatedCommits.commitCoordinator") for name in state.properties)
    return coordinator or _protocol("catalogManaged", "catalogOwned", "coordinatedCommits")(state)


FEATURES: tuple[Feature, ...] = (
    # in the order of Engine:                               SQL Direct Spark Dataflows Pipelines KQL Preview
    Feature("column mapping by name", lambda state: _mapping(state) == "name", _row("yes yes yes yes no yes yes")),
    Feature("column mapping by id", lambda state: _mapping(state) == "id", _row("no yes yes no no no no")),
    Feature("deletion vectors (deletionVectors)", _protocol("deletionVectors"), _row("yes yes yes yes no yes yes")),
    Feature("liquid clustering (clustering)", _protocol("clustering"), _row("yes yes yes yes yes no yes")),
    Feature("TIMESTAMP_NTZ columns (timestampNtz)", _protocol("timestampNtz"), _row("no no yes no no no yes")),
    Feature("V2 checkpoints (v2Checkpoint)", _protocol("v2Checkpoint"), _row("no ? yes ? ? ? no")),
    Feature(
        "UniForm (delta.universalFormat.enabledFormats)",
        lambda state: bool(state.properties.get("delta.universalFormat.enabledFormats")),
        _row("no no yes no no no no"),
    ),
    Feature("type widening (typeWidening)", _protocol("typeWidening"), _row("no " * 7)),
    Feature("collations (collations)", _protocol("collations"), _row("no " * 7)),
    Feature("VARIANT columns (variantType)", _protocol("variantType", "variantShredding"), _row("no " * 7)),
    Feature("catalog-managed commits (catalogManaged)", _managed, _row("no " * 7)),
)
NAMED = frozenset(
    {
        "columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "typeWidening", "variantType",
        "variantShredding", "catalogManaged", "catalogOwned", "vacuumProtocolCheck",
    }
)  # fmt: skip
"""Reader features that are judged above or hinder nobody. Of any other the documentation says nothing."""

BAD_IN_NAMES = "\"'#%+:?\\`"
"""Signs in a table's name that at least one engine can't use."""
NOT_AT_SQL_ENDPOINT = frozenset({"struct", "array", "map"})
"""Column types that the SQL analytics endpoint leaves out."""


MOST_FILES = 10_000
"""Parquet files of a table past which framing fails on any capacity, also where Direct Lake may fall back."""
LONGEST_TEXT = 32_764
"""Characters of a text that Direct Lake takes."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """How much of a table Direct Lake takes on a capacity: files, row groups, rows; ``model_gb`` for all of a model.

    ``of`` says whose these are.
    """

    files: int
    row_groups: int
    rows: int
    model_gb: int | None
    memory_gb: int
    of: str = "the capacity"


def _guardrail(thousands: int, millions: int, model_gb: int | None, memory_gb: int) -> Guardrail:
    return Guardrail(thousands * 1_000, thousands * 1_000, millions * 1_000_000, model_gb, memory_gb)


_SMALLEST, _F64 = _guardrail(1, 300, 10, 3), _guardrail(5, 1_500, None, 25)
_F1024 = _guardrail(10, 24_000, None, 400)
GUARDRAILS: Mapping[str, Guardrail] = {
    "F2": _SMALLEST,
    "F4": _SMALLEST,
    "F8": _SMALLEST,
    "F16": _guardrail(1, 300, 20, 5),
    "F32": _guardrail(1, 300, 40, 10),
    "F64": _F64,
    "FT1": _F64,
    "F128": _guardrail(5, 3_000, None, 50),
    "F256": _guardrail(5, 6_000, None, 100),
    "F512": _guardrail(10, 12_000, None, 200),
    "F1024": _F1024,
    "F2048": _F1024,
}
_SAME_SIZE = {"P1": "F64", "P2": "F128", "P3": "F256", "P4": "F512", "P5": "F1024"}
"""Power BI Premium's SKUs and the capacity of the same size."""


ANY_CAPACITY = replace(_F1024, of="the largest capacity")
"""What no capacity exceeds: for capacities of which the size isn't known."""


def guardrail_of(sku: str) -> Guardrail | None:
    """The guardrails of a capacity's SKU; ``None`` for one that isn't listed."""
    return GUARDRAILS.get(_SAME_SIZE.get(sku.upper(), sku.upper()))
