"""Thirty edits by hand of every kind, each alone and all together: a merge keeps them all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.tmdl_samples import build, star, table
from tests.unit.tmdl_thirty import MORE, THIRTY, Edit, lost
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import ModelDefinition, compare

EDITS = (*THIRTY, *MORE)


def changed_catalog() -> tuple[Table, ...]:
    """The same catalog later: another comment, a new column, a new table, a new key."""
    fact, date, customer = star()
    columns = tuple(replace(one, comment="Since 2020") if one.name == "sale_id" else one for one in fact.columns)
    store = table("dim_store", "store_key", "city", key="store_key")
    extra = table("x", "store_key", refers={"store_key": "orders.dim_store.store_key"})
    grown = replace(
        fact,
        columns=(*columns, replace(extra.columns[0], position=20)),
        table_constraints=(*fact.table_constraints, *extra.table_constraints),
    )
    return grown, date, customer, store


def edited(definition: ModelDefinition, edits: tuple[Edit, ...]) -> dict[str, str]:
    parts = dict(definition.parts)
    for edit in edits:
        edit.do(parts)
    return parts


def test_there_are_thirty() -> None:
    assert len({edit.what for edit in THIRTY}) == 30
    assert not lost(EDITS, edited(build(*star()), EDITS))
    assert len(lost(EDITS, build(*star()).parts)) == len(EDITS), "each leaves a trace that only it leaves"


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: str(edit.what))
def test_one_edit_stays_when_nothing_else_changed(edit: Edit) -> None:
    there = edited(build(*star()), (edit,))
    difference = compare(build(*star()).parts, there)
    assert difference.equal, str(difference)
    assert difference.parts == there
    assert not difference.conflicts


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: str(edit.what))
def test_one_edit_stays_when_the_catalog_changed(edit: Edit) -> None:
    merged = compare(build(*changed_catalog()).parts, edited(build(*star()), (edit,)))
    assert not merged.equal
    assert not lost((edit,), merged.parts)
    assert compare(build(*changed_catalog()).parts, merged.parts).equal


def test_all_stay_when_the_catalog_changed() -> None:
    merged = compare(build(*changed_catalog()).parts, edited(build(*star()), EDITS))
    assert lost(EDITS, merged.parts) == []
    assert set(merged.added) >= {"table dim_store", "column store_key of table fact_sales"}
    assert "/// Since 2020" in "".join(merged.parts.values())
    assert compare(build(*changed_catalog()).parts, merged.parts).equal


def test_all_stay_when_a_table_goes() -> None:
    """The table that people built on stays as well, and that is told."""
    fact, date, _ = star()
    merged = compare(build(fact, date).parts, edited(build(*star()), EDITS))
    assert lost(EDITS, merged.parts) == []
    assert any("table Customers is no longer wanted, but stays" in conflict for conflict in merged.conflicts)
