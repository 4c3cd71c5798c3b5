"""What storage answers when it says no: codes, statuses, and the two protocols' ways of writing them."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

import orjson

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Response

BLOB_CODES = {
    "FilesystemNotFound": ("ContainerNotFound", "The specified container does not exist."),
    "FilesystemAlreadyExists": ("ContainerAlreadyExists", "The specified container already exists."),
    "PathNotFound": ("BlobNotFound", "The specified blob does not exist."),
    "PathAlreadyExists": ("BlobAlreadyExists", "The specified blob already exists."),
}
"""Where the Blob protocol has another code than the DFS protocol."""

KNOWN: Mapping[str, tuple[int, str]] = {
    "AccessControlNotAllowed": (400, "OneLake does not take access control by path; use its data access roles."),
    "BlobImmutable": (403, "This path is managed by Fabric and can't be changed."),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "DirectoryNotEmpty": (409, "The recursive query parameter must be true to delete a directory that is not empty."),
    "FilesystemAlreadyExists": (409, "The specified filesystem already exists."),
    "FilesystemNotFound": (404, "The specified filesystem does not exist."),
    "HierarchicalNamespaceNotEnabled": (400, "The account does not have a hierarchical namespace."),
    "IncorrectEndpointError": (400, "The operation is not supported on this endpoint; use the other protocol's."),
    "InsufficientAccountPermissions": (403, "The account being accessed does not have sufficient permissions."),
    "InvaldAccessControlList": (400, "The access control list value is invalid."),
    "InvalidBlobOrBlock": (400, "The specified blob or block content is invalid."),
    "InvalidBlobType": (409, "The blob type is invalid for this operation."),
    "InvalidBlockId": (400, "The specified block ID is invalid."),
    "InvalidBlockList": (400, "The specified block list is invalid."),
    "InvalidFlushPosition": (
        400,
        "The uploaded data is not contiguous, or the position is not the file's length with what was uploaded.",
    ),
    "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
    "InvalidInput": (400, "One of the request inputs is not valid."),
    "InvalidMetadata": (400, "The metadata specified is invalid. It has characters that are not permitted."),
    "InvalidPermission": (400, "The permission value is invalid."),
    "InvalidQueryParameterValue": (400, "Value for one of the query parameters in the request URI is invalid."),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidResourceName": (400, "The specified resource name contains invalid characters."),
    "InvalidSourceOrDestinationResourceType": (409, "The source and destination resource type must be identical."),
    "InvalidSourceUri": (400, "The source URI is invalid."),
    "InvalidUri": (400, "The request URI is invalid."),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "KeyBasedAuthenticationNotPermitted": (403, "Key based authentication is not permitted on this storage account."),
    "LeaseAlreadyPresent": (409, "There is already a lease present."),
    "LeaseIdMismatchWithBlobOperation": (412, "The lease ID specified did not match the lease ID for the resource."),
    "LeaseIdMismatchWithContainerOperation": (
        412,
        "The lease ID specified did not match the lease ID for the container.",
    ),
    "LeaseIdMismatchWithLeaseOperation": (409, "The lease ID specified did not match the lease ID for the resource."),
    "LeaseIdMissing": (412, "There is currently a lease on the resource and no lease ID was specified in the request."),
    "LeaseIsBreakingAndCannotBeAcquired": (
        409,
        "The lease ID matched, but the lease is currently in breaking state and cannot be acquired until it is broken.",
    ),
    "LeaseIsBreakingAndCannotBeChanged": (
        409,
        "The lease ID matched, but the lease is currently in breaking state and cannot be changed.",
    ),
    "LeaseIsBrokenAndCannotBeRenewed": (
        409,
        "The lease ID matched, but the lease has been broken explicitly and cannot be renewed.",
    ),
    "LeaseLost": (412, "A lease ID was specified, but the lease for the resource has expired."),
    "LeaseNotPresentWithBlobOperation": (412, "There is currently no lease on the resource."),
    "LeaseNotPresentWithContainerOperation": (412, "There is currently no lease on the container."),
    "LeaseNotPresentWithLeaseOperation": (409, "There is currently no lease on the resource."),
    "Md5Mismatch": (400, "The MD5 value specified in the request did not match what the server calculated."),
    "MetadataTooLarge": (400, "The size of the specified metadata exceeds the maximum size permitted."),
    "MissingContentLengthHeader": (411, "The Content-Length header was not specified."),
    "MissingRequiredHeader": (400, "An HTTP header that's mandatory for this request is not specified."),
    "MissingRequiredQueryParameter": (400, "A query parameter that's mandatory for this request is not specified."),
    "OutOfRangeQueryParameterValue": (400, "A query parameter in the request URI is outside the permissible range."),
    "PathAlreadyExists": (409, "The specified path already exists."),
    "PathConflict": (409, "The specified path, or an element of the path, exists and its resource type is invalid."),
    "PathNotFound": (404, "The specified path does not exist."),
    "RenameDestinationParentPathNotFound": (404, "The parent directory of the destination path does not exist."),
    "ResourceTypeMismatch": (409, "The resource type is invalid for this operation."),
    "SourceConditionNotMet": (412, "The source condition specified using HTTP conditional header(s) is not met."),
    "SourcePathNotFound": (404, "The source path for a rename operation does not exist."),
    "UnsupportedHeader": (400, "One of the headers specified in the request is not supported."),
    "UnsupportedHttpVerb": (405, "The resource doesn't support the specified HTTP verb."),
    "UnsupportedQueryParameter": (400, "One of the query parameters in the request URI is not supported."),
    "UnsupportedRestVersion": (400, "The specified REST version is unsupported."),
}


class StorageError(Exception):
    """A refusal before it has a protocol's shape. ``detail`` is added to the message."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        status: int | None = None,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        known = KNOWN.get(code, (500, code))
        self.code = code
        self.status = known[0] if status is None else status
        self.message = " ".join(part for part in (message or known[1], detail) if part)
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {self.message}")


def shape(cloud: Cloud, error: StorageError, protocol: str) -> Response:
    """The answer in the protocol ``dfs`` (JSON) or ``blob`` (XML), with the code in ``x-ms-error-code``."""
    code, message = error.code, error.message
    if protocol == "blob" and code in BLOB_CODES:
        code, message = BLOB_CODES[code]
    request_id = cloud.new_id()
    full = f"{message}\nRequestId:{request_id}\nTime:{cloud.clock.iso()}"
    headers = {"x-ms-error-code": code, "x-ms-request-id": request_id, **error.headers}
    if error.status == 304:
        return Response(304, b"", headers)
    if protocol == "dfs":
        body = orjson.dumps({"error": {"code": code, "message": full}})
        return Response(error.status, body, {"content-type": "application/json;charset=utf-8", **headers})
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(full)}</Message></Error>"
    )
    return Response(error.status, text.encode(), {"content-type": "application/xml", **headers})
