"""``--report DIR``: the run as one JSON document and one page that opens without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unity_mirror.clouds import Clouds
from unity_mirror.errors import UnityMirrorError
from unity_mirror.plan.report import report_page


def write_report(
    folder: Path, command: str, document: Mapping[str, Any], clouds: Clouds, started: float, code: int
) -> None:
    """Writes ``run.json`` and ``run.html``. Raises ``UnityMirrorError`` when the folder can't be written to."""
    catalogs = document.get("catalogs", [document])
    calls = [
        {"service": key.service, "method": key.method, "effect": key.effect, "calls": count}
        for key, count in sorted(clouds.meter.calls.items())
    ]
    run = {
        "command": command,
        "finished_at": clouds.clock.now().isoformat(timespec="seconds"),
        "seconds": round(clouds.clock.monotonic() - started, 3),
        "exit_code": code,
        "calls": calls,
        "throttled": clouds.meter.throttled,
        "catalogs": catalogs,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps(run, indent=2, default=str), encoding="utf-8")
        (folder / "run.html").write_text(report_page(json.loads(json.dumps(run, default=str))), encoding="utf-8")
        for catalog in catalogs:
            for step in catalog.get("steps") or ():
                if step.get("picture"):
                    name = f"{quote(str(catalog.get('catalog')), safe='')}-{step['step']}.svg"
                    (folder / name).write_text(step["picture"], encoding="utf-8")
    except OSError as error:
        raise UnityMirrorError("the report could not be written", where=str(folder), why=str(error)) from error
