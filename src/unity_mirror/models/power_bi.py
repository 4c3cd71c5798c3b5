"""What Power BI's API says about refreshes of semantic models."""

import json

from pydantic import Field

from unity_mirror.models.base import CamelModel


class RefreshMessage(CamelModel):
    """One message of a refresh; ``type`` e.g. Error."""

    message: str = ""
    type: str = ""
    code: str | None = None


class Refresh(CamelModel):
    """A refresh: Unknown (running), NotStarted, InProgress, Completed, Failed, Disabled, Cancelled, TimedOut."""

    request_id: str = ""
    status: str = "Unknown"
    extended_status: str | None = None
    refresh_type: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    service_exception_json: str | None = None
    messages: tuple[RefreshMessage, ...] = Field(default=())

    @property
    def is_running(self) -> bool:
        """Tell whether it hasn't ended yet."""
        return self.status in {"Unknown", "NotStarted", "InProgress"}

    @property
    def why(self) -> str:
        """Return what the service says went wrong, or an empty string."""
        texts = [message.message for message in self.messages if message.message]
        return "; ".join(texts) or _described(self.service_exception_json or "")


def _described(exception: str) -> str:
    """The description in a service exception, or all of it where it has none."""
    try:
        held = json.loads(exception or "{}")
    except ValueError:
        return exception
    described = held.get("errorDescription") or held.get("errorCode") if isinstance(held, dict) else None
    return str(described or exception)
