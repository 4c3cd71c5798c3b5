"""Holds what passes between a client and the emulated Databricks to the types of Databricks' own SDK.

Databricks publishes no specification; its SDK is generated from one. Each operation that is served is a method there:
an answer has only the fields of the type that the method reads, with values of their types, and a request that
succeeds only the parameters that the method sends, the required ones among them.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from databricks.sdk.service import catalog, iam, settings

from cloud_emulator.core.http import Request, Response

_MODULES = (catalog, iam, settings)
_PAGED = "next_page_token"
_BEYOND: Mapping[str, frozenset[str]] = {
    # SCIM's envelope, which the SDK doesn't read
    "Resources": frozenset({"schemas", "totalResults", "startIndex", "itemsPerPage"}),
}


@dataclass(frozen=True)
class SdkOperation:
    """A method of the SDK: what it sends, by name and type; what of it is required; and what it reads."""

    query: Mapping[str, Any]
    body: Mapping[str, Any]
    required: frozenset[str]
    answer: Any
    listed: str | None

    def request_faults(self, query: Mapping[str, str], body: bytes) -> Iterator[str]:
        """What is wrong with a request."""
        yield from (f"query: {name} is not sent by the SDK" for name in sorted(query.keys() - self.query.keys()))
        document = json.loads(body) if body else {}
        yield from _object_faults("body", document, self.body)
        for name in sorted(self.required & (self.query.keys() | self.body.keys())):
            if name not in query and name not in document:
                yield f"{name} is required"

    def response_faults(self, body: bytes) -> Iterator[str]:
        """What is wrong with the answer of a success."""
        document = json.loads(body) if body else {}
        if self.listed is None:
            yield from faults("body", document, self.answer)
            return
        fields = {self.listed: list[self.answer], _PAGED: str}  # type: ignore[name-defined]
        beyond = _BEYOND.get(self.listed, frozenset())
        yield from _object_faults("body", {name: document[name] for name in document.keys() - beyond}, fields)


def check_databricks(operation: str, request: Request, response: Response) -> None:
    """Fails when an exchange that succeeds isn't as the SDK has it."""
    known = sdk_operation(operation)
    found = [f"accepted, although: {each}" for each in known.request_faults(request.query, request.body)]
    found += known.response_faults(response.body)
    assert not found, f"{operation}: {request.method} {request.raw_path} -> {response.status}\n" + "\n".join(found)


@cache
def sdk_operation(name: str) -> SdkOperation:
    """The operation with that name, such as ``Tables_ListSummaries``. Raises ``LookupError`` for one that isn't
    there."""
    method, module = _method(*name.split("_"))
    source, hints, parameters = inspect.getsource(method), get_type_hints(method), inspect.signature(method).parameters
    query, body = (_sent(where, source, hints) for where in ("query", "body"))
    required = {
        wire for wire in (*query, *body) if parameters[_parameter(wire, hints)].default is inspect.Parameter.empty
    }
    listed = re.search(r'for v in json\["(\w+)"\]', source)
    if listed is not None:
        return SdkOperation(query, body, frozenset(required), get_args(hints["return"])[0], listed[1])
    whole = re.search(r"parsed = (\w+)\.from_dict", source)
    answer = getattr(module, whole[1]) if whole is not None else hints.get("return")
    return SdkOperation(query, body, frozenset(required), answer, None)


def _sent(where: str, source: str, hints: Mapping[str, Any]) -> dict[str, Any]:
    """What a method sends in the query or in the body, with the types of its parameters."""
    return {wire: hints[_parameter(wire, hints)] for wire in re.findall(rf'{where}\["(\w+)"\] = ', source)}


def _method(api: str, name: str) -> tuple[Any, types.ModuleType]:
    wanted = re.sub(r"(?<=.)(?=[A-Z])", "_", name).lower()
    for module in _MODULES:
        owner = getattr(module, f"{api}API", None) or getattr(module, f"{api}V2API", None)
        found = [each for each in dir(owner) if each == wanted] or [
            each for each in dir(owner) if each.startswith(f"{wanted}_")
        ]
        if owner is not None and found:
            return getattr(owner, found[0]), module
    raise LookupError(f"{api}.{name} is no method of the SDK")


def _parameter(wire: str, hints: Mapping[str, Any]) -> str:
    """The method's name of a field: in snake case."""
    own = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", wire).lower()
    return own if own in hints else wire


def faults(where: str, value: Any, hint: Any) -> Iterator[str]:
    """What of a JSON value isn't of a type of the SDK."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Union:
        yield from faults(where, value, next(each for each in args if each is not type(None)))
    elif origin is list:
        yield from _list_faults(where, value, args[0])
    elif dataclasses.is_dataclass(hint):
        yield from _object_faults(where, value, _fields(cast("type", hint)))
    elif not _fits(value, hint):
        yield f"{where}: {value!r} is no {'map of ' + args[1].__name__ if origin is dict else hint.__name__}"


def _list_faults(where: str, value: Any, hint: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where}: {value!r} is no list"
        return
    for index, each in enumerate(value):
        yield from faults(f"{where}/{index}", each, hint)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a plain type, an enumeration or a map; what a map has no value for may be null."""
    if hint is Any or hint is None:
        return True
    if get_origin(hint) is dict:
        of = get_args(hint)[1]
        return isinstance(value, dict) and all(isinstance(each, of | None) for each in value.values())
    if issubclass(hint, Enum):
        return value in [each.value for each in hint]
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def _object_faults(where: str, value: Any, fields: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no object"
        return
    for name, each in value.items():
        if name not in fields:
            yield f"{where}: {name} is no field"
        else:
            yield from faults(f"{where}/{name}", each, fields[name])


@cache
def _fields(kind: type) -> Mapping[str, Any]:
    """The fields of a type as they are sent, with their types."""
    hints = get_type_hints(kind)
    named: Sequence[tuple[str, str]] = re.findall(
        r'(\w+)=(?:d\.get\(|\w+\(\s*d,\s*)"([^"]+)"', inspect.getsource(vars(kind)["from_dict"].__func__)
    )
    return {wire: hints[own] for own, wire in named}
