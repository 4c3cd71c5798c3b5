"""What a request may hold: bodies by pydantic model, query parameters by type."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from cloud_emulator.core.http import Request
from cloud_emulator.fabric.errors import FabricError, invalid_input, invalid_parameter

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_JSON = re.compile(r"application/json(\s*;\s*charset=\"?utf-8\"?)?", re.IGNORECASE)

Model = TypeVar("Model", bound=BaseModel)


def is_guid(text: str) -> bool:
    """Whether the text is a GUID in the usual form."""
    return _GUID.fullmatch(text) is not None


def _guid(text: str) -> str:
    if not is_guid(text):
        raise ValueError("is not a GUID")
    return text.lower()


Guid = Annotated[str, AfterValidator(_guid)]
"""A GUID in a request body, in lower case."""


class Body(BaseModel):
    """Base of request bodies: camelCase outside, snake_case inside, no unknown fields, no coercion, no null: the
    specification allows it nowhere. Fabric's CLI says by a null that an item goes into no folder [C]."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, given: Any) -> Any:
        fields = given.items() if isinstance(given, dict) else ()
        nulls = [name for name, value in fields if value is None and name != "folderId"]
        if nulls:
            raise ValueError(f"{nulls[0]} must not be null")
        return given


def parse(request: Request, model: type[Model]) -> Model:
    """The request's body as a model. Raises 400 ``InvalidInput`` that names every field at fault and repeats no
    value."""
    document = json_object(request)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        details = [
            ("InvalidInput", f"{_path(fault['loc'])}: {fault['msg']}") for fault in error.errors(include_input=False)
        ]
        raise invalid_input(f"The request has an invalid input: {details[0][1]}", details) from None


def json_object(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object. Raises 400 ``InvalidInput``."""
    if not _JSON.fullmatch(request.headers.get("content-type", "").strip()):
        raise FabricError(415, "InvalidInput", "The body must be sent as application/json, in UTF-8.")
    try:
        document = request.json()
    except ValueError as error:
        raise invalid_input("The body is not JSON.") from error
    if not isinstance(document, dict):
        raise invalid_input("The body must be a JSON object.")
    return document


def boolean(request: Request, name: str, *, default: bool = False) -> bool:
    """A query parameter that is true or false. Raises 400 ``InvalidParameter``."""
    value = request.query.get(name)
    if value is None:
        return default
    if value.lower() not in ("true", "false"):
        raise invalid_parameter(name, f"{value!r} is neither true nor false.")
    return value.lower() == "true"


def integer(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    """A query parameter that is a whole number within bounds. Raises 400 ``InvalidParameter``."""
    value = request.query.get(name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise invalid_parameter(name, f"{value!r} is not a whole number from {least} to {most}.")
    return int(value)


def choice(request: Request, name: str, values: Collection[str], *, default: str) -> str:
    """A query parameter out of a list. Raises 400 ``InvalidParameter``."""
    value = request.query.get(name, default)
    if value not in values:
        raise invalid_parameter(name, f"{value!r} is none of {', '.join(sorted(values))}.")
    return value


def guid(request: Request, name: str) -> str:
    """A required query parameter that is a GUID, in lower case. Raises 400 ``InvalidParameter``."""
    value = request.query.get(name)
    if value is None:
        raise invalid_parameter(name, "it is required.")
    if not is_guid(value):
        raise invalid_parameter(name, f"{value!r} is not a GUID.")
    return value.lower()


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"
