"""Runs Microsoft's Tabular Object Model (TOM) under Mono over a folder of TMDL."""

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_name("TomCheck.cs")
REQUIREMENT = ROOT / "requirements" / "tom.txt"
ASSEMBLIES = tuple(f"Microsoft.AnalysisServices.{name}dll" for name in ("", "Core.", "Tabular.", "Tabular.Json."))
PACKAGES = (
    "mono-runtime mono-mcs libmono-system-core4.0-cil libmono-system-runtime-serialization4.0-cil "
    "libmono-system-xml-linq4.0-cil libmono-microsoft-csharp4.0-cil"
)
LATE = ("System.Runtime.Serialization.dll", "System.Xml.Linq.dll")
"""TOM loads these only once it needs them, and calls the model wrong when it can't: so compiling asks for them."""
_ATTEMPTS = 3
"""pip itself tries a connection again, but not a download that is cut off."""


class TomUnavailableError(Exception):
    """TOM can't run on this machine; the message says what to install."""


@dataclass(frozen=True)
class TomReport:
    """What TOM found: rows of tab-separated fields, the first of them the kind."""

    rows: tuple[tuple[str, ...], ...]

    def of(self, kind: str) -> list[tuple[str, ...]]:
        """The rows of a kind, without the kind."""
        return [row[1:] for row in self.rows if row[0] == kind]

    @property
    def errors(self) -> list[str]:
        """Why TOM refuses the model; empty when it accepts it."""
        return ["\t".join(row) for row in self.of("error")]


@dataclass
class Tom:
    """A compiled checker beside Microsoft's assemblies. One process of it checks them all."""

    program: Path
    _running: subprocess.Popen[str] | None = field(default=None, init=False)

    @classmethod
    def prepare(cls) -> "Tom":
        """Fetch and compile once for each version of either, in the user's cache, also when several processes ask at
        once. Raises TomUnavailableError."""
        if not (shutil.which("mono") and shutil.which("mcs")):
            raise TomUnavailableError(f"Mono is missing: apt-get install --no-install-recommends {PACKAGES}")
        parts = (REQUIREMENT.read_bytes(), SOURCE.read_bytes(), " ".join((*ASSEMBLIES, *LATE)).encode())
        version = sha256(b"".join(parts)).hexdigest()[:16]
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unity-mirror" / f"tom-{version}"
        program = folder / "TomCheck.exe"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists():
                _fetch(folder)
                _compile(program)
        return cls(program)

    def check(self, parts: Mapping[str, str], folder: Path, rewritten: Path | None = None) -> TomReport:
        """Let TOM read a definition's parts, and write them anew when a folder is given."""
        write_parts(parts, folder)
        process = self._process()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{folder / 'definition'}\t{rewritten or ''}\n")
        process.stdin.flush()
        rows: list[tuple[str, ...]] = []
        for line in process.stdout:
            row = tuple(line.removesuffix("\n").split("\t"))
            if row == ("end",):
                return TomReport(tuple(rows))
            rows.append(row)
        return TomReport((*rows, ("error", "Mono ended before its answer did")))

    def close(self) -> None:
        """End the process, if there is one."""
        if self._running is not None:
            self._running.communicate(timeout=30)
            self._running = None

    def _process(self) -> "subprocess.Popen[str]":
        if self._running is None:
            self._running = subprocess.Popen(
                ["mono", str(self.program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
            )
        return self._running


def _fetch(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    for _ in range(_ATTEMPTS):
        done = subprocess.run(
            [*pip, "-r", str(REQUIREMENT), "-d", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            break
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise TomUnavailableError(f"pip can't download what {REQUIREMENT.name} names: {done.stderr.strip()[-300:]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        for name in ASSEMBLIES:
            (folder / name).write_bytes(wheel.read(f"pbi_cli/dlls/{name}"))


def _compile(program: Path) -> None:
    unfinished = program.with_suffix(f".{os.getpid()}.exe")
    references = [f"-r:{each}" for each in (*(program.parent / name for name in ASSEMBLIES), *LATE)]
    command = ["mcs", f"-out:{unfinished}", *references, str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TomUnavailableError(
            f"mcs can't compile {SOURCE.name}; is a library missing? apt-get install {PACKAGES}\n{done.stderr}"
        )
    unfinished.replace(program)


def write_parts(parts: Mapping[str, str], folder: Path) -> None:
    """Write a definition's parts below a folder."""
    for path, text in parts.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("utf-8"))


def read_parts(folder: Path) -> dict[str, str]:
    """Read the parts that TOM wrote (it knows no folder ``definition``)."""
    return {
        f"definition/{file.relative_to(folder)}": file.read_text("utf-8") for file in sorted(folder.rglob("*.tmdl"))
    }
