"""The command line ``unity-mirror``. Imports what a command needs only when it runs, so that help is there at once."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from unity_mirror.cli import streams
from unity_mirror.cli.arguments import WrongUsage, parse

FAILED, WRONG_USAGE, INTERRUPTED = 1, 64, 130
"""64 is EX_USAGE of sysexits.h, because 2 means that changes are pending; 130 is 128 and the number of SIGINT."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits: 0 done, 1 failed, 2 changes pending (plan), 64 wrong usage, 130 interrupted."""
    streams.prepare()
    try:
        code = _command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except OSError as error:
        if not streams.is_fault(error):
            raise
        streams.give_up()
        code = FAILED
        if not isinstance(error, BrokenPipeError):  # whoever read it has seen enough, as head has
            sys.stderr.write(f"unity-mirror: the output could not be written: {error.strerror}\n")
    raise SystemExit(code)


def _command(spoken: Sequence[str]) -> int:
    options = Namespace()
    try:
        options = parse(spoken)
        return _run(options)
    except WrongUsage as wrong:
        sys.stderr.write(f"{wrong.usage}{wrong.prog}: {wrong}; {wrong.remedy}\n")
        _document(spoken, "WrongUsage", str(wrong), wrong.remedy)
        return WRONG_USAGE
    except KeyboardInterrupt:
        what = "what was made until now stays" if getattr(options, "agreed", False) else "nothing was changed"
        sys.stderr.write(f"\nunity-mirror: interrupted; {what}, run again to go on.\n")
        _document(spoken, "Interrupted", f"interrupted; {what}", "run again to go on")
        return INTERRUPTED


def _run(options: Namespace) -> int:
    if options.command == "schema":
        from unity_mirror.cli.schema import print_schema

        print_schema()
        return 0
    from unity_mirror.cli.commands import run_or_tell

    return run_or_tell(options)


def _document(spoken: Sequence[str], error: str, message: str, remedy: str) -> None:
    """The document of a run that ends before, or amid, what would write one."""
    if "--json" in spoken:
        import json

        document = {"error": error, "message": message, "where": "", "why": "", "remedy": remedy}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
