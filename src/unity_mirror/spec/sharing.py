"""With whom a connection is shared, so that a team can use and keep it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from unity_mirror.spec.base import SpecPart
from unity_mirror.spec.values import Guid


class ConnectionShare(SpecPart):
    """One principal's role on a connection."""

    id: Guid = Field(
        title="Object id",
        description="Entra object id of the group, user or service principal.",
        examples=["44440000-0000-4000-8000-00000000d001"],
    )
    type: Literal["Group", "User", "ServicePrincipal"] = Field(
        default="Group", title="Type", description="What the object id belongs to.", examples=["Group"]
    )
    role: Literal["User", "UserWithReshare", "Owner"] = Field(
        default="User",
        title="Role",
        description="User uses the connection, UserWithReshare also shares it, Owner also changes and deletes it.",
        examples=["User"],
    )
