"""What every model of a cloud's answer has in common: frozen, tolerant of unknown fields, null meaning absent."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


class CloudModel(BaseModel):
    """A frozen picture of something a cloud holds.

    Unknown fields are ignored, because services add them without notice. An explicit null counts as absent, because
    some servers (the open-source Unity Catalog server among them) spell out every empty field.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if value is not None}
        return data


class CamelModel(CloudModel):
    """A model whose JSON fields are camelCase, as in Fabric, Power BI, SCIM and Azure Resource Manager."""

    model_config = ConfigDict(alias_generator=to_camel)


class ArmModel(CamelModel):
    """An Azure Resource Manager resource: what ARM nests under ``properties`` is lifted to the top."""

    @model_validator(mode="before")
    @classmethod
    def _lift_properties(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("properties"), Mapping):
            flat = {**data["properties"], **{key: value for key, value in data.items() if key != "properties"}}
            return {key: value for key, value in flat.items() if value is not None}
        return data
