"""Searches for secrets in all that is written down, in every form in which they may have been written.

Of its own making: what takes secrets out (``unity_mirror.redaction``) would miss here what it misses there.
"""

from __future__ import annotations

import html
import json
import os
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

Place = tuple[str, bytes]


def forms(secret: str) -> set[bytes]:
    """The secret as it is, and as URLs, JSON (once and twice over), Python, HTML, base64, hex and UTF-16 hold it."""
    plain = secret.encode()
    escaped = json.dumps(secret)[1:-1]
    texts = {secret, escaped, json.dumps(escaped)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    texts |= {repr(secret)[1:-1], html.escape(secret), quote(secret), quote(secret, safe=""), quote_plus(secret)}
    texts |= {text.replace("%", "%25") for text in (quote(secret, safe=""),)}
    texts |= {text.lower() for text in (quote(secret, safe=""),)}
    found = {text.encode() for text in texts} | {secret.encode("utf-16-le"), plain.hex().encode()}
    # Three bytes make four characters, so a secret within a longer text can begin in three ways. The characters that
    # it shares with its neighbours are left away: one or two at each end.
    for before in (b"", b"x", b"xy"):
        for encode in (b64encode, urlsafe_b64encode):
            coded = encode(before + plain).rstrip(b"=")
            found.add(coded[4 if before else 0 : -2])
    return found


def found(secrets: Mapping[str, str], places: Iterable[Place]) -> list[str]:
    """Which secrets are where; never the secrets themselves, so that a failing test may print it."""
    wanted = {name: forms(secret) for name, secret in secrets.items()}
    return [
        f"{name} in {where}"
        for where, held in places
        for name, written in wanted.items()
        if any(form in held for form in written)
    ]


def in_database(path: Path) -> Iterator[Place]:
    """Every column of every table of a SQLite database, and the bytes of its files (what was deleted may remain)."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as connection:
        connection.text_factory = bytes
        tables = [name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            columns = [each[0] for each in cursor.description]
            rows = cursor.fetchall()
            for number, column in enumerate(columns):
                yield f"{table}.{column}", b"\0".join(_bytes(row[number]) for row in rows)
    connection.close()
    yield from _files(path.parent, sorted(path.parent.glob(f"{path.name}*")))


def in_folder(folder: Path) -> Iterator[Place]:
    """Every file below a folder."""
    yield from _files(folder, (Path(place) / name for place, _, names in os.walk(folder) for name in names))


def _files(folder: Path, paths: Iterable[Path]) -> Iterator[Place]:
    """What is in them, unless they are gone: the processes that write them live on, and delete some."""
    for path in paths:
        with suppress(FileNotFoundError):
            yield str(path.relative_to(folder)), path.read_bytes()


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
