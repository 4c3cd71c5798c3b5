"""What a mirrored catalog's ``definition.json`` may say, and what it selects.

Fields: the official JSON schema ``mirroredAzureDatabricksCatalogDefinition`` 1.0.0, closed. Its modes stand at three
levels, and each level allows fewer than the schema's common enumeration: catalog Full or Partial; schema Full, Partial
or Exclude (Exclude only under a Full catalog); table Full or Exclude (Exclude only under a Full schema).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from cloud_emulator.core.rules import ALL_ON, Rules

SCHEMA_URL = (
    "https://developer.microsoft.com/json-schemas/fabric/item/mirroredAzureDatabricksCatalog/definition/"
    "mirroredAzureDatabricksCatalogDefinition/1.0.0/schema.json"
)
_SCHEMA_URL = re.compile(re.escape(SCHEMA_URL).replace(re.escape("1.0.0"), r"1\.\d+\.\d+"))
GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
CATALOG_NAME = r"^[^.\s/\x00-\x1F\x7F]{1,255}$"

Guid = Annotated[str, Field(pattern=GUID)]


class BadDefinition(ValueError):
    """A definition that Fabric refuses; the message names the field."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, data: Any) -> Any:
        """Only ``$schema`` may be null; elsewhere the schema wants a value or nothing."""
        if isinstance(data, Mapping):
            for key, value in data.items():
                if value is None and key != "$schema":
                    raise ValueError(f"{key} is null")
        return data


class TableRule(_Closed):
    """One table of a schema."""

    name: str = Field(min_length=1)
    mirroring_mode: Literal["Full", "Exclude"]


class SchemaRule(_Closed):
    """One schema of the catalog."""

    name: str = Field(min_length=1)
    mirroring_mode: Literal["Full", "Partial", "Exclude"]
    tables: list[TableRule] = Field(default_factory=list)

    @model_validator(mode="after")
    def _modes_agree(self, info: ValidationInfo) -> SchemaRule:
        _distinct("table", [table.name for table in self.tables], info)
        if self.mirroring_mode == "Exclude" and self.tables and _on(info, "fabric.mirror.excluded_is_empty"):
            raise ValueError(f"schema {self.name!r} is excluded, so it can't list tables")
        excluded = [table.name for table in self.tables if table.mirroring_mode == "Exclude"]
        if self.mirroring_mode == "Partial" and excluded and _on(info, "fabric.mirror.exclude_table"):
            raise ValueError(f"table {excluded[0]!r}: Exclude may stand only in a schema whose mode is Full")
        return self

    @cached_property
    def modes(self) -> Mapping[str, str]:
        """Mode by table name."""
        return {table.name: table.mirroring_mode for table in self.tables}

    def selects(self, table: str) -> bool:
        """Whether a table of this schema is asked for."""
        if self.mirroring_mode == "Full":
            return self.modes.get(table) != "Exclude"
        return self.mirroring_mode == "Partial" and table in self.modes


class MirrorConfiguration(_Closed):
    """The inclusion and exclusion lists."""

    schemas: list[SchemaRule] = Field(default_factory=list)

    @cached_property
    def by_name(self) -> Mapping[str, SchemaRule]:
        """Rules by schema name."""
        return {schema.name: schema for schema in self.schemas}


class CatalogDefinition(_Closed):
    """The content of ``definition.json``."""

    schema_url: str | None = Field(alias="$schema")
    catalog_name: str = Field(pattern=CATALOG_NAME)
    databricks_workspace_connection_id: Guid
    mirroring_mode: Literal["Full", "Partial"]
    auto_sync: Literal["Enabled", "Disabled"] | None = None
    storage_connection_id: Guid | None = None
    mirror_configuration: MirrorConfiguration = Field(default_factory=MirrorConfiguration)

    @field_validator("schema_url")
    @classmethod
    def _known_schema(cls, value: str | None) -> str | None:
        if value is not None and _SCHEMA_URL.fullmatch(value) is None:
            raise ValueError(f"unknown schema; expected {SCHEMA_URL}")
        return value

    @model_validator(mode="after")
    def _modes_agree(self, info: ValidationInfo) -> CatalogDefinition:
        _distinct("schema", [schema.name for schema in self.mirror_configuration.schemas], info)
        may_exclude = self.mirroring_mode == "Full" or not _on(info, "fabric.mirror.exclude_schema")
        for schema in self.mirror_configuration.schemas:
            if schema.mirroring_mode == "Exclude" and not may_exclude:
                raise ValueError(f"schema {schema.name!r}: Exclude may stand only in a catalog whose mode is Full")
        return self

    def selects_schema(self, schema: str) -> bool:
        """Whether any table of a schema can be asked for."""
        rule = self.mirror_configuration.by_name.get(schema)
        return self.mirroring_mode == "Full" if rule is None else rule.mirroring_mode != "Exclude"

    def selects(self, schema: str, table: str) -> bool:
        """Whether a table is asked for; whether it can be mirrored is another question."""
        rule = self.mirror_configuration.by_name.get(schema)
        return self.mirroring_mode == "Full" if rule is None else rule.selects(table)

    def mode_of(self, schema: str) -> str:
        """How a schema is mirrored: as its rule says, else as the catalog's mode makes it."""
        rule = self.mirror_configuration.by_name.get(schema)
        if rule is not None:
            return rule.mirroring_mode
        return "Full" if self.mirroring_mode == "Full" else "Exclude"

    def document(self) -> dict[str, Any]:
        """As JSON, with the fields that were given."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_unset=True) | {"$schema": SCHEMA_URL}


def parse_definition(content: bytes, rules: Rules = ALL_ON) -> CatalogDefinition:
    """Reads a ``definition.json``. Raises :class:`BadDefinition`."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadDefinition(f"definition.json is not JSON: {error}") from error
    return read_definition(document, rules)


def read_definition(document: Any, rules: Rules = ALL_ON) -> CatalogDefinition:
    """Checks a definition that is already JSON, by the rules in force. Raises :class:`BadDefinition`."""
    try:
        return CatalogDefinition.model_validate(document, context=rules)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "definition.json"
        raise BadDefinition(f"definition.json: {place}: {first['msg']}") from error


def _on(info: ValidationInfo, rule: str) -> bool:
    """Whether a rule is in force; the validation's context is the :class:`Rules`."""
    return isinstance(info.context, Rules) and info.context.on(rule)


def _distinct(kind: str, names: list[str], info: ValidationInfo) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen and _on(info, "fabric.mirror.listed_once"):
            raise ValueError(f"{kind} {name!r} is listed twice")
        seen.add(name)
