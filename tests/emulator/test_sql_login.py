"""Who may log in to a SQL endpoint, and which database a login opens."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytds
import pytest

from cloud_emulator.fabric import tenant
from cloud_emulator.fabric.items import CAPACITIES, ITEMS
from cloud_emulator.fabric.permissions import ROLE_ASSIGNMENTS, WORKSPACES
from cloud_emulator.fabric.sql_endpoints import connection_string
from cloud_emulator.fabric.workspaces import add_role

from .fabric_cloud import ALICE, CAPACITY, READER, WORKSPACE
from .sql_world import World, endpoint_id, running, sql_cloud
from .support import RUNNER

REASON = (
    "Authentication was successful, but the database was not found or you have insufficient permissions to connect to"
    " it."
)
NOT_FOUND = (18456, f"Login failed for user '<token-identified principal>'. Reason: {REASON}")
REFUSED = (18456, "Login failed for user '<token-identified principal>'.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A served cloud of the test's own."""
    cloud, item_id = sql_cloud(tmp_path / "cloud", tmp_path / "scratch")
    with running(cloud, item_id) as served:
        yield served


def login(world: World, **how: str) -> tuple[int, str]:
    """How a login is refused."""
    with pytest.raises(pytds.DatabaseError) as raised:
        world.connect(**how)
    return raised.value.number, str(raised.value.args[0])


@pytest.mark.parametrize(
    ("audience", "seconds"),
    [
        ("https://storage.azure.com", 3599),
        ("https://api.fabric.microsoft.com", 3599),
        ("https://database.windows.net", 0),
    ],
)
def test_a_token_for_something_else_or_too_late_is_refused(world: World, audience: str, seconds: int) -> None:
    assert login(world, token=world.token(audience=audience, seconds=seconds)) == REFUSED


@pytest.mark.parametrize("token", ["no token", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(world: World, token: str) -> None:
    assert login(world, token=token) == REFUSED


def test_a_token_of_another_tenant_is_refused(world: World) -> None:
    principal = world.cloud.directory.by_object_id(RUNNER)
    assert principal is not None
    world.cloud.directory.add({**principal, "tenantId": "72f988bf-0000-4000-8000-00000000ffff"})
    assert login(world, token=world.token()) == REFUSED


def test_a_principal_that_is_gone_is_refused(world: World) -> None:
    token = world.token()
    del world.cloud.directory.principals[RUNNER]
    assert login(world, token=token) == REFUSED


def test_a_password_is_refused(world: World) -> None:
    with pytest.raises(pytds.DatabaseError, match="Login failed for user 'sa'"):
        pytds.connect(
            "localhost", database="sales", port=world.port, cafile=str(world.authority), user="sa", password="x",
            validate_host=False,
        )  # fmt: skip


def test_service_principals_need_the_tenants_switch(world: World) -> None:
    world.cloud.table(tenant.SETTINGS)[tenant.USE_APIS] = {"enabled": False}
    assert login(world) == REFUSED
    world.connect(ALICE).close()


def test_without_a_role_in_the_workspace_there_is_no_database(world: World) -> None:
    assert login(world, object_id=READER) == NOT_FOUND
    assert login(world, database="nothing") == NOT_FOUND
    assert login(world, database="Sales") == NOT_FOUND, "names are compared with regard to case"
    assert "Name the SQL analytics endpoint as the database." in login(world, database="")[1]


def test_a_role_that_is_taken_away_ends_the_session(world: World) -> None:
    with world.connect(ALICE) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1 AS one")
        assert cursor.fetchall() == [(1,)]
        assignments = world.cloud.table(ROLE_ASSIGNMENTS)
        for key in [key for key, each in assignments.items() if each["role"] == "Viewer"]:
            del assignments[key]
        with pytest.raises(pytds.DatabaseError, match="insufficient permissions"):
            cursor.execute("SELECT 1 AS one")


def test_a_paused_capacity_serves_nobody(world: World) -> None:
    with world.connect() as connection:
        capacities = world.cloud.table(CAPACITIES)
        capacities[CAPACITY] = {**capacities[CAPACITY], "state": "Inactive"}
        assert login(world)[0] == 18456
        with pytest.raises(pytds.DatabaseError, match="not active"):
            connection.cursor().execute("SELECT 1 AS one")


def test_a_name_in_two_workspaces_needs_the_server_or_the_id(world: World) -> None:
    other = "44440000-0000-4000-8000-00000000ff02"
    cloud = world.cloud
    cloud.table(WORKSPACES)[other] = {**cloud.table(WORKSPACES)[WORKSPACE], "id": other, "displayName": "Other"}
    add_role(cloud, other, RUNNER, "ServicePrincipal", "Admin")
    first = endpoint_id(cloud, world.mirrored_id)
    second = {**cloud.table(ITEMS)[first], "id": "99990000-0000-4000-8000-000000000001", "workspaceId": other}
    cloud.table(ITEMS)[second["id"]] = second
    assert "2 workspaces have one: give the id of the SQL endpoint as the database." in login(world)[1]
    world.connect(ALICE).close()
    world.connect(database=first).close()
    for workspace in (WORKSPACE, other):
        raw = socket.create_connection(("127.0.0.1", world.port))
        connection = pytds.connect(
            connection_string(workspace), database="sales", cafile=str(world.authority), sock=raw, validate_host=False,
            access_token_callable=world.token, autocommit=True,
        )  # fmt: skip
        connection.close()
    logins = [each["status"] for each in cloud.requests if each["method"] == "LOGIN"]
    assert logins == [4060, 200, 200, 200, 200]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x12\x01\x00\x08\x00\x00\x00\x00",
        b"\x10\x01\x00\x0c\0\0\0\0abcd",
        b"\x16\x03\x01\0\x01x",
    ],
)
def test_what_is_no_tds_is_hung_up_on(world: World, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", world.port), timeout=10) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
    assert world.query("SELECT 1") == [(1,)]


def test_nothing_slow_is_imported_before_the_first_request() -> None:
    """So that the emulator starts fast."""
    code = (
        "import sys, cloud_emulator.server, cloud_emulator.services;"
        "print([name for name in ('duckdb', 'deltalake', 'pyarrow', 'sqlglot') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
