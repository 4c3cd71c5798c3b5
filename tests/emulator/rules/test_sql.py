"""Rules of SQL analytics endpoints, broken."""

from __future__ import annotations

import socket
from typing import Any

import pytds

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import CAPACITY, OUTSIDER, RUNNER, SPACE, VIEWER
from tests.emulator.rules.test_fabric_workspaces import switch
from tests.emulator.rules.world import World

COUNT = "SELECT COUNT(*) FROM orders.headers"
FINE, LOGIN_FAILED, NO_ENCRYPTION = 0, 18456, -1


async def outcome(world: World, text: str = "", **login: Any) -> int:
    """The number of the error with which a login or a query is refused; 0 when it isn't."""
    try:
        await world.sql(text, **login)
    except pytds.DatabaseError as error:
        return int(getattr(error, "number", NO_ENCRYPTION))
    except pytds.Error:
        return NO_ENCRYPTION
    return FINE


@breaks("sql.login.encrypted")
async def test_a_client_that_does_not_encrypt(world: World) -> None:
    with socket.create_connection(("127.0.0.1", world.sql_port)) as ours:  # the driver leaves its own open
        assert await outcome(world, cafile=None, sock=ours) == NO_ENCRYPTION


@breaks("sql.login.token")
async def test_a_login_without_a_token(world: World) -> None:
    assert await outcome(world, user=RUNNER, password="password") == LOGIN_FAILED


@breaks("sql.login.role")
async def test_somebody_without_a_role_logs_in(world: World) -> None:
    assert await outcome(world, who=OUTSIDER) == LOGIN_FAILED


@breaks("sql.login.capacity")
async def test_a_login_while_the_capacity_is_paused(world: World) -> None:
    assert await outcome(world) == FINE
    paused = {"id": CAPACITY, "display_name": "main", "sku": "F64", "state": "Inactive", "contributors": [RUNNER]}
    await switch(world, capacities=[paused])
    assert await outcome(world) == LOGIN_FAILED


@breaks("sql.sessions.role")
async def test_a_session_outlives_its_callers_role(world: World) -> None:
    roles = f"/workspaces/{SPACE}/roleAssignments"
    mine = next(each for each in await world.every(roles) if each["principal"]["id"] == VIEWER)
    connection = await world.log_in(VIEWER)
    try:
        assert await world.query(connection, "SELECT 1") == [(1,)]
        (await world.fabric("DELETE", f"{roles}/{mine['id']}")).ok()
        try:
            number, rows = FINE, await world.query(connection, "SELECT 1")
        except pytds.DatabaseError as error:
            number, rows = int(error.number), []
    finally:
        connection.close()
    assert (number, rows) == (LOGIN_FAILED, [])


@breaks("sql.reads.roles")
async def test_a_viewer_without_a_data_access_role_reads(world: World) -> None:
    assert await world.sql(COUNT) == [(0,)]
    assert await outcome(world, COUNT, who=VIEWER) == 229


@breaks("sql.reads.data")
async def test_a_table_is_written(world: World) -> None:
    for statement in ("INSERT INTO orders.headers (id) VALUES (1)", "DELETE FROM orders.headers"):
        assert await outcome(world, statement) == 24559


@breaks("sql.reads.tables")
async def test_a_table_is_dropped(world: World) -> None:
    assert await outcome(world, "DROP TABLE orders.headers") == 262


@breaks("sql.names.case")
async def test_a_system_view_in_lower_case(world: World) -> None:
    assert await outcome(world, "SELECT * FROM INFORMATION_SCHEMA.TABLES") == FINE
    assert await outcome(world, "SELECT * FROM information_schema.tables") == 208


@breaks("sql.columns.nested")
async def test_an_array_is_selected(world: World) -> None:
    assert await outcome(world, "SELECT name FROM orders.headers") == FINE
    assert await outcome(world, "SELECT tags FROM orders.headers") == 207


@breaks("sql.language.dialect")
async def test_a_limit_instead_of_a_top(world: World) -> None:
    assert await outcome(world, "SELECT name FROM orders.headers LIMIT 1") == 102
