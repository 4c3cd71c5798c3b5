"""One asynchronous client for each API. They hold no policy; every method returns models."""
