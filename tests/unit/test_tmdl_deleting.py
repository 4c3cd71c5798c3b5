"""What people delete of ours stays deleted; tables come back, and so does what nobody deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from cloud_emulator.fabric.tmdl_check import check_model
from tests.unit.test_tmdl_thirty_edits import changed_catalog
from tests.unit.tmdl_samples import build, metric_view, star, table
from tests.unit.tmdl_thirty import DATE, FACT, RELATIONSHIPS
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import compare
from unity_mirror.plan.tmdl.parsing import parse_part
from unity_mirror.plan.tmdl.tmdl import MEMBERS

Parts = Mapping[str, str]


def without(parts: Parts, path: str, kind: str, *names: str) -> dict[str, str]:
    """The definition without members of a table, or without the relationships that begin at these columns."""
    text = parts[path]
    roots = parse_part(text, path)
    blocks = [child for root in roots for child in root.children] if kind != "relationship" else roots
    for block in blocks:
        named = block.properties.get("fromColumn", "").partition(".")[2] if kind == "relationship" else block.name
        if block.kind == kind and named in names:
            text = text.replace("\n".join(block.raw) + "\n", "", 1)
    assert text != parts[path]
    return {**parts, path: text}


def wanted(*tables: Table) -> Parts:
    return build(*(tables or star()), metric_views=(metric_view(),)).parts


@pytest.mark.parametrize(
    ("path", "kind", "name", "told"),
    [
        (FACT, "measure", "lines", "measure lines of table fact_sales"),
        (FACT, "column", "unit_price", "column unit_price of table fact_sales"),
        (RELATIONSHIPS, "relationship", "ship_date_key", "relationship fact_sales.ship_date_key"),
    ],
)
def test_it_stays_deleted_then_and_later(path: str, kind: str, name: str, told: str) -> None:
    there = without(wanted(), path, kind, name)
    now = compare(wanted(), there)
    assert now.equal, str(now)
    assert [told in conflict for conflict in now.conflicts] == [True]
    later = compare(wanted(*changed_catalog()), there)
    assert not [added for added in later.added if name in added]
    again = compare(wanted(*changed_catalog()), later.parts)
    assert again.equal, str(again)
    assert any(told in conflict for conflict in again.conflicts)
    check_model({each: text.encode() for each, text in later.parts.items()})


def test_a_relationship_goes_with_the_column_and_is_forgotten_with_it() -> None:
    there = without(wanted(), RELATIONSHIPS, "relationship", "customer_key")
    there = without(there, FACT, "column", "customer_key")
    merged = compare(wanted(*changed_catalog()), there)
    check_model({path: text.encode() for path, text in merged.parts.items()})
    assert "customer_key" not in merged.parts[RELATIONSHIPS]
    lines = [line for line in merged.parts[FACT].splitlines() if MEMBERS not in line]
    back = compare(wanted(*changed_catalog()), {**merged.parts, FACT: "\n".join(lines)})
    assert "column customer_key of table fact_sales" in back.added, "without the record all that is wanted is made"
    assert "fact_sales.customer_key" in back.parts[RELATIONSHIPS]


def test_what_unity_catalog_takes_away_and_gives_again_comes_back() -> None:
    fact, *others = star()
    bare = replace(fact, columns=tuple(c for c in fact.columns if c.name != "unit_price"))
    gone = compare(build(bare, *others).parts, build(fact, *others).parts)
    assert gone.removed == ("column unit_price of table fact_sales",)
    back = compare(build(fact, *others).parts, gone.parts)
    assert back.added == ("column unit_price of table fact_sales",)
    assert not back.conflicts


def test_a_table_that_is_deleted_comes_back_whole() -> None:
    there = {path: text for path, text in wanted().items() if "dim_customer" not in path}
    there = without(there, RELATIONSHIPS, "relationship", "customer_key")
    merged = compare(wanted(), there)
    assert "table dim_customer" in merged.added
    assert any("relationship fact_sales.customer_key" in conflict for conflict in merged.conflicts)


def test_a_relationship_that_could_not_be_made_was_not_deleted() -> None:
    """A table of theirs has the name that ours wants; once it is gone ours is made, with its relationship."""
    fact, date, customer = star()
    before = build(fact, date).parts
    theirs = "table dim_customer\n\n\tcolumn customer_key\n\t\tdataType: int64\n\t\tsourceColumn: customer_key\n"
    path = "definition/tables/dim_customer.tmdl"
    grown = replace(customer, comment="All of them")
    blocked = compare(build(fact, replace(date, comment="x"), grown).parts, {**before, path: theirs})
    assert not blocked.equal
    assert "dim_customer" not in blocked.parts[RELATIONSHIPS]
    freed = {each: text for each, text in blocked.parts.items() if each != path}
    made = compare(build(fact, date, grown).parts, freed)
    assert any("fact_sales.customer_key" in added for added in made.added), str(made)


def test_a_renamed_table_still_remembers() -> None:
    there = without(wanted(), FACT, "measure", "lines")
    friendly = build(*star(), metric_views=(metric_view(),), friendly_names=True).parts
    merged = compare(friendly, there)
    assert not merged.equal
    assert "measure lines" not in "".join(merged.parts.values())
    assert compare(friendly, merged.parts).equal


PARTITION = "\n\tpartition "


def _measured() -> tuple[dict[str, str], str]:
    """A model with measures of ours, and one of them as TMDL has it."""
    parts = dict(build(*star(), metric_views=(metric_view(),)).parts)
    text = parts[FACT]
    return parts, text[text.index("\t/// What was sold") : text.index("\tmeasure lines")]


def test_a_measure_that_people_moved_to_another_table_stays_there() -> None:
    parts, measure = _measured()
    moved = {**parts, FACT: parts[FACT].replace(measure, "")}
    moved[DATE] = parts[DATE].replace(PARTITION, f"\n{measure}{PARTITION}")
    assert compare(parts, moved).equal
    grown = compare(build(*star(), table("more", "id"), metric_views=(metric_view(),)).parts, moved)
    assert measure in grown.parts[DATE]
    assert "measure revenue" not in grown.parts[FACT]
    assert "measure revenue of table dim_date" in grown.foreign


@pytest.mark.parametrize("tag", ["lineageTag: 0", "displayFolder: "])
def test_a_copy_of_a_measure_stays_though_it_has_our_annotation(tag: str) -> None:
    """Tools copy annotations as well, and give the copy another lineage tag or none."""
    parts, measure = _measured()
    copy = measure.replace("measure revenue", "measure Takings").replace("lineageTag: ", tag)
    copied = {**parts, FACT: parts[FACT].replace(PARTITION, f"\n{copy}{PARTITION}")}
    assert compare(parts, copied).equal
    without = compare(build(*star()).parts, copied)
    assert copy in without.parts[FACT]
    assert "measure revenue =" not in without.parts[FACT]


def test_what_stayed_for_peoples_sake_goes_once_they_need_it_no_more() -> None:
    """Also after other changes of its table, which write the record of our members anew."""
    fact, *others = star()
    before = build(fact, *others).parts
    mine = f"\n\tmeasure Mine = SUM(fact_sales[unit_price])\n{PARTITION}"
    theirs = {**before, FACT: before[FACT].replace(PARTITION, mine)}
    columns = tuple(replace(c, comment="new") for c in fact.columns if c.name != "unit_price")
    later = build(replace(fact, columns=columns), *others).parts
    stays = compare(later, theirs)
    assert stays.changed
    assert "column unit_price" in stays.parts[FACT]
    gone = compare(later, {**stays.parts, FACT: stays.parts[FACT].replace("SUM(fact_sales[unit_price])", "1")})
    assert gone.removed == ("column unit_price of table fact_sales",)
