"""Fleet specs: what is shared and what is each one's own, which catalogs belong to it, what clashes."""

from __future__ import annotations

from typing import Any

import pytest

from unity_mirror.errors import SpecError
from unity_mirror.spec import FleetSpec, document_json_schema, load_any, members

DATABRICKS = "https://adb-1234567890123456.7.azuredatabricks.net"
DEFAULTS: dict[str, Any] = {
    "databricks": {"workspace": DATABRICKS},
    "fabric": {"workspace": "Analytics", "item_name": "uc {catalog}"},
}


def fleet(**parts: Any) -> FleetSpec:
    loaded = load_any({"kind": "fleet", "defaults": DEFAULTS, **parts})
    assert isinstance(loaded, FleetSpec)
    return loaded


def test_defaults_hold_unless_a_catalog_says_otherwise() -> None:
    found = members(fleet(catalogs=[{"catalog": "sales"}, {"catalog": "hr", "fabric": {"workspace": "People"}}]))
    specs = [each.spec for each in found]
    assert [(spec.item_name, spec.fabric.workspace) for spec in specs if spec] == [
        ("uc sales", "Analytics"),
        ("uc hr", "People"),
    ]


def test_discovered_catalogs_come_by_pattern_and_get_their_overrides() -> None:
    spec = fleet(
        catalogs=[{"catalog": "team_a", "auto_sync": False}],
        discover={"include": ["team_*"], "exclude": ["*_scratch"]},
        overrides={"team_b": {"fabric": {"item_name": "B"}}},
    )
    found = members(spec, ["team_a", "team_b", "team_b_scratch", "sales"])
    assert [(each.name, each.spec.item_name if each.spec else "") for each in found] == [
        ("team_a", "uc team_a"),
        ("team_b", "B"),
    ]


def test_a_bad_catalog_is_an_error_of_its_own() -> None:
    good, bad = members(fleet(catalogs=[{"catalog": "sales"}, {"catalog": "hr", "auto_sink": True}]))
    assert good.spec is not None
    assert bad.error is not None
    assert "auto_sink" in str(bad.error)
    assert "catalog hr" in str(bad.error)


CLASHES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "item name": ({"fabric": {"item_name": "same"}}, {"fabric": {"item_name": "SAME"}}, "fabric.item_name"),
    "semantic model": ({"semantic_model": {"name": "M"}}, {"semantic_model": {"name": "M"}}, "semantic_model.name"),
    "gateway": (
        {"databricks": {"connection": {"gateway": "vnet"}}},
        {
            "databricks": {
                "workspace": DATABRICKS.replace("1234567890123456.7", "2234567890123456.16"),
                "connection": {"gateway": "vnet"},
            }
        },
        "databricks.connection.gateway",
    ),
}


@pytest.mark.parametrize("what", CLASHES)
def test_what_clashes_fails_both_and_not_the_third(what: str) -> None:
    one, other, path = CLASHES[what]
    found = members(fleet(catalogs=[{"catalog": "a", **one}, {"catalog": "b", **other}, {"catalog": "c"}]))
    assert [each.error is not None for each in found] == [True, True, False]
    assert path in str(found[0].error)


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({}, "catalogs"),
        ({"catalogs": [{"fabric": {"workspace": "x"}}]}, "catalogs[0].catalog"),
        ({"defaults": {}, "discover": {}}, "defaults.databricks.workspace"),
        (
            {"defaults": {"databricks": {"workspace": "https://evil.example"}}, "discover": {}},
            "defaults.databricks.workspace",
        ),
        ({"catalogs": [{"catalog": "a"}], "catalogues": []}, "catalogues"),
        ({"catalogs": ["a"]}, "catalogs[0]"),
    ],
)
def test_a_fleet_that_is_none_is_refused(parts: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as refused:
        fleet(**parts)
    assert path in str(refused.value)


def test_keys_of_a_fleet_are_its_own() -> None:
    with pytest.raises(SpecError) as refused:
        fleet(catalogs=[{"catalog": "a"}], catalog="a")
    assert [problem.hint for problem in refused.value.problems] == ["did you mean catalogs?"]


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("fleets", "did you mean fleet?"),
        ("catalogue", "did you mean catalog?"),
        ("plan", "one of catalog, fleet"),
        (7, "one of catalog, fleet"),
        (["fleet"], "one of catalog, fleet"),
    ],
)
def test_an_unknown_kind_is_told_with_what_is_possible(kind: object, hint: str) -> None:
    with pytest.raises(SpecError) as refused:
        load_any({"kind": kind, "catalogs": []})
    assert [(problem.path, problem.hint) for problem in refused.value.problems] == [("kind", hint)]


def test_secrets_of_a_fleet_are_refused_and_not_repeated() -> None:
    auth = {"kind": "service_principal", "tenant_id": "x", "client_id": "y", "secret": "Xp7~not-to-be-repeated"}
    spec = fleet(catalogs=[{"catalog": "a", "databricks": {"connection": {"auth": auth}}}])
    assert "Xp7" not in repr(spec)
    assert "Xp7" not in str(members(spec)[0].error)


def test_the_schema_describes_both_kinds() -> None:
    schema = document_json_schema()
    assert {"CatalogSpec", "FleetSpec"} <= set(schema["$defs"])
