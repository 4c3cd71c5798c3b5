"""Building a Direct Lake model's definition, on OneLake or the SQL endpoint, from Unity Catalog's tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from unity_mirror.plan.tmdl.metric_views import with_measures
from unity_mirror.plan.tmdl.model import (
    Cardinality,
    ModelColumn,
    ModelDefinition,
    ModelInput,
    ModelMeasure,
    ModelRelationship,
    ModelTable,
)
from unity_mirror.plan.tmdl.names import column_reference, file_name, stable_id
from unity_mirror.plan.tmdl.relationships import model_relationships
from unity_mirror.plan.tmdl.tables import model_tables, summarised
from unity_mirror.plan.tmdl.tmdl import (
    CONNECTION,
    EXPRESSION,
    TmdlObject,
    description,
    marked,
    member_id,
    render,
    text_value,
    with_members,
)

SOURCE = "DirectLake"
"""Name of the shared expression that leads to the mirrored item."""
COMPATIBILITY_LEVEL = 1604
"""The lowest that Direct Lake on OneLake takes."""
COLLATION = "Latin1_General_100_BIN2_UTF8"
"""Texts are compared letter by letter, as Unity Catalog and the SQL endpoint compare them. Direct Lake models made in
Fabric that people have published have it, too; Microsoft's documentation doesn't tell. Otherwise "a" and "A" would be
one value: one customer, or a key twice.
"""
PBISM = "definition.pbism"
_PBISM_SCHEMA = (
    "https://developer.microsoft.com/json-schemas/fabric/item/semanticModel/definitionProperties/1.0.0/schema.json"
)
_PBISM_VERSION = "4.2"


def build_model(wanted: ModelInput) -> ModelDefinition:
    """Make the definition's parts. The same input gives the same text, whatever the order of its tables."""
    mapped = model_tables(
        wanted.tables,
        friendly_names=wanted.friendly_names,
        date_table=wanted.date_table,
        held=wanted.held_names,
    )
    sources = wanted.tables if wanted.relationships else ()
    related = model_relationships(sources, mapped.tables, wanted.more_relationships)
    measured = with_measures(mapped.tables, wanted.metric_views)
    tables = tuple(_with_hidden_keys(table, related.relationships) for table in measured.tables)
    parts = {
        PBISM: json.dumps({"$schema": _PBISM_SCHEMA, "version": _PBISM_VERSION, "settings": {}}, indent=2) + "\n",
        "definition/database.tmdl": render(
            TmdlObject("database", "", {"compatibilityLevel": str(COMPATIBILITY_LEVEL)})
        ),
        "definition/model.tmdl": _model(wanted, tables, related.relationships),
        "definition/expressions.tmdl": render(_expression(wanted)),
    }
    if related.relationships:
        parts["definition/relationships.tmdl"] = "\n".join(
            render(_relationship(one, wanted)) for one in related.relationships
        )
    for table in tables:
        parts[f"definition/tables/{file_name(table.name)}.tmdl"] = render(_table(table, wanted))
    left_out = (*mapped.left_out, *related.left_out, *measured.left_out)
    return ModelDefinition(parts, tables, related.relationships, left_out)


def _with_hidden_keys(table: ModelTable, relationships: Iterable[ModelRelationship]) -> ModelTable:
    """Hide what only relationships need: foreign keys, and the whole numbers that they refer to."""
    many = {(one.from_table, one.from_column) for one in relationships}
    one_side = {(one.to_table, one.to_column) for one in relationships}

    def hidden(column: ModelColumn) -> bool:
        place = (table.name, column.name)
        return place in many or (place in one_side and column.type.family == "integer")

    return replace(table, columns=tuple(replace(column, is_hidden=hidden(column)) for column in table.columns))


def _model(wanted: ModelInput, tables: Sequence[ModelTable], relationships: Sequence[ModelRelationship]) -> str:
    properties = {
        "culture": wanted.culture,
        "collation": COLLATION,
        "defaultPowerBIDataSourceVersion": "powerBI_V3",
        "sourceQueryCulture": wanted.culture,
    }
    references = [render(TmdlObject("ref table", table.name)) for table in tables]
    ids = [str(member_id(_relationship(one, wanted))) for one in relationships]
    model = with_members(marked(TmdlObject("model", "Model", properties)), sorted(ids))
    return "\n".join([render(model), "".join(references)])


def _expression(wanted: ModelInput) -> TmdlObject:
    if wanted.sql is not None:
        call = f'Sql.Database("{wanted.sql.server}", "{wanted.sql.endpoint_id}")'
    else:
        address = f"{wanted.onelake}/{wanted.workspace_id}/{wanted.item_id}"
        call = f'AzureStorage.DataLake("{address}", [HierarchicalNavigation=true])'
    query = f"let\n    Source = {call}\nin\n    Source"
    properties = {EXPRESSION: query, "lineageTag": stable_id("expression", SOURCE)}
    bound = [TmdlObject("annotation", CONNECTION, {EXPRESSION: wanted.connection_id})] if wanted.connection_id else []
    return marked(TmdlObject("expression", SOURCE, properties, tuple(bound)))


def _table(table: ModelTable, wanted: ModelInput) -> TmdlObject:
    properties = {
        **description(table.comment),
        "lineageTag": stable_id("table", table.catalog, str(table.ref)),
        "sourceLineageTag": text_value(f"[{table.ref.schema}].[{table.ref.table}]"),
    }
    if table.date_column is not None:
        properties["dataCategory"] = "Time"
    folder = {"displayFolder": text_value(table.ref.schema)} if wanted.folders_by_schema else {}
    columns = [_column(table, column, folder) for column in table.columns]
    measures = [_measure(table, measure, folder) for measure in table.measures]
    return marked(TmdlObject("table", table.name, properties, (*measures, *columns, _partition(table))))


def _partition(table: ModelTable) -> TmdlObject:
    entity = {
        "entityName": text_value(table.ref.table),
        "schemaName": text_value(table.ref.schema),
        "expressionSource": SOURCE,
    }
    return TmdlObject(
        "partition", table.name, {EXPRESSION: "entity", "mode": "directLake"}, (TmdlObject("source", "", entity),)
    )


def _column(table: ModelTable, column: ModelColumn, folder: Mapping[str, str]) -> TmdlObject:
    properties = {**description(column.comment), "dataType": column.type.data_type}
    if column.is_hidden:
        properties["isHidden"] = "true"
    if column.is_key:
        properties["isKey"] = "true"
    if column.type.format_string:
        properties["formatString"] = column.type.format_string
    properties |= {
        **folder,
        "lineageTag": stable_id("column", table.catalog, str(table.ref), column.source),
        "sourceLineageTag": text_value(column.source),
        "summarizeBy": "sum" if summarised(column) else "none",
        "sourceColumn": text_value(column.source),
    }
    return marked(TmdlObject("column", column.name, properties))


def _measure(table: ModelTable, measure: ModelMeasure, folder: Mapping[str, str]) -> TmdlObject:
    properties = {**description(measure.comment), EXPRESSION: measure.expression}
    if measure.format_string:
        properties["formatString"] = measure.format_string
    properties |= {**folder, "lineageTag": stable_id("measure", table.catalog, str(measure.view), measure.source)}
    return marked(TmdlObject("measure", measure.name, properties))


_SIDES: Mapping[Cardinality, Mapping[str, str]] = {
    "many_to_one": {},
    "one_to_one": {"fromCardinality": "one"},
    "many_to_many": {"toCardinality": "many"},
}
"""What isn't said is many on the from side and one on the to side."""


def _relationship(one: ModelRelationship, wanted: ModelInput) -> TmdlObject:
    properties = {} if one.is_active else {"isActive": "false"}
    properties |= _SIDES[one.cardinality]
    if one.both_ways:
        properties["crossFilteringBehavior"] = "bothDirections"
    if one.referential_integrity and wanted.sql is not None:
        properties["relyOnReferentialIntegrity"] = "true"
    properties |= {
        "fromColumn": column_reference(one.from_table, one.from_column),
        "toColumn": column_reference(one.to_table, one.to_column),
    }
    return marked(TmdlObject("relationship", one.name, properties))
