"""Parameters that several flows share, with the words that Prefect's form shows beside them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from blocks import UnityMirrorClouds
from flows.forms import form_schema
from unity_mirror.spec import CatalogSpec


def titled(title: str) -> Any:
    """A parameter's title. Prefect would show its name, and takes a title from here only."""
    return Field(json_schema_extra={"title": title})


class _AsForm:
    """Has Prefect show the spec as a form for people."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return form_schema(CatalogSpec)


class _Tabs:
    """Names the two tabs of a parameter that may be left out."""

    def __init__(self, left_out: str, given: str) -> None:
        self._left_out, self._given = left_out, given

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        given = next(each for each in handler(core)["anyOf"] if each != {"type": "null"})
        return {"anyOf": [{"type": "null", "title": self._left_out}, {**given, "title": self._given}]}


CatalogForm = Annotated[CatalogSpec, _AsForm(), titled("Spec")]
DryRun = Annotated[bool, titled("Dry run")]
Prune = Annotated[bool, titled("Prune")]
EventId = Annotated[UUID | None, _Tabs("None", "Id"), titled("Event")]
MOST_STARTS = 10
Start = Annotated[int, Field(ge=1, le=MOST_STARTS, json_schema_extra={"title": "Start"})]
"""Which start a run is of those that its crashes have led to."""
KeepLakehouse = Annotated[bool, titled("Keep the lakehouse")]
DatabricksUrl = Annotated[str, titled("Databricks workspace")]
StorageAccount = Annotated[str, titled("Storage account")]

FleetFile = Annotated[
    str,
    Field(
        examples=["examples/fleet.yaml"],
        min_length=1,
        json_schema_extra={"title": "Fleet"},
    ),
]
CloudsBlock = Annotated[UnityMirrorClouds | None, _Tabs("The worker's", "Block"), titled("Clouds")]
Mode = Annotated[Literal["report", "repair"], titled("What differs")]
