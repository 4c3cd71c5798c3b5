"""Draws docs/images/semantic-model.svg: the model that examples/sales.yaml gives on the sample cloud.

Starts an emulator of its own on a free port, plans with ``--report``, and stops it again:
``.venv/bin/python scripts/draw_semantic_model.py``
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "semantic-model.svg"
PROGRAMS = Path(sys.executable).parent
_PATIENCE = 120


def main() -> None:
    """Writes the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        data, report = Path(scratch, "cloud"), Path(scratch, "report")
        port = _free_port()
        place = ["--port", str(port), "--data", str(data)]
        emulator = subprocess.Popen([PROGRAMS / "cloud-emulator", "serve", *place, "--seed", "contoso"])
        try:
            _wait(port)
            environment = {**os.environ, **_exports(place)}
            plan: list[str | Path] = [PROGRAMS / "unity-mirror", "plan", ROOT / "examples" / "sales.yaml"]
            subprocess.run([*plan, "--report", report], env=environment, check=False, stdout=subprocess.DEVNULL)
        finally:
            emulator.terminate()
            emulator.wait()
        PICTURE.parent.mkdir(exist_ok=True)
        shutil.copy(report / "sales-semantic_model.svg", PICTURE)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"the emulator didn't come up within {_PATIENCE} s")


def _exports(place: list[str]) -> dict[str, str]:
    """The variables that ``cloud-emulator env`` prints, as a shell would read them."""
    printed = subprocess.run([PROGRAMS / "cloud-emulator", "env", *place], capture_output=True, text=True, check=True)
    script = f"{printed.stdout}\nenv -0"
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in shown.stdout.split("\0") if "=" in line)


if __name__ == "__main__":
    main()
