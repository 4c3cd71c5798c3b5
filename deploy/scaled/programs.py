"""The programs that Debian has and Python's packages don't, and as whom PostgreSQL runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.processes import StackError

POSTGRES_USER = "postgres"
"""Who runs PostgreSQL when we are root, whom it refuses; Debian's package makes this user."""
_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
_PACKAGES = {
    "initdb": "postgresql",
    "postgres": "postgresql",
    "pg_isready": "postgresql",
    "redis-server": "redis-server",
    "haproxy": "haproxy",
}


@dataclass(frozen=True)
class Programs:
    """Where each program is, by its name."""

    paths: Mapping[str, str]

    def as_postgres(self, program: str, *arguments: str) -> list[str]:
        """A command line of one of PostgreSQL's programs. Those in front give way to it, so it has the process's id;
        it starts in /, since its user may not be let into our folder."""
        own = [self.paths[program], *arguments]
        if os.geteuid() != 0:
            return own
        user = ["setpriv", f"--reuid={POSTGRES_USER}", f"--regid={POSTGRES_USER}", "--clear-groups"]
        return [*user, "env", "--chdir=/", *own]


def find_programs(folders: Sequence[Path] = ()) -> Programs:
    """All programs that the set-up needs. Raises StackError with the packages of those that are missing."""
    found = {name: _find(name, folders or _folders()) for name in _PACKAGES}
    packages = sorted({_PACKAGES[name] for name, path in found.items() if path is None})
    if packages:
        missing = ", ".join(name for name, path in found.items() if path is None)
        raise StackError(f"missing programs: {missing}. Install them with: apt-get install {' '.join(packages)}")
    return Programs({name: path for name, path in found.items() if path is not None})


def _folders() -> list[Path]:
    """PATH, what only root has in it, and where Debian puts each version of PostgreSQL, the newest first."""
    versions = [path for path in _DEBIAN_POSTGRES.glob("*/bin") if path.parent.name.isdigit()]
    newest = sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    return [*map(Path, os.get_exec_path()), Path("/usr/sbin"), *newest]


def _find(name: str, folders: Sequence[Path]) -> str | None:
    return shutil.which(name, path=os.pathsep.join(str(folder) for folder in folders))
