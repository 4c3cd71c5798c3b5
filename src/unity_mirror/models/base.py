"""What every model of a cloud's answer has in common: frozen, tolerant of unknown fields, null meaning absent."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass
from pydantic_core import SchemaValidator

PICTURE = ConfigDict(extra="ignore", populate_by_name=True)


def without_nulls(data: Any) -> Any:
    """Return a JSON object without its nulls; anything else as it is."""
    if not isinstance(data, dict) or None not in data.values():
        return data
    return {key: value for key, value in data.items() if value is not None}


class Picture(Protocol):
    """What answers are read into: a model or a record."""

    @classmethod
    def model_validate(cls, obj: Any, /) -> Self:
        """Return the picture that an answer gives. Raises ``pydantic.ValidationError`` when it gives none."""


class CloudModel(BaseModel):
    """A frozen picture of something a cloud holds.

    Unknown fields are ignored, because services add them without notice. An explicit null counts as absent, because
    some servers (the open-source Unity Catalog server among them) spell out every empty field.
    """

    model_config = PICTURE | {"frozen": True}

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return without_nulls(data)


@dataclass(frozen=True, slots=True, config=PICTURE)
class CloudRecord:
    """A ``CloudModel`` of which a plan holds tens of thousands: slots take a quarter of a model's memory."""

    __pydantic_validator__: ClassVar[SchemaValidator]

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return without_nulls(data)

    @classmethod
    def model_validate(cls, obj: Any, /) -> Self:
        """Return the picture that an answer gives, as ``BaseModel`` does."""
        read: Self = cls.__pydantic_validator__.validate_python(obj)
        return read


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
