"""Who may read the mirrored tables in OneLake: nobody new, or those to whom Unity Catalog grants it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from unity_mirror.spec.base import SpecPart
from unity_mirror.spec.values import Guid, NonEmpty


class AccessSpec(SpecPart):
    """OneLake data access roles on the mirrored catalog, kept in step with Unity Catalog's grants."""

    roles: Literal["from_unity_catalog"] = Field(
        default="from_unity_catalog",
        title="Roles",
        description="Where roles come from: grants of USE CATALOG, USE SCHEMA and SELECT to principals of Entra ID.",
        examples=["from_unity_catalog"],
    )
    groups: dict[NonEmpty, Guid] = Field(
        default_factory=dict,
        title="Groups",
        description="Names of groups in Unity Catalog to Entra object ids, where Databricks' SCIM API can't tell or "
        "the identity that runs unity-mirror may not ask it. Entries here win.",
        examples=[{"analysts": "44440000-0000-4000-8000-00000000d002"}],
    )
