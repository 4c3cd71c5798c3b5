"""The spec's JSON Schema, and what it says about the keys that are possible somewhere in a spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unity_mirror.spec.catalog import CatalogSpec

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
Node = Mapping[str, Any]


def spec_json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a spec, for editors and forms; checks of formats and over several fields aren't in."""
    return {"$schema": SCHEMA_DIALECT, **CatalogSpec.model_json_schema()}


def _alternatives(node: Node, definitions: Node) -> Iterator[Node]:
    """The mappings that a schema node allows, with references followed and unions taken apart."""
    if "$ref" in node:
        yield from _alternatives(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
    for union in ("anyOf", "oneOf", "allOf"):
        for branch in node.get(union, ()):
            yield from _alternatives(branch, definitions)
    if "properties" in node:
        yield node


def _fits(node: Node, data: object) -> bool:
    """Whether the mapping is of the ``kind`` that the node describes; true when either doesn't say."""
    kind = node["properties"].get("kind", {}).get("const")
    given = data.get("kind") if isinstance(data, dict) else None
    return kind is None or given is None or kind == given


def keys_at(path: Sequence[str], data: object, schema: Node) -> list[str]:
    """The keys that the mapping at a path of this data may have; empty when there is no such mapping."""
    return sorted({key for node in _nodes_at(path, data, schema) for key in node["properties"]})


def kinds_at(path: Sequence[str], data: object, schema: Node) -> list[str]:
    """What ``kind`` may be in the mapping at a path of this data."""
    kinds = [node["properties"].get("kind", {}).get("const") for node in _nodes_at(path, data, schema)]
    return [kind for kind in kinds if kind]


def _nodes_at(path: Sequence[str], data: object, schema: Node) -> list[Node]:
    definitions = schema["$defs"]
    nodes: list[Node] = [schema]
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
        found = [node["properties"][key] for node in nodes if key in node["properties"]]
        nodes = [node for child in found for node in _alternatives(child, definitions) if _fits(node, data)]
    return nodes
