"""Ports and environments of the scaled set-up."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.local.layout import HOST, Layout, free_port, prefect_api, prefect_environment
from deploy.scaled.secrets import Passwords

POSTGRES_USER = "prefect"
DATABASE = "postgres"
REPLICAS = ("api-1", "api-2")
WORKERS = ("worker-1", "worker-2")
RUNS_AT_ONCE = 2
"""For each worker; a flow run's process takes some 200 MB and, while it starts, a processor."""


def scaled_layout(local: Layout) -> Layout:
    """It keeps its things apart from those of ``make up``."""
    return Layout(local.root, local.data / "scaled")


@dataclass(frozen=True)
class Ports:
    """Where each process listens, on loopback. ``prefect`` is the load balancer's."""

    emulator: int
    prefect: int
    postgres: int
    redis: int
    replicas: tuple[int, int]


def pick_ports(emulator: int, prefect: int) -> Ports:
    """The preferred ones where they are free, and others that are."""
    first, second, postgres, redis = _distinct(4)
    return Ports(free_port(emulator), free_port(prefect), postgres, redis, (first, second))


def _distinct(count: int) -> list[int]:
    found: dict[int, None] = {}
    while len(found) < count:
        found[free_port(0)] = None
    return list(found)


def client_environment(layout: Layout, ports: Ports, passwords: Passwords) -> dict[str, str]:
    """For whatever talks to Prefect: by the load balancer, signed in."""
    return {**prefect_environment(layout, ports.prefect), "PREFECT_API_AUTH_STRING": passwords.prefect}


def server_environment(layout: Layout, ports: Ports, passwords: Passwords) -> dict[str, str]:
    """For the API replicas, the background services and the migration of the database."""
    return {
        **client_environment(layout, ports, passwords),
        "PREFECT_SERVER_API_AUTH_STRING": passwords.prefect,
        "PREFECT_API_DATABASE_CONNECTION_URL": (
            f"postgresql+asyncpg://{POSTGRES_USER}:{passwords.postgres}@{HOST}:{ports.postgres}/{DATABASE}"
        ),
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
        "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_REDIS_MESSAGING_HOST": HOST,
        "PREFECT_REDIS_MESSAGING_PORT": str(ports.redis),
        "PREFECT_REDIS_MESSAGING_DB": "0",
        "PREFECT_REDIS_MESSAGING_PASSWORD": passwords.redis,
        # Work that one replica hands to the background services would stay in its own memory.
        "PREFECT_SERVER_DOCKET_URL": f"redis://default:{passwords.redis}@{HOST}:{ports.redis}/1",
        "PREFECT_UI_API_URL": prefect_api(ports.prefect),
    }
