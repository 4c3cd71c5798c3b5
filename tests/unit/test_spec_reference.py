"""docs/spec.md, and that it holds every field."""

from __future__ import annotations

from scripts.spec_reference import PAGE, page


def test_the_page_is_what_the_models_say() -> None:
    """After a change of the spec: python scripts/spec_reference.py"""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_fields_deep_down_are_in_it() -> None:
    told = page()
    for field in (
        "catalog",
        "databricks.connection.auth.client_id",
        "databricks.connection.share[].role",
        "storage.auth.kind: sas",
        "semantic_model.more_relationships[].to_column",
        "access.groups",
        "discover.tag",
        "overrides",
    ):
        assert f"| `{field}` |" in told, field
