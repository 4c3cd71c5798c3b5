"""The scaled set-up, as far as it can be looked at without starting it."""

from __future__ import annotations

import stat
from io import StringIO
from pathlib import Path

import pytest
from prefect.events import EventTrigger
from prefect.events.schemas.automations import AutomationCore
from rich.console import Console

from deploy.local.automations import mark_runs_that_never_began, mark_silent_runs
from deploy.local.layout import Layout
from deploy.local.processes import Process, StackError
from deploy.local.supervision import Stack
from deploy.scaled.__main__ import show
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


def test_who_starts_it_is_told_where_the_password_is_and_not_what_it_is(tmp_path: Path) -> None:
    layout = scaled_layout(Layout(tmp_path, tmp_path))
    made = passwords(layout)
    console = Console(file=StringIO(), width=200)
    show(console, layout, Stack(8443, 4200, (Process("redis", 4711, "then", "redis.log"),)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "http://127.0.0.1:4200" in text
    assert f'PREFECT_API_AUTH_STRING="$(cat {sign_in_file(layout)})"' in text
    assert "redis 4711" in text
    assert made.prefect.partition(":")[2] not in text


@pytest.mark.parametrize("wanted", [mark_silent_runs(), mark_runs_that_never_began()], ids=lambda each: each.name)
def test_the_automations_mark_runs_of_ours_only_and_let_those_be_that_ended_or_wait_for_approval(
    wanted: AutomationCore,
) -> None:
    trigger = wanted.trigger
    assert isinstance(trigger, EventTrigger)
    assert str(trigger.match_related).count("prefect.tag.unity-mirror") == 1
    for names in (("Completed", "Failed", "Crashed", "Cancelled"), ("Suspended", "Paused")):
        assert {f"prefect.flow-run.{name}" for name in names} <= trigger.expect
