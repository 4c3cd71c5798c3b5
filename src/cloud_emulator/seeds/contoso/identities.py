"""Who is who at Contoso. Azure and Fabric call everyone by object id; Databricks calls a service principal by its
application id, a person by the user name, a group by its name.

All secrets are made up and work in the emulator only.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloud_emulator.seeds.model import Group, MachineIdentity, ServicePrincipal, Tenant, User
from cloud_emulator.unity_catalog.seed_model import GroupSeed, ServicePrincipalSeed, UserSeed

TENANT = "72f988bf-0000-4000-8000-00000000c0de"


@dataclass(frozen=True, slots=True)
class App:
    """A service principal."""

    name: str
    object_id: str
    app_id: str
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at Contoso, called by what they do."""

    name: str
    object_id: str
    user_name: str


@dataclass(frozen=True, slots=True)
class Team:
    """A group. ``in_entra``: Databricks syncs it from there; otherwise only Databricks knows it."""

    name: str
    object_id: str
    members: tuple[App | Person, ...]
    in_entra: bool = True


def _app(number: str, name: str, *, secret: bool = True) -> App:
    made_up = f"not-a-secret.{name}.contoso.example" if secret else None
    return App(name, f"22220000-0000-4000-8000-00000000{number}", f"11110000-0000-4000-8000-00000000{number}", made_up)


def _person(number: str, name: str) -> Person:
    user_name = f"{name.split()[-1].lower()}@contoso.example"
    return Person(name, f"33330000-0000-4000-8000-00000000{number}", user_name)


RUNNER = _app("a000", "unity-mirror")
"""Who runs unity-mirror: it may do what the tool needs."""
SALES_READER = _app("a001", "fabric-sales-reader")
"""Whom the Databricks connection to ``sales`` signs in as."""
HR_READER = _app("a002", "fabric-hr-reader")
"""Whom the Databricks connection to ``hr`` signs in as."""
PLATFORM = _app("a003", "data-platform-automation")
"""The administrators' automation: owns the catalogs, through its group, and the subscription."""
ACCESS_CONNECTOR = _app("a004", "contoso-unity-access-connector", secret=False)
"""The managed identity as which Unity Catalog itself reaches the storage."""

STEWARD = _person("e001", "Data steward")
CONTROLLER = _person("e002", "Finance controller")
ANALYST = _person("e003", "Sales analyst")
PARTNER = _person("e004", "HR partner")

PLATFORM_TEAM = Team("data-platform", "44440000-0000-4000-8000-00000000d001", (PLATFORM, STEWARD))
SALES_ANALYSTS = Team("sales-analysts", "44440000-0000-4000-8000-00000000d002", (ANALYST, CONTROLLER))
FINANCE = Team("finance-controllers", "44440000-0000-4000-8000-00000000d003", (CONTROLLER,))
HR_PARTNERS = Team("hr-partners", "44440000-0000-4000-8000-00000000d004", (PARTNER,))
LOCAL_TESTERS = Team("workspace-testers", "", (ANALYST,), in_entra=False)
"""A group that was made in Databricks: it has no Entra object id."""

APPS = (RUNNER, SALES_READER, HR_READER, PLATFORM, ACCESS_CONNECTOR)
PEOPLE = (STEWARD, CONTROLLER, ANALYST, PARTNER)
TEAMS = (PLATFORM_TEAM, SALES_ANALYSTS, FINANCE, HR_PARTNERS, LOCAL_TESTERS)


def environment() -> dict[str, str]:
    """The variables with which the runner signs in and the sample specs find their secrets."""
    return {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": RUNNER.app_id,
        "AZURE_CLIENT_SECRET": RUNNER.secret or "",
        "SALES_DATABRICKS_SECRET": SALES_READER.secret or "",
        "HR_DATABRICKS_SECRET": HR_READER.secret or "",
    }


def tenant() -> Tenant:
    """The Entra tenant. The machine's managed identity is the runner."""
    apps = [
        ServicePrincipal(
            type="ServicePrincipal",
            object_id=each.object_id,
            app_id=each.app_id,
            display_name=each.name,
            secret=each.secret,
        )
        for each in APPS
    ]
    people = [
        User(type="User", object_id=each.object_id, display_name=each.name, user_principal_name=each.user_name)
        for each in PEOPLE
    ]
    groups = [
        Group(
            type="Group",
            object_id=each.object_id,
            display_name=each.name,
            members=tuple(member.object_id for member in each.members),
        )
        for each in TEAMS
        if each.in_entra
    ]
    return Tenant(
        id=TENANT,
        domain="contoso.example",
        principals=(*apps, *people, *groups),
        machine_identity=MachineIdentity(object_id=RUNNER.object_id),
    )


def databricks_users() -> tuple[UserSeed, ...]:
    """The people, as Databricks knows them."""
    return tuple(
        UserSeed(user_name=each.user_name, display_name=each.name, external_id=each.object_id) for each in PEOPLE
    )


def databricks_service_principals() -> tuple[ServicePrincipalSeed, ...]:
    """The service principals that Databricks knows."""
    return tuple(
        ServicePrincipalSeed(application_id=each.app_id, display_name=each.name, external_id=each.object_id)
        for each in (RUNNER, SALES_READER, HR_READER, PLATFORM)
    )


def databricks_groups() -> tuple[GroupSeed, ...]:
    """The groups, with their members by the names that Databricks uses."""
    return tuple(
        GroupSeed(
            name=each.name,
            external_id=each.object_id if each.in_entra else None,
            members=tuple(grantee(member) for member in each.members),
        )
        for each in TEAMS
    )


def grantee(principal: App | Person | Team) -> str:
    """What grants of Unity Catalog call a principal."""
    if isinstance(principal, App):
        return principal.app_id
    return principal.user_name if isinstance(principal, Person) else principal.name
