"""Every model that we make or merge is one that Microsoft's Tabular Object Model accepts, and means the same to it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings

from tests.tom.checker import Tom, read_parts
from tests.unit.tmdl_samples import build, catalogs, column, star, table
from tests.unit.tmdl_theirs import PEOPLES_EDITS, edited_by_people
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import ModelDefinition, compare

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


@settings(max_examples=40, deadline=None, suppress_health_check=RELAXED)
@given(tables=catalogs())
def test_any_catalog_gives_a_model_that_tom_accepts(tom: Tom, tables: tuple[Table, ...]) -> None:
    definition = build(*tables)
    with TemporaryDirectory() as folder:
        written, rewritten = Path(folder, "written"), Path(folder, "rewritten")
        report = tom.check(definition.parts, written, rewritten)
        assert not report.errors
        assert {row[0] for row in report.of("table")} == {one.name for one in definition.tables}
        assert {(row[0], row[1], row[2].lower()) for row in report.of("column")} == _columns(definition)
        assert len(report.of("relationship")) == len(definition.relationships)
        difference = compare(definition.parts, read_parts(rewritten))
    assert difference.equal, str(difference)
    assert not difference.edited


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
