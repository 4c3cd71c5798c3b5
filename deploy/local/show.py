"""What the demo and the stack say on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from deploy.local.layout import EMULATOR_PORT, PREFECT_PORT, SQL_PORT, Layout
from deploy.local.processes import StackError, last_words
from deploy.local.runs import Rows, Run
from deploy.local.supervision import Say, Stack, load

_WIDTH_OF_A_FILE = 120


def make_console(*, stderr: bool = False) -> Console:
    """A console that wraps at the terminal's width, or at a fixed one where there is no terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_A_FILE
    return Console(file=stream, highlight=False, emoji=False, width=width)


def brought_up(console: Console, layout: Layout, start: Callable[[Layout, Say], Stack]) -> Stack:
    """The stack that is up, or one that is started now. Where only a part of it still runs, that is stopped first."""
    running = load(layout)
    if running is not None and running.is_running():
        return running
    if running is not None and len(running.ended) < len(running.processes):
        _show_ended(console, running)
    with console.status("starting") as status:
        return start(layout, lambda text: status.update(text))


def _show_ended(console: Console, stack: Stack) -> None:
    for process in stack.ended:
        console.print(f"{process.name} has ended; {escape(last_words(Path(process.log)))}", soft_wrap=True)
    console.print("The others are stopped, and all of them are started again.")


def show_run(console: Console, run: Run, catalog: str) -> None:
    """The steps, the tables, what is left out, and the sentence that the run ended with."""
    _show_table(
        console, "What each step did", run.tables.get(f"{catalog}-result", []), ("Step", "What it did", "Seconds")
    )
    tables = ("Table", "Lakehouse shortcut", "Read through OneLake")
    _show_table(console, "Tables mirrored", run.tables.get(f"{catalog}-tables", []), tables)
    readers = ("Principal", "Reads in Unity Catalog", "Reads in OneLake", "Remark")
    access = run.tables.get(f"{catalog}-who-can-read-what", [])
    _show_table(console, "Who can read what, in Unity Catalog and in OneLake", access, readers)
    _show_table(console, "Left out", run.tables.get(f"{catalog}-left-out", []), ("What", "Why", "Detail", "What to do"))
    checks = ("Check", "About", "Outcome", "Evidence", "What to do")
    _show_table(console, "Checks that did not pass", run.tables.get(f"{catalog}-checks", []), checks)
    color = "green" if run.state == "COMPLETED" else "red"
    console.print(f"[bold {color}]{escape(run.message)}[/]")


def show_links(console: Console, run: Run, stack: Stack) -> None:
    """Where to look at the run and, in a real cloud, at the items."""
    console.print(f"\nFlow run:  {stack.prefect}/v2/runs/flow-run/{run.id}", soft_wrap=True)
    for text, url in run.links:
        console.print(f"{escape(text)}:  {url}", soft_wrap=True)


def show_next(console: Console, layout: Layout, stack: Stack, what: str, *, running: bool) -> None:
    """Which commands to try next, to see ``what``. A stack that isn't up yet will have the usual ports, unless they are
    taken then."""
    port = stack.emulator_port if running else EMULATOR_PORT
    environment = f'eval "$({_bin(layout, "cloud-emulator")} env --port {port} --data {_folder(layout)})"'
    first = [] if running else ["make up"]
    commands = (*first, environment, f"{_bin(layout, 'unity-mirror')} plan examples/sales.yaml")
    _show_commands(console, f"Next, see {what}:", commands)
    if running:
        _show_commands(console, "And to stop everything:", ("make down",))


def show_stack(console: Console, layout: Layout, stack: Stack) -> None:
    """Where to look while the stack is up."""
    show_addresses(console, stack, "Deployments, onboard-catalog, Run, Custom run")
    console.print(f"Logs:            {layout.shown(layout.logs)}")
    run = f"PREFECT_API_URL={stack.prefect}/api {_bin(layout, 'prefect')} deployment ls"
    _show_commands(console, "\nPrefect's command line:", (run,))


def show_addresses(console: Console, stack: Stack, how: str) -> None:
    """Where Prefect and the cloud are; ``how`` to go on in Prefect. They may not be where documents say."""
    console.print(f"Prefect:         {stack.prefect}   ({how})", soft_wrap=True)
    console.print(f"Emulated cloud:  {stack.emulator}   (state: {stack.emulator}/_emulator/state)", soft_wrap=True)
    if stack.sql_port:
        how_to = "T-SQL; runs look at them with sql_endpoint.preview"
        console.print(f"SQL endpoints:   localhost,{stack.sql_port}   ({how_to})", soft_wrap=True)
    usual = {PREFECT_PORT: stack.prefect_port, EMULATOR_PORT: stack.emulator_port, SQL_PORT: stack.sql_port or SQL_PORT}
    if taken := [str(port) for port, used in usual.items() if port != used]:
        console.print(f"                 (not at the usual port, which was taken: {', '.join(taken)})")


def show_failure(console: Console, error: StackError) -> None:
    """A failure of the stack itself."""
    console.print(f"[bold red]Failed:[/] {escape(str(error))}", soft_wrap=True)


def _show_commands(console: Console, heading: str, commands: Sequence[str]) -> None:
    console.print(heading)
    for command in commands:
        console.print(f"  {escape(command)}", soft_wrap=True)


def _show_table(console: Console, title: str, rows: Rows, columns: Sequence[str]) -> None:
    if not rows:
        return
    shown = [column for column in columns if any(row.get(column) for row in rows)]
    table = Table(title=f"{title} ({len(rows)})", title_justify="left", title_style="bold")
    for column in shown:
        justify: JustifyMethod = "right" if column == "Seconds" else "left"
        table.add_column(column, overflow="fold", justify=justify, no_wrap=column == "Principal")
    for row in rows:
        table.add_row(*(escape(row.get(column, "")) for column in shown))
    console.print(table)


def _bin(layout: Layout, name: str) -> str:
    return layout.shown(Path(layout.program(name)))


def _folder(layout: Layout) -> str:
    return layout.shown(layout.cloud)
