"""The spec as Prefect's form: it takes and refuses what the spec does, and tells each error at its field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import build_error_obj, validate

from flows.announcing import discovered_event
from flows.check_clouds import check_clouds
from flows.forms import form_schema
from flows.offboard_catalog import offboard_catalog
from flows.onboard_catalog import onboard_catalog
from flows.reconcile_fleet import reconcile_fleet
from flows.watch_metastore import watch_metastore
from tests.coverage_rows import ROOT
from tests.unit.spec_samples import STORAGE_URL, minimal, service_principal, with_databricks_auth
from unity_mirror.errors import SpecError
from unity_mirror.spec import CatalogSpec, load_spec

FLOWS = (check_clouds, onboard_catalog, offboard_catalog, reconcile_fleet, watch_metastore)
SCHEMA = parameter_schema(onboard_catalog.fn).model_dump_for_openapi()


def errors_of(spec: dict[str, Any]) -> dict[str, list[str]]:
    """What Prefect's server tells the form: the messages at each field's path below the spec."""
    found = build_error_obj(validate({"spec": spec}, SCHEMA))["errors"]
    told: dict[str, list[str]] = {}
    for path, message in _told(found):
        told.setdefault(path.removeprefix("spec."), []).append(message)
    return told


def _told(errors: list[Any], at: str = "") -> Iterator[tuple[str, str]]:
    for error in errors:
        if isinstance(error, str):
            yield at, error
        else:
            part = str(error.get("property", error.get("index")))
            yield from _told(error["errors"], f"{at}.{part}" if at else part)


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(each)


@pytest.mark.parametrize("name", ["sales", "hr"])
def test_the_examples_pass(name: str) -> None:
    spec = yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert errors_of(spec) == {}
    assert errors_of(load_spec(spec).model_dump(mode="json", exclude_unset=True)) == {}


def test_the_spec_of_an_event_passes_nulls_of_the_fleets_spec_aside() -> None:
    auth = {**service_principal(), "object_id": None}
    storage = {"url": STORAGE_URL, "resource_id": None, "connection": {"name": None, "id": None}}
    spec = load_spec({**minimal(), **with_databricks_auth(auth), "storage": storage, "lakehouse": None})
    event = discovered_event("m", spec, 1)
    assert errors_of(event.payload["spec"]) == {}
    assert load_spec(event.payload["spec"]) == spec


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"kind": "catalog"},
        {"storage": None, "lakehouse": None},
        {"databricks": {**minimal()["databricks"], "resource_id": None, "connection": {"id": None, "auth": None}}},
        {"semantic_model": {"name": "Sales", "date_table": "orders.dim_date.day", "tables": ["orders.*", "hr.a?c"]}},
        {"storage": {"url": STORAGE_URL, "auth": {"kind": "workspace_identity"}}},
    ],
)
def test_what_a_spec_may_be_passes(more: dict[str, Any]) -> None:
    spec = {**minimal(), **more}
    assert errors_of(spec) == {}


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"catalog": "dev.sales"}, "catalog"),
        ({"kind": "fleet"}, "kind"),
        ({"fabric": {"workspace": " W"}}, "fabric.workspace"),
        ({"databricks": {"workspace": "https://adb-1.2.azuredatabricks.net/sql"}}, "databricks.workspace"),
        ({"select": {"include": ["orders"]}}, "select.include.0"),
        ({"lakehouse": {"name": "sales lake"}}, "lakehouse.name"),
        ({"storage": {"url": "https://lake.blob.core.windows.net"}}, "storage.url"),
        ({"semantic_model": {"name": "S", "storage_mode": "import"}}, "semantic_model.storage_mode"),
        (with_databricks_auth({**service_principal(), "tenant_id": "contoso"}), "databricks.connection.auth.tenant_id"),
        (
            with_databricks_auth({**service_principal(), "secret": {"env": "dapi0123456789abcdef0123"}}),
            "databricks.connection.auth.secret.env",
        ),
        ({"on_failure": "retry"}, "on_failure"),
    ],
)
def test_an_error_is_told_at_its_field(more: dict[str, Any], path: str) -> None:
    spec = {**minimal(), **more}
    assert path in errors_of(spec)
    with pytest.raises(SpecError):
        load_spec(spec)


def test_what_is_missing_in_a_tab_is_told_where_it_belongs() -> None:
    told = errors_of({**minimal(), "lakehouse": {"tables": ["orders.*"]}})
    assert told["lakehouse.name"] == ["'name' is a required property"]


def test_a_field_of_text_is_a_text_field_and_tabs_have_names() -> None:
    """Prefect shows ``str | None`` as two tabs, and a union's branch without a title as its type."""
    for node in _nodes(form_schema(CatalogSpec)):
        assert "$ref" not in node
        tabs = node.get("anyOf", [])
        assert all(each["type"] not in ("string", "integer", "boolean") for each in tabs)
        if "title" in node:
            assert all(each.get("title") and not each["title"].endswith("Spec") for each in tabs)


def test_nothing_of_the_common_path_is_raw_json() -> None:
    """Prefect shows a mapping without properties as JSON: only the groups of OneLake's roles are one."""
    raw = [node for node in _nodes(form_schema(CatalogSpec)) if node.get("type") == "object" and _is_raw(node)]
    assert {node.get("title") for node in raw} <= {"Groups", None}


def _is_raw(node: dict[str, Any]) -> bool:
    return not node.get("properties") and "required" not in node


@pytest.mark.parametrize("each", FLOWS, ids=lambda each: each.name)
def test_every_parameter_has_a_title_and_a_description(each: Any) -> None:
    for name, field in parameter_schema(each.fn).properties.items():
        assert field["title"][:1].isupper(), name
        assert field["description"], name
