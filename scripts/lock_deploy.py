"""Writes requirements/deploy.txt, what images need besides requirements/runtime.txt, out of requirements/dev.txt.

    .venv/bin/python scripts/lock_deploy.py

So what runs in images is what tests ran. It reads what packages need from those that are installed here.
"""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parents[1] / "requirements"
WANTED = ("prefect-docker", "prefect-kubernetes", "prefect-redis")
_HEAD = """# What images need besides runtime.txt: Redis for the server, Docker and Kubernetes for the workers.
# Made out of dev.txt by scripts/lock_deploy.py; tests/unit/test_deploy.py compares.
"""


def locked() -> str:
    """The file's text."""
    runtime, dev = _pinned("runtime.txt"), _pinned("dev.txt")
    return _HEAD + "".join(dev[name] for name in sorted(_needed() - set(runtime)))


def _pinned(name: str) -> dict[str, str]:
    """A file's requirements with version and hashes, by package."""
    text = re.sub(r"^\s*#.*\n", "", (REQUIREMENTS / name).read_text(), flags=re.MULTILINE)
    found = re.finditer(r"^([\w.-]+)(?:\[[\w,]+\])?==.*\n(?:[ \t]+.*\n)*", text, re.MULTILINE)
    return {canonicalize_name(each[1]): each[0] for each in found}


def _needed() -> set[str]:
    """The packages wanted, and all that they need."""
    found: set[str] = set()
    todo: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in WANTED]
    while todo:
        name, extras = todo.pop()
        found.add(canonicalize_name(name))
        for text in distribution(name).requires or ():
            needed = Requirement(text)
            wanted = not needed.marker or any(needed.marker.evaluate({"extra": each}) for each in (extras or {""}))
            if wanted and canonicalize_name(needed.name) not in found:
                todo.append((needed.name, frozenset(needed.extras)))
    return found


if __name__ == "__main__":
    (REQUIREMENTS / "deploy.txt").write_text(locked())
