"""What ``cloud-emulator`` says when it can't do as it is told: one line, and an exit code."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_emulator.cli import main
from cloud_emulator.core.cloud import open_cloud
from cloud_emulator.core.folder import UnusableFolder, opened
from cloud_emulator.seeds.loading import load_seed


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.fixture
def port() -> Iterator[str]:
    """A port on which somebody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield str(taken.getsockname()[1])


@pytest.fixture
def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port", "0"), "1 to 65535"),
        (("--port", "65536"), "1 to 65535"),
        (("--port", "x"), "1 to 65535"),
        (("--port", "8443", "--sql-port", "0"), "1 to 65535"),
        (("--port", "8443", "--sql-port", "8443"), "both 8443"),
        (("--port", "8443", "--latency-ms", "-1"), "0 or more"),
        (("--port", "8443", "--latency-ms", "nan"), "0 or more"),
        ((), "--port"),
    ],
)
def test_wrong_usage_is_64(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("serve", "--data", str(tmp_path), *arguments) == 64
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use(port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("serve", "--port", port, "--data", str(tmp_path)) == 1
    assert f"port {port} is in use" in capsys.readouterr().err


def test_an_address_that_is_not_ours(free_port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("serve", "--port", free_port, "--host", "198.51.100.1", "--data", str(tmp_path)) == 1
    assert "can't be listened on" in capsys.readouterr().err


SEEDS = {
    "nothing there": (None, "no sample cloud and no file"),
    "not YAML": ("tenant: [1", "not YAML or JSON"),
    "no document": ("[]", "the document: "),
    "an unknown field": ("tenant: {id: x, people: []}", "tenant.people: "),
}


@pytest.mark.parametrize("case", SEEDS)
def test_a_seed_that_is_none(case: str, free_port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, said = SEEDS[case]
    seed = tmp_path / "seed.yaml"
    if text is not None:
        seed.write_text(text)
    assert ended("serve", "--port", free_port, "--data", str(tmp_path / "cloud"), "--seed", str(seed)) == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert "errors.pydantic.dev" not in shown
    assert ended("serve", "--port", free_port, "--data", str(tmp_path / "cloud")) == 1  # nothing of it was kept
    assert "is empty" in capsys.readouterr().err


def test_a_folder_that_cant_hold_a_cloud(free_port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert ended("serve", "--port", free_port, "--data", str(file), "--seed", "contoso") == 1
    assert "can't hold a cloud" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "env"])
def test_a_folder_with_another_state(
    command: str, free_port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state.sqlite").write_text("not a database, and longer than its header would be" * 9)
    assert ended(command, "--port", free_port, "--data", str(tmp_path)) == 1
    assert "holds no cloud" in capsys.readouterr().err


def test_one_emulator_to_a_folder(free_port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(tmp_path):
        assert ended("serve", "--port", free_port, "--data", str(tmp_path), "--seed", "contoso") == 1
        assert "another emulator serves" in capsys.readouterr().err
        with pytest.raises(UnusableFolder, match="another emulator"), opened(tmp_path):
            pass
    with opened(tmp_path) as cloud:
        assert cloud.store.is_empty()


def test_an_emulator_that_was_killed_before_it_kept_its_seed_keeps_it_at_the_next_start(tmp_path: Path) -> None:
    cloud = open_cloud(tmp_path)
    load_seed(cloud, {"tenant": {"id": "contoso"}})
    cloud.close()
    with opened(tmp_path) as again:
        again.ensure_seed()
        again.directory.add({"objectId": "a", "type": "User", "displayName": "Late"})
        again.store.commit()
        again.reset()
        assert (again.directory.tenant_id, again.directory.by_object_id("a")) == ("contoso", None)
