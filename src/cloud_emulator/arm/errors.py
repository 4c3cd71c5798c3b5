"""Azure Resource Manager's errors: ``{"error": {"code", "message"}}``."""

from __future__ import annotations

from cloud_emulator.core.http import Refusal, json_response


def refuse(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Refusal:
    """A refusal in ARM's shape."""
    return Refusal(json_response(status, {"error": {"code": code, "message": message}}, headers))


def invalid_content(message: str) -> Refusal:
    """A body that is not as documented."""
    return refuse(400, "InvalidRequestContent", f"The request content was invalid: {message}")


def resource_not_found(kind: str, name: str, group: str) -> Refusal:
    """A resource that isn't there. ``kind`` is its full type."""
    return refuse(
        404, "ResourceNotFound", f"The Resource '{kind}/{name}' under resource group '{group}' was not found."
    )
