"""Reading requests and paging answers the way Databricks does: strictly, with documented limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request
from cloud_emulator.core.paging import BadPageToken, asked, page
from cloud_emulator.core.validation import told
from cloud_emulator.unity_catalog.errors import invalid, refuse

PAGING = ("max_results", "page_token")
Entry = TypeVar("Entry")
Model = TypeVar("Model", bound="Body")


class Body(BaseModel):
    """A request body. Fields that aren't declared are refused, and values of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def parse(request: Request, model: type[Model]) -> Model:
    """The request's body. Refused when it isn't JSON or not as documented."""
    try:
        document = request.json()
    except ValueError as error:
        raise refuse("MALFORMED_REQUEST", "The request body is not JSON.") from error
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise invalid(f"Invalid request body: {told(error)}") from error


def changes_of(body: Body) -> dict[str, Any]:
    """What a change names. Refused when that is nothing."""
    given = body.model_dump(exclude_none=True)
    if not given:
        raise invalid("There is nothing to update in the request.")
    return given


def allow_query(request: Request, *names: str) -> Mapping[str, str]:
    """The query, when it holds nothing but these parameters."""
    unknown = sorted(set(request.query) - set(names))
    if unknown:
        raise invalid(f"Unknown query parameter: {', '.join(unknown)}.")
    return request.query


def flag(request: Request, name: str) -> bool:
    """A boolean query parameter, false when absent."""
    value = request.query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(f"{name} must be true or false, not {value!r}.")
    return value == "true"


def required(request: Request, name: str) -> str:
    """A query parameter that must be there."""
    value = request.query.get(name, "")
    if not value:
        raise invalid(f"{name} is required.")
    return value


def page_length(cloud: Cloud, request: Request, server: int, *, least: int = 1) -> int | None:
    """How much a page may hold: ``None`` (all) when ``max_results`` isn't given, the server's own length for 0."""
    text = request.query.get("max_results")
    most = min(server, cloud.behaviour.page_size or server)
    if text is None:
        return cloud.behaviour.page_size
    if not (text.isascii() and text.isdigit()) or 0 < int(text) < least:
        raise invalid(f"max_results must be 0 or at least {least}, not {text!r}.")
    return min(int(text), most) if int(text) else most


def cut(request: Request, entries: Sequence[Entry], length: int | None) -> tuple[Sequence[Entry], dict[str, str]]:
    """One page, and ``{"next_page_token": …}`` when there is more."""
    try:
        of = asked(request, *PAGING)
        found, token = page(entries, request.query.get("page_token") or None, length or max(len(entries), 1), of)
    except BadPageToken as error:
        raise invalid("page_token is not one that this server gave.") from error
    return found, {"next_page_token": token} if token else {}


def listing(name: str, entries: Sequence[Any], rest: Mapping[str, str]) -> dict[str, Any]:
    """A list's answer; Databricks leaves an empty array out."""
    return {**({name: entries} if entries else {}), **rest}
