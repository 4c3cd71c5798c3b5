"""Secrets that a spec names by ``{block: NAME}``: Prefect's own Secret blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from prefect.blocks.system import Secret
from pydantic import BaseModel

from unity_mirror.spec import BlockSecret


async def named_secrets(spec: BaseModel) -> dict[str, str]:
    """The values of all Secret blocks that a spec names. One that isn't there is left out: whoever asks is told."""
    found: dict[str, str] = {}
    for name in sorted({ref.block for ref in _references(spec)}):
        try:
            block = cast("Secret[str]", await Secret.aload(name))
        except ValueError:  # what Prefect raises when there is no such block
            continue
        # Not get(), which reads what looks like JSON as JSON: a secret such as 1e5 would change.
        found[name] = str(block.value.get_secret_value())
    return found


def _references(value: object) -> Iterator[BlockSecret]:
    if isinstance(value, BlockSecret):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _references(getattr(value, name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for one in value:
            yield from _references(one)
