"""From Unity Catalog's metric views to measures of the table that they are over.

A metric view's definition is YAML (``source``, ``filter``, ``joins``, ``dimensions``, ``measures``). A filter of the
whole view holds for each of its aggregates. Joins, and measures over windows, have no counterpart that is sure to give
the same: they are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl.dax import NotSayableError, Scope, Term, bracketed, translate, translate_filter
from unity_mirror.plan.tmdl.model import ModelMeasure, ModelTable, NotModelled
from unity_mirror.plan.tmdl.names import has_control

METRIC_VIEW = "METRIC_VIEW"


@dataclass(frozen=True)
class Measured:
    """The tables with their measures, and what couldn't become one."""

    tables: tuple[ModelTable, ...]
    left_out: tuple[NotModelled, ...]


@dataclass(frozen=True, slots=True)
class _View:
    """A metric view over a table of the model: its measures as they are written, and the conditions of its filter."""

    view: Table
    scope: Scope
    measures: tuple[Mapping[str, Any], ...]
    conditions: tuple[str, ...]


def with_measures(tables: Sequence[ModelTable], views: Iterable[Table]) -> Measured:
    """Put each view's measures on its source table, in the order of the views' names."""
    left_out: list[NotModelled] = []
    by_ref = {str(table.ref).casefold(): table for table in tables}
    made: dict[TableRef, list[ModelMeasure]] = {}
    taken = {measure.name.casefold() for table in tables for measure in table.measures}
    for view in sorted(views, key=lambda one: one.ref):
        try:
            read = _read(view, by_ref)
        except NotSayableError as error:
            left_out.append(NotModelled("measure", view.ref, "(all)", str(error)))
            continue
        made.setdefault(read.scope.table.ref, []).extend(_measures(read, taken, left_out))
    return Measured(tuple(replace(one, measures=tuple(made.get(one.ref, ()))) for one in tables), tuple(left_out))


def _read(view: Table, by_ref: Mapping[str, ModelTable]) -> _View:
    document = _document(view)
    if document.get("joins"):
        raise NotSayableError("the view has joins, which a model's measure doesn't")
    source = str(document.get("source", ""))
    catalog, _, rest = source.replace("`", "").partition(".")
    table = by_ref.get(rest.casefold()) if catalog.casefold() == view.catalog_name.casefold() else None
    if table is None:
        raise NotSayableError(f"its source {source!r} is no table of the model")
    scope = Scope(table, frozenset(_meaning_another(document.get("dimensions"))))
    conditions = translate_filter(str(document["filter"]), scope) if document.get("filter") else ()
    return _View(view, scope, tuple(each for each in document["measures"] if isinstance(each, dict)), conditions)


def _document(view: Table) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(view.view_definition or "")
    except yaml.YAMLError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("measures"), list):
        raise NotSayableError("its definition isn't one of a metric view with measures")
    return document


def _meaning_another(dimensions: object) -> Iterator[str]:
    """The names, in lower case, of dimensions that aren't just the column of that name: measures can use either."""
    for each in dimensions if isinstance(dimensions, list) else ():
        if isinstance(each, dict):
            name = str(each.get("name", "")).strip().casefold()
            if str(each.get("expr", "")).replace("`", "").strip().casefold().removeprefix("source.") != name:
                yield name


def _measures(read: _View, taken: set[str], left_out: list[NotModelled]) -> Iterator[ModelMeasure]:
    """Measures in their order; one may refer to those before it. A name that is taken gets the view's before it."""
    view = read.view
    closed = {column.name.casefold() for column in read.scope.table.columns}
    known: dict[str, Term] = {}
    for each in read.measures:
        source = str(each.get("name", "")).strip()
        wish = str(each.get("display_name") or source).strip()
        name = wish if wish.casefold() not in taken | closed else f"{view.name}: {wish}"
        try:
            said = _said(each, read, known)
            if name.casefold() in taken | closed or not source or has_control(name):
                raise NotSayableError(f"the model can't have the name {name!r}")
        except NotSayableError as error:
            left_out.append(NotModelled("measure", view.ref, source or "?", str(error)))
            continue
        taken.add(name.casefold())
        known[source.casefold()] = replace(said, text=bracketed(name))
        comment = str(each["comment"]) if each.get("comment") else None
        yield ModelMeasure(name, said.text, view.ref, source, said.format_string, comment)


def _said(each: Mapping[str, Any], read: _View, known: Mapping[str, Term]) -> Term:
    if each.get("window"):
        raise NotSayableError("it is over a window")
    return translate(str(each.get("expr", "")), read.scope, known, read.conditions)
