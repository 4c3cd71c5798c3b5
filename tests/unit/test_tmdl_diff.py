"""Comparing a model with what is there: what we change, what people changed and made, and that theirs stays."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from cloud_emulator.fabric.tmdl_check import check_model
from tests.unit.tmdl_samples import build, catalogs, column, star, table
from tests.unit.tmdl_theirs import DATE, FACT, MODEL, PEOPLES_EDITS, edited_by_people
from unity_mirror.errors import UnityMirrorError
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import compare

RELATIONSHIPS = "definition/relationships.tmdl"


def _with_column(tables: tuple[Table, ...], name: str, **changes: Any) -> tuple[Table, ...]:
    """The tables with a column changed, or left away when nothing is given for it."""
    fact, *others = tables
    kept = [replace(one, **changes) if one.name == name else one for one in fact.columns]
    columns = tuple(kept if changes else [one for one in fact.columns if one.name != name])
    return replace(fact, columns=columns), *others


def test_the_same_is_equal() -> None:
    parts = build(*star()).parts
    difference = compare(parts, parts)
    assert difference.equal
    assert difference.parts == parts
    assert str(difference) == "no difference"
    assert (difference.edited, difference.foreign, difference.conflicts) == ((), (), ())


def test_how_it_is_written_makes_no_difference() -> None:
    parts = dict(build(*star()).parts)
    there = {
        path: text.replace("\n", "\r\n").replace("\tisKey\r\n", "\tisKey: true\r\n") for path, text in parts.items()
    }
    there["definition/tables/Elsewhere.tmdl"] = there.pop(FACT).replace("column amount", "column 'amount'")
    there[RELATIONSHIPS] = there[RELATIONSHIPS].replace("fact_sales.date_key", "'fact_sales'.'date_key'")
    difference = compare(parts, there)
    assert difference.equal, str(difference)
    assert difference.parts == there
    assert not difference.edited


@settings(max_examples=60)
@given(catalogs())
def test_any_model_equals_itself(tables: tuple[Table, ...]) -> None:
    parts = build(*tables).parts
    difference = compare(parts, parts)
    assert difference.equal, str(difference)
    assert (difference.edited, difference.foreign, difference.conflicts) == ((), (), ())


@settings(max_examples=60)
@given(catalogs(), catalogs())
def test_after_a_merge_there_is_nothing_left_to_do(before: tuple[Table, ...], after: tuple[Table, ...]) -> None:
    wanted = build(*after).parts
    merged = compare(wanted, build(*before).parts)
    assert not merged.conflicts
    again = compare(wanted, merged.parts)
    assert again.equal, str(again)


def test_tables_come_and_go() -> None:
    fact, date, customer = star()
    grown = compare(build(fact, date, customer).parts, build(fact, date).parts)
    relationship = "relationship fact_sales.customer_key -> dim_customer.customer_key"
    assert set(grown.added) == {"table dim_customer", relationship}
    assert grown.changed == ("column customer_key of table fact_sales",), "it is hidden now"
    assert "ref table dim_customer" in grown.parts[MODEL]
    shrunk = compare(build(fact, date).parts, grown.parts)
    assert set(shrunk.removed) == {"table dim_customer", relationship}
    assert "definition/tables/dim_customer.tmdl" not in shrunk.parts
    assert "dim_customer" not in "".join(shrunk.parts.values())


def test_columns_come_and_go() -> None:
    without = _with_column(star(), "amount")
    grown = compare(build(*star()).parts, build(*without).parts)
    assert (grown.added, grown.changed, grown.removed) == (("column amount of table fact_sales",), (), ())
    shrunk = compare(build(*without).parts, grown.parts)
    assert shrunk.removed == ("column amount of table fact_sales",)
    assert "amount" not in shrunk.parts[FACT]


def test_a_change_at_the_source_is_followed() -> None:
    changed = _with_column(star(), "amount", comment=None, type_text="decimal(10,4)", type_scale=4)
    difference = compare(build(*changed).parts, build(*star()).parts)
    assert difference.changed == ("column amount of table fact_sales",)
    assert "#,0.0000" in difference.parts[FACT]
    assert "Net, in euro" not in difference.parts[FACT]
    assert difference.parts[DATE] == build(*star()).parts[DATE]


def test_what_people_changed_stays_and_is_told() -> None:
    parts = build(*star()).parts
    theirs = edited_by_people(parts)
    difference = compare(parts, theirs)
    assert difference.equal, str(difference)
    assert difference.parts == theirs
    assert set(difference.edited) == {
        "table Sales: name",
        "column Net amount of table Sales: name",
        "column Net amount of table Sales: description",
        "column day of table dim_date: formatString",
    }
    assert set(difference.foreign) == {
        "measure Total of table Sales",
        "measure Average price of table Sales",
        "hierarchy Calendar of table dim_date",
        "table Budget",
        "role Readers",
    }
    assert not difference.conflicts


def test_what_people_did_survives_a_change_beside_it() -> None:
    changed = _with_column(star(), "unit_price", comment="Before discounts")
    theirs = edited_by_people(build(*star()[:2]).parts)
    difference = compare(build(*changed).parts, theirs)
    assert set(difference.added) == {
        "table dim_customer",
        "relationship Sales.customer_key -> dim_customer.customer_key",
    }
    assert "column unit_price of table Sales" in difference.changed
    merged = "\n".join(difference.parts.values())
    assert not [edit for edit in PEOPLES_EDITS if edit not in merged]
    assert "/// Before discounts" in merged
    assert difference.parts[".platform"] == "{}"
    assert "fact_sales.customer_key" not in difference.parts[RELATIONSHIPS], "it would name a table that there isn't"
    assert compare(build(*changed).parts, difference.parts).equal


def test_what_both_changed_is_told() -> None:
    theirs = dict(build(*star()).parts)
    theirs[FACT] = (
        theirs[FACT].replace("Net, in euro\n", "How much\n").replace("dataType: decimal\n", "dataType: double\n")
    )
    wanted = build(
        *_with_column(star(), "amount", comment="Gross", type_name="LONG", type_text="bigint", type_scale=None)
    )
    difference = compare(wanted.parts, theirs)
    assert "/// How much" in difference.parts[FACT]
    amount = difference.parts[FACT].split("column amount")[1].split("annotation")[0]
    assert "dataType: int64" in amount
    assert [conflict.endswith("theirs stays") for conflict in difference.conflicts] == [True, False]
    assert compare(wanted.parts, difference.parts).equal


def test_what_others_refer_to_is_not_removed() -> None:
    fact, date, _ = star()
    theirs = edited_by_people(build(fact, date).parts)
    no_price = _with_column((fact, date), "unit_price")
    difference = compare(build(*no_price).parts, theirs)
    assert difference.equal
    assert difference.conflicts == (
        "column unit_price of table Sales is no longer wanted, but stays: something that others made refers to it",
    )


def test_a_table_that_holds_something_of_others_is_not_removed() -> None:
    fact, date, _ = star()
    difference = compare(build(fact).parts, edited_by_people(build(fact, date).parts))
    assert any(
        conflict.startswith("table dim_date is no longer wanted, but stays") for conflict in difference.conflicts
    )
    assert "hierarchy Calendar" in difference.parts[DATE]


def test_a_table_of_others_with_our_name_stays_theirs() -> None:
    fact, date, _ = star()
    theirs = dict(build(fact).parts)
    theirs[DATE] = "table dim_date\n\tlineageTag: a\n\n\tcolumn theirs\n\t\tdataType: int64\n\t\tsourceColumn: theirs\n"
    difference = compare(build(fact, date).parts, theirs)
    assert not difference.added
    assert difference.parts[DATE] == theirs[DATE]
    assert any("table dim_date is there and isn't ours" in conflict for conflict in difference.conflicts)
    assert any("isn't made: the table dim_date isn't ours" in conflict for conflict in difference.conflicts)


def test_a_measure_with_our_columns_name_stays_theirs() -> None:
    theirs = dict(build(table("t", "a")).parts)
    path = "definition/tables/t.tmdl"
    theirs[path] = theirs[path].replace("\n\tpartition", "\n\tcolumn b = 1 + 1\n\t\tlineageTag: x\n\n\tpartition")
    difference = compare(build(table("t", "a", "b")).parts, theirs)
    assert difference.equal
    assert difference.conflicts == ("column b of table t is there and isn't ours; it stays as it is",)


def test_a_relationship_that_others_made_is_not_made_twice() -> None:
    theirs = dict(build(*star(), relationships=False).parts)
    theirs[RELATIONSHIPS] = "relationship theirs\n\tfromColumn: fact_sales.date_key\n\ttoColumn: dim_date.date_key\n"
    difference = compare(build(*star()).parts, theirs)
    assert "relationship fact_sales.date_key -> dim_date.date_key" not in difference.added
    assert len(difference.added) == 2
    assert "relationship theirs" in difference.parts[RELATIONSHIPS]


def test_a_moved_source_is_followed() -> None:
    parts = build(*star()).parts
    expressions = "definition/expressions.tmdl"
    there = {**parts, expressions: build(*star()).parts[expressions]}
    wanted = {path: text.replace("55550000-0000", "66660000-0000") for path, text in parts.items()}
    wanted[expressions] = (
        wanted[expressions].split("\tannotation")[0] + "\tannotation" + parts[expressions].split("\tannotation")[1]
    )
    difference = compare(wanted, there)
    assert difference.changed == ("expression DirectLake",)
    assert "66660000-0000" in difference.parts[expressions]


@pytest.mark.parametrize("text", ["table t\n    column a\n", "\t\ttable t\n", "table t\n\t\t\tcolumn a\n"])
def test_what_is_not_tmdl_is_told_with_its_part(text: str) -> None:
    with pytest.raises(UnityMirrorError) as failure:
        compare(build(*star()).parts, {"definition/tables/t.tmdl": text})
    assert "definition/tables/t.tmdl" in str(failure.value)


def test_an_empty_definition_gets_everything() -> None:
    parts = build(table("t", column("a"))).parts
    difference = compare(parts, {})
    assert difference.parts == parts
    assert "table t" in difference.added


def _chain(*keys: str) -> tuple[Table, ...]:
    """Three tables, a over b over c, of which a has a column for either."""
    targets = {"b_id": "orders.b.id", "c_id": "orders.c.id"}
    a = table("a", "id", "b_id", "c_id", refers={key: targets[key] for key in keys})
    return a, table("b", "id", "c_id", key="id", refers={"c_id": targets["c_id"]}), table("c", "id", key="id")


_SHORT_CUT = "\nrelationship 0d7f30b5-1111-4222-8333-00000000000a\n\tfromColumn: a.c_id\n\ttoColumn: c.id\n"


def test_a_new_relationship_leaves_the_way_to_the_one_that_people_made() -> None:
    before = build(*_chain()).parts
    theirs = {**before, RELATIONSHIPS: before[RELATIONSHIPS] + _SHORT_CUT}
    wanted = build(*_chain("b_id")).parts
    merged = compare(wanted, theirs)
    check_model({path: text.encode() for path, text in merged.parts.items()})
    assert _SHORT_CUT in merged.parts[RELATIONSHIPS]
    assert "\tfromColumn: a.b_id\n\ttoColumn: b.id\n\tisActive: false\n" in merged.parts[RELATIONSHIPS]
    assert [each for each in merged.conflicts if "a.b_id -> b.id isn't active" in each]
    assert compare(wanted, merged.parts).equal
    again = {**merged.parts, RELATIONSHIPS: merged.parts[RELATIONSHIPS].replace(_SHORT_CUT, "")}
    active = compare(wanted, again)
    assert "isActive" not in active.parts[RELATIONSHIPS], "the way is free again"


def test_a_new_fact_beside_one_that_people_let_filter_both_ways() -> None:
    """Through customers, days would filter the new fact by way of the old one as well."""
    before = build(*star()).parts
    end = "\tfromColumn: fact_sales.customer_key"
    both = before[RELATIONSHIPS].replace(end, f"\tcrossFilteringBehavior: bothDirections\n{end}")
    keys = {"date_key": "orders.dim_date.date_key", "customer_key": "orders.dim_customer.customer_key"}
    returns = table("fact_returns", column("date_key", "INT"), "customer_key", refers=keys)
    wanted = build(*star(), returns).parts
    merged = compare(wanted, {**before, RELATIONSHIPS: both})
    check_model({path: text.encode() for path, text in merged.parts.items()})
    assert [each.split(":")[0] for each in merged.conflicts] == [
        "relationship fact_returns.customer_key -> dim_customer.customer_key isn't active"
    ]
    assert compare(wanted, merged.parts).equal


def test_a_model_keeps_the_collation_that_it_was_made_with() -> None:
    """The service doesn't let it be changed."""
    wanted = build(*star()).parts
    old = {**wanted, MODEL: wanted[MODEL].replace("\tcollation: Latin1_General_100_BIN2_UTF8\n", "")}
    assert old != wanted
    assert compare(wanted, old).equal
    other = {**wanted, MODEL: wanted[MODEL].replace("Latin1_General_100_BIN2_UTF8", "Latin1_General_CI_AS")}
    kept = compare(build(*star(), table("more", "id")).parts, other)
    assert "collation: Latin1_General_CI_AS\n" in kept.parts[MODEL]
    assert not kept.conflicts
