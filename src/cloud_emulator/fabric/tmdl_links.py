"""Whether what a model's objects refer to is there: sort columns, levels, roles, perspectives, translations, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import orjson

from cloud_emulator.fabric.tmdl import Node, TmdlError, unquote

_SAID = {
    "perspectiveColumn": "column", "perspectiveMeasure": "measure", "perspectiveHierarchy": "hierarchy",
    "columnPermission": "column",
}  # fmt: skip
"""Kinds of objects that name a member of their table, and the kind of that member."""


def check_links(files: Iterable[Sequence[Node]]) -> None:
    """Refuses names that lead nowhere, and lineage tags of two objects. Raises :class:`TmdlError`."""
    roots = [node for nodes in files for node in nodes]
    tables = {node.name.lower(): node for node in roots if node.kind == "table"}
    _check_tags([("table", node) for node in tables.values()])
    for table in tables.values():
        _check_tags([(child.kind, child) for child in table.children])
        _check_table(table)
    for root in roots:
        if root.kind in ("role", "perspective"):
            for child in root.children:
                if child.kind in ("tablePermission", "perspectiveTable"):
                    _check_members(child, _named(tables, child, "Table"))
        if root.kind == "cultureInfo":
            _check_translations(root, tables)
            _check_words(root)


def _check_tags(items: Iterable[tuple[str, Node]]) -> None:
    """Lineage tags are unique among the objects of a kind in one place."""
    seen: set[tuple[str, str]] = set()
    for kind, node in items:
        tag = node.properties.get("lineageTag")
        if tag is not None and (kind, tag) in seen:
            raise TmdlError(node.place, f"an object with the lineage tag {tag} is there already")
        seen.add((kind, tag or node.name))


def _check_table(table: Node) -> None:
    columns = _members(table, "column")
    for column in table.of("column"):
        sorted_by = column.properties.get("sortByColumn")
        if sorted_by is not None:
            _found(columns, unquote(sorted_by), column, "SortByColumn")
    for hierarchy in table.of("hierarchy"):
        for level in hierarchy.of("level"):
            _found(columns, unquote(level.properties.get("column", "")), level, "Column")


def _check_members(node: Node, table: Node) -> None:
    for child in node.children:
        if child.kind in _SAID:
            _found(_members(table, _SAID[child.kind]), child.name, child, _SAID[child.kind].capitalize())


def _check_words(culture: Node) -> None:
    """What questions are understood by, as JSON."""
    for words in culture.of("linguisticMetadata"):
        if words.properties.get("contentType") != "json":
            if not (words.default or "").startswith("<"):
                raise TmdlError(words.place, "linguisticMetadata is not XML")
            continue
        try:
            orjson.loads(words.default or "")
        except orjson.JSONDecodeError as error:
            raise TmdlError(words.place, "linguisticMetadata is not JSON") from error


def _check_translations(culture: Node, tables: Mapping[str, Node]) -> None:
    for model in (model for translations in culture.of("translations") for model in translations.of("model")):
        for translated in model.of("table"):
            table = _named(tables, translated, "Object")
            for child in translated.children:
                if child.kind in ("column", "measure", "hierarchy"):
                    _found(_members(table, child.kind), child.name, child, "Object")


def _members(table: Node, kind: str) -> Mapping[str, Node]:
    return {child.name.lower(): child for child in table.of(kind)}


def _named(tables: Mapping[str, Node], node: Node, link: str) -> Node:
    return _found(tables, node.name, node, link)


def _found(among: Mapping[str, Node], name: str, node: Node, link: str) -> Node:
    found = among.get(name.lower())
    if found is None:
        reason = "Cannot resolve all the paths while de-serializing Database. Failed links: "
        raise TmdlError(node.place, f"{reason}[{node.kind} '{node.name}']::[{link}].")
    return found
