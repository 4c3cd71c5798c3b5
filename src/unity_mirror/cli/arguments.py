"""What can be said on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

WRONG_USAGE = 64
"""EX_USAGE of sysexits.h; 2 already means that changes are pending."""

_DESCRIPTION = """\
Mirror Azure Databricks Unity Catalog catalogs into Microsoft Fabric, from one declarative spec per catalog."""

_EPILOG = """\
exit codes: 0 done or nothing to do, 1 failed, 2 changes pending (plan), 64 wrong usage
sign-in: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, else what azure-identity's default chain finds
The command line takes no lease: don't run it beside a flow that works on the same catalog."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage()
        self.exit(WRONG_USAGE, f"{self.prog}: {message}\n")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line; wrong usage exits with 64."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="unity-mirror",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    plan = _command(commands, "plan", "show what applying a spec would change; writes nothing")
    plan.add_argument("--remedies", type=Path, metavar="FILE", help="write the remedies of what is missing to a file")
    apply = _command(commands, "apply", "make the clouds what the spec says")
    apply.add_argument("--yes", action="store_true", help="don't ask; required without a terminal")
    apply.add_argument("--prune", action="store_true", help="also delete what is ours and no longer wanted")
    _command(commands, "verify", "check that everything the spec asks for is there and can be read")
    _command(commands, "doctor", "check the prerequisites alone; exit 1 when one failed or is unknown")
    commands.add_parser("schema", help="print the JSON Schema of specs", description="Print the JSON Schema of specs.")
    return parser


def _command(commands: argparse._SubParsersAction[_Parser], name: str, summary: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.add_argument("spec", type=Path, metavar="SPEC", help="the catalog's spec, YAML or JSON")
    parser.add_argument(
        "--overlay", type=Path, action="append", default=[], metavar="FILE", help="merge another file over the spec"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="set one field, such as fabric.workspace=Dev"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON document on standard output, text on standard error"
    )
    return parser
