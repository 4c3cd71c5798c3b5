"""What every part of a spec shares: strict, frozen models, and refusals that carry a remedy.

Refusals never repeat a value that could hold a secret: a spec is pasted into tickets, and so are its errors.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

REFUSED = "unity_mirror_refused"
"""The type of the errors that our own validators raise; their context holds the hint."""


class SpecPart(BaseModel):
    """A mapping of the spec: unknown keys are refused, values don't change, errors don't repeat what was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=False)


def refuse(message: str, hint: str = "", *, at: str = "") -> PydanticCustomError:
    """An error for a validator to raise: what is wrong, what to do, and which field below to blame (``at``)."""
    context = {"message": message, "hint": hint, "at": at}
    return PydanticCustomError(REFUSED, "{message}", context)
