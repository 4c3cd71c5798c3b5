"""From pydantic's errors to ours: the field's path as the user wrote it, a message without the value, and a hint."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from unity_mirror.errors import SpecProblem
from unity_mirror.spec.base import REFUSED
from unity_mirror.spec.schema import keys_at

Loc = Sequence[str | int]
_MISSING = ("missing", "union_tag_not_found")
_YAML_TYPES: Mapping[type, str] = {bool: "true or false", int: "a number", float: "a number"}


def problems_of(error: ValidationError, data: Mapping[str, Any]) -> Iterator[SpecProblem]:
    """One problem for each of pydantic's errors."""
    for detail in error.errors(include_url=False):
        yield _problem(detail, data)


def _problem(detail: ErrorDetails, data: Mapping[str, Any]) -> SpecProblem:
    keys = _written_path(detail, data)
    path = _render(keys)
    if detail["type"] == REFUSED:
        context = detail["ctx"]
        at = ".".join(part for part in (path, context["at"]) if part)
        return SpecProblem(path=at, message=context["message"], hint=context["hint"])
    message, hint = _MESSAGES.get(detail["type"], _plain)(detail, keys, data)
    return SpecProblem(path=path, message=message, hint=hint)


def _written_path(detail: ErrorDetails, data: Any) -> list[str | int]:
    """The error's location without the union tags that pydantic puts into it."""
    path: list[str | int] = []
    loc = detail["loc"]
    for position, key in enumerate(loc, start=1):
        here, data = _descend(data, key)
        if here or (position == len(loc) and detail["type"] in _MISSING):
            path.append(key)
    return path


def _descend(data: Any, key: str | int) -> tuple[bool, Any]:
    """Whether the data has this key or index, and what is there (else the data itself)."""
    if isinstance(data, dict) and key in data:
        return True, data[key]
    if isinstance(data, (list, tuple)) and isinstance(key, int) and key < len(data):
        return True, data[key]
    return False, data


def _render(keys: Loc) -> str:
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def _unknown_key(_: ErrorDetails, keys: Loc, data: Mapping[str, Any]) -> tuple[str, str]:
    possible = keys_at([str(key) for key in keys[:-1]], data)
    near = _nearest(str(keys[-1]), possible)
    hint = f"did you mean {near}?" if near else f"possible here: {', '.join(possible)}"
    return "this key is unknown", hint


def _nearest(word: str, possible: Sequence[str]) -> str | None:
    plain = {key.replace("_", ""): key for key in possible}
    found = difflib.get_close_matches(word.lower().replace("_", "").replace("-", ""), list(plain), n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def _missing(_: ErrorDetails, __: Loc, ___: Mapping[str, Any]) -> tuple[str, str]:
    return "this is required", ""


def _missing_kind(detail: ErrorDetails, _: Loc, __: Mapping[str, Any]) -> tuple[str, str]:
    return "kind is required here", f"one of {_expected(detail)}"


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    return str(context.get("expected_tags") or context.get("expected") or "").replace("'", "")


def _wrong_kind(detail: ErrorDetails, _: Loc, __: Mapping[str, Any]) -> tuple[str, str]:
    given = str(detail.get("ctx", {}).get("tag", ""))
    expected = _expected(detail)
    near = _nearest(given, [kind.strip() for kind in expected.split(",")])
    return "this kind is unknown", f"did you mean {near}?" if near else f"one of {expected}"


def _not_text(detail: ErrorDetails, _: Loc, __: Mapping[str, Any]) -> tuple[str, str]:
    given = detail["input"]
    if given is None:
        return "it has no value", "give one, or leave the key out"
    if isinstance(given, (dict, list)):
        return "a text is expected here", ""
    return (
        f"a text is expected here, but YAML reads this as {_YAML_TYPES.get(type(given), 'something else')}",
        "put it in quotes",
    )


def _not_a_choice(detail: ErrorDetails, _: Loc, __: Mapping[str, Any]) -> tuple[str, str]:
    expected = _expected(detail).replace(" or ", ", ")
    given = detail["input"]
    near = _nearest(given, [choice.strip() for choice in expected.split(",")]) if isinstance(given, str) else None
    return "this is not one of the possible values", f"did you mean {near}?" if near else f"one of {expected}"


def _not_a_list(_: ErrorDetails, __: Loc, ___: Mapping[str, Any]) -> tuple[str, str]:
    return "a list is expected here", "write it in brackets, like [a, b]"


def _not_a_mapping(_: ErrorDetails, keys: Loc, data: Mapping[str, Any]) -> tuple[str, str]:
    possible = ", ".join(keys_at([str(key) for key in keys], data))
    return "a mapping of keys to values is expected here", f"possible keys: {possible}" if possible else ""


def _not_a_boolean(_: ErrorDetails, __: Loc, ___: Mapping[str, Any]) -> tuple[str, str]:
    return "this is neither true nor false", "write true or false"


def _too_short(_: ErrorDetails, __: Loc, ___: Mapping[str, Any]) -> tuple[str, str]:
    return "it is empty", "give at least one, or leave the key out"


def _plain(detail: ErrorDetails, _: Loc, __: Mapping[str, Any]) -> tuple[str, str]:
    message = detail["msg"]
    return message[:1].lower() + message[1:], ""


_MESSAGES: Mapping[str, Callable[[ErrorDetails, Loc, Mapping[str, Any]], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "union_tag_not_found": _missing_kind,
    "union_tag_invalid": _wrong_kind,
    "string_type": _not_text,
    "literal_error": _not_a_choice,
    "bool_parsing": _not_a_boolean,
    "bool_type": _not_a_boolean,
    "tuple_type": _not_a_list,
    "model_type": _not_a_mapping,
    "model_attributes_type": _not_a_mapping,
    "too_short": _too_short,
    "string_too_short": _too_short,
}
