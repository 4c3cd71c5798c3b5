"""What tests show of each operation that the emulator serves: which foreign client used it with success, whether the
exchange was held to the specification, and which rules it judged.

The services that tests are served by are wrapped; what was seen hangs on the report of the test that was running, so
that it gets to the process that writes the results. ``operations.json`` keeps it for ``docs/emulator.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Endpoint, Handler, Request, Response
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.rules import Rules
from cloud_emulator.core.service import Service

RECORD = Path(__file__).parent / "operations.json"
SPECIFICATION = "specification"
RULE = "rule:"
Sighting = tuple[str, str, str]
"""Service, operation, and what was seen: a client's name, ``specification``, or ``rule:`` and a rule's id."""

CLIENTS = {
    "storage-dfs": "azure-storage-file-datalake",
    "storage-blob": "azure-storage-blob",
    "mgmt-storage": "azure-mgmt-storage",
    "mgmt-authorization": "azure-mgmt-authorization",
    "mgmt-databricks": "azure-mgmt-databricks",
    "azsdk-python-mgmt-core": "azure-mgmt-core",
    "azsdk-python-identity": "azure-identity",
    "databricks-sdk-py": "databricks-sdk",
    "object_store": "deltalake",
    "azpartner-arrow": "pyarrow",
    "azsdk-python-core": "azure-core",
    "Python-urllib": "PyJWT",
    "azsdk-python-fabric": "microsoft-fabric-api",
    "ms-fabric-cicd": "fabric-cicd",
}
"""What a foreign client's ``User-Agent`` has in it, and the client's name."""

Check = Callable[[str, str, Request, Response], None]
_seen: set[Sighting] = set()


def note(service: str, operation: str, what: str) -> None:
    """Remembers a sighting until the running test's report is made."""
    _seen.add((service, operation, what))


def drain() -> list[Sighting]:
    """The sightings since the last call."""
    found = sorted(_seen)
    _seen.clear()
    return found


def client_of(user_agent: str) -> str | None:
    """The foreign client that a ``User-Agent`` names, if it is one."""
    return next((name for part, name in CLIENTS.items() if part in user_agent), None)


def observed(mounts: Sequence[tuple[str, Service]], check: Check | None = None) -> list[tuple[str, Service]]:
    """The same services, watched but for the control plane; one mounted twice stays one. ``check`` looks at each
    exchange that a service answers without refusing."""
    watched = {id(each): each if each.name == "control" else _Watched(each, check) for _, each in mounts}
    return [(prefix, watched[id(service)]) for prefix, service in mounts]


class _WatchedRules(Rules):
    """Rules that remember which of them were asked for."""

    def __init__(self, inner: Rules) -> None:
        self._inner = inner
        self.asked: set[str] = set()

    def on(self, rule_id: str) -> bool:
        """Whether a rule is in force."""
        self.asked.add(rule_id)
        return self._inner.on(rule_id)


class _Watched:
    """A service whose endpoints are watched."""

    def __init__(self, inner: Service, check: Check | None) -> None:
        self._inner = inner
        self._check = check
        self.name = inner.name
        self.throttled_status = inner.throttled_status

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names."""
        endpoint = self._inner.locate(cloud, request)
        return replace(endpoint, handler=self._watch(endpoint))

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Who is asking."""
        return self._inner.authenticate(cloud, request)

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """A failure in the service's shape."""
        return self._inner.trouble(cloud, request, status)

    def register_jobs(self, cloud: Cloud) -> None:
        """Names the service's jobs."""
        self._inner.register_jobs(cloud)

    def _watch(self, endpoint: Endpoint) -> Handler:
        def handle(cloud: Cloud, request: Request) -> Response:
            rules, cloud.rules = cloud.rules, _WatchedRules(cloud.rules)
            try:
                response = endpoint.handler(cloud, request)
                self._used(endpoint, request, response)
                if self._check is not None:
                    self._check(self.name, endpoint.operation, request, response)
                return response
            finally:
                for rule in cloud.rules.asked:
                    note(self.name, endpoint.operation, RULE + rule)
                cloud.rules = rules

        return handle

    def _used(self, endpoint: Endpoint, request: Request, response: Response) -> None:
        client = client_of(request.headers.get("user-agent", ""))
        if client is not None and response.status < 400:
            note(self.name, endpoint.operation, client)


def read_record() -> list[Sighting]:
    """What is kept, in order."""
    kept = json.loads(RECORD.read_text(encoding="utf-8"))
    return [
        (service, operation, what)
        for service, operations in kept.items()
        for operation, sightings in operations.items()
        for what in sightings
    ]


def write_record(sightings: Iterable[Sighting]) -> None:
    """Keeps sightings: by service and operation."""
    kept: dict[str, dict[str, list[str]]] = {}
    for service, operation, what in sorted(set(sightings)):
        kept.setdefault(service, {}).setdefault(operation, []).append(what)
    RECORD.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
