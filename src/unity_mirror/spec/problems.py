"""From pydantic's errors to ours: the field's path as the user wrote it, a message without the value, and a hint."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from unity_mirror.errors import SpecProblem
from unity_mirror.spec.base import REFUSED
from unity_mirror.spec.schema import keys_at, kinds_at

Loc = Sequence[str | int]
_MISSING = ("missing", "union_tag_not_found")
_YAML_TYPES: Mapping[type, str] = {bool: "true or false", int: "a number", float: "a number"}


@dataclass(frozen=True)
class _Fault:
    """One of pydantic's errors: where it is as the user wrote it, and all that may be said instead."""

    detail: ErrorDetails
    keys: list[str | int]
    data: Mapping[str, Any]
    model: type[BaseModel]

    @property
    def given(self) -> Any:
        return self.detail["input"]

    @property
    def expected(self) -> str:
        """The possible values, as pydantic lists them."""
        context = self.detail.get("ctx", {})
        return str(context.get("expected_tags") or context.get("expected") or "").replace("'", "")

    def keys_of(self, path: Loc) -> list[str]:
        """The keys that may be at a path."""
        return keys_at([str(key) for key in path], self.data, self.model.model_json_schema())

    def kinds(self) -> list[str]:
        """The kinds that there may be here."""
        return kinds_at([str(key) for key in self.keys], self.data, self.model.model_json_schema())


def problems_of(error: ValidationError, data: Mapping[str, Any], model: type[BaseModel]) -> Iterator[SpecProblem]:
    """One problem for each of pydantic's errors at making a ``model`` of the data."""
    for detail in error.errors(include_url=False):
        yield _problem(_Fault(detail, _written_path(detail, data), data, model))


def _problem(fault: _Fault) -> SpecProblem:
    path = _render(fault.keys)
    if fault.detail["type"] == REFUSED:
        context = fault.detail["ctx"]
        at = ".".join(part for part in (path, context["at"]) if part)
        return SpecProblem(path=at, message=context["message"], hint=context["hint"])
    message, hint = _MESSAGES.get(fault.detail["type"], _plain)(fault)
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


def _unknown_key(fault: _Fault) -> tuple[str, str]:
    possible = fault.keys_of(fault.keys[:-1])
    near = _nearest(str(fault.keys[-1]), possible)
    return "this key is unknown", f"did you mean {near}?" if near else f"possible here: {', '.join(possible)}"


def _nearest(word: str, possible: Sequence[str]) -> str | None:
    plain = {key.replace("_", ""): key for key in possible}
    found = difflib.get_close_matches(word.lower().replace("_", "").replace("-", ""), list(plain), n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def _missing(_: _Fault) -> tuple[str, str]:
    return "this is required", ""


def _missing_kind(fault: _Fault) -> tuple[str, str]:
    return "kind is required here", f"one of {', '.join(fault.kinds())}"


def _wrong_kind(fault: _Fault) -> tuple[str, str]:
    given = str(fault.detail.get("ctx", {}).get("tag", ""))
    return "this kind is unknown", nearest_of(given, [kind.strip() for kind in fault.expected.split(",")])


def _nothing() -> tuple[str, str]:
    return "it has no value", "give one, or leave the key out"


def _not_text(fault: _Fault) -> tuple[str, str]:
    if fault.given is None:
        return _nothing()
    if isinstance(fault.given, (dict, list)):
        return "a text is expected here", ""
    kind = _YAML_TYPES.get(type(fault.given), "something else")
    return f"a text is expected here, but YAML reads this as {kind}", "put it in quotes"


NOT_A_CHOICE = "this is not one of the possible values"


def _not_a_choice(fault: _Fault) -> tuple[str, str]:
    expected = fault.expected.replace(" or ", ", ").split(",")
    return NOT_A_CHOICE, nearest_of(fault.given, [choice.strip() for choice in expected])


def nearest_of(given: object, possible: Sequence[str]) -> str:
    """The hint for a value that isn't among the possible ones: the one that is meant, or else all."""
    near = _nearest(given, possible) if isinstance(given, str) else None
    return f"did you mean {near}?" if near else f"one of {', '.join(possible)}"


def _not_a_list(fault: _Fault) -> tuple[str, str]:
    return _nothing() if fault.given is None else ("a list is expected here", "write it in brackets, like [a, b]")


def _not_a_mapping(fault: _Fault) -> tuple[str, str]:
    possible = ", ".join(fault.keys_of(fault.keys))
    message, _ = _nothing() if fault.given is None else ("a mapping of keys to values is expected here", "")
    return message, f"possible keys: {possible}" if possible else "write it like {key: value}"


def _not_a_boolean(_: _Fault) -> tuple[str, str]:
    return "this is neither true nor false", "write true or false"


def _not_a_number(_: _Fault) -> tuple[str, str]:
    return "a whole number is expected here", "write it in digits, without quotes"


def _out_of_range(fault: _Fault) -> tuple[str, str]:
    context = fault.detail.get("ctx", {})
    return "the number is out of range", f"at most {context['le']}" if "le" in context else f"at least {context['ge']}"


def _too_short(_: _Fault) -> tuple[str, str]:
    return "it is empty", "give at least one, or leave the key out"


def _plain(fault: _Fault) -> tuple[str, str]:
    message = fault.detail["msg"]
    return message[:1].lower() + message[1:], ""


_MESSAGES: Mapping[str, Callable[[_Fault], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "union_tag_not_found": _missing_kind,
    "union_tag_invalid": _wrong_kind,
    "string_type": _not_text,
    "literal_error": _not_a_choice,
    "bool_parsing": _not_a_boolean,
    "bool_type": _not_a_boolean,
    "int_parsing": _not_a_number,
    "int_type": _not_a_number,
    "int_from_float": _not_a_number,
    "less_than_equal": _out_of_range,
    "greater_than_equal": _out_of_range,
    "tuple_type": _not_a_list,
    "dict_type": _not_a_mapping,
    "model_type": _not_a_mapping,
    "model_attributes_type": _not_a_mapping,
    "too_short": _too_short,
    "string_too_short": _too_short,
}
