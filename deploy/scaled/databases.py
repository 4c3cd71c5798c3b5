"""PostgreSQL and Redis: real servers on loopback, with data and passwords of their own."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from deploy.local import processes
from deploy.local.layout import HOST, Layout, clean_environment
from deploy.scaled.layout import POSTGRES_USER, Ports
from deploy.scaled.programs import POSTGRES_USER as POSTGRES_ACCOUNT
from deploy.scaled.programs import Programs
from deploy.scaled.secrets import Passwords, write_private

_ANSWER_SECONDS = 2.0


def postgres_folder(layout: Layout) -> Path:
    """Where PostgreSQL's data is. For root, whom it refuses, it is a link to a folder that its own user can reach."""
    return layout.data / "postgres"


def prepare_postgres(layout: Layout, programs: Programs, passwords: Passwords) -> None:
    """Make the database cluster, unless it is there. Raises StackError when that fails."""
    folder = postgres_folder(layout)
    if (folder / "PG_VERSION").exists():
        return
    _make_folder(folder)
    password = folder.resolve().with_name(f"{folder.resolve().name}.password")
    write_private(password, passwords.postgres)
    if os.geteuid() == 0:
        shutil.chown(password, POSTGRES_ACCOUNT)
    initdb = programs.as_postgres(
        "initdb",
        *("-D", str(folder.resolve()), "-U", POSTGRES_USER, "--pwfile", str(password)),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"),
    )
    try:
        processes.run("making the database", initdb, clean_environment(), Path("/"), layout.log("postgres-initdb"))
    finally:
        password.unlink()


def _make_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        folder.mkdir(mode=0o700, exist_ok=True)
        return
    if folder.is_symlink():  # to what somebody has removed since
        folder.unlink()
    own = tempfile.mkdtemp(prefix="unity-mirror-postgres-", dir="/var/tmp")
    shutil.chown(own, POSTGRES_ACCOUNT, POSTGRES_ACCOUNT)
    folder.symlink_to(own)


def postgres_command(layout: Layout, programs: Programs, ports: Ports) -> list[str]:
    """Runs it in the foreground, on loopback, without a socket in a folder that others share."""
    settings = {
        "listen_addresses": HOST,
        "port": str(ports.postgres),
        "unix_socket_directories": "",
        "max_connections": "200",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return programs.as_postgres("postgres", "-D", str(postgres_folder(layout).resolve()), *options)


def postgres_is_ready(layout: Layout, programs: Programs, ports: Ports) -> bool:
    """Whether it takes connections."""
    asked = [programs.paths["pg_isready"], "-q", "-h", HOST, "-p", str(ports.postgres)]
    try:
        processes.run("asking PostgreSQL", asked, clean_environment(), Path("/"), layout.log("postgres-ready"))
    except processes.StackError:
        return False
    return True


def write_redis_configuration(layout: Layout, ports: Ports, passwords: Passwords) -> Path:
    """Its configuration, in a file, so that the password isn't on its command line."""
    folder = layout.data / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    path = layout.data / "secrets" / "redis.conf"
    lines = {
        "bind": HOST,
        "port": str(ports.redis),
        "dir": f'"{folder}"',
        "requirepass": passwords.redis,
        "appendonly": "yes",
        "save": '""',
        "daemonize": "no",
    }
    write_private(path, "".join(f"{name} {value}\n" for name, value in lines.items()))
    return path


def redis_is_ready(ports: Ports, passwords: Passwords) -> bool:
    """Whether it answers to its password: one that isn't ours has another."""
    try:
        with socket.create_connection((HOST, ports.redis), timeout=_ANSWER_SECONDS) as connection:
            connection.sendall(f"AUTH {passwords.redis}\r\nPING\r\n".encode())
            return connection.makefile("rb").readline() == b"+OK\r\n"
    except OSError:
        return False
