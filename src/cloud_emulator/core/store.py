"""What the cloud holds: named tables of JSON documents, in memory, written through to SQLite.

Reads cost a dictionary look-up. Writes are collected while a request is served and committed before it is answered, or
undone as a whole. Documents are values: to change one, put a new one in its place
(``table[key] = {**table[key], "state": "Active"}``).
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

Document = Mapping[str, Any]
_MISSING: Any = object()
FORMAT = 1
"""Of what is kept. Raise it with each change after which an older folder can't be read any more."""


class OtherFormat(sqlite3.DatabaseError):
    """What is kept was written by another version of the emulator."""


class Table(MutableMapping[str, Document]):
    """Documents by key, in the order of their first writing."""

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self._store = store
        self._documents: dict[str, Document] = {}
        self._indexes: dict[str, dict[Any, dict[str, None]]] = {}

    def __getitem__(self, key: str) -> Document:
        return self._documents[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def __setitem__(self, key: str, document: Document) -> None:
        self._store.touch(self.name, key, self._documents.get(key, _MISSING))
        self.place(key, document)

    def __delitem__(self, key: str) -> None:
        self._store.touch(self.name, key, self._documents[key])
        self.place(key, _MISSING)

    def by(self, field: str, value: Any) -> list[Document]:
        """The documents whose top-level ``field`` equals ``value``; indexed on first use."""
        index = self._indexes.get(field)
        if index is None:
            index = self._indexes[field] = {}
            for key, document in self._documents.items():
                index.setdefault(document.get(field), {})[key] = None
        return [self._documents[key] for key in index.get(value, ())]

    def first(self, field: str, value: Any) -> Document | None:
        """The first document whose ``field`` equals ``value``."""
        found = self.by(field, value)
        return found[0] if found else None

    def place(self, key: str, document: Any) -> None:
        """Puts or removes a document without recording it; for the store only."""
        old = self._documents.get(key)
        for field, index in self._indexes.items():
            if old is not None:
                index.get(old.get(field), {}).pop(key, None)
            if document is not _MISSING:
                index.setdefault(document.get(field), {})[key] = None
        if document is _MISSING:
            self._documents.pop(key, None)
        else:
            self._documents[key] = document


class Store:
    """All tables of one cloud, kept in ``path``, which is closed at the latest when nobody holds the store any more."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._claim()
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS documents ("
            "tbl TEXT, key TEXT, doc BLOB, position INTEGER PRIMARY KEY AUTOINCREMENT, UNIQUE (tbl, key))"
        )
        self._tables: dict[str, Table] = {}
        self._touched: dict[tuple[str, str], Any] = {}
        self._load()

    def _claim(self) -> None:
        """Marks a new file with the format. Raises :class:`OtherFormat`."""
        (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found not in (0, FORMAT):
            self._connection.close()
            raise OtherFormat(f"another version wrote it: its format is {found}, ours {FORMAT}")
        if not found:
            self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    def table(self, name: str) -> Table:
        """The table of that name, made when first asked for."""
        if name not in self._tables:
            self._tables[name] = Table(name, self)
        return self._tables[name]

    def touch(self, table: str, key: str, old: Any) -> None:
        """Remembers what stood at a key before the running transaction first changed it."""
        self._touched.setdefault((table, key), old)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits what the block wrote, or undoes all of it: when the block raises, or it can't be written."""
        try:
            yield
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def commit(self) -> None:
        """Writes the collected changes to disk as one transaction."""
        if not self._touched:
            return
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany("DELETE FROM documents WHERE tbl = ? AND key = ?", self._deleted())
            self._connection.executemany(
                "INSERT INTO documents (tbl, key, doc) VALUES (?, ?, ?)"
                " ON CONFLICT (tbl, key) DO UPDATE SET doc = excluded.doc",
                self._written(),
            )
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self._touched = {}

    def _deleted(self) -> Iterator[tuple[str, str]]:
        return ((table, key) for table, key in self._touched if key not in self._tables[table])

    def _written(self) -> Iterator[tuple[str, str, bytes]]:
        """One at a time: a large seed would fill the memory otherwise."""
        for table, key in self._touched:
            document = self._tables[table].get(key)
            if document is not None:
                yield table, key, orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)

    def rollback(self) -> None:
        """Forgets the collected changes."""
        for (table, key), old in self._touched.items():
            self._tables[table].place(key, old)
        self._touched = {}

    def is_empty(self) -> bool:
        """Whether nothing was ever stored."""
        return not any(self._tables.values())

    def save_copy(self, path: Path) -> None:
        """Writes a copy of everything to another file: whole, or not at all."""
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        self._connection.execute("VACUUM INTO ?", (str(partial),))
        partial.replace(path)

    def restore_copy(self, path: Path) -> None:
        """Takes everything back from a file written by :meth:`save_copy`."""
        source = sqlite3.connect(path)
        try:
            source.backup(self._connection)
        finally:
            source.close()
        self._load()

    def dump(self) -> dict[str, dict[str, Document]]:
        """Everything, sorted by table and key."""
        return {name: dict(sorted(self._tables[name].items())) for name in sorted(self._tables) if self._tables[name]}

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _load(self) -> None:
        for table in self._tables.values():
            table.__init__(table.name, self)  # type: ignore[misc]  # in place: services hold on to their tables
        for name, key, document in self._connection.execute("SELECT tbl, key, doc FROM documents ORDER BY position"):
            self.table(name).place(key, orjson.loads(document))
