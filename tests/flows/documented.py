"""Commands and files as docs/operations.md gives them: tests run these, and no copies."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.flows.cloud import EXAMPLES

PAGE = (EXAMPLES.parent / "docs" / "operations.md").read_text()


def command(section: str) -> str:
    """The first command of a section."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = re.search(r"```bash\n(.*?)```", text, re.DOTALL)
    assert found, section
    return found[1]


def filled(text: str, **values: str) -> str:
    """A command with values in place of what it leaves to the reader, ``<like this>``."""
    for name, value in values.items():
        assert f"<{name.replace('_', ' ')}" in text, name
        text = re.sub(f"<{name.replace('_', ' ')}[^>]*>", value, text)
    assert not re.search(r"<[a-z]+( [a-z]+)*>", text), text
    return text


def run(text: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does that has these variables. curl says the answer's status in its last line."""
    (folder / ".curlrc").write_text('write-out = "\\n%{http_code}"\nsilent\nnoproxy = "*"\n')
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "CURL_HOME": str(folder), **environment}
    return subprocess.run(
        ["bash", "-c", text], env=variables, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
