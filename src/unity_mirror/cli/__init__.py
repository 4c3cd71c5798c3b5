"""The command line ``unity-mirror``. Imports what a command needs only when it runs, so that help is there at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from unity_mirror.cli.arguments import parse
from unity_mirror.errors import UnityMirrorError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits: 0 done, 1 failed, 2 changes pending (plan), 64 wrong usage."""
    options = parse(arguments)
    if options.command == "schema":
        from unity_mirror.cli.schema import print_schema

        print_schema()
        return
    from unity_mirror.cli.commands import run
    from unity_mirror.cli.output import Output

    output = Output(as_json=options.json)
    try:
        raise SystemExit(run(options, output))
    except UnityMirrorError as error:
        output.failure(error)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        sys.stderr.write("\nunity-mirror: interrupted; what was made until now stays, run again to go on.\n")
        raise SystemExit(INTERRUPTED) from None
