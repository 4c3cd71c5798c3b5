"""How a command ends that was misunderstood, interrupted, or whose words nobody takes; each in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from argparse import Namespace
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from unity_mirror.cli import commands, main
from unity_mirror.cli.text import show_fleet

SOURCES = str(Path(__file__).resolve().parents[2] / "src")


def _shell(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a line in which ``$UM`` is the command line, and tells also what each part of a pipe answered."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCES, "UM": f"{sys.executable} -m unity_mirror.cli"}
    return subprocess.run(
        ["bash", "-c", line],
        env=environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("said", ["plan --json", "--json plan spec.yaml", "pln --json", "apply x --json --prune=3"])
def test_wrong_usage_is_one_document_and_the_usage_on_standard_error(
    said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(said.split())
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert stopped.value.code == 64
    assert document["error"] == "WrongUsage"
    assert document["remedy"].startswith("see unity-mirror ")
    assert captured.err.startswith("usage: unity-mirror ")


def test_an_unknown_option_is_told_with_the_usage_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "spec.yaml", "--prun"])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: unity-mirror plan" in captured.err
    assert "unrecognized arguments: --prun (did you mean --prune?); see unity-mirror plan --help" in captured.err


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["verfy", "x"], "unknown command: verfy (did you mean verify?); see unity-mirror --help"),
        (["frobnicate"], "unknown command: frobnicate; see"),
        (["plan", "x", "y"], "unrecognized arguments: y; see"),
        (["plan", "x", "--overlays=y"], "unrecognized arguments: --overlays=y (did you mean --overlay?); see"),
    ],
)
def test_what_was_meant_is_told(said: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(said)
    assert told in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code in (None, 0)
    assert capsys.readouterr().out.startswith("unity-mirror 0.")


@pytest.mark.parametrize(("agreed", "told"), [(False, "nothing was changed"), (True, "what was made until now stays")])
def test_an_interruption_is_130_and_one_document(
    agreed: bool, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the question is answered, nothing is made."""

    def interrupted(options: Namespace) -> int:
        options.agreed = agreed
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run_or_tell", interrupted)
    with pytest.raises(SystemExit) as stopped:
        main(["apply", "spec.yaml", "--json"])
    captured = capsys.readouterr()
    assert stopped.value.code == 130
    assert told in json.loads(captured.out)["message"]
    assert told in captured.err


@pytest.mark.parametrize("arguments", ["schema", "plan nope.yaml --json"])
def test_whoever_closes_the_pipe_has_seen_enough(arguments: str) -> None:
    done = _shell(f"$UM {arguments} | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_is_told() -> None:
    done = _shell("$UM schema > /dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        "unity-mirror: the output could not be written: No space left on device\n",
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_lead_nowhere(closed: str) -> None:
    done = _shell(f"$UM plan nope.yaml {closed}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "line", ["cat spec.yaml | $UM plan -", "cat spec.yaml | $UM plan /dev/stdin", "$UM plan <(cat spec.yaml)"]
)
def test_a_spec_comes_through_a_pipe_as_well(tmp_path: Path, line: str) -> None:
    (tmp_path / "spec.yaml").write_text("catalog: sales\nselekt: {}\n", encoding="utf-8")
    done = _shell(f"cd '{tmp_path}' && {line}")
    assert "selekt (line 2): this key is unknown" in done.stderr
    assert "databricks: this is required" in done.stderr


def test_what_an_encoding_has_not_got_is_spelt_or_escaped(tmp_path: Path) -> None:
    spec = tmp_path / "Café ☃ ✓ →….yaml"
    done = _shell(f"$UM plan '{spec}'", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "Caf\\xe9 \\u2603 ok ->....yaml: the file can't be read" in done.stderr


@pytest.mark.parametrize("option", ["--out", "--remedies", "--report"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_asked(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("catalog: sales\n", encoding="utf-8")
    target = spec if option == "--report" else tmp_path / "none" / "file"
    with pytest.raises(SystemExit) as stopped:
        main(["plan", str(spec), option, str(target), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 1
    assert (document["where"], document["remedy"]) == (str(target), "Give a path that can be written to.")


def test_a_fleet_in_which_nothing_is_found_says_so() -> None:
    console = Console(file=StringIO(), width=120)
    show_fleet(console, [])
    assert "lists no catalog" in console.file.getvalue()  # type: ignore[attr-defined]


ASKING = """
import argparse, asyncio
from unity_mirror.cli.output import Output
from unity_mirror.cli.session import Session

async def ask():
    session = Session.__new__(Session)
    session.options, session.output = argparse.Namespace(yes=False), Output(as_json=False)
    session.require_consent("Apply these changes?")

asyncio.run(ask())
"""


@pytest.mark.parametrize(
    ("typed", "told"),
    [(b"n\n", "the answer wasn't yes"), (b"\x04", "the answer wasn't yes"), (b"", "KeyboardInterrupt")],
)
def test_a_question_at_a_terminal_can_be_declined_and_broken_off(typed: bytes, told: str) -> None:
    """Within asyncio, whose own handler of SIGINT would leave the question standing."""
    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        [sys.executable, "-c", ASKING], stdin=theirs, stdout=theirs, stderr=theirs, env={"PYTHONPATH": SOURCES}
    )
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 1000)
    os.write(ours, typed) if typed else asked.send_signal(signal.SIGINT)
    with suppress(OSError):  # it closes when the process has ended
        while more := os.read(ours, 1000):
            said += more
    os.close(ours)
    assert asked.wait(timeout=60) != 0
    assert told in said.decode()
