"""Where reality has more than one legal outcome, these settings choose.

The defaults are the harder outcomes, as far as they stay quick.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Behaviour(BaseModel):
    """How the cloud behaves. Kept in the store; a seed or ``PUT /_emulator/settings`` changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    long_running: Literal["accepted", "immediate"] = Field(
        "accepted", description="Calls that may answer 202 or at once: always 202, or always at once."
    )
    operation_seconds: float = Field(0.5, ge=0, description="How long a long-running operation takes.")
    retry_after_seconds: int = Field(1, ge=1, description="Retry-After of a 202, in whole seconds.")
    sync_seconds: float = Field(1.0, ge=0, description="How long a mirrored catalog's sync takes.")
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
    client_address: str = Field(
        "203.0.113.10", description="The public address that storage firewalls see for a client on loopback."
    )
    trusted_access_delegator: bool = Field(
        True,
        description="Trusted access by folder or container also needs Storage Blob Delegator (the stricter reading).",
    )
