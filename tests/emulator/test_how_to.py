"""What docs/emulator.md tells others to write works as it stands there, and the command line serves a newcomer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.emulator import free_port, serving
from cloud_emulator.cli import main
from tests.emulator.operations import PAGE

_BLOCK = re.compile(r"<!-- how-to: (\S+) -->\n```python\n(.*?)```", re.DOTALL)


def test_the_how_to_runs_as_it_is_written(tmp_path: Path) -> None:
    found = dict(_BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    assert found.keys() == {"conftest.py", "test_mine.py"}
    for name, text in found.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_variables_are_printed_for_a_shell_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path, "contoso") as served:
        where = ["--port", str(served.port), "--data", str(tmp_path)]
        assert _exit(["env", *where, "--json", "--wait", "10"]) == 0
        variables = json.loads(capsys.readouterr().out)
        assert _exit(["env", *where]) == 0
        lines = capsys.readouterr().out.splitlines()
    assert {"SSL_CERT_FILE", "AZURE_AUTHORITY_HOST", "AZURE_CLIENT_ID", "UNITY_MIRROR_FABRIC_URL"} <= variables.keys()
    assert {line.split("=")[0] for line in lines if line.startswith("export ")} == {f"export {v}" for v in variables}
    assert any(line.startswith("# azure-identity: ") for line in lines)
    assert any(line.endswith("/msi/token', IDENTITY_HEADER='emulator'") for line in lines)


def test_who_waits_for_nothing_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit(["env", "--port", str(free_port()), "--data", str(tmp_path), "--wait", "0"]) == 1
    assert "cloud-emulator serve --port" in capsys.readouterr().err


def test_the_schemas_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit(["schema"]) == 0
    schemas = json.loads(capsys.readouterr().out)
    assert schemas.keys() == {"seed", "faults", "settings"}
    assert {"throttling", "latency_ms", "operation_polls"} <= schemas["settings"]["properties"].keys()


def test_help_names_every_route_of_the_control_plane(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("reset", "seed", "requests", "faults", "settings", "clock", "state", "health"):
        assert name in shown
    assert _exit(["serve"]) == 64


def _exit(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return int(stopped.value.code or 0)
