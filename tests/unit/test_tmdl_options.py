"""What an analyst asks of a model: words for names, a date table, more relationships, measures, the SQL endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from cloud_emulator.fabric.tmdl_check import check_model
from tests.unit.tmdl_samples import (
    SQL,
    build,
    catalogs_before_and_after,
    catalogs_with_options,
    column,
    metric_view,
    related,
    star,
    table,
)
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import ModelDefinition, compare, tables_shown
from unity_mirror.plan.tmdl.names import friendly


def required(one: Table) -> Table:
    """A table none of whose columns holds nulls."""
    return replace(one, columns=tuple(replace(c, nullable=False) for c in one.columns))


def reasons(definition: ModelDefinition) -> list[str]:
    return [str(one) for one in definition.left_out]


def measures(definition: ModelDefinition) -> dict[str, str]:
    return {one.name: one.expression for each in definition.tables for one in each.measures}


@settings(max_examples=80)
@given(catalogs_with_options())
def test_any_catalog_with_any_options_is_a_model_that_equals_itself(
    drawn: tuple[tuple[Table, ...], dict[str, Any]],
) -> None:
    """The emulator's check refuses two active ways between tables, columns of unequal types, and links to nowhere."""
    tables, options = drawn
    definition = build(*tables, **options)
    check_model({path: text.encode("utf-8", "surrogatepass") for path, text in definition.parts.items()})
    assert tables_shown(definition.parts) == {one.ref for one in definition.tables}
    difference = compare(definition.parts, definition.parts)
    assert difference.equal
    assert not difference.conflicts


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("customer_key", "Customer Key"),
        ("orderID", "Order ID"),
        ("net_amount_eur", "Net Amount Eur"),
        ("VATRate2024", "VAT Rate 2024"),
        ("größe_cm", "Größe Cm"),
        ("is active", "Is Active"),
        ("sku", "SKU"),
        ("___", ""),
        ("a%b", "A % B"),
    ],
)
def test_friendly_names(name: str, words: str) -> None:
    assert friendly(name) == words


def test_friendly_names_keep_the_source_and_the_tags() -> None:
    plain, made = build(*star()), build(*star(), friendly_names=True)
    assert {one.name for one in made.tables} == {"Sales", "Date", "Customer"}
    text = "".join(made.parts.values())
    assert "sourceColumn: customer_key" in text
    assert "entityName: fact_sales" in text
    difference = compare(made.parts, plain.parts)
    assert not difference.added, "they are the same objects with other names"
    assert not difference.removed
    assert compare(made.parts, difference.parts).equal


def test_friendly_names_that_would_be_equal_are_told_apart() -> None:
    made = build(table("order_line", "a_b", "a b", "A_B", "_"), table("orderLine", "x"), friendly_names=True)
    assert sorted(one.name for one in made.tables) == ["Orders Order Line", "Orders Order Line (2)"]
    assert [c.name for c in made.tables[1].columns] == ["A B", "A B (2)", "A B (3)", "_"]


def test_a_calendar_is_marked_as_date_table() -> None:
    fact, date, customer = star()
    made = build(fact, required(date), customer)
    text = made.parts["definition/tables/dim_date.tmdl"]
    assert "dataCategory: Time" in text
    assert [c.name for c in next(one for one in made.tables if one.name == "dim_date").columns if c.is_key] == ["day"]
    assert "dataCategory" not in "".join(build(fact, date, customer).parts.values()), "its dates may be null"
    assert "dataCategory" not in "".join(build(required(date), date_table="none").parts.values())


def test_the_date_table_that_the_spec_names() -> None:
    log = table("log", column("at", "TIMESTAMP"), "id")
    assert build(log, date_table="orders.log.at").tables[0].date_column == "at"
    assert reasons(build(log, date_table="orders.log.id")) == [
        "orders.log: column id: it can't mark the date table: it is no date"
    ]
    assert "not in the model" in reasons(build(log, date_table="orders.gone.day"))[0]


def test_two_calendars_leave_the_choice_to_the_spec() -> None:
    one = required(table("calendar", column("day", "DATE")))
    two = required(table("dates", column("day", "DATE")))
    assert all(each.date_column is None for each in build(one, two).tables)


def test_folders_by_schema() -> None:
    text = build(*star(), folders_by_schema=True).parts["definition/tables/dim_date.tmdl"]
    assert text.count("displayFolder: orders") == 3


def test_relationships_of_the_spec_win_and_come_first() -> None:
    wish = related("fact_sales.ship_date_key", "dim_date.date_key", cross_filter="both")
    made = {one.from_column: one for one in build(*star(), more_relationships=(wish,)).relationships}
    assert made["ship_date_key"].is_active
    assert made["ship_date_key"].both_ways
    assert not made["date_key"].is_active
    assert "cycle" in made["date_key"].reason
    assert len(made) == 3


def test_relationships_of_the_spec_alone() -> None:
    wish = related("fact_sales.date_key", "dim_date.date_key", active=False)
    made = build(*star(), relationships=False, more_relationships=(wish, wish)).relationships
    assert [(str(one), one.reason) for one in made] == [
        ("fact_sales[date_key] -> dim_date[date_key]", "the spec says so")
    ]


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        (("fact_sales.date_key", "dim_gone.date_key"), "orders.dim_gone.date_key isn't in the model"),
        (("fact_sales.gone", "dim_date.date_key"), "orders.fact_sales.gone isn't in the model"),
        (("fact_sales.amount", "dim_date.date_key"), "equal types only"),
    ],
)
def test_relationships_of_the_spec_that_cannot_be_made_are_told(ends: tuple[str, str], why: str) -> None:
    definition = build(*star(), relationships=False, more_relationships=(related(*ends),))
    assert not definition.relationships
    assert why in reasons(definition)[0]


def test_a_relationship_of_the_spec_within_a_table_is_told() -> None:
    """Fabric refuses a model that has one, active or not."""
    made = build(table("a", "id", "x", key="id"), more_relationships=(related("a.x", "a.id"),))
    assert not made.relationships
    assert "can't relate a table to itself" in reasons(made)[0]


def test_both_ways_count_as_ways() -> None:
    """Between facts that share two dimensions, filters that flow back would have two ways."""
    day, place = table("day", "k", key="k"), table("place", "k", key="k")
    facts = [
        table(name, "day_k", "place_k", refers={"day_k": "orders.day.k", "place_k": "orders.place.k"})
        for name in ("one", "two")
    ]
    wishes = (
        related("one.day_k", "day.k", cross_filter="both"),
        related("two.day_k", "day.k", cross_filter="both"),
    )
    made = build(day, place, *facts, more_relationships=wishes).relationships
    assert [one.is_active for one in made] == [True, True, True, False]


def test_the_sql_endpoint_as_source() -> None:
    rely = {"foreign_key_constraint": {
        "child_columns": ["k"], "parent_table": "sales.orders.p", "parent_columns": ["k"], "rely": True,
    }}  # fmt: skip
    child, parent = table("c", "k", table_constraints=[rely]), table("p", "k", key="k")
    made = build(child, parent, sql=SQL)
    assert f'Sql.Database("{SQL.server}", "{SQL.endpoint_id}")' in made.parts["definition/expressions.tmdl"]
    assert "relyOnReferentialIntegrity: true" in made.parts["definition/relationships.tmdl"]
    assert "relyOn" not in build(child, parent).parts["definition/relationships.tmdl"], "Direct Lake doesn't heed it"


def test_metric_views_become_measures_where_dax_can_say_them() -> None:
    definition = build(*star(), metric_views=(metric_view(),))
    assert measures(definition) == {
        "revenue": "SUM('fact_sales'[amount])",
        "lines": "COUNTROWS('fact_sales')",
        "average line": "DIVIDE([revenue], COUNTROWS('fact_sales'))",
        "customers": "DISTINCTCOUNTNOBLANK('fact_sales'[customer_key])",
        "large": "CALCULATE(SUM('fact_sales'[amount]), "
        "KEEPFILTERS('fact_sales'[unit_price] >= 100 && NOT ISBLANK('fact_sales'[unit_price])), "
        "KEEPFILTERS('fact_sales'[customer_key] <> 7 && NOT ISBLANK('fact_sales'[customer_key])))",
        "list value": "SUMX('fact_sales', 'fact_sales'[unit_price] * 'fact_sales'[amount]) * 1.25",
        "sales_metrics: amount": "MAX('fact_sales'[amount])",
    }
    told = {one.name: one.reason for one in definition.left_out if one.kind == "measure"}
    assert told.keys() == {"median", "by region", "rolling", "nulls", "missing", "text"}
    assert "PERCENTILE isn't translated" in told["median"]
    assert "join customer" in told["by region"]
    assert "window" in told["rolling"]
    assert "may be null" in told["nulls"]
    assert "needs the measure rolling" in told["missing"]
    text = definition.parts["definition/tables/fact_sales.tmdl"]
    assert "/// What was sold, net\n\tmeasure revenue = SUM('fact_sales'[amount])\n\t\tformatString: #,0.00" in text


def test_null_free_columns_may_be_added_within_a_row() -> None:
    fact, *others = star()
    made = build(required(fact), *others, metric_views=(metric_view(),))
    assert measures(made)["nulls"] == "SUMX('fact_sales', 'fact_sales'[amount] - 'fact_sales'[unit_price])"


def said(expression: str, *tables: Table, **more: Any) -> str:
    """The DAX of one measure over the fact table."""
    written = {"source": "sales.orders.fact_sales", "measures": [{"name": "a", "expr": expression}], **more}
    definition = build(*(tables or star()), metric_views=(metric_view(yaml.safe_dump(written)),))
    assert not [one for one in definition.left_out if one.kind == "measure"]
    return measures(definition)["a"]


AMOUNT = "'fact_sales'[amount]"


@pytest.mark.parametrize(
    ("expression", "dax"),
    [
        ("MEDIAN(amount)", f"MEDIAN({AMOUNT})"),
        ("SUM(amount) / NULLIF(COUNT(*), 0)", f"DIVIDE(SUM({AMOUNT}), COUNTROWS('fact_sales'))"),
        ("try_divide(SUM(amount), COUNT(*))", f"DIVIDE(SUM({AMOUNT}), COUNTROWS('fact_sales'))"),
        ("COALESCE(SUM(amount), 0)", f"COALESCE(SUM({AMOUNT}), 0)"),
        (
            "count_if(amount IN (1, -2.5))",
            f"CALCULATE(COUNTROWS('fact_sales'), KEEPFILTERS({AMOUNT} IN {{1, -2.5}} && NOT ISBLANK({AMOUNT})))",
        ),
        (
            "SUM(amount) FILTER (WHERE amount BETWEEN 1 AND 5 AND unit_price IS NOT NULL)",
            (
                f"CALCULATE(SUM({AMOUNT}), KEEPFILTERS({AMOUNT} >= 1 && {AMOUNT} <= 5 && NOT ISBLANK({AMOUNT})), "
                "KEEPFILTERS(NOT ISBLANK('fact_sales'[unit_price])))"
            ),
        ),
    ],
)
def test_more_of_sql_that_dax_can_say(expression: str, dax: str) -> None:
    assert said(expression) == dax


def test_a_filter_of_the_whole_view_holds_for_each_aggregate() -> None:
    where = f"KEEPFILTERS({AMOUNT} > 0 && NOT ISBLANK({AMOUNT}))"
    assert said("SUM(amount) / COUNT(*)", filter="amount > 0") == (
        f"DIVIDE(CALCULATE(SUM({AMOUNT}), {where}), CALCULATE(COUNTROWS('fact_sales'), {where}))"
    )


def test_blanks_are_left_out_of_comparisons_as_nulls_are() -> None:
    """In DAX a blank is 0 and less than 5; in SQL null is neither. Where there are none, nothing has to be said."""
    fact, *others = star()
    counted = "COUNT(*) FILTER (WHERE customer_key <> 5)"
    assert "NOT ISBLANK('fact_sales'[customer_key])" in said(counted)
    assert "ISBLANK" not in said(counted, required(fact), *others)


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        (
            "source: sales.orders.fact_sales\nfilter: amount > unit_price\nmeasures: [{name: a}]",
            "same type",
        ),
        (
            "source: sales.orders.fact_sales\nfilter: amount > 0 OR amount < 0\nmeasures: [{name: a}]",
            "'OR' in its filter",
        ),
        ("source: sales.orders.fact_sales\njoins: [{name: c}]\nmeasures: [{name: a, expr: COUNT(*)}]", "joins"),
        ("source: SELECT 1\nmeasures: [{name: a, expr: COUNT(*)}]", "no table of the model"),
        ("source: other.orders.fact_sales\nmeasures: [{name: a, expr: COUNT(*)}]", "no table of the model"),
        ("{", "isn't one of a metric view"),
        ("", "isn't one of a metric view"),
        ("source: sales.orders.fact_sales", "isn't one of a metric view"),
    ],
)
def test_metric_views_that_cannot_be_measures_are_told(definition: str, why: str) -> None:
    made = build(*star(), metric_views=(metric_view(definition),))
    assert not measures(made)
    assert why in reasons(made)[0]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("amount", "neither an aggregate"),
        ("1 + 1", "no aggregate"),
        ("SUM(amount", "where ')' is expected"),
        ("SUM(amount))", "isn't understood"),
        ("SUM(amount) ; DROP", "isn't understood"),
        ("SUM(name)", "no column"),
        ("SUM(amount) FILTER (WHERE amount = 'x')", "same type"),
        ("SUM(amount) FILTER (WHERE amount IN ('x'))", "same type"),
        ("SUM(amount) FILTER (WHERE amount LIKE 1)", "same type"),
        ("SUM(amount) FILTER (WHERE amount > 1 OR amount < 0)", "')' is expected"),
        ("MEDIAN(amount * 2)", "MEDIAN isn't translated of more than a column"),
        ("STDDEV(amount)", "STDDEV isn't translated"),
        ("SUM(amount) / NULLIF(SUM(amount), 1)", "'0' is expected"),
        ("SUM(CASE WHEN amount > 1 THEN 1 END)", "no column"),
        ("", "ends too early"),
    ],
)
def test_expressions_that_are_not_understood_are_told(expression: str, why: str) -> None:
    view = metric_view(f"source: sales.orders.fact_sales\nmeasures: [{{name: a, expr: {expression!r}}}]")
    made = build(*star(), metric_views=(view,))
    assert not measures(made)
    assert why in reasons(made)[0]


def test_measures_come_go_and_stay_where_people_changed_them() -> None:
    before = build(*star(), metric_views=(metric_view(),)).parts
    fact = "definition/tables/fact_sales.tmdl"
    theirs = {**before, fact: before[fact].replace("COUNTROWS('fact_sales')\n", "COUNTROWS('fact_sales') + 0\n", 1)}
    merged = compare(build(*star(), metric_views=(metric_view(),)).parts, theirs)
    assert merged.equal
    assert merged.edited == ("measure lines of table fact_sales: =",)
    kept = compare(build(*star()).parts, theirs)
    assert len(kept.removed) == 6
    assert kept.conflicts == (
        "measure lines of table fact_sales is no longer wanted, but stays: others changed what it says",
    )
    gone = compare(build(*star()).parts, before)
    assert len(gone.removed) == 7
    assert "measure" not in gone.parts[fact]


def test_a_column_that_an_edited_measure_needs_stays() -> None:
    before = build(*star(), metric_views=(metric_view(),)).parts
    fact = "definition/tables/fact_sales.tmdl"
    edited = before[fact].replace("= COUNTROWS('fact_sales')\n", "= SUM('fact_sales'[unit_price])\n", 1)
    theirs = {**before, fact: edited}
    changed = replace(star()[0], columns=tuple(c for c in star()[0].columns if c.name != "unit_price"))
    merged = compare(build(changed, *star()[1:], metric_views=(metric_view(),)).parts, theirs)
    assert any("column unit_price" in conflict and "stays" in conflict for conflict in merged.conflicts)


def test_a_fact_keeps_its_own_dimension_and_not_the_one_through_another_fact() -> None:
    day = table("zz_day", "k", key="k")
    sales = table("sales", "id", "day_k", key="id", refers={"day_k": "orders.zz_day.k"})
    returns = table("returns", "sale_id", "day_k", refers={"sale_id": "orders.sales.id", "day_k": "orders.zz_day.k"})
    made = {str(one): one for one in build(day, sales, returns).relationships}
    assert made["sales[day_k] -> zz_day[k]"].is_active
    assert made["returns[day_k] -> zz_day[k]"].is_active
    assert "path from zz_day to returns" in made["returns[sale_id] -> sales[id]"].reason


@settings(max_examples=80)
@given(catalogs_before_and_after())
def test_from_any_model_to_a_later_one(
    drawn: tuple[tuple[tuple[Table, ...], dict[str, Any]], tuple[tuple[Table, ...], dict[str, Any]]],
) -> None:
    """One merge makes the model what is wanted, and it is one: whatever is renamed, moved, related or measured anew."""
    (tables, options), (later, later_options) = drawn
    wanted = build(*later, **later_options)
    merged = compare(wanted.parts, build(*tables, **options).parts)
    assert not merged.conflicts
    check_model({path: text.encode("utf-8", "surrogatepass") for path, text in merged.parts.items()})
    assert tables_shown(merged.parts) == {one.ref for one in wanted.tables}
    again = compare(wanted.parts, merged.parts)
    assert again.equal, str(again)
    back = compare(merged.parts, wanted.parts)
    assert back.equal, str(back)


def test_a_name_that_goes_over_to_another_column() -> None:
    """The new column comes first and takes the words; the old one keeps its tag, and what people gave it."""
    before = build(table("t", "a b"), friendly_names=True).parts
    path = next(one for one in before if one.startswith("definition/tables/"))
    theirs = {**before, path: before[path].replace("summarizeBy: sum", "summarizeBy: max")}
    wanted = build(table("t", "a_b", "a b"), friendly_names=True)
    assert [c.name for c in wanted.tables[0].columns] == ["A B", "A B (2)"]
    merged = compare(wanted.parts, theirs)
    assert compare(wanted.parts, merged.parts).equal
    old = merged.parts[path].split("column 'A B (2)'")[1].split("annotation")[0]
    assert "sourceColumn: a b" in old
    assert "summarizeBy: max" in old
    check_model({one: text.encode() for one, text in merged.parts.items()})


FACT = "definition/tables/fact_sales.tmdl"


def _with(parts: Any, *edits: tuple[str, str]) -> dict[str, str]:
    text = parts[FACT]
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return {**parts, FACT: text}


def test_a_friendly_name_that_peoples_measure_has() -> None:
    """Names are compared without case, and a table's columns and measures share them."""
    measure = "\n\tmeasure 'Unit Price' = 1\n\t\tlineageTag: m\n\n\tpartition "
    theirs = _with(build(*star()).parts, ("\n\tpartition ", measure))
    wanted = build(*star(), friendly_names=True)
    merged = compare(wanted.parts, theirs)
    assert "column unit_price" in merged.parts[FACT], "it keeps the name it has"
    assert "column 'Sale ID'" in merged.parts[FACT]
    assert any("unit_price" in conflict and "taken" in conflict for conflict in merged.conflicts)
    assert compare(wanted.parts, merged.parts).equal


def test_a_new_column_whose_name_people_gave_to_another() -> None:
    fact, *others = star()
    without = replace(fact, columns=tuple(c for c in fact.columns if c.name != "amount"))
    theirs = _with(build(without, *others).parts, ("\tcolumn unit_price\n", "\tcolumn Amount\n"))
    wanted = build(fact, *others)
    merged = compare(wanted.parts, theirs)
    assert "\tcolumn Amount\n" in merged.parts[FACT]
    assert "column 'amount (2)'" in merged.parts[FACT]
    check_model({path: text.encode() for path, text in merged.parts.items()})
    assert compare(wanted.parts, merged.parts).equal


def test_a_new_key_whose_name_is_taken_is_related_under_its_own() -> None:
    fact, date, customer = star()
    without = replace(
        fact,
        columns=tuple(c for c in fact.columns if c.name != "customer_key"),
        table_constraints=tuple(
            c for c in fact.table_constraints
            if not (c.foreign_key_constraint and "customer_key" in c.foreign_key_constraint.child_columns)
        ),
    )  # fmt: skip
    theirs = _with(build(without, date, customer).parts, ("\tcolumn unit_price\n", "\tcolumn Customer_Key\n"))
    merged = compare(build(fact, date, customer).parts, theirs)
    assert "fact_sales.'customer_key (2)'" in merged.parts["definition/relationships.tmdl"]
    check_model({path: text.encode() for path, text in merged.parts.items()})


def test_a_new_table_whose_name_people_gave_to_another() -> None:
    fact, date, customer = star()
    before = build(fact, date)
    parts = {
        path: text.replace("table dim_date\n", "table dim_customer\n").replace("dim_date.", "dim_customer.")
        for path, text in before.parts.items()
    }
    merged = compare(build(fact, date, customer).parts, parts)
    text = "\n".join(merged.parts.values())
    assert "table 'dim_customer (2)'" in text
    check_model({path: text.encode() for path, text in merged.parts.items()})
    assert compare(build(fact, date, customer).parts, merged.parts).equal
