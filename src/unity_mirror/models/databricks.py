"""What a Databricks workspace holds beside Unity Catalog: groups and service principals (SCIM)."""

from pydantic import Field

from unity_mirror.models.base import CamelModel


class GroupMember(CamelModel):
    """A group's member; ``ref`` e.g. Users/1, ServicePrincipals/2, Groups/3."""

    value: str
    display: str = ""
    ref: str = Field(default="", validation_alias="$ref")


class Group(CamelModel):
    """A group. ``external_id`` is its Entra object id when it is synced from there. Names aren't unique."""

    id: str
    display_name: str = ""
    external_id: str | None = None
    members: tuple[GroupMember, ...] = ()


class User(CamelModel):
    """A user. Unity Catalog grants name its ``user_name``; ``external_id`` is its Entra object id when it is synced."""

    id: str
    user_name: str = ""
    display_name: str = ""
    external_id: str | None = None


class ServicePrincipal(CamelModel):
    """A service principal. Unity Catalog grants name its ``application_id``."""

    id: str
    application_id: str = ""
    display_name: str = ""
    external_id: str | None = None
    active: bool = True
