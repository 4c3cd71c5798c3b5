"""Starts the scaled set-up, each process under the same supervision as ``make up``."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deploy.local import processes
from deploy.local.layout import EMULATOR_PORT, PREFECT_PORT, Layout, worker_environment
from deploy.local.prefect_names import WORK_POOL
from deploy.local.stack import prepare_prefect, start_emulator, wait_for_emulator
from deploy.local.supervision import PortLostError, Say, Stack, down, is_our_prefect, launch, wait_until
from deploy.scaled.balancer import write_balancer_configuration
from deploy.scaled.databases import (
    postgres_command,
    postgres_is_ready,
    prepare_postgres,
    redis_is_ready,
    write_redis_configuration,
)
from deploy.scaled.layout import (
    REPLICAS,
    RUNS_AT_ONCE,
    WORKERS,
    Ports,
    client_environment,
    pick_ports,
    server_environment,
)
from deploy.scaled.programs import Programs, find_programs
from deploy.scaled.secrets import Passwords, passwords


def up(layout: Layout, say: Say, for_workers: Mapping[str, str] | None = None) -> Stack:
    """Start everything; ``for_workers`` is added to the workers' environment.

    Raises StackError when a program is missing or something doesn't come up; what was started is stopped then.
    """
    programs = find_programs()
    down(layout)
    extra = for_workers or {}
    try:
        return _Start(layout, programs, pick_ports(EMULATOR_PORT, PREFECT_PORT), passwords(layout), say).all(extra)
    except PortLostError:
        return _Start(layout, programs, pick_ports(0, 0), passwords(layout), say).all(extra)


@dataclass
class _Start:
    """One start: the stack grows with each process."""

    layout: Layout
    programs: Programs
    ports: Ports
    passwords: Passwords
    say: Say

    def __post_init__(self) -> None:
        self.stack = Stack(self.ports.emulator, self.ports.prefect)
        self.server = server_environment(self.layout, self.ports, self.passwords)
        self.client = client_environment(self.layout, self.ports, self.passwords)

    def all(self, for_workers: Mapping[str, str]) -> Stack:
        """Start them in the order in which they need each other."""
        try:
            self.say("starting the emulated cloud, PostgreSQL and Redis")
            self.stack = start_emulator(self.layout, self.stack)
            self._databases()
            emulated = wait_for_emulator(self.layout, self.stack)
            self.say("migrating the database")
            self._migrate()
            self.say("starting the API replicas, the background services and the load balancer")
            self._servers()
            self.say("saving the blocks and the deployments")
            prepare_prefect(self.layout, self.stack, self.client, emulated)
            self._workers({**worker_environment(self.layout, self.client, emulated), **for_workers})
        except BaseException:
            down(self.layout)
            raise
        return self.stack

    def _databases(self) -> None:
        bare = {"PATH": self.server["PATH"]}
        configuration = write_redis_configuration(self.layout, self.ports, self.passwords)
        self._launch("redis", [self.programs.paths["redis-server"], str(configuration)], bare)
        prepare_postgres(self.layout, self.programs, self.passwords)
        # SIGINT ends the sessions that there are and stops in good order; SIGTERM would wait for them.
        postgres = postgres_command(self.layout, self.programs, self.ports)
        self._launch("postgres", postgres, bare, signal.SIGINT)
        self._wait("redis", lambda: redis_is_ready(self.ports, self.passwords))
        self._wait("postgres", lambda: postgres_is_ready(self.layout, self.programs, self.ports))

    def _migrate(self) -> None:
        """Once, before anything else of Prefect runs: replicas that do it at their start would get into each other's
        way."""
        upgrade = [self.layout.program("prefect"), "server", "database", "upgrade", "-y"]
        processes.run("migrating the database", upgrade, self.server, self.layout.root, self.layout.log("migration"))

    def _servers(self) -> None:
        prefect = self.layout.program("prefect")
        for name, port in zip(REPLICAS, self.ports.replicas, strict=True):
            # Two that write down Prefect's own block types at once run into each other.
            registers = {"PREFECT_SERVER_REGISTER_BLOCKS_ON_START": str(name == REPLICAS[0])}
            command = [prefect, "server", "start", "--no-services", "--port", str(port)]
            self._launch(name, command, {**self.server, **registers})
        self._launch("services", [prefect, "server", "services", "start"], self.server)
        balancer = write_balancer_configuration(self.layout, self.ports)
        haproxy = [self.programs.paths["haproxy"], "-db", "-f", str(balancer)]
        self._launch("balancer", haproxy, {"PATH": self.server["PATH"]})
        auth = self.passwords.sign_in
        for name, port in zip((*REPLICAS, "balancer"), (*self.ports.replicas, self.ports.prefect), strict=True):
            self._wait(name, lambda port=port: is_our_prefect(self.layout, port, auth))  # type: ignore[misc]

    def _workers(self, environment: Mapping[str, str]) -> None:
        for name in WORKERS:
            worker = ["worker", "start", "--pool", WORK_POOL, "--name", name, "--limit", str(RUNS_AT_ONCE)]
            self._launch(name, [self.layout.program("prefect"), *worker], environment)

    def _launch(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.stack = launch(self.layout, self.stack, name, command, environment, stop_signal)

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        process = next(each for each in self.stack.processes if each.name == name)
        wait_until(name, process, ready)
