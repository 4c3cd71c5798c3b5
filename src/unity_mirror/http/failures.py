"""From an answer to an error: the service's own code decides, then the HTTP status; quirks are a table.

Codes: the "common error codes" of Fabric's and Power BI's REST references, Azure Resource Manager's and Azure Storage's
error code lists, and databricks-sdk's ``errors`` for Unity Catalog.
"""

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx

from unity_mirror.errors import (
    AlreadyExists,
    CloudError,
    Conflict,
    FirewallDenied,
    InvalidRequest,
    NotFound,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    ServiceUnavailable,
    Throttled,
    Unauthenticated,
)
from unity_mirror.http.calls import Call

FABRIC = "Fabric"
POWER_BI = "Power BI"
ARM = "Azure Resource Manager"
UNITY_CATALOG = "Unity Catalog"
DATABRICKS = "Databricks"
STORAGE = "Azure Storage"
ONELAKE = "OneLake"


class Quirk(NamedTuple):
    """What a code means: the error, what to do, and whether to wait and try again."""

    kind: type[CloudError]
    remedy: str = ""
    retriable: bool = False


_SCOPE_REMEDY = "give the identity the role or tenant setting that the operation needs"
_SWITCH_REMEDY = (
    "a Fabric administrator turns on the tenant setting 'Service principals can call Fabric public APIs' (Admin "
    "portal, Tenant settings, Developer settings) for a group that the identity is in"
)
_FABRIC: dict[str, Quirk] = {
    "ItemDisplayNameAlreadyInUse": Quirk(AlreadyExists, "choose another name, or name the existing item in the spec"),
    "ItemDisplayNameNotAvailableYet": Quirk(Conflict, "wait a minute: the name of a deleted item frees up late", True),
    "WorkspaceNameAlreadyExists": Quirk(AlreadyExists),
    "DuplicateConnectionName": Quirk(AlreadyExists, "choose another name, or name the existing connection in the spec"),
    "PrincipalAlreadyHasWorkspaceRolePermissions": Quirk(AlreadyExists),
    "IncorrectCredentials": Quirk(InvalidRequest, "check the credentials of the connection, and that they have access"),
    "InsufficientPrivileges": Quirk(PermissionDenied, _SCOPE_REMEDY),
    "InsufficientScopes": Quirk(PermissionDenied, _SCOPE_REMEDY),
    "InsufficientWorkspaceRole": Quirk(PermissionDenied, "give the identity a higher role in the workspace"),
    "UserNotLicensed": Quirk(Unauthenticated, "check AZURE_TENANT_ID: a token of another tenant is refused so, too"),
    "TokenExpired": Quirk(Unauthenticated),
    "EntityNotFound": Quirk(NotFound),
    "ItemNotFound": Quirk(NotFound),
    "WorkspaceNotFound": Quirk(NotFound),
    "FeatureNotAvailable": Quirk(NotSupported, _SWITCH_REMEDY),
    "RequestBlocked": Quirk(Throttled),
}
_ARM: dict[str, Quirk] = {
    "RoleAssignmentExists": Quirk(AlreadyExists),
    "AuthorizationFailed": Quirk(PermissionDenied, "give the identity the Azure role that the operation needs"),
    "LinkedAuthorizationFailed": Quirk(PermissionDenied),
    "ResourceNotFound": Quirk(NotFound),
    "ResourceGroupNotFound": Quirk(NotFound),
    "SubscriptionNotFound": Quirk(NotFound),
    # A principal made a moment ago isn't known everywhere yet.
    "PrincipalNotFound": Quirk(InvalidRequest, "check that it is the object id, not the application id", True),
}
_UNITY_CATALOG: dict[str, Quirk] = {
    "PERMISSION_DENIED": Quirk(PermissionDenied),
    "UNAUTHENTICATED": Quirk(
        Unauthenticated, "add the identity to this Databricks workspace, or let DATABRICKS_TOKEN be one of its tokens"
    ),
    "ENDPOINT_NOT_FOUND": Quirk(NotSupported),
    "FEATURE_DISABLED": Quirk(NotSupported),
    "NOT_IMPLEMENTED": Quirk(NotSupported),
    "UNIMPLEMENTED": Quirk(NotSupported),
    "NOT_FOUND": Quirk(NotFound),
    "RESOURCE_DOES_NOT_EXIST": Quirk(NotFound),
    "RESOURCE_ALREADY_EXISTS": Quirk(AlreadyExists),
    "ALREADY_EXISTS": Quirk(AlreadyExists),
    "RESOURCE_EXHAUSTED": Quirk(Throttled),
    "REQUEST_LIMIT_EXCEEDED": Quirk(Throttled),
    "TEMPORARILY_UNAVAILABLE": Quirk(ServiceUnavailable),
}
_STORAGE: dict[str, Quirk] = {
    "AuthorizationFailure": Quirk(
        FirewallDenied,
        "let this machine through the storage account's firewall (an IP or network rule); "
        "trusted workspace access admits Fabric only",
    ),
    "PublicAccessNotPermitted": Quirk(FirewallDenied),
    "AuthorizationPermissionMismatch": Quirk(
        PermissionDenied, "give the identity Storage Blob Data Owner, or rights in the folder's access control list"
    ),
    "InvalidAuthenticationInfo": Quirk(Unauthenticated),
    "AuthenticationFailed": Quirk(Unauthenticated),
    "PathNotFound": Quirk(NotFound),
    "FilesystemNotFound": Quirk(NotFound),
    "BlobNotFound": Quirk(NotFound),
    "ContainerNotFound": Quirk(NotFound),
    "ResourceNotFound": Quirk(NotFound),
    "ConditionNotMet": Quirk(PreconditionFailed),
    "ServerBusy": Quirk(Throttled),
}
QUIRKS: Mapping[str, Mapping[str, Quirk]] = {
    FABRIC: _FABRIC,
    ARM: _ARM,
    UNITY_CATALOG: _UNITY_CATALOG,
    DATABRICKS: _UNITY_CATALOG,
    STORAGE: _STORAGE,
    ONELAKE: _STORAGE,
}
_BY_STATUS: Mapping[int, type[CloudError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: NotSupported,
    408: ServiceUnavailable,
    409: Conflict,
    412: PreconditionFailed,
    422: InvalidRequest,
    429: Throttled,
    501: NotSupported,
}
_READ, _TOLD = 10_000, 1_000
"""Bytes of a text that are read, and characters that are told: cutting first could leave a part of a secret."""
_REQUEST_ID_HEADERS = ("x-ms-request-id", "requestid", "x-databricks-request-id", "x-request-id", "x-ms-correlation-id")


@dataclass(frozen=True)
class Facts:
    """What an answer says about its failure."""

    code: str = ""
    message: str = ""
    request_id: str = ""
    retriable: bool = False
    details: tuple[str, ...] = ()


def to_error(call: Call, response: httpx.Response, redact: Callable[[str], str] = str) -> CloudError:
    """Return the error that an unsuccessful answer means. ``redact`` takes out the secrets that a service repeats."""
    facts = _redacted(read_facts(response), redact)
    quirk = quirk_of(call.service, facts.code, response.status_code)
    return quirk.kind(
        f"could not {call.operation}",
        service=call.service,
        operation=f"{call.method} {call.url.partition('?')[0]}",
        status=response.status_code,
        code=facts.code,
        request_id=facts.request_id,
        retriable=facts.retriable or quirk.retriable,
        details=facts.details,
        why=_why(response.status_code, facts),
        remedy=quirk.remedy,
    )


def _redacted(facts: Facts, redact: Callable[[str], str]) -> Facts:
    details = tuple(redact(each) for each in facts.details)
    message = redact(facts.message)[:_TOLD]
    return replace(facts, code=redact(facts.code), message=message, details=details)


def quirk_of(service: str, code: str, status: int) -> Quirk:
    """Return what a code of a service means; without a known code, what the status means."""
    known = QUIRKS.get(service, {}).get(code)
    if known:
        return known
    if QUIRKS.get(service) is _UNITY_CATALOG:
        if code.endswith(("_DOES_NOT_EXIST", "_NOT_FOUND")):
            return Quirk(NotFound)
        if code.endswith("_ALREADY_EXISTS"):
            return Quirk(AlreadyExists)
        if status == httpx.codes.NOT_FOUND and not code:
            # A server without the endpoint (the open-source one has fewer) answers with no error code at all.
            return Quirk(NotSupported)
    if httpx.codes.is_redirect(status):
        return Quirk(CloudError, "check the address: a sign-in page or a proxy answers in the place of the service")
    return Quirk(_BY_STATUS.get(status, ServiceUnavailable if status >= 500 else CloudError))


def _why(status: int, facts: Facts) -> str:
    heading = f"{status} {facts.code}".strip()
    return ": ".join(part for part in (heading, facts.message, *facts.details) if part)


def read_facts(response: httpx.Response) -> Facts:
    """Read code, message, request id and so on out of any of the services' error answers."""
    body = _body(response)
    headers = response.headers
    error = body.get("error")
    inner = error if isinstance(error, Mapping) else body
    code = _text(inner, "errorCode", "error_code", "code") or _text(body, "error")
    header_code = headers.get("x-ms-error-code") or headers.get("x-ms-public-api-error-code") or ""
    request_id = _text(inner, "requestId") or next((headers[h] for h in _REQUEST_ID_HEADERS if h in headers), "")
    return Facts(
        code=code or header_code,
        message=_text(inner, "message", "error_description", "detail") or _elsewhere(response),
        request_id=request_id,
        retriable=inner.get("isRetriable") is True,
        details=_details(inner),
    )


def _elsewhere(response: httpx.Response) -> str:
    if not response.has_redirect_location:
        return ""
    try:
        host = urlsplit(response.headers["location"]).hostname
    except ValueError:
        host = None
    return f"the answer leads elsewhere, to {host}" if host else "the answer leads elsewhere"


def _body(response: httpx.Response) -> Mapping[str, Any]:
    content = response.content.strip()
    if content.startswith(b"{"):
        try:
            body = json.loads(content)
        except ValueError:
            return {}
        return body if isinstance(body, Mapping) else {}
    if content.startswith((b"<", b"\xef\xbb\xbf<")) and "xml" in response.headers.get("content-type", ""):
        return _xml(content)
    return {"message": content[:_READ].decode(errors="replace")} if content[:1] not in {b"", b"<"} else {}


def _xml(content: bytes) -> Mapping[str, Any]:
    if b"<!" in content:  # no document type, so no entities
        return {}
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - without a document type it can't expand anything
    except ElementTree.ParseError:
        return {}
    return {child.tag.lower(): child.text or "" for child in root}


def _text(body: Any, *names: str) -> str:
    for name in names:
        value = body.get(name) if isinstance(body, Mapping) else None
        if isinstance(value, str) and value:
            return value
    return ""


def _details(body: Any) -> tuple[str, ...]:
    found = body.get("moreDetails") or body.get("details") or ()
    if not isinstance(found, list):
        return ()
    texts = (" ".join(p for p in (_text(d, "errorCode", "code"), _text(d, "message")) if p) for d in found)
    return tuple(text for text in texts if text)


def unreachable(
    call: Call, fault: httpx.TransportError, attempts: int, redact: Callable[[str], str] = str
) -> ServiceUnavailable:
    """Return the error for a request that got no answer. ``redact`` takes out what h11 repeats of a header, say."""
    host = httpx.URL(call.url).host
    remedy = f"check that {host} can be reached from here; HTTPS_PROXY and NO_PROXY are heeded"
    if is_certificate_fault(fault):
        remedy = f"let SSL_CERT_FILE name the authorities that signed the certificate of {host}"
    why = redact(str(fault)) or type(fault).__name__
    return ServiceUnavailable(
        f"could not {call.operation}",
        service=call.service,
        operation=f"{call.method} {call.url.partition('?')[0]}",
        why=f"no answer after {attempts} attempt{'' if attempts == 1 else 's'}: {why}",
        retriable=True,
        remedy=remedy,
    )


def is_certificate_fault(fault: BaseException) -> bool:
    """Tell whether the server's certificate was refused: trying again won't help."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
