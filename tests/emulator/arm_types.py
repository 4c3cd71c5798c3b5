"""Holds the answers of the emulated Azure Resource Manager to the models of Azure's own management clients.

The models are made from the official specifications: one kind knows its fields by what stands in the class
(``azure-mgmt-storage``, ``azure-mgmt-databricks``), the other by a map (``azure-mgmt-authorization``).
"""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, ForwardRef, Union, get_args, get_origin

from azure.mgmt.authorization.v2022_04_01 import models as authorization
from azure.mgmt.databricks import models as databricks
from azure.mgmt.storage import models as storage

from cloud_emulator.core.http import Request, Response

_MODELS: Mapping[str, Any] = {
    "StorageAccounts": storage.StorageAccount,
    "BlobContainers": storage.BlobContainer,
    "DatabricksWorkspaces": databricks.Workspace,
    "RoleAssignments": authorization.RoleAssignment,
    "RoleDefinitions": authorization.RoleDefinition,
    "Permissions": authorization.Permission,
}
"""What an operation answers, by the first half of its name; a list has it under ``value``."""


def has_model(operation: str) -> bool:
    """Whether one of the clients has a model of the answer."""
    return operation.partition("_")[0] in _MODELS


def check_resource_manager(operation: str, request: Request, response: Response) -> None:
    """Fails when the answer of a success isn't as the client's model has it."""
    document = json.loads(response.body) if response.body else {}
    model = storage.ListContainerItem if operation == "BlobContainers_List" else _MODELS[operation.partition("_")[0]]
    found = [fault for each in document.get("value", [document]) for fault in faults("body", each, model)]
    assert not found, f"{operation}: {request.method} {request.raw_path} -> {response.status}\n" + "\n".join(found)


def faults(where: str, value: Any, hint: Any) -> Iterator[str]:
    """What of a JSON value isn't of a model, an enumeration or a plain type."""
    if get_origin(hint) is list:
        for index, each in enumerate(value):
            yield from faults(f"{where}/{index}", each, get_args(hint)[0])
    elif hasattr(hint, "_attribute_map"):
        known = {each["key"] for each in hint._attribute_map.values()}
        given = {f"properties.{name}" for name in value.get("properties", {})} | (value.keys() - {"properties"})
        yield from (f"{where}: {name} is no field of {hint.__name__}" for name in sorted(given - known))
    elif hasattr(hint, "_is_model") or hasattr(hint, "_deserialize"):
        fields = _fields(hint)
        for name, each in value.items():
            if name not in fields:
                yield f"{where}: {name} is no field of {hint.__name__}"
            else:
                yield from faults(f"{where}/{name}", each, fields[name])
    elif not _fits(value, hint):
        yield f"{where}: {value!r} is no {hint.__name__}"


def _fits(value: Any, hint: Any) -> bool:
    if not isinstance(hint, type):
        return True
    if issubclass(hint, Enum):
        return value in [each.value for each in hint]
    return hint not in (str, int, bool, float) or isinstance(value, hint)


@cache
def _fields(model: Any) -> dict[str, Any]:
    """The fields of a model as they are sent, with their types; an enumeration rather than the text beside it."""
    model()  # which is when it gathers them
    annotations: dict[str, Any] = {}
    for each in reversed(model.__mro__):
        annotations |= vars(each).get("__annotations__", {})
    return {
        field._rest_name: _resolved(annotations.get(name), sys.modules[model.__module__])
        for name, field in model._attr_to_rest_field.items()
    }


def _resolved(hint: Any, module: Any) -> Any:
    """A type without the quotes that stand around it, or around a part of it."""
    if isinstance(hint, (str, ForwardRef)):
        text = hint if isinstance(hint, str) else hint.__forward_arg__
        package = sys.modules[module.__name__.rpartition(".")[0]]
        hint = eval(text, {**vars(typing), **vars(module), "_models": package})  # noqa: S307  # the client's own text
    if get_origin(hint) is Union:
        parts = [_resolved(each, module) for each in get_args(hint) if each is not type(None)]
        return next((each for each in parts if isinstance(each, type) and issubclass(each, Enum)), parts[0])
    if get_origin(hint) is list:
        return list[_resolved(get_args(hint)[0], module)]  # type: ignore[misc]  # made at run time
    return hint
