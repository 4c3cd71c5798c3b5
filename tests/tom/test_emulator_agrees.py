"""What Microsoft's Tabular Object Model refuses, the emulator refuses too; and it takes what people really make."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_emulator.fabric.tmdl_check import BadModel, check_model
from tests.tom.checker import Tom
from tests.unit.test_tmdl_thirty_edits import EDITS, edited
from tests.unit.tmdl_samples import build, star
from tests.unit.tmdl_thirty import DATE, FACT, MODEL, RELATIONSHIPS, Edit

DATABASE = "definition/database.tmdl"
DAY, PARTITION = "\tcolumn day\n", "\n\tpartition "
_AGAIN = """table DIM_DATE

	column a
		dataType: int64
		sourceColumn: a

	partition p = entity
		mode: directLake
		source
			entityName: a
			expressionSource: DirectLake
"""
_TRANSLATION = "cultureInfo de-DE\n\n\ttranslations\n\t\tmodel Model\n\t\t\ttable nope\n\t\t\t\tcaption: x\n"

CHANGED = {
    "a sort column that isn't there": (DATE, DAY, f"{DAY}\t\tsortByColumn: nope\n"),
    "a level of no column": (DATE, PARTITION, f"\n\thierarchy H\n\n\t\tlevel A\n\t\t\tcolumn: nope\n{PARTITION}"),
    "a property too deep": (DATE, DAY, f"{DAY}\t\t\t\tisHidden\n"),
    "a property that there isn't": (DATE, DAY, f"{DAY}\t\tcolour: red\n"),
    "an object that there isn't": (DATE, PARTITION, f"\n\tgadget X\n{PARTITION}"),
    "a value that there isn't": (DATE, "summarizeBy: none", "summarizeBy: some"),
    "neither true nor false": (DATE, DAY, f"{DAY}\t\tisHidden: perhaps\n"),
    "no number": (DATABASE, "1604", "many"),
    "an end that isn't there": (RELATIONSHIPS, "fromColumn: fact_sales.date_key", "fromColumn: fact_sales.nope"),
    "one end only": (RELATIONSHIPS, "\ttoColumn: dim_date.date_key\n", ""),
    "a column twice": (DATE, DAY, "\tcolumn year\n"),
    "a column twice, but for case": (DATE, DAY, "\tcolumn YEAR\n"),
    "an expression that isn't there": (DATE, "expressionSource: DirectLake", "expressionSource: Nope"),
    "an open quote": (FACT, PARTITION, f"\n\tmeasure 'M = 1\n{PARTITION}"),
    "a property behind an object": (DATE, PARTITION, f"\n\tannotation X = 1\n\n\tisHidden\n{PARTITION}"),
    "an expression that goes on": (DATE, PARTITION, f"\n\tmeasure M = 1\n\t\t\t+ 2\n{PARTITION}"),
    "an expression that falls back": (DATE, PARTITION, f"\n\tmeasure M =\n\t\t\t\t1\n\t\t\t+ 2\n{PARTITION}"),
    "a property without a value": (DATE, "summarizeBy: none", "summarizeBy: "),
    "a property of nothing": (MODEL, "\tsourceQueryCulture", "sourceQueryCulture"),
    "an annotation of an annotation": (DATE, PARTITION, f"\n\tannotation X = 1\n\t\tannotation Y = 2\n{PARTITION}"),
    "a source with more": (DATE, "\t\t\tschemaName: orders", "\t\t\tschemaName orders"),
    "a behaviour that there isn't": (MODEL, "model Model\n", "model Model\n\tdirectLakeBehavior: maybe\n"),
    "two models": (MODEL, "model Model\n", "model Other\n\nmodel Model\n"),
    "a description of nothing": (DATE, "\tpartition dim_date", "\t/// dangling\n\n\tpartition dim_date"),
}
ADDED = {
    "a table twice": ("tables/again.tmdl", build(*star()).parts[DATE]),
    "a table twice, but for case": ("tables/again.tmdl", _AGAIN),
    "a role over no table": ("roles/R.tmdl", "role R\n\tmodelPermission: read\n\n\ttablePermission nope = [a] = 1\n"),
    "a role that flies": ("roles/R.tmdl", "role R\n\tmodelPermission: fly\n"),
    "a perspective of no table": ("perspectives/P.tmdl", "perspective P\n\n\tperspectiveTable nope\n"),
    "a perspective of no column": (
        "perspectives/P.tmdl", "perspective P\n\n\tperspectiveTable dim_date\n\n\t\tperspectiveColumn nope\n",
    ),
    "words that are no JSON": (
        "cultures/fr.tmdl", 'cultureInfo fr-FR\n\n\tlinguisticMetadata =\n\t\t\t{"a" 1}\n\t\tcontentType: json\n',
    ),
    "a translation of no table": ("cultures/de.tmdl", _TRANSLATION),
}  # fmt: skip


def _refused(tom: Tom, parts: dict[str, str], folder: Path) -> None:
    assert tom.check(parts, folder).errors
    with pytest.raises(BadModel):
        check_model({path: text.encode() for path, text in parts.items()})


@pytest.mark.parametrize("fault", CHANGED)
def test_both_refuse_a_definition_with(tom: Tom, tmp_path: Path, fault: str) -> None:
    parts = dict(build(*star()).parts)
    path, old, new = CHANGED[fault]
    assert old in parts[path]
    _refused(tom, {**parts, path: parts[path].replace(old, new, 1)}, tmp_path)


@pytest.mark.parametrize("fault", ADDED)
def test_both_refuse_a_part_with(tom: Tom, tmp_path: Path, fault: str) -> None:
    path, text = ADDED[fault]
    _refused(tom, {**build(*star()).parts, f"definition/{path}": text}, tmp_path)


def test_both_refuse_a_lineage_tag_twice(tom: Tom, tmp_path: Path) -> None:
    parts = dict(build(*star()).parts)
    first, second = (part[:36] for part in parts[DATE].split("lineageTag: ")[2:4])
    _refused(tom, {**parts, DATE: parts[DATE].replace(second, first)}, tmp_path)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: str(edit.what))
def test_the_emulator_takes_what_people_make(edit: Edit) -> None:
    parts = edited(build(*star()), (edit,))
    found = check_model({path: text.encode() for path, text in parts.items()})
    assert len(found) >= 3
