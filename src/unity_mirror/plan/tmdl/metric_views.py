"""From Unity Catalog's metric views to measures of the table that they are over.

A metric view's definition is YAML (``source``, ``filter``, ``joins``, ``dimensions``, ``measures``). A filter of the
whole view holds for each of its aggregates. Joins, and measures over windows, have no counterpart that is sure to give
the same: they are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl.dax import Translation, translate, translate_filter
from unity_mirror.plan.tmdl.dax_text import NotSayableError
from unity_mirror.plan.tmdl.model import ModelMeasure, ModelTable, NotModelled
from unity_mirror.plan.tmdl.names import has_control

METRIC_VIEW = "METRIC_VIEW"


@dataclass(frozen=True)
class Measured:
    """The tables with their measures, and what couldn't become one."""

    tables: tuple[ModelTable, ...]
    left_out: tuple[NotModelled, ...]


def with_measures(tables: Sequence[ModelTable], views: Iterable[Table]) -> Measured:
    """Put each view's measures on its source table, in the order of the views' names."""
    left_out: list[NotModelled] = []
    by_ref = {str(table.ref).casefold(): table for table in tables}
    made: dict[TableRef, list[ModelMeasure]] = {}
    taken = {measure.name.casefold() for table in tables for measure in table.measures}
    for view in sorted(views, key=lambda one: one.ref):
        try:
            table, measures, conditions = _read(view, by_ref)
        except NotSayableError as error:
            left_out.append(NotModelled("measure", view.ref, "(all)", str(error)))
            continue
        for measure in _measures(view, table, measures, conditions, taken, left_out):
            made.setdefault(table.ref, []).append(measure)
    return Measured(tuple(replace(one, measures=tuple(made.get(one.ref, ()))) for one in tables), tuple(left_out))


def _read(
    view: Table, by_ref: Mapping[str, ModelTable]
) -> tuple[ModelTable, Sequence[Mapping[str, Any]], tuple[str, ...]]:
    """The view's source table, its measures as they are written, and the conditions of its filter."""
    try:
        document = yaml.safe_load(view.view_definition or "")
    except yaml.YAMLError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("measures"), list):
        raise NotSayableError("its definition isn't one of a metric view with measures")
    if document.get("joins"):
        raise NotSayableError("the view has joins, which a model's measure doesn't")
    source = str(document.get("source", ""))
    catalog, _, rest = source.replace("`", "").partition(".")
    table = by_ref.get(rest.casefold()) if catalog.casefold() == view.catalog_name.casefold() else None
    if table is None:
        raise NotSayableError(f"its source {source!r} is no table of the model")
    conditions = translate_filter(str(document["filter"]), table) if document.get("filter") else ()
    return table, [each for each in document["measures"] if isinstance(each, dict)], conditions


def _measures(
    view: Table,
    table: ModelTable,
    written: Sequence[Mapping[str, Any]],
    conditions: tuple[str, ...],
    taken: set[str],
    left_out: list[NotModelled],
) -> Iterable[ModelMeasure]:
    """Measures in their order; one may refer to those before it. A name that is taken gets the view's before it."""
    columns = {column.name.casefold() for column in table.columns}
    known: dict[str, str] = {}
    for each in written:
        source = str(each.get("name", "")).strip()
        wish = str(each.get("display_name") or source).strip()
        name = wish if wish.casefold() not in taken | columns else f"{view.name}: {wish}"
        try:
            measure = _measure(view, each, source, name, _said(each, table, known, conditions))
        except NotSayableError as error:
            left_out.append(NotModelled("measure", view.ref, source or "?", str(error)))
            continue
        if name.casefold() in taken | columns or not source or has_control(name):
            left_out.append(NotModelled("measure", view.ref, source or "?", f"the model can't have the name {name!r}"))
            continue
        taken.add(name.casefold())
        known[source.casefold()] = name
        yield measure


def _said(
    each: Mapping[str, Any], table: ModelTable, known: Mapping[str, str], conditions: tuple[str, ...]
) -> Translation:
    if each.get("window"):
        raise NotSayableError("it is over a window")
    return translate(str(each.get("expr", "")), table, known, conditions)


def _measure(view: Table, each: Mapping[str, Any], source: str, name: str, said: Translation) -> ModelMeasure:
    comment = str(each["comment"]) if each.get("comment") else None
    return ModelMeasure(name, said.text, view.ref, source, said.format_string, comment)
