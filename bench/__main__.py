"""``make bench``: what onboarding costs and survives, printed and written to ``bench/results.json``."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

from bench import faults, onboarding

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Measures everything; the table of faults takes some minutes."""
    runs, start = onboarding.measure(), onboarding.cold_start()
    print("\n".join(onboarding.lines(runs, start)), flush=True)
    table = asyncio.run(faults.measure())
    print("\n".join(faults.lines(table)))
    results = {"onboarding": [asdict(run) for run in runs], "cold_start_seconds": start, "faults": table}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
