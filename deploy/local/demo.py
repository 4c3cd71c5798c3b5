"""The demo: onboards the sample catalog through a real server, deployment and worker, and shows what came out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import yaml
from rich.console import Console

from deploy.local.layout import Layout, prefect_api
from deploy.local.prefect_names import BLOCK
from deploy.local.processes import StackError
from deploy.local.runs import Run, Runs
from deploy.local.show import show_links, show_next, show_run
from deploy.local.stack import Stack, down, load, up

SPEC = "examples/sales.yaml"
_RUN_SECONDS = 300.0


def demo(layout: Layout, console: Console) -> int:
    """Run the demo; exit code 1 when the run didn't complete. A stack that was up already stays up."""
    console.print(f"Onboarding the catalog of {SPEC} on an emulated cloud, through a Prefect server and worker.\n")
    with stack_for(layout, console) as (stack, ours):
        spec = yaml.safe_load((layout.root / SPEC).read_text())
        run = onboard(stack, spec, console)
        show_run(console, run, spec["catalog"])
        show_links(console, run, stack)
    if run.state != "COMPLETED":
        raise StackError(f"the flow run ended as {run.state.lower()}; its log is {layout.log('worker')}")
    console.print("\nEverything that was started is stopped again." if ours else "\nThe stack stays up.")
    show_next(console, layout, stack, "that there is nothing left to do", running=not ours)
    return 0


@contextmanager
def stack_for(layout: Layout, console: Console) -> Iterator[tuple[Stack, bool]]:
    """The stack that is up, or one of our own, on a cloud as it was seeded; and whether it is ours to stop."""
    running = load(layout)
    if running is not None and running.is_running():
        yield running, False
        return
    down(layout)
    shutil.rmtree(layout.cloud, ignore_errors=True)
    start = time.monotonic()
    with console.status("starting") as status:
        stack = up(layout, lambda text: status.update(text))
    console.print(f"Everything is up after {time.monotonic() - start:.0f} s: Prefect at {stack.prefect}")
    try:
        yield stack, True
    finally:
        down(layout)


def onboard(stack: Stack, spec: object, console: Console) -> Run:
    """Start the deployment's run on the stack and wait for its end."""
    runs = Runs(prefect_api(stack.prefect_port))
    clouds = {"$ref": {"block_document_slug": f"unity-mirror-clouds/{BLOCK}"}}
    start = time.monotonic()
    with console.status("waiting for the worker") as status:
        run_id = runs.start({"spec": spec, "clouds": clouds})
        run = runs.wait(run_id, _RUN_SECONDS, lambda text: status.update(text))
    console.print(f"The flow run ended after {time.monotonic() - start:.0f} s.\n")
    return run
