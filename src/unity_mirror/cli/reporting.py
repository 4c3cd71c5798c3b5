"""``--report DIR``: the run as one JSON document and one page that opens without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unity_mirror.cli.files import unwritable
from unity_mirror.clouds import Clouds
from unity_mirror.plan.report import report_page


@dataclass(frozen=True, slots=True)
class Effort:
    """When a run ended, how long it took, and its calls."""

    finished_at: str
    seconds: float = 0.0
    calls: tuple[Mapping[str, Any], ...] = ()
    throttled: int = 0

    @classmethod
    def of(cls, clouds: Clouds, started: float) -> Effort:
        """That of a run that began at ``started``."""
        calls = tuple(
            {"service": key.service, "method": key.method, "effect": key.effect, "calls": count}
            for key, count in sorted(clouds.meter.calls.items())
        )
        seconds = round(clouds.clock.monotonic() - started, 3)
        return cls(clouds.clock.now().isoformat(timespec="seconds"), seconds, calls, clouds.meter.throttled)


def write_report(folder: Path, command: str, document: Mapping[str, Any], effort: Effort, code: int) -> None:
    """Writes ``run.json`` and ``run.html``. Raises UnityMirrorError when the folder can't be written to."""
    catalogs = document.get("catalogs", [document])
    run = {"command": command, **asdict(effort), "exit_code": code, "catalogs": catalogs}
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
        raise unwritable(folder, error) from error
