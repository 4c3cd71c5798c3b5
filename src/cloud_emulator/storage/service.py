"""The storage service: finds the operation that a request names, and who is asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Endpoint, Refusal, Request, Response
from cloud_emulator.core.identity import Caller
from cloud_emulator.storage import blob_operations, dfs_operations, leases, onelake_operations, target, wire
from cloud_emulator.storage.auth import authenticate
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.errors import StorageError, shape
from cloud_emulator.storage.onelake import REJECTED_HEADERS
from cloud_emulator.storage.operations import NAMING_HEADERS, Operation
from cloud_emulator.storage.target import Target

_COMMON = frozenset({"timeout"})
_TIMEOUT = 600


class StorageService:
    """ADLS Gen2 and Blob storage, and OneLake, under ``/storage``."""

    name = "storage"
    throttled_status = 503

    def __init__(self) -> None:
        self.operations = (*dfs_operations.OPERATIONS, *blob_operations.OPERATIONS, *onelake_operations.OPERATIONS)
        self._by_method: dict[tuple[str, bool], list[Operation]] = {}
        for operation in self.operations:
            self._by_method.setdefault((operation.method, operation.onelake), []).append(operation)

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names; 501 for one that isn't served."""
        with _refusing(cloud, request, _guess(request)):
            named = target.parse(request.raw_path)
        protocol = named.protocol or _guess(request)
        with _refusing(cloud, request, protocol):
            operation = self._find(cloud, request, named)
        return Endpoint(operation.name, operation.effect, _Served(operation, named))

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Who is asking: by bearer token, or by a signature that storage made itself. The firewall comes first."""
        named = target.parse(request.raw_path)
        with _refusing(cloud, request, named.protocol or _guess(request)):
            return authenticate(cloud, request, named)

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """Throttling or an outage, in the protocol's shape."""
        code = "ServerBusy" if status in (429, 503) else "InternalError"
        message = "The server could not serve the request; try again later."
        return shape(cloud, StorageError(code, status=status, message=message), _guess(request))

    def register_jobs(self, cloud: Cloud) -> None:
        """Storage has none."""

    def _find(self, cloud: Cloud, request: Request, named: Target) -> Operation:
        candidates = self._by_method.get((request.method, named.is_onelake), [])
        guess = _guess(request)
        fitting = [each for each in candidates if each.fits(request, named)]
        for operation in fitting:
            spoken = named.protocol or (operation.protocol if operation.marked else guess)
            if operation.protocol == spoken:
                return operation
        if any(each.marked for each in fitting):
            raise StorageError("IncorrectEndpointError")
        if cloud.rules.on("storage.protocol.endpoint"):
            _refuse_blobs_on_dfs(request, named)
        raise StorageError("NotImplemented", status=501, message=_unserved(request, named))


class _Served:
    """One operation as a handler."""

    def __init__(self, operation: Operation, named: Target) -> None:
        self._operation = operation
        self._named = named

    def __call__(self, cloud: Cloud, request: Request) -> Response:
        call = Call(cloud, request, self._named, self._operation.protocol)
        ignored = [name for name in REJECTED_HEADERS if name in request.headers] if self._named.is_onelake else []
        told = ignored and cloud.rules.on("fabric.onelake.rejected_headers")
        common = {"x-ms-rejected-headers": ",".join(ignored)} if told else {}
        with _refusing(cloud, request, call.protocol, common):
            version = wire.check_headers(
                request.headers,
                signed=self._needs_no_version(cloud, request),
                protocol=call.protocol,
                ignored=[*ignored, *(leases.HEADERS if self._operation.leases else ())],
            )
            leases.refuse_where_unasked(call, self._operation.name)
            call.require_servable_name()
            call.require_known_query(self._operation.parameters | _COMMON)
            call.check_body(taken=self._operation.body)
            wire.number(request.query, "timeout", _TIMEOUT, least=0, most=_TIMEOUT)
            response = self._operation.serve(call)
        response.headers.setdefault("x-ms-request-id", cloud.new_id())
        response.headers |= {**common, "x-ms-version": version, "date": wire.http_date(cloud.clock.time())}
        if "x-ms-client-request-id" in request.headers:
            response.headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
        return response

    def _needs_no_version(self, cloud: Cloud, request: Request) -> bool:
        """A signature has a version of its own; OneLake takes requests without any, as Fabric's CLI sends them [C]."""
        named = self._named.is_onelake or "sig" in request.query
        return named or not cloud.rules.on("storage.protocol.version")


@contextmanager
def _refusing(
    cloud: Cloud, request: Request, protocol: str, headers: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Gives refusals the protocol's shape, and ``headers`` besides. The answer to HEAD has no body, and says of none
    what it is: Azure's C++ client would read it [C]."""
    try:
        yield
    except StorageError as error:
        error.headers |= headers or {}
        response = shape(cloud, error, protocol)
        if request.method == "HEAD":
            response.body = b""
            response.headers.pop("content-type", None)
        raise Refusal(response) from error


def _guess(request: Request) -> str:
    """The protocol that a request without marks speaks: DFS clients ask for JSON."""
    return "dfs" if "json" in request.headers.get("accept", "") else "blob"


def _refuse_blobs_on_dfs(request: Request, named: Target) -> None:
    """A blob written whole to the DFS endpoint is a mistake in the address [M]."""
    if request.method == "PUT" and named.path and not {"resource", "action", "comp"} & request.query.keys():
        if named.protocol == "dfs":
            raise StorageError("IncorrectEndpointError")
        if not NAMING_HEADERS & request.headers.keys():
            raise StorageError("MissingRequiredHeader", "HeaderName: x-ms-blob-type")


def _unserved(request: Request, named: Target) -> str:
    marks = "&".join(
        f"{name}={request.query[name]}" for name in ("resource", "action", "restype", "comp") if name in request.query
    )
    where = "OneLake" if named.is_onelake else "storage"
    return f"The emulator does not serve {request.method} ?{marks} on the level {named.level} of {where}."


def make_service() -> StorageService:
    """The service, ready to be mounted at ``/storage``."""
    return StorageService()
