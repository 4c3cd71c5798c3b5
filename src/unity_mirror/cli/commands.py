"""What each command does."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping

from unity_mirror.cli.documents import failure_document
from unity_mirror.cli.exploring import run_discover, run_doctor, run_init
from unity_mirror.cli.files import check_files
from unity_mirror.cli.offboarding import run_offboard
from unity_mirror.cli.output import Output
from unity_mirror.cli.planning import run_apply, run_plan, run_verify
from unity_mirror.cli.reporting import Effort, write_report
from unity_mirror.cli.rotating import run_rotate_secret
from unity_mirror.cli.session import FAILED, Session
from unity_mirror.cli.sources import Source, read_source
from unity_mirror.cli.streams import is_fault
from unity_mirror.clock import SystemClock
from unity_mirror.clouds import connect
from unity_mirror.errors import UnityMirrorError
from unity_mirror.settings import Settings

_SPECS = ("catalog", "fleet")
_ALLOWED: Mapping[str, tuple[str, ...]] = {"plan": _SPECS, "apply": (*_SPECS, "plan"), "verify": (*_SPECS, "plan")}


def run_or_tell(options: argparse.Namespace) -> int:
    """Runs the command and returns its exit code; a failure is told."""
    output = Output(as_json=options.json)
    try:
        return _run(options, output)
    except UnityMirrorError as error:
        output.failure(error)
        return FAILED


def _run(options: argparse.Namespace, output: Output) -> int:
    _quieten()
    settings = Settings.from_environment(os.environ)
    check_files(options)
    source = Source()
    if getattr(options, "spec", None) is not None:
        source = _read(options)
    return asyncio.run(_run_connected(options, output, settings, source))


def _read(options: argparse.Namespace) -> Source:
    """The file that SPEC names. A bad one ends the run before anything is sent; the report tells that, too."""
    try:
        return read_source(options, os.environ, _ALLOWED.get(options.command, _SPECS))
    except UnityMirrorError as error:
        if getattr(options, "report", None) is not None:
            effort = Effort(SystemClock().now().isoformat(timespec="seconds"))
            document = {"catalog": str(options.spec), **failure_document(error)}
            write_report(options.report, options.command, document, effort, FAILED)
        raise


async def _run_connected(options: argparse.Namespace, output: Output, settings: Settings, source: Source) -> int:
    commands = {
        "plan": run_plan,
        "apply": run_apply,
        "verify": run_verify,
        "offboard": run_offboard,
        "rotate-secret": run_rotate_secret,
        "doctor": run_doctor,
        "discover": run_discover,
        "init": run_init,
    }
    async with connect(settings) as clouds:
        session = Session(clouds, output, options, source)
        try:
            async with session.pulse.beating():
                return await commands[options.command](session)
        except UnityMirrorError as error:
            told = source.with_lines(error)
            session.failed(told)
            raise told from None
        except Exception as error:
            if is_fault(error):
                raise
            told = clouds.secrets.redactor.unexpected(error)
            sys.stderr.write(told.trace)
            session.failed(told)
            raise told from None


def _quieten() -> None:
    """A failed sign-in is told once, by us; azure-identity would tell it first, and at length."""
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    logging.getLogger("msal").setLevel(logging.CRITICAL)
