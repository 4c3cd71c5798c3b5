"""Writes docs/spec.md, every field of a spec, from the models that check it: python scripts/spec_reference.py"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unity_mirror.spec import CatalogSpec, FleetSpec

PAGE = Path(__file__).parent.parent / "docs" / "spec.md"
_ELSEWHERE = ("secret",)
"""What the page's text explains once for all places."""
_HEAD = """\
# Every field of a spec

Generated from the models that check specs (`python scripts/spec_reference.py`). `unity-mirror schema` prints the same
as JSON Schema, for editors. What isn't here is refused, with the nearest name.

A **secret** is named, never written: `{env: NAME}` (an environment variable), `{key_vault: {connection: …,
secret_name: …}}` (Fabric reads it itself, through that connection of its own) or `{block: NAME}` (a Prefect block; in
flows only).

`${NAME}` in any text but a secret is replaced by the environment variable; `$${` stands for `${`. `--overlay FILE`
lays a file over the spec, `--set a.b=value` one field, in the order given: mappings merge, lists and all else are
replaced; so is what has another `kind`, and a secret that is kept elsewhere. `null` takes an optional part out.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, model in (("A catalog", CatalogSpec), ("A fleet", FleetSpec)):
        schema = model.model_json_schema()
        parts += [f"\n## {title}\n", "| field | what it is | default |", "| --- | --- | --- |"]
        parts += _rows(schema, schema.get("$defs", {}), "")
    return "\n".join(parts) + "\n"


def _rows(schema: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in schema.get("required", ()) else _default(field)
        yield f"| `{path}{name}` | {_text(field)} | {default} |"
        if name not in _ELSEWHERE:
            yield from _below(field, defs, f"{path}{name}")


def _below(field: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Iterator[str]:
    """The fields of what may stand there: a mapping, each mapping of a list, or one of several kinds."""
    listed = field.get("items")
    if isinstance(listed, Mapping):
        yield from _below(listed, defs, f"{path}[]")
    for part in (field, *field.get("anyOf", ()), *field.get("oneOf", ())):
        found = defs.get(str(part.get("$ref", "")).rpartition("/")[2])
        kind = (found or {}).get("properties", {}).get("kind", {}).get("const")
        if found is not None and kind is not None:
            yield f"| `{path}.kind: {kind}` | {_clean(found.get('description', ''))} | |"
            without = {name: each for name, each in found["properties"].items() if name != "kind"}
            yield from _rows({**found, "properties": without}, defs, f"{path}.")
        elif found is not None:
            yield from _rows(found, defs, f"{path}.")
        elif part is not field:
            yield from _below(part, defs, path)


def _text(field: Mapping[str, Any]) -> str:
    choices = [each for part in (field, *field.get("anyOf", ())) for each in part.get("enum", ())]
    choices += field.get("items", {}).get("enum", ())
    one_of = f" One of {', '.join(f'`{each}`' for each in choices)}." if choices else ""
    return f"{_clean(field.get('description', ''))}{one_of}"


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    if isinstance(value, dict):
        return f"`{{kind: {value['kind']}}}`" if "kind" in value else ""
    return "" if value is None or value == [] else f"`{json.dumps(value)}`"


def _clean(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
