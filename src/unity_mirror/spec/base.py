"""What every part of a spec shares: strict, frozen models, and refusals that carry a remedy.

Refusals never repeat a value that could hold a secret: a spec is pasted into tickets, and so are its errors.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

REFUSED = "unity_mirror_refused"
"""The type of the errors that our own validators raise; their context holds the hint."""


class SpecPart(BaseModel):
    """A mapping of the spec: unknown keys are refused, values don't change, errors don't repeat what was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=False)


def shape(pattern: str) -> Any:
    """For forms: a pattern of the text once its variables are substituted, hence not one for editors of files.

    A form shows it to people when it isn't met, so it has to be readable. The validators decide, and may ask for more.
    """
    return Field(json_schema_extra={"x-pattern": pattern})


def refuse(message: str, hint: str = "", *, at: str = "") -> PydanticCustomError:
    """An error for a validator to raise: what is wrong, what to do, and which field below to blame (``at``)."""
    context = {"message": message, "hint": hint, "at": at}
    return PydanticCustomError(REFUSED, "{message}", context)
