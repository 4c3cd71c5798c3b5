"""Holds what passes between a client and the emulated Fabric to the official specification.

:func:`serve_checked` gives a client that fails the test on the spot: when an answer isn't as specified, or when a
request that isn't as specified succeeds. Without the specification's folder the client checks nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response
from cloud_emulator.core.service import Service

from .observed import SPECIFICATION, note, observed
from .swagger_schemas import Definitions, Raw, Schemas

PREFIX = "/v1"
PLATFORM_CODES = frozenset(
    {
        # documented for the platform as a whole, not repeated with each operation
        "EntityNotFound", "InsufficientPrivileges", "InvalidInput", "InvalidParameter", "InvalidRequest",
        "ItemNotFound", "PrincipalNotFound", "UnknownError", "WorkspaceNotFound", "FeatureNotAvailable",
        "CapacityNotFound", "Unauthorized", "TokenExpired", "InvalidToken", "RequestBlocked",
        # seen of the service
        "CapacityNotActive", "ItemDisplayNameAlreadyInUse", "ItemDisplayNameNotAvailableYet",
        "PrincipalAlreadyHasWorkspaceRolePermissions",
        "UnsupportedCredentialType", "UserNotLicensed", "WorkspaceNameAlreadyExists",
        # in the specification's own example of creating shortcuts
        "ShorcutsOperationNotAllowed",
    }
)  # fmt: skip


_HEADERS_BY_STATE = {"LongRunningOperations_GetOperationState"}
"""What declares headers that only some of its answers have."""


def specifications() -> Path | None:
    """The folder of the Fabric specifications: below UNITY_MIRROR_SPECS, or beside the repository."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("UNITY_MIRROR_SPECS") or root.parent / "shared" / "specs") / "fabric"
    return folder if (folder / "platform" / "swagger.json").is_file() else None


@dataclass(frozen=True)
class SpecOperation:
    """One operation of the specification."""

    name: str
    method: str
    segments: tuple[str, ...]
    fixed_query: Mapping[str, str]
    file: Path
    raw: Raw

    @property
    def codes(self) -> set[str]:
        """The error codes that it lists."""
        return set(re.findall(r"\*\s+(\w+)\s+-", self.raw["responses"].get("default", {}).get("description", "")))

    def parameters(self, where: str) -> dict[str, Raw]:
        """Its parameters in path, query, header or body."""
        return {each["name"]: each for each in self.raw.get("parameters", ()) if each["in"] == where}


@dataclass
class Specification:
    """All operations of a folder of specifications."""

    folder: Path
    operations: list[SpecOperation] = field(default_factory=list)

    def __post_init__(self) -> None:
        definitions = Definitions(self.folder)
        self._requests = Schemas(definitions, "request")
        self._responses = Schemas(definitions, "response")
        self._files = {definitions.folded(file): file for file in sorted(self.folder.glob("*/swagger.json"))}
        for folded, file in self._files.items():
            self.operations += _operations(folded, json.loads(file.read_text("utf-8-sig")))

    def find(self, method: str, path: str, query: Mapping[str, str]) -> SpecOperation | None:
        """The operation of a request; ``path`` without prefix, as it was sent. Literal segments win over parameters."""
        parts = path.strip("/").split("/")
        found = [each for each in self.operations if each.method == method and _fits(each, parts, query)]
        return min(found, key=lambda each: sum("{" in segment for segment in each.segments), default=None)

    def file_of(self, operation: SpecOperation) -> Path:
        """The file that an operation stands in."""
        return self._files[operation.file]

    def named(self, name: str) -> SpecOperation:
        """The operation with that operationId."""
        return next(each for each in self.operations if each.name == name)

    def request_faults(self, operation: SpecOperation, path: str, query: Mapping[str, str], body: bytes) -> list[str]:
        """What is wrong with a request."""
        given = dict(zip(operation.segments, path.strip("/").split("/"), strict=True))
        faults = []
        for where, values in (("path", {name[1:-1]: v for name, v in given.items() if "{" in name}), ("query", query)):
            declared = operation.parameters(where)
            unknown = values.keys() - declared.keys() - _told_in_prose(operation, where)
            faults += [f"{where}: {name} is not declared" for name in unknown]
            for name, raw in declared.items():
                faults += self._parameter_faults(operation, where, raw, values.get(name))
        return faults + self.body_faults(operation, body)

    def body_faults(self, operation: SpecOperation, body: bytes) -> list[str]:
        """What is wrong with a request's body."""
        declared = next(iter(operation.parameters("body").values()), None)
        if declared is None:
            return ["body: none is declared"] if body and operation.method not in ("GET", "DELETE") else []
        if not body:
            return ["body: is required"] if declared.get("required") else []
        document = asked_as_specified(operation.name, json.loads(body))
        return _faults(self._requests.validator(operation.file, declared["schema"]), document)

    def _parameter_faults(self, operation: SpecOperation, where: str, raw: Raw, value: str | None) -> list[str]:
        if value is None:
            return [f"{where}: {raw['name']} is required"] if raw.get("required") else []
        schema = {name: each for name, each in raw.items() if name not in ("in", "name", "description", "required")}
        faults = _faults(self._requests.validator(operation.file, schema), _typed(raw, value))
        return [f"{where}: {raw['name']}: {fault}" for fault in faults]

    def response_faults(
        self, operation: SpecOperation, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """What is wrong with an answer."""
        declared = operation.raw["responses"].get(str(status))
        if declared is None:
            if 200 <= status < 300:
                return [f"{status} is not declared"]
            return self._error_faults(operation, headers, body)
        faults = []
        if operation.name not in _HEADERS_BY_STATE:
            faults += [f"header {name} is missing" for name in declared.get("headers", {}) if name not in headers]
        schema = declared.get("schema")
        if schema is None:
            return faults + ([] if body in (b"", b"null") else ["body: none is declared"])
        if schema.get("type") == "file":
            return faults
        document = as_specified(operation.name, json.loads(body))
        return faults + _faults(self._responses.validator(operation.file, schema), document)

    def result_faults(self, operation: SpecOperation, body: bytes) -> list[str]:
        """What is wrong with the result of a long-running operation, which is what an immediate answer would hold."""
        for status in ("200", "201"):
            schema = operation.raw["responses"].get(status, {}).get("schema")
            if schema is not None:
                return _faults(self._responses.validator(operation.file, schema), json.loads(body))
        return ["there should be no result"]

    def _error_faults(self, operation: SpecOperation, headers: Mapping[str, str], body: bytes) -> list[str]:
        document = json.loads(body)
        default = operation.raw["responses"]["default"]["schema"]
        faults = _faults(self._responses.validator(operation.file, default), document)
        code = document.get("errorCode")
        if code not in operation.codes | PLATFORM_CODES:
            faults.append(f"errorCode {code} is not one of this operation's: {sorted(operation.codes)}")
        if headers.get("x-ms-public-api-error-code") != code:
            faults.append("header x-ms-public-api-error-code is not the error code")
        return faults


def _told_in_prose(operation: SpecOperation, where: str) -> set[str]:
    """The query parameter that operations in preview require in their description only."""
    required = "query parameter `preview`" in operation.raw.get("description", "")
    return {"preview"} if required and where == "query" else set()


def as_specified(name: str, document: Any) -> Any:
    """An answer with the deviations taken back that were measured of the real service and are kept on purpose: the
    state of an operation has times without zone, and nulls."""
    if name != "LongRunningOperations_GetOperationState":
        return document
    times = {field: f"{document[field]}Z" for field in ("createdTimeUtc", "lastUpdatedTimeUtc")}
    kept = {field: value for field, value in {**document, **times}.items() if value is not None}
    if "error" in kept:
        kept["error"] = {field: value for field, value in kept["error"].items() if value is not None}
    return kept


def asked_as_specified(name: str, document: Any) -> Any:
    """A request with the deviations taken back that Microsoft's own clients have: no folder is an empty text or null,
    and a lakehouse's type is said twice."""
    if not name.startswith("Items_Create") or not isinstance(document, dict):
        return document
    nowhere = ("", None) if name == "Items_CreateItem" else (None,)
    deviating = {"folderId"} if document.get("folderId", "-") in nowhere else set()
    if name == "Items_CreateLakehouse" and document.get("type") == "Lakehouse":
        deviating.add("type")
    return {field: value for field, value in document.items() if field not in deviating}


def path_as_specified(path: str) -> str:
    """A request's path with the deviation taken back that Microsoft's own clients have: slashes in the path of a
    shortcut are plain."""
    base, found, rest = path.partition("/shortcuts/")
    place, _, name = rest.rpartition("/")
    return f"{base}{found}{place.replace('/', '%2F')}/{name}" if place else path


@cache
def specification() -> Specification | None:
    """The specification, read once; ``None`` where its folder is not there."""
    folder = specifications()
    return Specification(folder) if folder is not None else None


class CheckedTransport(httpx.AsyncBaseTransport):
    """Passes requests on, and fails when the exchange isn't as specified. ``seen`` collects the operations that were
    checked."""

    def __init__(self, inner: httpx.AsyncBaseTransport, specified: Specification | None) -> None:
        self._inner = inner
        self._specified = specified
        self._started: dict[str, SpecOperation] = {}
        self.seen: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange."""
        body = await request.aread()
        response = await self._inner.handle_async_request(request)
        await response.aread()
        raw_path = request.url.raw_path.decode().partition("?")[0]
        if self._specified is not None and raw_path.startswith(f"{PREFIX}/") and response.status_code != 501:
            self._check(self._specified, request, path_as_specified(raw_path.removeprefix(PREFIX)), body, response)
        return response

    def _check(
        self, specified: Specification, request: httpx.Request, path: str, body: bytes, response: httpx.Response
    ) -> None:
        query = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        operation = specified.find(request.method, path, query)
        shown = f"{request.method} {path} -> {response.status_code} {response.text[:500]}"
        assert operation is not None, f"served, but not in the specification: {shown}"
        self.seen.add(operation.name)
        if response.is_success:
            note("fabric", operation.name, SPECIFICATION)
        faults = specified.response_faults(operation, response.status_code, response.headers, response.content)
        if response.is_success:
            asked = specified.request_faults(operation, path, query, body)
            faults += [f"accepted, although: {fault}" for fault in asked]
        faults += self._result_faults(specified, operation, path, response)
        assert not faults, f"{operation.name}: {shown}\n" + "\n".join(faults)

    def _result_faults(
        self, specified: Specification, operation: SpecOperation, path: str, response: httpx.Response
    ) -> list[str]:
        if response.status_code == 202 and "x-ms-operation-id" in response.headers:
            self._started[response.headers["x-ms-operation-id"]] = operation
        if operation.name != "LongRunningOperations_GetOperationResult" or not response.is_success:
            return []
        started = self._started.get(path.split("/")[2])
        return specified.result_faults(started, response.content) if started is not None else []


def check_served(service: str, request: Request, response: Response) -> None:
    """Fails when an exchange with Fabric, seen from within the emulator, isn't as specified."""
    specified = specification()
    if service != "fabric" or specified is None:
        return
    path = path_as_specified(request.raw_path.removeprefix(PREFIX))
    operation = specified.find(request.method, path, request.query)
    assert operation is not None, f"served, but not in the specification: {request.method} {path}"
    faults = specified.response_faults(operation, response.status, httpx.Headers(response.headers), response.body)
    faults += [
        f"accepted, although: {each}" for each in specified.request_faults(operation, path, request.query, request.body)
    ]
    assert not faults, f"{operation.name}: {request.method} {path} -> {response.status}\n" + "\n".join(faults)
    note("fabric", operation.name, SPECIFICATION)


@asynccontextmanager
async def serve_checked(
    cloud: Cloud, mounts: Sequence[tuple[str, Service]], *, authorization: str = ""
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of these services that checks each exchange with Fabric."""
    transport = CheckedTransport(httpx.ASGITransport(app=Emulator(cloud, observed(mounts))), specification())
    headers = {"Authorization": authorization} if authorization else {}
    async with httpx.AsyncClient(transport=transport, base_url="https://cloud.test", headers=headers) as client:
        yield client


def mutations(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, str, Any]]:
    """Changed copies of a JSON document, each with where and what was done to it, for asking whether they are
    refused."""
    where = "/".join(map(str, path)) or "body"
    if isinstance(document, dict):
        yield where, "unknown field", {**document, "unknownField": "x"}
        for name, value in document.items():
            others = {key: each for key, each in document.items() if key != name}
            yield f"{where}/{name}", "left out", others
            yield f"{where}/{name}", "name in another case", {**others, name.swapcase(): value}
            yield f"{where}/{name}", "blank behind the name", {**others, f"{name} ": value}
            for place, done, changed in mutations(value, (*path, name)):
                yield place, done, {**document, name: changed}
    elif isinstance(document, list):
        yield where, "not in a list", document[0] if document else "x"
        for position, value in enumerate(document):
            for place, done, changed in mutations(value, (*path, position)):
                yield place, done, [*document[:position], changed, *document[position + 1 :]]
    elif isinstance(document, str):
        yield from ((where, done, changed) for done, changed in _text_mutations(document))
    yield where, "in a list", [document]
    wrong: tuple[tuple[str, Any], ...] = (
        ("null", None), ("whole number", 7), ("negative number", -1), ("fraction", 7.5), ("huge number", 10**30),
        ("true", True), ("false", False), ("empty list", []), ("empty object", {}), ("text", "true"),
        ("object in an object", {"value": document}),
    )  # fmt: skip
    yield from ((where, done, other) for done, other in wrong if type(other) is not type(document))


def _text_mutations(text: str) -> Iterator[tuple[str, str]]:
    yield "more text", f"{text}x"
    yield "no text", ""
    yield "lower case", text.lower()
    yield "other case", text.swapcase()
    yield "blanks around", f" {text} "
    yield "very long", text * 300
    yield "line break", f"{text}\n"


def unspecified_mutations(name: str, document: Any) -> Iterator[tuple[str, Any]]:
    """The mutations of an operation's body that the specification does not allow; none without the specification."""
    specified = specification()
    if specified is None:
        return
    operation = specified.named(name)
    for place, done, changed in mutations(document):
        if specified.body_faults(operation, json.dumps(changed).encode()):
            yield f"{place}: {done}", changed


def _operations(file: Path, document: Raw) -> Iterator[SpecOperation]:
    for path, methods in document["paths"].items():
        path_part, _, query = path.partition("?")
        for method, raw in methods.items():
            if method != "parameters":
                segments = tuple(path_part.strip("/").split("/"))
                fixed = dict(parse_qsl(query))
                yield SpecOperation(raw["operationId"], method.upper(), segments, fixed, file, raw)


def _fits(operation: SpecOperation, parts: Sequence[str], query: Mapping[str, str]) -> bool:
    return (
        len(parts) == len(operation.segments)
        and all(
            "{" in segment or segment.lower() == part.lower()
            for segment, part in zip(operation.segments, parts, strict=True)
        )
        and all(query.get(name) == value for name, value in operation.fixed_query.items())
    )


def _typed(raw: Raw, value: str) -> Any:
    """The value of a parameter outside the body; left as text when it can't be of the type, so that validation
    fails."""
    if raw["type"] == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    if raw["type"] == "integer":
        return int(value) if re.fullmatch(r"-?\d+", value) else value
    return value.split(",") if raw["type"] == "array" else value


def _faults(validator: Any, document: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, error.absolute_path)) or 'body'}: {error.message}"
        for error in validator.iter_errors(document)
    ]
