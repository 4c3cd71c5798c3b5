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
    """Measures everything; the whole takes half an hour or more, most of it the faults."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller catalogs and fewer faults")
    quick = parser.parse_args().quick
    begun, machine = time.monotonic(), _machine()
    starts = {name: onboarding.cold_start(name) for name in ("--help", "schema")}
    sizes = [size for size in onboarding.SIZES if not (quick and size > 1_000)]
    runs = list(onboarding.measure(sizes))
    print("\n".join(onboarding.lines(runs, starts)), flush=True)
    results: dict[str, Any] = {"machine": machine, "quick": quick, "cost": onboarding.document(runs, starts)}
    _write(results, begun)
    table = faults.measure(KILLS if quick else FAULTS)
    print("\n".join(faults.lines(table)))
    _write({**results, "faults": {"summary": faults.summary(table), "table": table}}, begun)


def _write(results: dict[str, Any], begun: float) -> None:
    """After each part, so that what was measured stays when a later part is cut off."""
    text = json.dumps({**results, "minutes": round((time.monotonic() - begun) / 60, 1)}, indent=2, ensure_ascii=False)
    RESULTS.write_text(text + "\n", encoding="utf-8")


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
