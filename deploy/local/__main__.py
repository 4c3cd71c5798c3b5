"""``python -m deploy.local up | down | demo``, in the repository's root. The Makefile's targets call it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from deploy.local.demo import demo
from deploy.local.layout import Layout
from deploy.local.processes import StackError
from deploy.local.show import brought_up, make_console, show_failure, show_next, show_stack
from deploy.local.stack import down, up
from deploy.scaled.layout import scaled_layout


def _up(layout: Layout, console: Console) -> int:
    running = brought_up(console, layout, up)
    show_stack(console, layout, running)
    show_next(console, layout, running, "what onboarding the sample catalog would change", running=True)
    return 0


def _down(layout: Layout, console: Console) -> int:
    ran = [down(each) for each in (layout, scaled_layout(layout))]
    console.print("Stopped." if any(ran) else "Nothing was running.")
    return 0


_ROOT = Path(__file__).resolve().parents[2]
_COMMANDS: dict[str, Callable[[Layout, Console], int]] = {"up": _up, "down": _down, "demo": demo}


def main() -> int:
    """Exit codes: 0 done, 1 failed, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("--data", type=Path, default=_ROOT / ".data", help="folder for all that is written")
    options = parser.parse_args()
    # A stop from outside must undo what was started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return _COMMANDS[options.command](Layout(_ROOT, options.data.resolve()), make_console())
    except StackError as error:
        show_failure(make_console(stderr=True), error)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
