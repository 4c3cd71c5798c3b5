"""Passwords of the scaled set-up: made once, each in a file of its own that only we can read."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.layout import Layout

PREFECT_USER = "admin"
_BYTES = 24


@dataclass(frozen=True)
class Passwords:
    """What the processes hand each other in their environments; never on a command line, never in a log."""

    prefect: str = field(repr=False)
    postgres: str = field(repr=False)
    redis: str = field(repr=False)

    @property
    def sign_in(self) -> tuple[str, str]:
        """User and password of Prefect's API."""
        user, _, password = self.prefect.partition(":")
        return user, password


def sign_in_file(layout: Layout) -> Path:
    """The file with the user and password of Prefect's API and UI, in the form ``user:password``."""
    return layout.data / "secrets" / "prefect"


def passwords(layout: Layout) -> Passwords:
    """The passwords; those that there aren't yet are made."""
    folder = sign_in_file(layout).parent
    return Passwords(
        prefect=_kept(folder / "prefect", f"{PREFECT_USER}:"),
        postgres=_kept(folder / "postgres"),
        redis=_kept(folder / "redis"),
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, from its first moment on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def _kept(path: Path, prefix: str = "") -> str:
    if not path.exists():
        write_private(path, prefix + secrets.token_urlsafe(_BYTES))
    return path.read_text()
