"""What a seed file may hold: one section for each service."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_emulator.arm.seed import ArmSeed
from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.fabric.seed import FabricSeed
from cloud_emulator.seeds.large import LargeCatalog
from cloud_emulator.storage.seed import StorageSeed
from cloud_emulator.unity_catalog.seed import UnityCatalogSeed

ENVIRONMENT = "environment"
"""Key in the table ``settings`` under which a seed's environment variables are kept."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServicePrincipal(_Section):
    """An application or managed identity."""

    type: Literal["ServicePrincipal"]
    object_id: str
    app_id: str
    display_name: str
    secret: str | None = Field(None, description="Client secret; none for a managed identity.")


class User(_Section):
    """A person."""

    type: Literal["User"]
    object_id: str
    display_name: str
    user_principal_name: str


class Group(_Section):
    """A security group; members are object ids."""

    type: Literal["Group"]
    object_id: str
    display_name: str
    members: tuple[str, ...] = ()


class MachineIdentity(_Section):
    """The managed identity of the machine that asks ``/msi/token``."""

    object_id: str
    header: str = Field("emulator", description="Value that IDENTITY_HEADER must have.")


class Tenant(_Section):
    """The Entra tenant and who is in it."""

    id: str
    domain: str | None = None
    principals: tuple[Annotated[ServicePrincipal | User | Group, Field(discriminator="type")], ...] = ()
    machine_identity: MachineIdentity | None = None


class Seed(_Section):
    """A whole cloud."""

    tenant: Tenant
    behaviour: Behaviour = Behaviour()
    environment: dict[str, str] = Field(
        default_factory=dict, description="Variables that 'cloud-emulator env' exports."
    )
    azure: ArmSeed = ArmSeed()
    unity_catalog: UnityCatalogSeed = UnityCatalogSeed()
    fabric: FabricSeed = FabricSeed()
    storage: StorageSeed = StorageSeed()
    large_catalogs: tuple[LargeCatalog, ...] = Field((), description="Thousands of tables, for tests of size.")
