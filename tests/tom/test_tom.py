"""Every model that we make or merge is one that Microsoft's Tabular Object Model accepts, and means the same to it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.tom.checker import Tom, read_parts
from tests.unit.test_tmdl_thirty_edits import EDITS, changed_catalog, edited
from tests.unit.tmdl_samples import (
    SQL,
    build,
    catalogs_before_and_after,
    catalogs_with_options,
    column,
    metric_view,
    odd_names,
    related,
    some_types,
    star,
    table,
    tangles,
    wide,
)
from tests.unit.tmdl_theirs import PEOPLES_EDITS, edited_by_people
from tests.unit.tmdl_thirty import Edit
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import ModelDefinition, ModelRelationship, compare

RELAXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def _columns(definition: ModelDefinition) -> set[tuple[str, str, str]]:
    return {
        (one.name, column.name, column.type.data_type.lower()) for one in definition.tables for column in one.columns
    }


def test_a_star_schema_is_what_it_should_be(tom: Tom, tmp_path: Path) -> None:
    report = tom.check(build(*star()).parts, tmp_path)
    assert not report.errors
    assert {row[0] for row in report.of("table")} == {"fact_sales", "dim_date", "dim_customer"}
    assert ("fact_sales", "amount", "Decimal", "amount") in report.of("column")
    assert ("fact_sales", "DirectLake", "orders", "fact_sales", "DirectLake") in report.of("partition")
    assert sorted(report.of("relationship")) == [
        ("fact_sales", "customer_key", "Many", "dim_customer", "customer_key", "One", "True", "OneDirection"),
        ("fact_sales", "date_key", "Many", "dim_date", "date_key", "One", "True", "OneDirection"),
        ("fact_sales", "ship_date_key", "Many", "dim_date", "date_key", "One", "False", "OneDirection"),
    ]


def test_a_wide_table_and_many_tables(tom: Tom, tmp_path: Path) -> None:
    wide = table("wide", *(column(f"column {number}", "STRING") for number in range(300)))
    report = tom.check(build(wide, *(table(f"t{number}", "id") for number in range(60))).parts, tmp_path)
    assert not report.errors
    assert len(report.of("column")) == 360


@settings(max_examples=100, suppress_health_check=RELAXED)
@given(drawn=catalogs_with_options())
def test_any_catalog_gives_a_model_that_tom_accepts(tom: Tom, drawn: tuple[tuple[Table, ...], dict[str, Any]]) -> None:
    tables, options = drawn
    definition = build(*tables, **options)
    with TemporaryDirectory() as folder:
        written, rewritten = Path(folder, "written"), Path(folder, "rewritten")
        report = tom.check(definition.parts, written, rewritten)
        assert not report.errors
        assert {row[0] for row in report.of("table")} == {one.name for one in definition.tables}
        assert {(row[0], row[1], row[2].lower()) for row in report.of("column")} == _columns(definition)
        assert sorted(report.of("relationship")) == sorted(_ends(one) for one in definition.relationships)
        assert {row[1] for row in report.of("measure")} == {
            one.name for each in definition.tables for one in each.measures
        }
        difference = compare(definition.parts, read_parts(rewritten))
    assert difference.equal, str(difference)
    assert not difference.edited


@settings(max_examples=100, suppress_health_check=RELAXED)
@given(drawn=tangles())
def test_any_tangle_of_keys_is_related_without_a_second_way(tom: Tom, drawn: tuple[Table, ...]) -> None:
    """By what TOM says of the model alone: each key between two tables is there, and filters have one way at most."""
    definition = build(*drawn)
    with TemporaryDirectory() as folder:
        report = tom.check(definition.parts, Path(folder))
    assert not report.errors
    found = report.of("relationship")
    names = {one.ref.table: one.name for one in definition.tables}
    keys = {(each.name, key) for each in drawn for key in each.foreign_keys if each.name in names}
    targets = {(child, key.child_columns[0], key.parent_table.split(".", 2)[2]) for child, key in keys}
    wanted = {(names[a], key, names[b]) for a, key, b in targets if a != b and b in names}
    assert {(row[0], row[1], row[3]) for row in found} == wanted
    assert len(found) == len(wanted)
    assert {(row[2], row[4], row[5], row[7]) for row in found} <= {("Many", "id", "One", "OneDirection")}
    onward: dict[str, list[str]] = {}
    for row in found:
        if row[6] == "True":
            onward.setdefault(row[3], []).append(row[0])
    for start in onward:
        assert max(_ways(onward, start).values()) == 1


def _ways(onward: dict[str, list[str]], start: str) -> Counter[str]:
    """In how many ways each table is reached. Ends only where there is no circle, within as many steps as tables."""
    reached: Counter[str] = Counter()
    waiting = [(start, 0)]
    while waiting:
        at, steps = waiting.pop()
        assert steps <= 10, "a circle"
        for after in onward.get(at, ()):
            reached[after] += 1
            waiting.append((after, steps + 1))
    return reached


@settings(max_examples=8, suppress_health_check=RELAXED)
@given(odd=odd_names, types=some_types)
def test_any_table_of_300_columns(tom: Tom, odd: list[str], types: list[str]) -> None:
    definition = build(wide(odd, types))
    with TemporaryDirectory() as folder:
        report = tom.check(definition.parts, Path(folder))
    assert not report.errors
    assert {(row[0], row[1], row[2].lower()) for row in report.of("column")} == _columns(definition)


_SIDES = {"many_to_one": ("Many", "One"), "one_to_one": ("One", "One"), "many_to_many": ("Many", "Many")}


def _ends(one: ModelRelationship) -> tuple[str, ...]:
    """A relationship as TOM has it."""
    left, right = _SIDES[one.cardinality]
    direction = "BothDirections" if one.both_ways else "OneDirection"
    ends = (one.from_table, one.from_column, left, one.to_table, one.to_column, right)
    return (*ends, str(one.is_active), direction)


def test_every_option_gives_a_model_that_tom_accepts(tom: Tom, tmp_path: Path) -> None:
    fact, date, customer = star()
    required = tuple(replace(c, nullable=False) for c in date.columns)
    date = replace(date, columns=required)
    definition = build(
        fact, date, customer, table("budget", "customer_key", "amount"),
        friendly_names=True, folders_by_schema=True, sql=SQL, metric_views=(metric_view(),),
        more_relationships=(
            related("budget.customer_key", "dim_customer.customer_key", cross_filter="both", cardinality="one_to_one"),
            related("budget.amount", "fact_sales.sale_id", cardinality="many_to_many", active=False),
            related("fact_sales.date_key", "dim_date.date_key", referential_integrity=True),
        ),
    )  # fmt: skip
    report = tom.check(definition.parts, tmp_path / "a", tmp_path / "b")
    assert not report.errors
    assert {row[0] for row in report.of("table")} == {"Sales", "Date", "Customer", "Budget"}
    assert ("Sales", "Amount", "Decimal", "amount") in report.of("column")
    assert sorted(report.of("relationship")) == [
        ("Budget", "Amount", "Many", "Sales", "Sale ID", "Many", "False", "OneDirection"),
        ("Budget", "Customer Key", "One", "Customer", "Customer Key", "One", "True", "BothDirections"),
        ("Sales", "Customer Key", "Many", "Customer", "Customer Key", "One", "True", "OneDirection"),
        ("Sales", "Date Key", "Many", "Date", "Date Key", "One", "True", "OneDirection"),
        ("Sales", "Ship Date Key", "Many", "Date", "Date Key", "One", "False", "OneDirection"),
    ]
    assert [row[1] for row in report.of("measure")] == [
        "revenue", "lines", "average line", "customers", "large", "list value", "sales_metrics: amount",
    ]  # fmt: skip
    assert ("Date", "Time", "Day") in report.of("datetable")
    assert compare(definition.parts, read_parts(tmp_path / "b")).equal


def test_what_people_did_is_still_a_model_after_merging(tom: Tom, tmp_path: Path) -> None:
    theirs = edited_by_people(build(*star()[:2]).parts)
    assert not tom.check(theirs, tmp_path / "theirs").errors
    merged = compare(build(*star()).parts, theirs)
    assert not merged.equal
    report = tom.check(merged.parts, tmp_path / "merged", tmp_path / "rewritten")
    assert not report.errors
    assert {row[0] for row in report.of("table")} >= {"dim_date", "dim_customer", "Budget"}
    assert ("Sales", "Total") in report.of("measure")
    text = "\n".join(read_parts(tmp_path / "rewritten").values())
    assert not [edit for edit in PEOPLES_EDITS if edit not in text]


def test_peoples_edits_are_a_model_before_and_after_merging(tom: Tom, tmp_path: Path) -> None:
    """What people made is there by TOM's own account, not only in the text."""
    theirs = edited(build(*star()), EDITS)
    before = tom.check(theirs, tmp_path / "theirs")
    assert not before.errors
    for name, wanted in (("grown", build(*changed_catalog())), ("shrunk", build(*star()[:2]))):
        merged = compare(wanted.parts, theirs)
        report = tom.check(merged.parts, tmp_path / name, tmp_path / f"{name} rewritten")
        assert not report.errors, name
        rewritten = read_parts(tmp_path / f"{name} rewritten")
        assert compare(wanted.parts, rewritten).equal, "as the service would give it back"
        for kind in ("measure", "hierarchy", "role", "perspective", "translation", "calculation", "expression"):
            assert before.of(kind), kind
            assert set(before.of(kind)) <= set(report.of(kind)), kind
        assert {row[0] for row in report.of("table")} >= {"Targets", "Turn", "Fields", "Customers"}
        assert {("Fields", "Twice"), ("fact_sales", "Price each")} <= {row[:2] for row in report.of("column")}
        assert {("Targets", "customer_key"), ("fact_sales", "date_key")} <= {
            row[:2] for row in report.of("relationship")
        }
        both = [row[1] for row in report.of("relationship") if row[7] == "BothDirections"]
        assert both == ["customer_key"]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: str(edit.what))
def test_one_edit_is_a_model_before_and_after_merging(tom: Tom, tmp_path: Path, edit: Edit) -> None:
    theirs = edited(build(*star()), (edit,))
    assert not tom.check(theirs, tmp_path / "theirs").errors
    merged = compare(build(*changed_catalog()).parts, theirs)
    assert not tom.check(merged.parts, tmp_path / "merged").errors


@pytest.mark.parametrize("edits", [*((each,) for each in EDITS), EDITS], ids=lambda edits: str(edits[-1].what))
def test_edits_are_a_model_after_the_spec_asks_for_other_names(
    tom: Tom, tmp_path: Path, edits: tuple[Edit, ...]
) -> None:
    """What people's roles, hierarchies, translations and relationships refer to is found by the name that they say."""
    merged = compare(build(*star(), friendly_names=True).parts, edited(build(*star()), edits))
    assert not tom.check(merged.parts, tmp_path).errors


@settings(max_examples=60, suppress_health_check=RELAXED)
@given(drawn=catalogs_before_and_after())
def test_any_merged_model_is_one_that_tom_accepts(
    tom: Tom, drawn: tuple[tuple[tuple[Table, ...], dict[str, Any]], tuple[tuple[Table, ...], dict[str, Any]]]
) -> None:
    (tables, options), (later, later_options) = drawn
    wanted = build(*later, **later_options)
    merged = compare(wanted.parts, build(*tables, **options).parts)
    with TemporaryDirectory() as folder:
        report = tom.check(merged.parts, Path(folder))
    assert not report.errors
    assert {row[0] for row in report.of("table")} == {one.name for one in wanted.tables}
    assert sorted(report.of("relationship")) == sorted(_ends(one) for one in wanted.relationships)
