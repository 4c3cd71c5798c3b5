"""Measures of metric views in DAX: the same numbers as in SQL, or none and the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.tmdl_samples import build, column, metric_view, table
from unity_mirror.plan.tmdl import ModelDefinition
from unity_mirror.plan.tmdl.dax import NotSayableError, Scope, Term, bracketed, quoted_table, translate, with_names

SALES = table(
    "t",
    column("a", "DOUBLE"),
    column("b", "DOUBLE"),
    column("n", "INT"),
    column("name", "STRING"),
    column("ok", "BOOLEAN"),
)
SCOPE = Scope(build(SALES).tables[0])


def said(expression: str, **measures: Term) -> str:
    return translate(expression, SCOPE, measures).text


def shown(expression: str) -> str | None:
    return translate(expression, SCOPE, {}).format_string


@pytest.mark.parametrize(
    ("expression", "dax"),
    [
        ("SUM(a) -- SUM(b)", "SUM('t'[a])"),
        ("SUM(a) -- net\n / COUNT(*) /* of\nall */", "DIVIDE(SUM('t'[a]), COUNTROWS('t'))"),
        ("- -SUM(a)", "-1 * -1 * SUM('t'[a])"),
        ("-5 * SUM(a)", "-5 * SUM('t'[a])"),
        ("SUM(2 * a)", "SUMX('t', 2 * 't'[a])"),
        ("SUM((a) * b)", "SUMX('t', ('t'[a]) * 't'[b])"),
        (r"COUNT(*) FILTER (WHERE name IN ('it\'s', 'a''b', 'c:\\d'))", 'IN {"it\'s", "a\'b", "c:\\d"}'),
        ("COUNT(*) FILTER (WHERE name = '-- a')", "'t'[name] = \"-- a\""),
        ("COUNT(*) FILTER (WHERE ok = true)", "'t'[ok] = TRUE && NOT ISBLANK('t'[ok])"),
        ("1 - SUM(a) / SUM(b)", "IF(NOT ISBLANK({0}), 1 - {0})".format("DIVIDE(SUM('t'[a]), SUM('t'[b]))")),
        ("COUNT(a) / COUNT(*)", "DIVIDE((COUNTA('t'[a]) + 0), COUNTROWS('t'))"),
        ("COALESCE(COUNT(a), 5)", "COALESCE((COUNTA('t'[a]) + 0), 5)"),
        ("COUNT(*) - COUNT(a)", "COUNTROWS('t') - COUNTA('t'[a])"),
        ("MEASURE(x) + 1", "IF(NOT ISBLANK([X]), [X] + 1)"),
        ("MEASURE(y) / 2", "DIVIDE(([Y] + 0), 2)"),
    ],
)  # fmt: skip
def test_what_dax_says(expression: str, dax: str) -> None:
    assert dax in said(expression, x=Term("[X]", nullable=True), y=Term("[Y]", counts=True))


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        (r"COUNT(*) FILTER (WHERE name = 'a\nb')", r"'\\\\n' in a text"),
        (r"COUNT(*) FILTER (WHERE name = 'a\%')", r"'\\\\%' in a text"),
        ("COUNT(*) FILTER (WHERE name = 'a\tb')", "nobody sees"),
        ("COUNT(*) FILTER (WHERE name = r'a')", "same type"),
        ("COUNT(*) FILTER (WHERE name = 'a' 'b')", "is expected"),
        ("COUNT(*) FILTER (WHERE ok > false)", "same type"),
        ("COUNT(*) FILTER (WHERE ok BETWEEN false AND true)", "same type"),
        ("COUNT(*) FILTER (WHERE ok = -true)", "same type"),
        ("MAX(ok)", "no MAX of true and false"),
        ("SUM(ok)", "no number"),
        ("SUM(a) * 1e3", "'1e3' in it"),
        ("SUM(a) * 10L", "'10L' in it"),
        ("SUM(a) /* open", "isn't understood|neither"),
    ],
)
def test_what_is_refused(expression: str, why: str) -> None:
    with pytest.raises(NotSayableError, match=why):
        said(expression)


def test_a_result_is_shown_as_what_it_is_over_only_where_it_is_one() -> None:
    """A mean of whole numbers isn't whole, nor is a count divided by something."""
    assert [shown(each) for each in ("SUM(n)", "-MAX(n)", "AVG(n)", "MEDIAN(n)", "COUNT(*)")] == [
        "0", "0", "#,0.00", "#,0.00", "#,0",
    ]  # fmt: skip
    assert shown("COUNT(*) - COUNT(a)") == "#,0"
    assert [shown(each) for each in ("COUNT(*) / 2", "SUM(n) * 0.5", "SUM(n) - COUNT(*)", "SUM(n) + 0.5")] == [None] * 4


def _measured(**view: Any) -> ModelDefinition:
    text = yaml.safe_dump({"source": "sales.orders.t", **view})
    return build(SALES, metric_views=(metric_view(text),))


def test_a_name_that_a_dimension_gives_another_meaning_is_not_guessed() -> None:
    dimensions = [{"name": "a", "expr": "a * 2"}, {"name": "B", "expr": "source.`b`"}]
    written = [{"name": f"m{at}", "expr": f"SUM({name})"} for at, name in enumerate(("a", "b", "source.a"))]
    made = _measured(dimensions=dimensions, measures=written)
    assert [one.name for one in made.tables[0].measures] == ["m1", "m2"]
    assert [one.reason for one in made.left_out] == ["a is a dimension of the view with an expression of its own"]


def test_a_measure_of_a_count_is_known_to_be_one() -> None:
    written = [{"name": "rows", "expr": "COUNT(*)"}, {"name": "net", "expr": "1 - MEASURE(rows) / COUNT(a)"}]
    made = {one.name: one.expression for one in _measured(measures=written).tables[0].measures}
    ratio = "DIVIDE(([rows] + 0), COUNTA('t'[a]))"
    assert made["net"] == f"IF(NOT ISBLANK({ratio}), 1 - {ratio})"


names = st.text(st.sampled_from("ab'\"[]. "), min_size=1, max_size=6)


@given(st.tuples(names, names, names), st.tuples(names, names, names), names)
def test_any_names_are_found_again_in_what_was_written(
    old: tuple[str, str, str], new: tuple[str, str, str], text: str
) -> None:
    def written(table: str, column: str, measure: str) -> str:
        quoted = '"' + text.replace('"', '""') + '"'
        reference = f"{quoted_table(table)}{bracketed(column)}"
        return f"CALCULATE({bracketed(measure)} + SUM({reference}), {reference} = {quoted}, {quoted_table(table)})"

    tables, columns, measures = {old[0]: new[0]}, {old[:2]: new[1]}, {old[2]: new[2]}
    assert with_names(written(*old), tables, columns, measures) == written(*new)
    assert with_names(written(*old), {}, {}, {}) == written(*old)


# Arithmetic: SQL as SQL defines it, DAX as DAX does, over sums that may be null and counts that may be 0.

VALUES = {"SUM(a)": "SUM('t'[a])", "SUM(b)": "SUM('t'[b])", "COUNT(*)": "COUNTROWS('t')", "COUNT(a)": "COUNTA('t'[a])"}


@dataclass(frozen=True)
class _Dax:
    """A number in DAX, or a blank: nothing in sums, contagious in products."""

    value: float | None

    def __add__(self, other: _Dax) -> _Dax:
        both_blank = self.value is None and other.value is None
        return _Dax(None if both_blank else (self.value or 0) + (other.value or 0))

    def __sub__(self, other: _Dax) -> _Dax:
        both_blank = self.value is None and other.value is None
        return _Dax(None if both_blank else (self.value or 0) - (other.value or 0))

    def __mul__(self, other: _Dax) -> _Dax:
        return _Dax(None if self.value is None or other.value is None else self.value * other.value)


def _divide(left: _Dax, right: _Dax) -> _Dax:
    return _Dax(left.value / right.value if left.value is not None and right.value else None)


def _dax(text: str, values: dict[str, float | None]) -> float | None:
    for sql, dax in VALUES.items():
        text = text.replace(dax, f"values[{sql!r}]")
    text = re.sub(r"(?<![\w.])(-?\d+)(?![\w.])", r"number(\1)", text).replace("&&", "and").replace("NOT ", "not ")
    known: dict[str, Any] = {
        "values": {sql: _Dax(value) for sql, value in values.items()},
        "number": _Dax,
        "DIVIDE": _divide,
        "ISBLANK": lambda each: each.value is None,
        "COALESCE": lambda left, right: right if left.value is None else left,
        "when": lambda holds, then: then if holds else _Dax(None),
    }
    found: _Dax = eval(text.replace("IF(", "when("), known)  # noqa: S307
    return found.value


def _sql(tree: Any, values: dict[str, float | None]) -> float | None:
    if not isinstance(tree, tuple):
        return tree if isinstance(tree, int) else values[tree]
    sign, *operands = tree
    found = [_sql(each, values) for each in operands]
    if sign == "COALESCE":
        return found[1] if found[0] is None else found[0]
    if None in found or (sign == "/" and not found[1]):
        return None
    left, right = (float(each or 0) for each in (*found, 0.0)[:2])
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / (right or 1), "neg": -left}[sign]


def _written(tree: Any) -> str:
    if not isinstance(tree, tuple):
        return str(tree)
    sign, *operands = tree
    inside = [_written(each) for each in operands]
    if sign == "COALESCE":
        return f"COALESCE({', '.join(inside)})"
    return f"(- {inside[0]})" if sign == "neg" else f"({inside[0]} {sign} {inside[1]})"


_leaves = st.sampled_from([*VALUES, 1, 2])
_trees = st.recursive(
    _leaves,
    lambda below: (
        st.tuples(st.sampled_from(["+", "-", "*", "/", "COALESCE"]), below, below) | st.tuples(st.just("neg"), below)
    ),
    max_leaves=6,
)
_measures = _trees.filter(lambda tree: any(each in repr(tree) for each in VALUES))
_sums = st.none() | st.integers(-3, 3).map(float)
_counts = st.sampled_from([0.0, 1.0, 4.0])


@settings(max_examples=300)
@given(_measures, _sums, _sums, _counts, _counts)
def test_arithmetic_gives_the_same_in_dax(tree: Any, a: float | None, b: float | None, n: float, m: float) -> None:
    term = translate(_written(tree), SCOPE, {})
    in_sql = _sql(tree, {"SUM(a)": a, "SUM(b)": b, "COUNT(*)": n, "COUNT(a)": m})
    in_dax = _dax(term.text, {"SUM(a)": a, "SUM(b)": b, "COUNT(*)": n or None, "COUNT(a)": m or None})
    if in_dax is None and term.counts:
        assert in_sql == 0, "a count over no rows, alone"
    else:
        assert in_dax == pytest.approx(in_sql)
