"""What a model's definition shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.tmdl.parsing import parse_part
from unity_mirror.plan.tmdl.tmdl import TmdlObject, canonical, written


def tables_shown(parts: Mapping[str, str]) -> frozenset[TableRef]:
    """The tables that the model's partitions read. Raises UnityMirrorError when a part can't be read."""
    return frozenset(ref for item in _roots(parts) if item.kind == "table" for ref in sources(item))


def held_names(parts: Mapping[str, str]) -> dict[TableRef, str]:
    """What we called the tables of a model when we wrote it last, by what they show; whatever people call them now.
    Raises UnityMirrorError when a part can't be read."""
    return {ref: name for item in _roots(parts) if (name := _named(item)) for ref in sources(item)}


def _named(item: TmdlObject) -> str:
    return (written(item) or {}).get("name", "") if item.kind == "table" else ""


def made_by_us(parts: Mapping[str, str]) -> bool:
    """Whether a definition holds anything that we wrote. Raises UnityMirrorError when a part can't be read."""
    return any(written(item) is not None for item in _roots(parts))


def _roots(parts: Mapping[str, str]) -> Iterator[TmdlObject]:
    for path, text in parts.items():
        if path.endswith(".tmdl"):
            yield from parse_part(text, path)


def sources(table: TmdlObject) -> Iterator[TableRef]:
    """The tables that a table's partitions read."""
    partitions = (child for child in table.children if child.kind == "partition")
    for source in (each for partition in partitions for each in partition.children if each.kind == "source"):
        schema, entity = (canonical(key, source.properties.get(key, "")) for key in ("schemaName", "entityName"))
        if entity:
            yield TableRef(schema, entity)
