"""Users, groups and service principals as Databricks knows them (SCIM), and the names by which grants call them.

A user is called by its user name, a group by its name, a service principal by its **application id**: the object id
that Azure role assignments take names nobody here.
"""

from __future__ import annotations

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.unity_catalog import state

ACCOUNT_USERS = "account users"
"""The built-in group of everyone in the account."""


def identity(cloud: Cloud, principal: str) -> Document | None:
    """The identity that grants call ``principal``: {id, kind, name, displayName, externalId, members}."""
    identities = state.table_of(cloud, "identities")
    found = identities.first("name", principal)
    if found is None and not cloud.rules.on("unity_catalog.workspace.application_id"):
        return identities.first("externalId", principal)
    return found


def exists(cloud: Cloud, principal: str) -> bool:
    """Whether a grant may name this principal."""
    return principal == ACCOUNT_USERS or identity(cloud, principal) is not None


def names_of(cloud: Cloud, principal: str) -> frozenset[str]:
    """Every name under which privileges reach a principal: its own, its groups', their groups', and everyone's."""
    found = identity(cloud, principal)
    if found is None:
        return frozenset()
    groups = state.table_of(cloud, "identities").by("kind", "group")
    names, wanted = {principal, ACCOUNT_USERS}, {found["id"]}
    if not cloud.rules.on("unity_catalog.privileges.groups"):
        return frozenset(names)
    while wanted:
        joined = [group for group in groups if group["name"] not in names and not wanted.isdisjoint(group["members"])]
        names.update(group["name"] for group in joined)
        wanted = {group["id"] for group in joined}
    return frozenset(names)


def is_member(cloud: Cloud, here: Document, principal: str) -> bool:
    """Whether a principal is assigned to a workspace, itself or by group."""
    return not names_of(cloud, principal).isdisjoint({*here["members"], *here["admins"]})


def is_admin(cloud: Cloud, here: Document, principal: str) -> bool:
    """Whether a principal administers a workspace."""
    return not names_of(cloud, principal).isdisjoint(here["admins"])
