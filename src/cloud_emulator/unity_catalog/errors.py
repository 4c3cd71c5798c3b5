"""Databricks' errors: ``{error_code, message, details}``."""

from __future__ import annotations

from cloud_emulator.core.http import Refusal, Response, json_response
from cloud_emulator.unity_catalog.access import UcDenial

_STATUS = {
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "EXTERNAL_ACCESS_DISABLED_ON_METASTORE": 403,
    "INVALID_PARAMETER_VALUE": 400,
    "MALFORMED_REQUEST": 400,
    "SCHEMA_NOT_EMPTY": 400,
    "SCHEMA_ALREADY_EXISTS": 409,
    "TABLE_ALREADY_EXISTS": 409,
    "NOT_IMPLEMENTED": 501,
}


def refuse(code: str, message: str) -> Refusal:
    """The refusal with that error code; codes that end in ``DOES_NOT_EXIST`` are 404."""
    status = 404 if code.endswith("DOES_NOT_EXIST") else _STATUS[code]
    return Refusal(error(status, code, message))


def error(status: int, code: str, message: str) -> Response:
    """An error's answer."""
    return json_response(status, {"error_code": code, "message": message, "details": []})


def denied(denial: UcDenial) -> Refusal:
    """A rule's denial as a refusal."""
    return refuse(denial.code, denial.message)


def invalid(message: str) -> Refusal:
    """A parameter or field that is not as documented."""
    return refuse("INVALID_PARAMETER_VALUE", message)
