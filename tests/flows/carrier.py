"""A process that carries out runs as those of a worker do, but one after the other, which saves the start of each.

It reads a deployment's flow and a run's id from each line of its input, and writes a line when the run has ended.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from prefect.exceptions import Pause

from flows.offboard_catalog import offboard_catalog
from flows.onboard_catalog import onboard_catalog
from flows.reconcile_fleet import reconcile_fleet
from flows.watch_metastore import watch_metastore
from tasks import lease, progress
from tests.flows.deployed import carry_out

FLOWS = {each.name: each for each in (onboard_catalog, watch_metastore, reconcile_fleet, offboard_catalog)}
_ROOT = Path(__file__).parents[2]


@dataclass
class Carrier:
    """The process, as others see it."""

    process: subprocess.Popen[str]
    log: Path

    async def carry_out(self, flow: str, run_id: UUID) -> None:
        """One run, as far as it goes."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{flow} {run_id}\n")
        self.process.stdin.flush()
        line = await asyncio.to_thread(self.process.stdout.readline)
        assert line == f"{run_id}\n", f"{line!r} {self.log.read_text()}"


@contextmanager
def carrier(environment: Mapping[str, str], log: Path) -> Iterator[Carrier]:
    """The process, until the block ends."""
    argv = [sys.executable, "-m", "tests.flows.carrier"]
    with log.open("w") as said:
        process = subprocess.Popen(
            argv, env=environment, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        )
        try:
            with process:
                yield Carrier(process, log)
                process.kill()
        finally:
            process.kill()


async def _carried_out(flow: str, run_id: UUID) -> None:
    with suppress(Pause):
        await carry_out(FLOWS[flow], run_id)


def main() -> None:
    """Carries out what it is told, until its input ends."""
    setattr(lease, "_POLL_SECONDS", 0.2)  # noqa: B010  (a lease that was lost is free soon here)
    setattr(progress, "_EVERY_SECONDS", 0.0)  # noqa: B010  (else only steps that happen to take long show theirs)
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        flow, run_id = line.split()
        asyncio.run(_carried_out(flow, UUID(run_id)))
        print(run_id, file=out, flush=True)


if __name__ == "__main__":
    main()
