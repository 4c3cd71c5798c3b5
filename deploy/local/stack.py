"""Starts the local stack: the emulated cloud, a Prefect server, the deployments and a worker."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_emulator.environment import variables
from deploy.local import processes
from deploy.local.layout import (
    EMULATOR_PORT,
    PREFECT_PORT,
    SQL_PORT,
    Layout,
    clean_environment,
    free_port,
    prefect_environment,
    ui_folder,
    worker_environment,
)
from deploy.local.prefect_names import WORK_POOL
from deploy.local.supervision import PortLostError, Say, Stack, answer, down, is_our_prefect, launch, load, wait_until
from deploy.local.ui import LOGO, dress

SEED = "contoso"
__all__ = ["Stack", "down", "load", "prepare_prefect", "start_emulator", "up", "wait_for_emulator"]


def up(layout: Layout, say: Say) -> Stack:
    """Start everything. Raises StackError when something doesn't come up; what was started is stopped then."""
    down(layout)
    usual = Stack(free_port(EMULATOR_PORT), free_port(PREFECT_PORT), sql_port=free_port(SQL_PORT))
    try:
        return _start_all(layout, usual, say)
    except PortLostError:
        # Somebody else took one between our looking and our listening, such as a second stack just like this.
        return _start_all(layout, Stack(free_port(0), free_port(0), sql_port=free_port(0)), say)


def _start_all(layout: Layout, stack: Stack, say: Say) -> Stack:
    environment = prefect_environment(layout, stack.prefect_port)
    try:
        say("starting the emulated cloud and Prefect's server")
        stack = start_emulator(layout, stack)
        server = {**environment, "PREFECT_UI_STATIC_DIRECTORY": str(ui_folder(layout))}
        stack = launch(layout, stack, "prefect-server", [layout.program("prefect"), "server", "start"], server)
        emulated = wait_for_emulator(layout, stack)
        wait_until("Prefect's server", stack.processes[1], lambda: is_our_prefect(layout, stack.prefect_port))
        say("saving the blocks and the deployments")
        dress(layout)
        prepare_prefect(layout, stack, environment, emulated)
        worker = [layout.program("prefect"), "worker", "start", "--pool", WORK_POOL, "--name", "local"]
        stack = launch(layout, stack, "worker", worker, worker_environment(layout, environment, emulated))
    except BaseException:
        down(layout)
        raise
    return stack


def start_emulator(layout: Layout, stack: Stack) -> Stack:
    """Start the emulated cloud, which must be the stack's first process."""
    emulator = [
        *(layout.program("cloud-emulator"), "serve", "--port", str(stack.emulator_port)),
        *("--data", str(layout.cloud), "--seed", SEED),
        *(("--sql-port", str(stack.sql_port)) if stack.sql_port else ()),
    ]
    return launch(layout, stack, "emulator", emulator, clean_environment())


def prepare_prefect(layout: Layout, stack: Stack, environment: Mapping[str, str], emulated: Mapping[str, str]) -> None:
    """Save blocks, automations and deployments in the server that the environment names."""
    setup = [layout.program("python"), "-m", "deploy.local.prefect_setup"]
    known = {**environment, **emulated, "UNITY_MIRROR_LOGO_URL": f"{stack.prefect}/{LOGO}"}
    processes.run("saving the blocks", setup, known, layout.root, layout.log("prefect-setup"))
    deploy = [layout.program("prefect"), "--no-prompt", "deploy", "--all"]
    processes.run("saving the deployments", deploy, environment, layout.root, layout.log("prefect-deploy"))


def wait_for_emulator(layout: Layout, stack: Stack) -> dict[str, str]:
    """The variables that lead to the cloud, once it answers: until then, asking for them would disturb its seeding.

    An emulator that isn't ours has a certificate of another authority.
    """
    authority = layout.cloud / "tls" / "ca.pem"

    def ready() -> bool:
        return authority.exists() and answer(f"{stack.emulator}/_emulator/health", authority) is not None

    wait_until("the emulated cloud", stack.processes[0], ready)
    return variables(layout.cloud, stack.emulator_port)
