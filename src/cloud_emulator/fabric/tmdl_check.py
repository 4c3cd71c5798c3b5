"""Whether the parts of a semantic model's definition make a model: syntax, vocabulary, and that all links resolve."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from cloud_emulator.fabric.tmdl import Node, TmdlError, check_vocabulary, column_reference, read
from cloud_emulator.fabric.tmdl_links import check_links
from cloud_emulator.fabric.tmdl_model import FLAGS, VALUES, VOCABULARY

PBISM = "definition.pbism"
DATABASE = "definition/database.tmdl"
MODEL = "definition/model.tmdl"
EXPRESSIONS = "definition/expressions.tmdl"
RELATIONSHIPS = "definition/relationships.tmdl"
REQUIRED = (PBISM, DATABASE, MODEL)
LEAST_LEVEL = 1604
"""Compatibility level that Direct Lake on OneLake needs."""

_ALLOWED = re.compile(
    r"\.platform|diagramLayout\.json|definition\.pbism|definition/(database|model|expressions|relationships)\.tmdl"
    r"|definition/(tables|cultures|roles|perspectives)/[^/]+\.tmdl"
)
_PBISM_SCHEMA = re.compile(
    r"https://developer\.microsoft\.com/json-schemas/fabric/item/semanticModel/definitionProperties/1\.\d+\.\d+/schema\.json"
)
_SQL = re.compile(r'Sql\.Database\(\s*"([^"]+)"\s*,\s*"([^"]+)"\s*\)')
_ONELAKE = re.compile(
    r'AzureStorage\.DataLake\(\s*"https://[^/"]*onelake\.dfs\.fabric\.microsoft\.com/([^/"]+)/([^/"]+)/?"'
    r"\s*,\s*\[\s*HierarchicalNavigation\s*=\s*true\s*\]\s*\)"
)


class BadModel(ValueError):
    """The definition is no model; ``code`` is the service's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ModelTable:
    """A table: where it comes from, and its columns (data type and source column by name).

    A calculated table or calculation group has no ``entity``, and its columns may tell no type. ``server`` is set when
    it comes from a SQL endpoint, whose name or id is ``item_id`` then; else from OneLake.
    """

    name: str
    workspace_id: str
    item_id: str
    schema: str | None
    entity: str
    columns: Mapping[str, tuple[str, str]]
    server: str | None = None


def check_model(contents: Mapping[str, bytes]) -> list[ModelTable]:
    """The tables of a definition, given as parts by path. Raises :class:`BadModel`."""
    for path in contents:
        if not _ALLOWED.fullmatch(path):
            raise _parse_failure(f"The definition has an unexpected part {path!r}.")
    for path in REQUIRED:
        if path not in contents:
            raise _parse_failure(f"Required artifact is missing: {path!r}.")
    _check_pbism(contents[PBISM])
    try:
        return _check_nodes({path: _read(path, contents[path]) for path in sorted(contents) if path.endswith(".tmdl")})
    except TmdlError as error:
        raise _parse_failure(str(error)) from error


def _parse_failure(message: str) -> BadModel:
    return BadModel("Workload_FailedToParseFile", message)


def _import_failure(message: str) -> BadModel:
    return BadModel("Dataset_Import_FailedToImportDataset", message)


def _read(path: str, content: bytes) -> list[Node]:
    try:
        nodes = read(content.decode(), path)
    except UnicodeDecodeError as error:
        raise TmdlError(path, "is not UTF-8") from error
    for node in nodes:
        check_vocabulary(node, VOCABULARY)
        _check_values(node)
    return nodes


def _check_values(node: Node) -> None:
    for key, value in node.properties.items():
        allowed = VALUES.get((node.kind, key)) or (frozenset({"true", "false"}) if key in FLAGS else None)
        if allowed is not None and value not in allowed:
            raise TmdlError(node.place, f"{value!r} is not a value of {key}")
    for child in node.children:
        _check_values(child)


def _check_pbism(content: bytes) -> None:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise _parse_failure(f"{PBISM} is not JSON.") from error
    if not isinstance(document, dict) or not document.keys() <= {"$schema", "version", "settings"}:
        raise _parse_failure(f"{PBISM} holds $schema, version and settings only.")
    schema, version = document.get("$schema"), document.get("version")
    if not isinstance(schema, str) or not _PBISM_SCHEMA.fullmatch(schema):
        raise _parse_failure(f"{PBISM}: $schema is missing or unknown.")
    if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+", version) or float(version) < 4:
        raise _parse_failure(f"{PBISM}: a definition in TMDL needs a version of at least 4.0.")
    settings = document.get("settings")
    if settings is not None and (
        not isinstance(settings, dict) or not settings.keys() <= {"qnaEnabled", "qnaLsdlSharingPermissions"}
    ):
        raise _parse_failure(f"{PBISM}: settings holds what its schema doesn't know.")


_KINDS = {
    DATABASE: {"database"},
    MODEL: {"model", "ref", "annotation", "queryGroup"},
    EXPRESSIONS: {"expression"},
    RELATIONSHIPS: {"relationship"},
}
"""What each file holds. Power BI itself writes the model's annotations and query groups at its file's first level."""
_FOLDERS = {"tables": "table", "cultures": "cultureInfo", "roles": "role", "perspectives": "perspective"}


def _check_nodes(files: Mapping[str, list[Node]]) -> list[ModelTable]:
    for path, nodes in files.items():
        expected = _KINDS.get(path) or {_FOLDERS[path.split("/")[1]]}
        for node in nodes:
            if node.kind not in expected:
                raise TmdlError(node.place, f"a {node.kind!r} does not belong in this file")
    _check_database(files[DATABASE], files[MODEL])
    tables = [node for nodes in files.values() for node in nodes if node.kind == "table"]
    relationships = files.get(RELATIONSHIPS, [])
    expressions = files.get(EXPRESSIONS, [])
    for kind, nodes in (("table", tables), ("relationship", relationships), ("expression", expressions)):
        _check_distinct(kind, nodes)
    _check_references(files[MODEL], {node.name for node in tables})
    sources = {node.name: node for node in expressions}
    found = [_table(node, sources) for node in tables]
    check_links(files.values())
    _check_relationships(relationships, {table.name: table for table in found})
    return [table for table in found if table.entity]


def _check_database(database: list[Node], model: list[Node]) -> None:
    if len([node for node in database if node.kind == "database"]) != 1:
        raise TmdlError(DATABASE, "one database is expected")
    if len([node for node in model if node.kind == "model"]) != 1:
        raise TmdlError(MODEL, "one model is expected")
    level = database[0].properties.get("compatibilityLevel", "")
    if not level.isdigit():
        raise TmdlError(database[0].place, "compatibilityLevel is missing or not a number")
    if int(level) < LEAST_LEVEL:
        raise _import_failure(f"Direct Lake on OneLake needs compatibility level {LEAST_LEVEL} or higher, not {level}.")


def _check_references(model: list[Node], tables: set[str]) -> None:
    references = [ref for node in model for ref in (node, *node.children) if ref.kind == "ref"]
    for reference in references:
        if reference.default == "table" and reference.name not in tables:
            raise TmdlError(reference.place, f"there is no table {reference.name!r}")


def _check_distinct(kind: str, nodes: Iterable[Node]) -> None:
    """Names are compared without case."""
    seen: set[str] = set()
    for node in nodes:
        if not node.name:
            raise TmdlError(node.place, f"a {kind} needs a name")
        if node.name.lower() in seen:
            raise TmdlError(node.place, f"the {kind} {node.name!r} stands there twice")
        seen.add(node.name.lower())


def _table(node: Node, sources: Mapping[str, Node]) -> ModelTable:
    _check_distinct("column or measure", [child for child in node.children if child.kind in ("column", "measure")])
    partitions = list(node.of("partition"))
    if len(partitions) != 1:
        raise TmdlError(node.place, f"the table {node.name!r} needs one partition, and has {len(partitions)}")
    partition = partitions[0]
    if partition.default in ("calculated", "calculationGroup"):
        return ModelTable(node.name, "", "", None, "", dict(map(_calculated, node.of("column"))))
    if partition.default != "entity" or partition.properties.get("mode") != "directLake":
        raise _import_failure(
            f"The table {node.name!r} is not in Direct Lake mode; the emulator reads such models only."
        )
    source = next(iter(partition.of("source")), None)
    fields = source.properties if source is not None else {}
    unknown = fields.keys() - {"entityName", "schemaName", "expressionSource"}
    if unknown or "entityName" not in fields:
        raise TmdlError(partition.place, f"the source of {node.name!r} needs an entityName and an expressionSource")
    place = _place(node, partition, fields, sources)
    schema, entity = (_unquoted(fields.get(key)) for key in ("schemaName", "entityName"))
    columns = dict(_column(column) for column in node.of("column"))
    return ModelTable(node.name, place[0], place[1], schema, entity or "", columns, place[2])


def _unquoted(value: str | None) -> str | None:
    if value is not None and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('""', '"')
    return value


def _place(
    table: Node, partition: Node, fields: Mapping[str, str], sources: Mapping[str, Node]
) -> tuple[str, str, str | None]:
    """Workspace and item of the OneLake address that a table's expression names, or a SQL endpoint and its server."""
    name = fields.get("expressionSource", "").strip("'")
    expression = sources.get(name)
    if expression is None:
        link = f"[partition '{partition.name}' in table '{table.name}']::[ExpressionSource]"
        raise _parse_failure(f"Cannot resolve all the paths while de-serializing Database. Failed links: {link}.")
    sql = _SQL.search(expression.default or "")
    if sql is not None:
        return "", sql[2].lower(), sql[1].lower()
    match = _ONELAKE.search(expression.default or "")
    if match is None:
        raise _import_failure(
            f"The expression {name!r} names neither an item in OneLake (AzureStorage.DataLake) nor a SQL endpoint"
            " (Sql.Database)."
        )
    return match[1].lower(), match[2].lower(), None


def _column(node: Node) -> tuple[str, tuple[str, str]]:
    data_type, source = node.properties.get("dataType"), node.properties.get("sourceColumn")
    if node.default is not None:
        raise _import_failure(f"The column {node.name!r} is calculated; Direct Lake tables have no such columns.")
    if data_type is None or source is None:
        raise TmdlError(node.place, f"the column {node.name!r} needs a dataType and a sourceColumn")
    if data_type == "binary":
        raise _import_failure(f"The column {node.name!r} is binary, which Direct Lake does not support.")
    return node.name, (data_type, source)


def _calculated(node: Node) -> tuple[str, tuple[str, str]]:
    """A column of a table that isn't read from anywhere: its type follows from its expression."""
    return node.name, (node.properties.get("dataType", ""), node.properties.get("sourceColumn", ""))


def _check_relationships(relationships: Iterable[Node], tables: Mapping[str, ModelTable]) -> None:
    filters: dict[str, list[str]] = {}
    for node in relationships:
        ends = [_end(node, key, tables) for key in ("fromColumn", "toColumn")]
        (from_table, from_type), (to_table, to_type) = ends
        if from_type != to_type and from_type and to_type:
            raise _import_failure(f"The relationship {node.name!r} joins columns of different types.")
        if from_table == to_table:
            raise _import_failure(f"The relationship {node.name!r} joins a table with itself.")
        if node.properties.get("isActive", "true") == "true":
            filters.setdefault(to_table, []).append(from_table)
            if node.properties.get("crossFilteringBehavior") == "bothDirections":
                filters.setdefault(from_table, []).append(to_table)
    for start in filters:
        _check_paths(filters, start)


def _end(node: Node, key: str, tables: Mapping[str, ModelTable]) -> tuple[str, str]:
    """Table and data type of one end of a relationship."""
    if key not in node.properties:
        raise TmdlError(node.place, f"the relationship {node.name!r} has no {key}")
    table, column = column_reference(node.properties[key], node.place)
    if table not in tables or column not in tables[table].columns:
        link = f"[relationship '{node.name}']::[{key[0].upper()}{key[1:]}]"
        raise _parse_failure(f"Cannot resolve all the paths while de-serializing Database. Failed links: {link}.")
    return table, tables[table].columns[column][0]


def _check_paths(filters: Mapping[str, list[str]], start: str) -> None:
    """From one table there may be one way only for a filter to reach another."""
    reached = {start}
    waiting = [(start, "")]
    while waiting:
        table, came_from = waiting.pop()
        onward = list(filters.get(table, ()))
        if came_from in onward:
            onward.remove(came_from)
        for after in onward:
            if after in reached:
                raise _import_failure(f"There are ambiguous paths between {start!r} and {after!r}: deactivate one.")
            reached.add(after)
            waiting.append((after, table))
