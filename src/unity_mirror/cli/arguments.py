"""What can be said on the command line."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

_DESCRIPTION = """\
Mirror Azure Databricks Unity Catalog catalogs into Microsoft Fabric, from one declarative spec per catalog."""

_SPEC = "the spec, YAML or JSON; - reads it from standard input"
_EPILOG = """\
SPEC is a catalog's spec, a fleet's, or for apply also a plan saved by plan --out
exit codes: 0 done or nothing to do, 1 failed, 2 changes pending (plan), 64 wrong usage, 130 interrupted
sign-in: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, else what azure-identity's default chain finds
The command line takes no lease: don't run it beside a flow that works on the same catalog."""


class WrongUsage(Exception):
    """What was said can't be understood: ``str()`` is why, ``usage`` how to say it, ``prog`` whose usage that is."""

    def __init__(self, message: str, prog: str, usage: str) -> None:
        super().__init__(message)
        self.prog = prog
        self.usage = usage

    @property
    def remedy(self) -> str:
        """Where all that can be said is explained."""
        return f"see {self.prog} --help"


class _Parser(argparse.ArgumentParser):
    @property
    def options(self) -> list[str]:
        """All options that it takes."""
        return [name for action in self._actions for name in action.option_strings]

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if wrong is not None:
            message = f"unknown command: {wrong[1]}{_meant(wrong[1], re.findall(r'[a-z-]+', wrong[2]))}"
        raise WrongUsage(message, self.prog, self.format_usage())


def _meant(word: str, possible: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(possible), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version

        sys.stdout.write(f"unity-mirror {version('unity-mirror')}\n")
        parser.exit()


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line. Raises WrongUsage."""
    parser = _parser()
    commands = _commands(parser)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        command = commands.choices[options.command]
        near = _meant(unknown[0].partition("=")[0], command.options) if unknown[0].startswith("-") else ""
        command.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
    return options


def _parser() -> _Parser:
    parser = _Parser(
        prog="unity-mirror",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    return parser


def _commands(parser: _Parser) -> argparse._SubParsersAction[_Parser]:
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _plan(commands)
    _apply(commands)
    _verify(commands)
    _offboard(commands)
    _yes(_command(commands, "rotate-secret", "put the secrets that a spec names now into its connections"))
    _doctor(commands)
    _discover(commands)
    _init(commands)
    _bare(commands, "schema", "print the JSON Schema of specs")
    return commands


def _plan(commands: argparse._SubParsersAction[_Parser]) -> None:
    plan = _command(commands, "plan", "show what applying a spec would change; writes nothing")
    plan.add_argument("--remedies", type=Path, metavar="FILE", help="write the remedies of what is missing to a file")
    plan.add_argument("--out", type=Path, metavar="FILE", help="save the plan, for apply FILE")
    _prune(plan)


def _apply(commands: argparse._SubParsersAction[_Parser]) -> None:
    apply = _command(commands, "apply", "make the clouds what the spec says, or do what a saved plan says")
    _yes(apply)
    _prune(apply)


def _verify(commands: argparse._SubParsersAction[_Parser]) -> None:
    verify = _command(commands, "verify", "check that everything the spec asks for is there, can be read and is fresh")
    verify.add_argument(
        "--read-only",
        action="store_true",
        help="don't ask the SQL endpoint when it last synced each table, because asking refreshes its metadata",
    )


def _offboard(commands: argparse._SubParsersAction[_Parser]) -> None:
    offboard = _command(commands, "offboard", "remove what is ours of a catalog; what was there before us stays")
    _yes(offboard)
    offboard.add_argument("--keep-lakehouse", action="store_true", help="keep the lakehouse, without our shortcuts")


def _command(commands: argparse._SubParsersAction[_Parser], name: str, summary: str) -> argparse.ArgumentParser:
    parser = _bare(commands, name, summary)
    parser.add_argument("spec", type=Path, metavar="SPEC", help=_SPEC)
    _merging(parser)
    parser.add_argument("--report", type=Path, metavar="DIR", help="write run.json and run.html to a directory")
    return parser


def _bare(commands: argparse._SubParsersAction[_Parser], name: str, summary: str) -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}."
    parser = commands.add_parser(name, help=summary, description=description, allow_abbrev=False)
    parser.add_argument(
        "--json", action="store_true", help="one JSON document on standard output, text on standard error"
    )
    return parser


def _merging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--overlay", type=Path, action="append", default=[], metavar="FILE", help="merge another file over the spec"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="set one field, such as fabric.workspace=Dev"
    )


def _yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="don't ask; required without a terminal")


def _prune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prune", action="store_true", help="also delete what is ours and no longer wanted")


def _doctor(commands: argparse._SubParsersAction[_Parser]) -> None:
    summary = "check sign-in and, with a spec, its prerequisites; exit 1 when a check failed or is unknown"
    parser = _bare(commands, "doctor", summary)
    parser.add_argument("spec", type=Path, nargs="?", metavar="SPEC", help=_SPEC)
    _merging(parser)


def _discover(commands: argparse._SubParsersAction[_Parser]) -> None:
    parser = _bare(commands, "discover", "list the catalogs of a metastore, and which of them are in Fabric already")
    parser.add_argument("--databricks", required=True, metavar="URL", help="a Databricks workspace of the metastore")
    parser.add_argument("--fabric", metavar="WORKSPACE", help="look in this Fabric workspace only")


def _init(commands: argparse._SubParsersAction[_Parser]) -> None:
    parser = _bare(commands, "init", "write a catalog's spec from what is there, one set up by hand included")
    parser.add_argument("catalog", metavar="CATALOG", help="the catalog's name in Unity Catalog")
    parser.add_argument("--databricks", required=True, metavar="URL", help="the catalog's Databricks workspace")
    parser.add_argument("--fabric", required=True, metavar="WORKSPACE", help="name or id of the Fabric workspace")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the spec to a new file, not to standard output")
