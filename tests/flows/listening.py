"""A server on loopback that writes down what it is sent, in place of people's chat or of Prefect Cloud."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.flows.waiting import waited


@dataclass
class Heard:
    """What came in."""

    url: str
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        """Of all requests, in the order in which they came."""
        return [body for _, _, body in self.requests]

    async def wait(self, count: int) -> list[Any]:
        """The bodies, once there are so many."""

        async def heard() -> list[Any]:
            return self.bodies

        return await waited(f"{count} requests", heard, lambda bodies: len(bodies) >= count)


@contextmanager
def listening() -> Iterator[Heard]:
    """A server that answers each POST by 204."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            heard.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        heard = Heard(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join(timeout=10)
