"""What a model's definition shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.tmdl.parsing import parse_part
from unity_mirror.plan.tmdl.tmdl import TmdlObject, canonical, written


def tables_shown(parts: Mapping[str, str]) -> frozenset[TableRef]:
    """The tables that the model's partitions read. Raises UnityMirrorError when a part can't be read."""
    roots = (item for path, text in parts.items() if path.endswith(".tmdl") for item in parse_part(text, path))
    return frozenset(ref for item in roots if item.kind == "table" for ref in sources(item))


def made_by_us(parts: Mapping[str, str]) -> bool:
    """Whether a definition holds anything that we wrote. Raises UnityMirrorError when a part can't be read."""
    roots = (item for path, text in parts.items() if path.endswith(".tmdl") for item in parse_part(text, path))
    return any(written(item) is not None for item in roots)


def sources(table: TmdlObject) -> Iterator[TableRef]:
    """The tables that a table's partitions read."""
    partitions = (child for child in table.children if child.kind == "partition")
    for source in (each for partition in partitions for each in partition.children if each.kind == "source"):
        schema, entity = (canonical(key, source.properties.get(key, "")) for key in ("schemaName", "entityName"))
        if entity:
            yield TableRef(schema, entity)
