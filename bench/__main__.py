"""``make bench``: what onboarding costs and survives, printed and written to ``bench/results.json``.

``--quick`` leaves the catalog of 10,000 tables out, and of the faults all but the kills.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from bench import faults, onboarding
from tests.onboarding.strikes import FAULTS, KILLS

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Measures everything; takes some ten minutes, with ``--quick`` some five."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller catalogs and fewer faults")
    quick = parser.parse_args().quick
    begun, machine = time.monotonic(), _machine()
    starts = {name: onboarding.cold_start(name) for name in ("--help", "schema")}
    sizes = [size for size in onboarding.SIZES if not (quick and size > 1_000)]
    runs = list(onboarding.measure(sizes))
    print("\n".join(onboarding.lines(runs, starts)), flush=True)
    table = faults.measure(KILLS if quick else FAULTS)
    print("\n".join(faults.lines(table)))
    results = {
        "machine": machine,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "cost": onboarding.document(runs, starts),
        "faults": {"summary": faults.summary(table), "table": table},
    }
    if not quick:
        RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_at_the_start": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    main()
