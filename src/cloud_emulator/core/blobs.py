"""File contents, stored once under their SHA-256 and never changed, so that restoring state never has to move data."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path

_CACHE_BYTES = 64 * 1024 * 1024


class BlobStore:
    """Immutable byte strings by digest, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._cached = 0

    def put(self, content: bytes) -> str:
        """Stores the content and returns its digest."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(content)
            partial.replace(path)
        return digest

    def get(self, digest: str) -> bytes:
        """The content with that digest."""
        content = self._cache.get(digest)
        if content is not None:
            self._cache.move_to_end(digest)
            return content
        content = self.path(digest).read_bytes()
        self._remember(digest, content)
        return content

    def _remember(self, digest: str, content: bytes) -> None:
        self._cache[digest] = content
        self._cached += len(content)
        while self._cached > _CACHE_BYTES and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached -= len(dropped)

    def path(self, digest: str) -> Path:
        """The file that holds the content with that digest; it must never be written to."""
        return self._folder / digest[:2] / digest[2:]
