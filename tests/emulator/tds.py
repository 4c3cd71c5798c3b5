"""Connections of python-tds that verify the server's certificate and name."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytds


def connect(port: int, authority: Path, database: str, token: str | None, **how: Any) -> Any:
    """A connection as whoever the token is for; without one, as ``user`` with ``password``."""
    options = {"cafile": str(authority), "autocommit": True, "disable_connect_retry": True, **how}
    if token is not None:
        options["access_token_callable"] = lambda: token
    with warnings.catch_warnings():  # python-tds checks the server's name by means that pyOpenSSL deprecates
        warnings.filterwarnings("ignore", message="X509", category=DeprecationWarning)
        return pytds.connect("localhost", database=database, port=port, **options)
