"""Variables of Prefect's."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.exceptions import ObjectAlreadyExists
from prefect.types import StrictVariableValue


async def set_variable(client: PrefectClient, name: str, value: StrictVariableValue, tags: Sequence[str]) -> None:
    """Give a variable this value, whether it is there or not.

    It may be there although this very call makes it: when an API replica dies before it answers, the request is sent
    again. (Not by Variable.aset, which asks first, and never closes its client.)
    """
    try:
        await client.create_variable(VariableCreate(name=name, value=value, tags=list(tags)))
    except ObjectAlreadyExists:
        await client.update_variable(VariableUpdate(name=name, value=value, tags=list(tags)))
