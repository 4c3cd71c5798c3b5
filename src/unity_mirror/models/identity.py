"""Who we are to the clouds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The signed-in identity, from a token's claims.

    Role assignments (Azure, Fabric) take the ``object_id``; Unity Catalog grants name a service principal by its
    ``app_id``. Mixing them up is the classic mistake.
    """

    object_id: str
    app_id: str
    tenant_id: str
