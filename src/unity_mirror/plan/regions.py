"""Regions whose capacities mirror Azure Databricks catalogs, as Fabric's documentation listed them in December 2025.

The list grows: a region that isn't on it is worth a warning, not a refusal.
"""

from __future__ import annotations

AS_OF = "December 2025"
_REGIONS = """
Brazil South, Canada Central, Canada East, Mexico Central, Central US, East US, East US 2, North Central US,
South Central US, West US, West US 2, West US 3, East Asia, Southeast Asia, Australia East, Australia Southeast,
Central India, South India, Indonesia Central, Japan East, Japan West, Korea Central, Malaysia West, New Zealand North,
Singapore, Taiwan North, Taiwan Northwest, North Europe, West Europe, France Central, Germany North,
Germany West Central, Israel Central, Italy North, Norway East, Norway West, Poland Central, Spain Central,
Sweden Central, Switzerland North, Switzerland West, South Africa North, South Africa West, UAE North, UK South, UK West
"""


def _normal(region: str) -> str:
    return "".join(region.split()).lower()


_KNOWN = frozenset(_normal(region) for region in _REGIONS.replace("\n", " ").split(","))


def mirrors_databricks(region: str) -> bool:
    """Whether the region, by its display name or its short one, was on the list."""
    return _normal(region) in _KNOWN
