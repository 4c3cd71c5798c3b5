"""The comments in the spec that ``init`` writes: they say why, and what they offer is right once it is taken in."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from unity_mirror.cli.starter import starter_text
from unity_mirror.spec import CatalogSpec, load_spec

LEAST: dict[str, Any] = {
    "kind": "catalog",
    "catalog": "hr",
    "databricks": {"workspace": "https://adb-2234567890123456.16.azuredatabricks.net"},
    "fabric": {"workspace": "People Analytics"},
}
SUBSCRIPTION = "5b1f0000-0000-4000-8000-000000000001"


def taken_in(text: str) -> str:
    """The text with what it offers as comments in force: each is a key at the margin, and what belongs to it."""
    offered = re.sub(r"^# (?=[a-z_]+:$|  )", "", text, flags=re.MULTILINE)
    return offered.replace("/subscriptions/ID/", f"/subscriptions/{SUBSCRIPTION}/")


@pytest.mark.parametrize("storage", [None, "https://contosohr.dfs.core.windows.net/people/hr"])
def test_what_is_offered_is_a_spec(storage: str | None) -> None:
    text = starter_text(LEAST, storage)
    assert yaml.safe_load(text) == LEAST
    known = storage or "https://contosohr.dfs.core.windows.net/lake/hr"
    filled = taken_in(text).replace("https://ACCOUNT.dfs.core.windows.net/CONTAINER/FOLDER", known)
    spec = load_spec(filled.replace("storageAccounts/ACCOUNT", "storageAccounts/contosohr"))
    parts = {name for name in CatalogSpec.model_fields if getattr(spec, name) is not None}
    assert {"select", "storage", "access", "lakehouse", "semantic_model"} <= parts
    assert spec.storage is not None
    assert spec.storage.url == known


def test_what_is_there_already_is_not_offered_again() -> None:
    spec = {**LEAST, "databricks": {**LEAST["databricks"], "connection": {"id": SUBSCRIPTION}}, "access": {}}
    text = starter_text(spec, None)
    assert yaml.safe_load(text) == spec
    assert "planning it changes nothing" in text
    assert "# access" not in text
    assert "  # Add who it signs in as" in text
