"""Entra's refusals, in the shape captured from the real service."""

from __future__ import annotations

import uuid

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Refusal, json_response


def refuse(cloud: Cloud, status: int, error: str, number: int, message: str) -> Refusal:
    """A refusal with its AADSTS number."""
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = cloud.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
    document = {
        "error": error,
        "error_description": (
            f"AADSTS{number}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
        ),
        "error_codes": [number],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
    }
    if not cloud.rules.on("entra.errors.fields"):
        document = {name: document[name] for name in ("error", "error_description")}
    return Refusal(json_response(status, document))
