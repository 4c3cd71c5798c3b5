"""``python -m deploy.scaled up | down``, in the repository's root. The Makefile's targets call it."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from deploy.local.layout import Layout
from deploy.local.processes import StackError
from deploy.local.show import brought_up, make_console, show_addresses, show_failure
from deploy.local.supervision import Stack, down
from deploy.scaled.layout import scaled_layout
from deploy.scaled.secrets import sign_in_file
from deploy.scaled.stack import up

_ROOT = Path(__file__).resolve().parents[2]


def show(console: Console, layout: Layout, stack: Stack) -> None:
    """Where to look, and how to sign in."""
    sign_in = layout.shown(sign_in_file(layout))
    show_addresses(console, stack, "two API replicas behind a load balancer")
    console.print(f"Sign in with:    the line in {escape(sign_in)}, user:password", soft_wrap=True)
    console.print(
        f"Processes:       {', '.join(f'{each.name} {each.pid}' for each in stack.processes)}", soft_wrap=True
    )
    console.print(f"Logs:            {layout.shown(layout.logs)}")
    console.print("\nPrefect's command line:")
    variables = f'PREFECT_API_URL={stack.prefect}/api PREFECT_API_AUTH_STRING="$(cat {sign_in})"'
    console.print(f"  {variables} {layout.shown(Path(layout.program('prefect')))} deployment ls", soft_wrap=True)
    console.print("And to stop everything:\n  make down")


def main() -> int:
    """Exit codes: 0 done, 1 failed, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m deploy.scaled", description=__doc__)
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument("--data", type=Path, default=_ROOT / ".data", help="folder for all that is written")
    options = parser.parse_args()
    # A stop from outside must undo what was started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console, layout = make_console(), scaled_layout(Layout(_ROOT, options.data.resolve()))
    try:
        if options.command == "up":
            show(console, layout, brought_up(console, layout, up))
        else:
            console.print("Stopped." if down(layout) else "Nothing was running.")
    except StackError as error:
        show_failure(make_console(stderr=True), error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
