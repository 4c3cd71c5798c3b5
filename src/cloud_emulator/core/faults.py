"""Faults by rule: what a test wants to go wrong, and when."""

from __future__ import annotations

import logging
import os
import re
import signal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cloud_emulator.core.http import Request
from cloud_emulator.core.pressure import ServiceName

logger = logging.getLogger("cloud_emulator")

Action = Literal["status", "reset", "hang", "half_body", "fail_operation", "forget_operation", "kill"]
LOST = frozenset({"reset", "half_body", "hang", "kill"})
"""Actions after which the client has no whole answer."""
ON_OPERATIONS = frozenset({"fail_operation", "forget_operation"})


class FaultRule(BaseModel):
    """One rule. Omitted conditions match everything; a rule counts only the requests that it matches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: ServiceName | None = None
    method: str | None = Field(None, description="HTTP method, or LOGIN, BATCH or RPC for SQL; in any case.")
    path: str | None = Field(
        None,
        description="Regular expression, searched for in the path as it was sent; for SQL, in the database's name.",
    )
    nth: int | None = Field(None, ge=1, description="Only the nth matching request; otherwise all of them.")
    times: int | None = Field(None, ge=1, description="At most this many times.")
    when: Literal["before", "after"] = Field("before", description="Before the request has its effect, or after it.")
    action: Action = Field(
        "status",
        description="status: answer with an error. reset: cut the connection. hang: never answer. half_body: cut it in "
        "the middle of the answer. fail_operation: the long-running operation that the request starts fails, with its "
        "effect (after) or without (before). forget_operation: it can't be asked for. kill: end the process pid with "
        "SIGKILL and cut the connection.",
    )
    status: int = Field(503, ge=100, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = Field(None, description="JSON document to answer with; null: the service's own words for the status.")
    sql_error: int = Field(40613, ge=1, description="With status, where it strikes SQL: the number of the error.")
    error_code: str = Field("UnknownError", description="With fail_operation: the operation's errorCode.")
    error_message: str = Field(
        "An unexpected error occurred.", description="With fail_operation, and in SQL: its message."
    )
    pid: int | None = Field(None, ge=2, description="With kill: the process to end. Loopback clients only.")

    @field_validator("path")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _names_a_process(self) -> FaultRule:
        if (self.action == "kill") != (self.pid is not None):
            raise ValueError("the action kill needs a pid, and no other takes one")
        if self.pid == os.getpid():
            raise ValueError("the emulator does not end itself")
        return self

    def end_process(self) -> None:
        """Ends the process that the rule names, if it is still there."""
        try:
            os.kill(self.pid or os.getpid(), signal.SIGKILL)
        except ProcessLookupError:
            logger.warning("The process %s, which a fault was to end, had ended before.", self.pid)

    def matches(self, service: str, request: Request) -> bool:
        """Whether the rule is about this request."""
        return (
            self.service in (None, service)
            and (self.method is None or self.method.upper() == request.method)
            and (self.path is None or re.search(self.path, request.raw_path) is not None)
        )


class Faults:
    """The rules in force, and how often each has matched."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._matched: list[int] = []
        self._fired: list[int] = []

    def set(self, rules: list[FaultRule]) -> None:
        """Replaces all rules and starts counting anew."""
        self._rules = rules
        self._matched = [0] * len(rules)
        self._fired = [0] * len(rules)

    def counts(self) -> list[dict[str, Any]]:
        """Each rule, with how many requests it matched and how many it struck."""
        return [
            {**rule.model_dump(mode="json", exclude_defaults=True), "matched": matched, "struck": struck}
            for rule, matched, struck in zip(self._rules, self._matched, self._fired, strict=True)
        ]

    def pick(self, service: str, request: Request) -> FaultRule | None:
        """The first rule that strikes this request. Call once for each request."""
        struck: FaultRule | None = None
        for position, rule in enumerate(self._rules):
            if not rule.matches(service, request):
                continue
            self._matched[position] += 1
            if struck is None and self._strikes(position, rule):
                self._fired[position] += 1
                struck = rule
        return struck

    def _strikes(self, position: int, rule: FaultRule) -> bool:
        in_turn = rule.nth is None or rule.nth == self._matched[position]
        return in_turn and (rule.times is None or self._fired[position] < rule.times)
