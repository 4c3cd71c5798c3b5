"""``make bench``: what onboarding costs and survives, printed and written to ``bench/results.json``.

``--quick`` leaves the catalog of 10,000 tables out, and of the faults all but the kills. Interrupted, it keeps what it
has measured, and ``--resume`` goes on from there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import faults, onboarding
from bench.results import Results, machine
from tests.onboarding.strikes import FAULTS, KILLS

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Measures all that isn't measured yet. On two processors the whole takes a quarter of an hour."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller catalogs and fewer faults")
    parser.add_argument("--resume", action="store_true", help="go on with what bench/results.json holds")
    chosen = parser.parse_args()
    try:
        results = Results.resumed(RESULTS) if chosen.resume else Results(RESULTS, machine())
    except ValueError as error:
        sys.exit(f"{error}: measure anew, without --resume")
    try:
        _measure(results, quick=chosen.quick)
    except KeyboardInterrupt:
        print("\n".join(results.lines()))
        again = " ".join(["--resume", *(["--quick"] if chosen.quick else [])])
        sys.exit(f'interrupted: {RESULTS.name} holds what was measured; go on with make bench BENCH="{again}"')


def _measure(results: Results, *, quick: bool) -> None:
    if not results.starts:
        results.starts = {name: onboarding.cold_start(name) for name in ("--help", "schema")}
    sizes = [size for size in onboarding.SIZES if not (quick and size > 1_000)]
    for run in onboarding.measure(sizes, results.measured):
        results.runs.append(run)
        results.write()
    print("\n".join(results.lines()), flush=True)
    for cell, column in faults.columns(KILLS if quick else FAULTS, measured=results.columns):
        results.columns[cell] = column
        results.write()
    print("\n".join(faults.lines(faults.table_of(results.columns))))


if __name__ == "__main__":
    main()
