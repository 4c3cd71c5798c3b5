"""Which database a login opens, and what of it the caller may read.

A workspace's endpoints are the databases of one server. A client that comes as ``localhost`` can't say which server it
means, so that a name used in several workspaces is looked for in those where the caller has a role; the id of the
endpoint is accepted in place of the name, as Power BI gives it.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import BadToken, Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import tenant
from cloud_emulator.fabric.access_roles import Reach
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.items import ITEMS, list_items, require_capacity
from cloud_emulator.fabric.permissions import ROLE_ASSIGNMENTS, WORKSPACES, role_in
from cloud_emulator.fabric.sql_endpoints import TYPE, connection_string
from cloud_emulator.fabric.validation import is_guid
from cloud_emulator.sql import errors
from cloud_emulator.sql.login import Login

AUDIENCES = ("https://database.windows.net",)
_DOMAIN = ".datawarehouse.fabric.microsoft.com"


@dataclass(frozen=True, slots=True)
class Database:
    """An endpoint as a database: its id and name, the workspace, and the item beside which it stands."""

    endpoint_id: str
    name: str
    workspace_id: str
    parent_id: str


def sign_in(cloud: Cloud, login: Login) -> Caller:
    """Who logs in. Raises SQL error 18456; why is not told."""
    if login.token is None:
        unproven = cloud.directory.caller(login.user) if not cloud.rules.on("sql.login.token") else None
        if unproven is None:
            raise errors.login_failed(login.user) if login.user else errors.login_failed()
        return unproven
    try:
        caller = cloud.tokens.verify(f"Bearer {login.token}", AUDIENCES)
        tenant.require_switch(cloud, caller, tenant.USE_APIS)
    except (BadToken, FabricError) as error:
        raise errors.login_failed() from error
    return caller


def open_database(cloud: Cloud, caller: Caller, login: Login) -> Database:
    """The database that a login names. Raises SQL error 4060, or 18456 for a caller without any role there or
    a capacity that is paused."""
    if not login.database:
        raise errors.no_database("master", "Name the SQL analytics endpoint as the database.")
    found = [each for each in _candidates(cloud, login) if _has_role(cloud, caller, each["workspaceId"])]
    if not found:
        raise errors.no_such_database()
    if len(found) > 1:
        why = f"{len(found)} workspaces have one: give the id of the SQL endpoint as the database."
        raise errors.no_database(login.database, why)
    database = _database(found[0])
    check_capacity(cloud, database)
    return database


def _has_role(cloud: Cloud, caller: Caller, workspace_id: str) -> bool:
    return role_in(cloud, caller.object_id, workspace_id) is not None or not cloud.rules.on("sql.login.role")


def check_capacity(cloud: Cloud, database: Database) -> None:
    """Raises SQL error 18456 when the workspace's capacity is paused or gone."""
    if not cloud.rules.on("sql.login.capacity"):
        return
    workspace = cloud.table(WORKSPACES).get(database.workspace_id)
    try:
        require_capacity(cloud, workspace or {"displayName": "", "capacityId": None})
    except FabricError as error:
        raise errors.login_failed(because=error.message) from error


def check_pace(cloud: Cloud, caller: Caller, request: str) -> None:
    """Takes a token for a login or request (by its name in the request log). Raises SQL error 24801 without one."""
    limits = cloud.behaviour.throttling.get("sql")
    if limits is not None and cloud.throttle.take("sql", request, caller.object_id, limits):
        raise errors.throttled()


def sibling(cloud: Cloud, database: Database, name: str) -> Database | None:
    """A database of the same server, by its name or id."""
    endpoints = list_items(cloud, database.workspace_id, TYPE.name)
    return next((_database(each) for each in endpoints if name in (each["displayName"], each["id"])), None)


def siblings(cloud: Cloud, database: Database) -> list[Database]:
    """All databases of the server, this one among them."""
    return [_database(each) for each in list_items(cloud, database.workspace_id, TYPE.name)]


def is_open(cloud: Cloud, caller: Caller, database: Database) -> bool:
    """Whether the database is still there and the caller still has a role in its workspace."""
    there = database.endpoint_id in cloud.table(ITEMS)
    member = role_in(cloud, caller.object_id, database.workspace_id) is not None
    return there and (member or not cloud.rules.on("sql.sessions.role"))


def may_see(cloud: Cloud, caller: Caller, database: Database, path: str) -> bool:
    """Whether the caller may read what stands at a path such as ``Tables/orders/lines`` of the item.

    A Viewer holds ReadData, which is enough when the endpoint reads as the owner; in user identity mode OneLake's
    roles decide [D].
    """
    if cloud.behaviour.sql_access_mode == "delegated" or not cloud.rules.on("sql.reads.roles"):
        return True
    parent = cloud.table(ITEMS).get(database.parent_id)
    return parent is not None and Reach(cloud, caller, parent).reads(path)


def reads_as(cloud: Cloud, caller: Caller, parent: Document) -> Caller | None:
    """As whom the endpoint of an item reads: the caller, or the owner of the item; ``None`` when the owner is gone.

    An item of a seed has no owner of its own: it belongs to the workspace's first Admin.
    """
    if cloud.behaviour.sql_access_mode == "user_identity":
        return caller
    owner = parent.get("owner")
    if owner is None:
        assignments = cloud.table(ROLE_ASSIGNMENTS).by("workspaceId", parent["workspaceId"])
        owner = next((each["principalId"] for each in assignments if each["role"] == "Admin"), None)
    return cloud.directory.caller(owner) if owner is not None else None


def _candidates(cloud: Cloud, login: Login) -> list[Document]:
    if is_guid(login.database):
        found = cloud.table(ITEMS).get(login.database.lower())
        named = [found] if found is not None and found["type"] == TYPE.name else []
    else:
        of_name = cloud.table(ITEMS).by("displayName", login.database)
        named = [each for each in of_name if each["type"] == TYPE.name]
    host = login.server.removeprefix("tcp:").partition(",")[0].lower()
    if host.endswith(_DOMAIN):
        named = [each for each in named if connection_string(each["workspaceId"]) == host]
    return named


def _database(endpoint: Document) -> Database:
    return Database(endpoint["id"], endpoint["displayName"], endpoint["workspaceId"], endpoint["parentId"])
