"""One asynchronous client for each API. They hold no policy; every method returns models."""

from unity_mirror.clients.bundle import Clients

__all__ = ["Clients"]
