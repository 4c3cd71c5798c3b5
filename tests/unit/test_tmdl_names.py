"""Names in a model stay those by which reports, measures and people know its tables, whatever comes beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_emulator.fabric.tmdl_check import check_model
from tests.unit.tmdl_samples import build, catalogs, catalogs_before_and_after, metric_view, star, table
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import compare, held_names, keep_tables, tables_shown
from unity_mirror.plan.tmdl.names import quote

FACT = "definition/tables/fact_sales.tmdl"
PARTITION = "\n\tpartition "
A, B = TableRef("a", "sales"), TableRef("b", "sales")
SALES, MORE_SALES = table("sales", "id", "amount", schema="a"), table("sales", "id", schema="b")


def names(*tables: Table, held: Mapping[TableRef, str], friendly: bool = False) -> list[str]:
    return [one.name for one in build(*tables, held_names=held, friendly_names=friendly).tables]


@pytest.mark.parametrize(
    ("held", "friendly", "wanted"),
    [
        ({}, False, ["a.sales", "b.sales"]),
        ({A: "sales"}, False, ["sales", "b.sales"]),
        ({B: "sales"}, False, ["a.sales", "sales"]),
        ({A: "Sales"}, True, ["Sales", "B Sales"]),
        ({A: "sales"}, True, ["A Sales", "B Sales"]),
        ({A: "Sales"}, False, ["a.sales", "b.sales"]),
        ({A: "sales", B: "sales"}, False, ["sales", "b.sales"]),
        ({A: "b.sales"}, False, ["a.sales", "b.sales"]),
    ],
)
def test_a_table_keeps_its_name_when_another_comes(
    held: Mapping[TableRef, str], friendly: bool, wanted: list[str]
) -> None:
    """Unless the spec asks for words instead of names, or the other way round."""
    assert names(SALES, MORE_SALES, held=held, friendly=friendly) == wanted


def test_a_table_keeps_its_name_when_the_other_goes() -> None:
    assert names(SALES, held={A: "a.sales", B: "b.sales"}) == ["a.sales"]


def test_nobody_gets_the_name_of_a_table_that_goes() -> None:
    """Reports over it would show the numbers of another."""
    assert names(MORE_SALES, held={A: "sales"}) == ["b.sales"]
    assert names(MORE_SALES, held={A: "SALES"}) == ["b.sales"]


def test_what_we_called_a_table_is_known_also_when_people_renamed_it() -> None:
    parts = dict(build(*star()).parts)
    parts[FACT] = parts[FACT].replace("table fact_sales\n", "table Facts\n")
    refs = ("dim_customer", "dim_date", "fact_sales")
    assert held_names(parts) == {TableRef("orders", name): name for name in refs}


def test_a_new_table_of_the_same_name_leaves_a_model_as_it_is() -> None:
    there = build(SALES).parts
    merged = compare(build(SALES, MORE_SALES, held_names=held_names(there)).parts, there)
    assert (merged.added, merged.changed, merged.conflicts) == (("table b.sales",), (), ())


def with_measure(parts: Mapping[str, str], path: str, text: str) -> dict[str, str]:
    """With a measure of somebody's."""
    measure = f"\n\tmeasure Mine = {text}\n\t\tlineageTag: 0d7f30b5-1111-4222-8333-000000000001\n{PARTITION}"
    assert PARTITION in parts[path]
    return {**parts, path: parts[path].replace(PARTITION, measure, 1)}


def test_friendly_names_leave_those_that_peoples_work_needs() -> None:
    theirs = with_measure(build(*star()).parts, FACT, "SUM(fact_sales[amount])")
    wanted = build(*star(), friendly_names=True).parts
    merged = compare(wanted, theirs)
    text = "\n".join(merged.parts.values())
    assert "table fact_sales\n" in text
    assert "column amount\n" in text
    assert "column 'Unit Price'\n" in text
    assert "fromColumn: fact_sales.'Customer Key'\n\ttoColumn: Customer.'Customer Key'" in text
    why = "something that others made refers to it by the name it has"
    assert set(merged.conflicts) == {
        f"table fact_sales isn't called 'Sales': {why}",
        f"column amount of table fact_sales isn't called 'Amount': {why}",
    }
    assert compare(wanted, merged.parts).equal


@pytest.mark.parametrize(
    ("name", "written"), [("it's", "it's"), ("a]b", "a]]b"), ("é☃", "é☃"), ("x.y", "x.y"), ("a b", "A B")]
)
def test_a_column_that_peoples_dax_names_stays(name: str, written: str) -> None:
    before = table("x", "id", name)
    theirs = with_measure(build(before).parts, "definition/tables/x.tmdl", f"SUM('x'[{written}])")
    merged = compare(build(replace(before, columns=before.columns[:1])).parts, theirs)
    assert not merged.removed
    assert any("stays" in each for each in merged.conflicts)


def renamed(parts: Mapping[str, str]) -> dict[str, str]:
    """Somebody renamed the table of facts, a column and a measure, as Power BI does it: with all references."""
    changes = {
        "table fact_sales": "table 'The facts'",
        "fact_sales.": "'The facts'.",
        "'fact_sales'": "'The facts'",
        "column amount\n": "column 'Net ]['\n",
        "[amount]": "[Net ]][]",
        "measure revenue": "measure Umsatz",
        "[revenue]": "[Umsatz]",
    }
    result = dict(parts)
    for old, new in changes.items():
        for path in result:
            result[path] = result[path].replace(old, new)
    return result


def test_new_measures_say_the_names_that_people_gave() -> None:
    fewer = metric_view("source: sales.orders.fact_sales\nmeasures: [{name: revenue, expr: SUM(amount)}]")
    theirs = renamed(build(*star(), metric_views=(fewer,)).parts)
    wanted = build(*star(), metric_views=(metric_view(),)).parts
    merged = compare(wanted, theirs)
    text = merged.parts[FACT]
    assert "measure Umsatz = SUM('The facts'[Net ]][])" in text
    assert "measure 'average line' = DIVIDE([Umsatz], COUNTROWS('The facts'))" in text
    assert "measure 'sales_metrics: amount' = MAX('The facts'[Net ]][])" in text
    assert "'fact_sales'" not in text.split("annotation UnityMirror_Written")[0]
    assert not merged.conflicts
    assert compare(wanted, merged.parts).equal


def test_measures_that_a_renaming_left_behind_are_put_right() -> None:
    """Not every tool changes the measures when a table is renamed."""
    wanted = build(*star(), metric_views=(metric_view(),)).parts
    theirs = dict(wanted)
    for path, text in wanted.items():
        theirs[path] = text.replace("table fact_sales\n", "table Facts\n").replace(": fact_sales.", ": Facts.")
    merged = compare(wanted, theirs)
    assert "measure lines = COUNTROWS('Facts')" in merged.parts[FACT]
    assert compare(wanted, merged.parts).equal


def test_measures_that_people_wrote_anew_stay_whatever_is_renamed() -> None:
    wanted = build(*star(), metric_views=(metric_view(),)).parts
    theirs = renamed(wanted)
    theirs[FACT] = theirs[FACT].replace("= COUNTROWS('The facts')\n", "= COUNTROWS('fact_sales') + [lines 2]\n", 1)
    merged = compare(wanted, theirs)
    assert merged.equal
    assert "measure lines = COUNTROWS('fact_sales') + [lines 2]" in merged.parts[FACT]


@st.composite
def referred(draw: st.DrawFn) -> tuple[tuple[Table, ...], dict[str, str], str]:
    """A catalog, its model with a hierarchy over a column and a role over a table, and how TMDL writes the latter."""
    tables = draw(catalogs().filter(lambda found: bool(build(*found).tables)))
    definition = build(*tables)
    one = draw(st.sampled_from(definition.tables))
    column = draw(st.sampled_from(one.columns))
    parts = dict(definition.parts)
    path = next(path for path, text in parts.items() if f"\ntable {quote(one.name)}\n" in f"\n{text}")
    level = f"\n\thierarchy Of\n\n\t\tlevel Theirs\n\t\t\tcolumn: {quote(column.name)}\n{PARTITION}"
    parts[path] = parts[path].replace(PARTITION, level, 1)
    permission = f"\ttablePermission {quote(one.name)} = TRUE()\n"
    parts["definition/roles/Theirs.tmdl"] = f"role Theirs\n\tmodelPermission: read\n\n{permission}"
    return tables, parts, permission


@settings(max_examples=60)
@given(referred())
def test_what_refers_to_any_name_still_does_when_the_spec_asks_for_words(
    drawn: tuple[tuple[Table, ...], dict[str, str], str],
) -> None:
    tables, theirs, permission = drawn
    check_model({path: text.encode("utf-8", "surrogatepass") for path, text in theirs.items()})
    wanted = build(*tables, friendly_names=True).parts
    merged = compare(wanted, theirs)
    check_model({path: text.encode("utf-8", "surrogatepass") for path, text in merged.parts.items()})
    assert permission in merged.parts["definition/roles/Theirs.tmdl"]
    assert compare(wanted, merged.parts).equal


@pytest.mark.parametrize(
    ("friendly", "column", "ends"),
    [
        (False, "customer_key", ["fact_sales.customer_key", "dim_customer.customer_key"]),
        (True, "customer_key", ["Sales.'Customer Key'", "dim_customer.customer_key"]),
        (False, "other_key", []),
    ],
)
def test_the_relationship_of_a_table_that_stays_goes_with_the_column_that_it_leads_to(
    friendly: bool, column: str, ends: list[str]
) -> None:
    fact, _, customer = star()
    there = build(fact, customer).parts
    renamed = tuple(replace(each, name=column) if each.name == "customer_key" else each for each in fact.columns)
    wanted = build(replace(fact, columns=renamed), friendly_names=friendly, held_names=held_names(there))
    merged = compare(keep_tables(wanted.parts, there).parts, there)
    check_model({path: text.encode() for path, text in merged.parts.items()})
    text = "\n".join(merged.parts.values())
    found = [line.split(": ")[1] for line in text.split("\n") if line.startswith(("\tfromColumn", "\ttoColumn"))]
    assert found == ends
    assert "table dim_customer\n" in text


@settings(max_examples=80)
@given(catalogs_before_and_after())
def test_tables_that_nobody_pruned_stay_beside_any_that_come(
    drawn: tuple[tuple[tuple[Table, ...], dict[str, Any]], tuple[tuple[Table, ...], dict[str, Any]]],
) -> None:
    (tables, options), (later, later_options) = drawn
    there: Mapping[str, str] = build(*tables, **options).parts
    for _ in range(2):
        wanted = build(*later, held_names=held_names(there), **later_options)
        merged = compare(keep_tables(wanted.parts, there).parts, there)
        check_model({path: text.encode("utf-8", "surrogatepass") for path, text in merged.parts.items()})
        assert tables_shown(merged.parts) == tables_shown(there) | tables_shown(wanted.parts)
        assert not merged.conflicts
        there = merged.parts
    assert merged.equal, str(merged)
