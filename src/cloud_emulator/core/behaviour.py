"""Where reality has more than one legal outcome, these settings choose.

The defaults are the harder outcomes, as far as they stay quick.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cloud_emulator.core.pressure import ServiceLimits, ServiceName
from cloud_emulator.core.rules import RULES


class Behaviour(BaseModel):
    """How the cloud behaves. Kept in the store; a seed or ``PUT /_emulator/settings`` changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    long_running: Literal["accepted", "immediate"] = Field(
        "accepted", description="Calls that may answer 202 or at once: always 202, or always at once."
    )
    operation_seconds: float = Field(0.5, ge=0, description="How long a long-running operation takes.")
    operation_polls: int | None = Field(
        None,
        ge=1,
        description="A long-running operation ends at this poll of its state, however much time has passed; null: by"
        " operation_seconds.",
    )
    retry_after_seconds: int = Field(1, ge=1, description="Retry-After of a 202, in whole seconds.")
    sync_seconds: float = Field(1.0, ge=0, description="How long a mirrored catalog's sync takes.")
    sync_begin_seconds: float = Field(
        0.0,
        ge=0,
        description="How long after it was asked for a mirrored catalog's sync begins; until then the state of the last"
        " one is shown.",
    )
    sync_interval_seconds: float = Field(
        900.0, gt=0, description="Time between the automatic syncs of a mirrored catalog."
    )
    sql_endpoint_seconds: float = Field(1.0, ge=0, description="How long a SQL analytics endpoint takes to appear.")
    sql_access_mode: Literal["user_identity", "delegated"] = Field(
        "user_identity",
        description="As whom SQL analytics endpoints read: the user, whom OneLake's roles bind, or the item's owner.",
    )
    name_reservation_seconds: float = Field(20.0, ge=0, description="How long a deleted item's name stays taken.")
    page_size: int | None = Field(
        None, ge=1, description="Most entries on a page of any list; null leaves it to each service."
    )
    shortcut_limit: int = Field(
        10_000, ge=1, description="Shortcuts that an item can hold, and tables that a catalog can mirror."
    )
    shortcut_target_paths: Literal["unchecked", "checked"] = Field(
        "unchecked",
        description="A shortcut to a path that isn't there: made, and then 404 when read, or refused. A missing item is"
        " always refused.",
    )
    external_use_checked_at: Literal["read", "sync"] = Field(
        "read",
        description="Where a missing EXTERNAL USE SCHEMA shows: when data is read, or when the catalog is synced.",
    )
    principal_replication_seconds: float = Field(
        0.0, ge=0, description="How long a new principal is unknown to Azure Resource Manager."
    )
    role_propagation_seconds: float = Field(
        0.0, ge=0, description="How long a new role assignment takes to have an effect."
    )
    data_access_role_seconds: float = Field(
        0.0, ge=0, description="How long a change of an item's OneLake data access roles takes to have an effect."
    )
    client_address: str = Field(
        "203.0.113.10", description="The public address that storage firewalls see for a client on loopback."
    )
    client_virtual_network: str | None = Field(
        None,
        description="Resource id of the virtual network that clients on loopback sit in, for private endpoints; null:"
        " outside of all.",
    )
    trusted_access_delegator: bool = Field(
        True,
        description="Trusted access by folder or container also needs Storage Blob Delegator (the stricter reading).",
    )
    latency_ms: dict[ServiceName, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="How late each service answers, in milliseconds; others as 'serve' was told."
    )
    throttling: dict[ServiceName, ServiceLimits] = Field(
        default_factory=dict,
        description="What each caller may ask of each service and API; a service not named doesn't count.",
    )
    rules_off: tuple[str, ...] = Field(
        (),
        description="Ids of rules that are switched off: for tests of tests. A cloud without its rules proves nothing.",
    )

    @field_validator("rules_off")
    @classmethod
    def _are_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - RULES.keys())
        if unknown:
            raise ValueError(f"there is no rule {unknown[0]!r}")
        return value
