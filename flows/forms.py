"""A spec as a form of Prefect's UI: its JSON Schema, rewritten into what that UI shows well.

Prefect renders a parameter's schema as it is, and shows what its server's check of that schema finds, each error at its
field. Three things of pydantic's schemas come out badly: references to definitions hide titles; a text that may be
left out becomes a choice between ``str`` and ``None``; and errors within a union are told of the union as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

Node = dict[str, Any]
_LATE = ("id", "gateway", "share", "resource_id", "kind")
"""Keys that few people need, or that hold no choice: at the end of their group."""
_UNIONS = ("anyOf", "oneOf")
_CHECKS = ("pattern", "format", "minLength", "minItems", "minimum", "maximum", "allOf")
_WORDS = ("title", "description", "default", "position")
_NONE: Mapping[str, Any] = {"type": "null", "title": "None"}


def form_schema(model: type[BaseModel]) -> Node:
    """JSON Schema of a model for Prefect's form. It takes the same values as the model's own, and gives no default
    where the model has none; null stands for a text that is left out only outside of a union."""
    schema = model.model_json_schema()
    return _shown(_inlined(schema, schema.get("$defs", {})))


def _inlined(node: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema with every reference replaced by what it refers to. Specs hold no cycles."""
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return {**_inlined(definitions[node["$ref"].rsplit("/", 1)[1]], definitions), **_inlined(rest, definitions)}
    return {key: _inlined(value, definitions) for key, value in node.items() if key != "$defs"}


def _shown(node: Node) -> Node:
    if any(union in node for union in _UNIONS):
        return _union(node)
    if "properties" in node:
        return _object(node)
    shown = {key.removeprefix("x-"): value for key, value in node.items() if key != "examples"}
    if "items" in node:
        shown["items"] = _shown(node["items"])
    return shown


def _object(node: Node) -> Node:
    required = node.get("required", [])
    fixed = {key: each for key, each in node["properties"].items() if "const" in each and key not in required}
    names = [key for key in _in_order(node["properties"], required) if key not in fixed]
    shown = {
        **{key: value for key, value in node.items() if key != "examples"},
        "properties": {key: {**_field(node["properties"][key]), "position": place} for place, key in enumerate(names)},
    }
    if fixed:
        # Taken when it is given, as it may be in an event's spec, but nothing to fill in.
        shown["patternProperties"] = {f"^{key}$": {"const": each["const"]} for key, each in fixed.items()}
    return shown


def _in_order(properties: Iterable[str], required: Sequence[str]) -> list[str]:
    """What has to be filled in, then the rest as it is declared, then what few people need."""
    return sorted(properties, key=lambda name: _LATE.index(name) + 2 if name in _LATE else int(name not in required))


def _field(node: Node) -> Node:
    """A property. A choice of one becomes a list of one, so that the form fills it in; a text of a certain shape gets
    its example into its description, since Prefect shows no examples."""
    if "const" in node:
        rest = {key: value for key, value in node.items() if key not in ("const", "examples")}
        return {**rest, "enum": [node["const"]], "default": node["const"]}
    shown = _shown(node)
    if shown.get("type") == "string" and ("pattern" in shown or "format" in shown) and node.get("examples"):
        shown["description"] = f"{shown['description']} Such as: {node['examples'][0]}"
    return shown


def _union(node: Node) -> Node:
    """Texts together are one text; anything else becomes tabs, with None first where it may be left out.

    What the fields of a tab are checked for stands beside the tabs, as conditions: their errors are told of the fields.
    They have to be found before the union's own, or Prefect's server stumbles over two errors in one place; ``allOf``
    is read before ``anyOf``, since pydantic sorts a schema's keys.
    """
    rest = {key: value for key, value in node.items() if key not in (*_UNIONS, "discriminator", "examples")}
    if rest.get("default", ...) is None:
        del rest["default"]
    branches = list(_branches(node))
    given = [each for each in branches if each.get("type") != "null"]
    if all(_is_plain(each) for each in given):
        return {**_one_text(given), **rest}
    strict = [_shown(each) for each in given]
    if len(strict) == 1:
        strict = [{**strict[0], "title": rest.get("title", strict[0].get("title"))}]
    tabs = [dict(_NONE), *map(_lenient, strict)] if len(given) < len(branches) else [*map(_lenient, strict)]
    conditions = [{"if": _is_of(each, alone=len(strict) == 1), "then": _checked(each)} for each in strict]
    return {**rest, "anyOf": tabs, "allOf": conditions}


def _branches(node: Node) -> Iterator[Node]:
    """The alternatives of a union, with unions among them taken apart."""
    held = [each for union in _UNIONS for each in node.get(union, ())]
    for each in held:
        yield from _branches(each) if any(union in each for union in _UNIONS) else [each]


def _is_plain(node: Node) -> bool:
    return node.get("type") in ("string", "integer", "number", "boolean")


def _one_text(given: Sequence[Node]) -> Node:
    """Several kinds of text in one field can't be told apart by a pattern: the spec itself will."""
    return _shown(given[0]) if len(given) == 1 else {"type": given[0]["type"]}


def _lenient(node: Node) -> Node:
    """A branch without the checks of its texts: what they find is told of the field, by the condition beside it."""
    shown = {key: value for key, value in node.items() if key not in _CHECKS}
    if "anyOf" in node:
        shown["anyOf"] = [_lenient(each) for each in node["anyOf"]]
    if "properties" in node:
        shown["properties"] = {key: _lenient(each) for key, each in node["properties"].items()}
    if "items" in node:
        shown["items"] = _lenient(node["items"])
    return shown


def _is_of(branch: Node, *, alone: bool) -> Node:
    """When a value is meant for this branch: by its kind, by its only key, or by being a mapping at all."""
    properties, required = branch.get("properties", {}), branch.get("required", [])
    kind = properties.get("kind", {}).get("enum")
    if kind:
        return {"type": "object", "properties": {"kind": {"enum": kind}}, "required": ["kind"]}
    if not alone and list(properties) == list(required):
        return {"type": "object", "required": list(required)}
    return {"type": branch["type"]}


def _checked(branch: Node) -> Node:
    """Only what is checked, without the words."""
    checks = {key: value for key, value in branch.items() if key not in _WORDS}
    for key in ("items", "if", "then"):
        if key in checks:
            checks[key] = _checked(checks[key])
    for key in ("anyOf", "allOf"):
        if key in checks:
            checks[key] = [_checked(each) for each in checks[key]]
    if "properties" in checks:
        checks["properties"] = {key: _checked(each) for key, each in checks["properties"].items()}
    return checks
