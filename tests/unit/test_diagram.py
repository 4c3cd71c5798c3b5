"""The picture of a model: everything is in it, nothing over anything else, and it is well-formed whatever the names."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings

from tests.unit.tmdl_samples import build, catalogs_with_options, metric_view, related, star, table
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.diagram import diagram
from unity_mirror.plan.tmdl import ModelDefinition

SVG = "{http://www.w3.org/2000/svg}"


def drawn(definition: ModelDefinition) -> ElementTree.Element:
    return ElementTree.fromstring(diagram(definition, "Model <&>"))  # noqa: S314 - we wrote it


def boxes(picture: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """Left, top, right and lower edge of each table."""
    found = [each for each in picture.iter(f"{SVG}rect") if each.get("class") == "b"]
    edges = [[float(each.get(name, "")) for name in ("x", "y", "width", "height")] for each in found]
    return [(x, y, x + width, y + height) for x, y, width, height in edges]


def lines(picture: ElementTree.Element) -> list[tuple[str, tuple[str, ...]]]:
    """Each relationship's title and cardinalities."""
    groups = [each for each in picture.iter(f"{SVG}g") if (each.get("class") or "").startswith("r")]
    return [
        (
            str(each.findtext(f"{SVG}title")),
            tuple(str(text.text) for text in each.iter(f"{SVG}text") if text.get("class") == "n"),
        )
        for each in groups
    ]


def sixty() -> tuple[Table, ...]:
    """Facts over dimensions, some of them over further ones, and tables that nothing relates."""
    outer = [table(f"outer_{n}", "id", key="id") for n in range(8)]
    dimensions = [
        table(f"dim_{n}", "id", "x", key="id", refers={"x": f"orders.outer_{n % 8}.id"} if n < 16 else None)
        for n in range(34)
    ]
    facts = [
        table(f"fact_{n}", "id", *(f"k{k}" for k in range(6)), "amount", key="id",
              refers={f"k{k}": f"orders.dim_{(n * 5 + k * 7) % 34}.id" for k in range(6)})
        for n in range(10)
    ]  # fmt: skip
    return (*outer, *dimensions, *facts, *(table(f"log_{n}", "a", "b") for n in range(8)))


def test_sixty_tables_can_be_read() -> None:
    definition = build(*sixty())
    picture = drawn(definition)
    places = boxes(picture)
    assert len(places) == 60
    assert not [
        (one, other)
        for one, other in combinations(places, 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ], "no table over another"
    width, height = (float(picture.get(name, "")) for name in ("width", "height"))
    assert all(left >= 0 and top >= 0 and right <= width and low <= height for left, top, right, low in places)
    assert width < 4_000
    assert height < 3_000
    assert len(lines(picture)) == len(definition.relationships) == 76
    assert {signs for _, signs in lines(picture)} == {("*", "1")}


def test_what_one_refers_to_stands_to_the_right() -> None:
    picture = drawn(build(*star()))
    x = {
        str(group.findtext(f"{SVG}title")).partition(" ")[0]: float(str(group.find(f"{SVG}rect").get("x")))  # type: ignore[union-attr]
        for group in picture.iter(f"{SVG}g")
        if group.find(f"{SVG}rect") is not None
    }
    assert x["fact_sales"] < x["dim_date"] == x["dim_customer"]


def test_keys_cardinalities_and_reasons_are_shown() -> None:
    wish = related("budget.customer_key", "dim_customer.customer_key", cardinality="one_to_one")
    many = related("budget.id", "fact_sales.sale_id", cardinality="many_to_many")
    budget = table("budget", "id", "customer_key")
    picture = drawn(build(*star(), budget, more_relationships=(wish, many), metric_views=(metric_view(),)))
    texts = Counter(str(each.text) for each in picture.iter(f"{SVG}text"))
    assert texts["sale_id"] == 1
    assert texts["date_key → dim_date"] == 1
    assert texts["and 2 more columns, 7 measures"] == 1
    assert texts["amount"] == 0, "only keys are shown"
    shown = dict(lines(picture))
    assert shown["budget[customer_key] -> dim_customer[customer_key]"] == ("1", "1")
    inactive = [title for title in shown if "not active" in title]
    assert any("there is an active path" in title for title in inactive)
    assert ("*", "*") in shown.values()


def test_the_date_table_is_told() -> None:
    day = table("calendar", {"name": "day", "type_name": "DATE", "nullable": False})
    assert "date table" in diagram(build(day), "x")


@settings(max_examples=60)
@given(catalogs_with_options())
def test_any_model_can_be_drawn(drawing: tuple[tuple[Table, ...], dict[str, Any]]) -> None:
    tables, options = drawing
    definition = build(*tables, **options)
    picture = drawn(definition)
    assert len(boxes(picture)) == len(definition.tables)
    assert len(lines(picture)) == len(definition.relationships)
    assert diagram(definition, "a") == diagram(definition, "a")


def test_circles_and_an_empty_model() -> None:
    names = ("one", "two", "three")
    ring = [
        table(name, "id", "next", key="id", refers={"next": f"orders.{after}.id"})
        for name, after in pairwise((*names, names[0]))
    ]
    assert len(boxes(drawn(build(*ring)))) == 3
    assert boxes(drawn(build())) == []
