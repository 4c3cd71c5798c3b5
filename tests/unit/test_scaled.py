"""The scaled set-up, as far as it can be looked at without starting it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploy.local.layout import Layout
from deploy.local.processes import StackError
from deploy.scaled.balancer import write_balancer_configuration
from deploy.scaled.databases import postgres_command, write_redis_configuration
from deploy.scaled.layout import Ports, client_environment, scaled_layout, server_environment
from deploy.scaled.programs import Programs, find_programs
from deploy.scaled.secrets import passwords, sign_in_file

PORTS = Ports(emulator=1, prefect=2, postgres=3, redis=4, replicas=(5, 6))


def test_missing_programs_are_told_at_once_with_the_packages_that_bring_them(tmp_path: Path) -> None:
    present = tmp_path / "haproxy"
    present.touch(mode=0o755)
    with pytest.raises(StackError) as told:
        find_programs([tmp_path])
    assert str(told.value) == (
        "missing programs: initdb, postgres, pg_isready, redis-server. "
        "Install them with: apt-get install postgresql redis-server"
    )


def test_passwords_are_made_once_and_only_we_can_read_them(tmp_path: Path) -> None:
    layout = scaled_layout(Layout(tmp_path, tmp_path))
    made = passwords(layout)
    assert passwords(layout) == made
    assert made.prefect.startswith("admin:")
    assert len({made.prefect, made.postgres, made.redis}) == 3
    assert stat.S_IMODE(sign_in_file(layout).stat().st_mode) == 0o600
    assert not any(each in repr(made) for each in (made.prefect, made.postgres, made.redis))


def test_no_password_is_on_a_command_line_and_workers_do_not_learn_those_of_the_databases(tmp_path: Path) -> None:
    layout = scaled_layout(Layout(tmp_path, tmp_path))
    made = passwords(layout)
    programs = Programs({name: f"/bin/{name}" for name in ("postgres", "initdb")})
    written = write_balancer_configuration(layout, PORTS).read_text()
    words = " ".join([written, *postgres_command(layout, programs, PORTS)])
    clients = client_environment(layout, PORTS, made).values()
    servers = server_environment(layout, PORTS, made).values()
    assert not any(each in words for each in (made.prefect, made.postgres, made.redis))
    assert not any(made.postgres in value or made.redis in value for value in clients)
    assert all(any(each in value for value in servers) for each in (made.prefect, made.postgres, made.redis))
    assert stat.S_IMODE(write_redis_configuration(layout, PORTS, made).stat().st_mode) == 0o600
