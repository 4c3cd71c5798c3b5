"""Everything that this library raises on purpose.

UnityMirrorError
├── SpecError               the spec is invalid by itself; no request was sent
├── SettingsError           an environment variable or a setting is unusable
├── CredentialError         a secret is missing, or signing in was refused
├── CloudError              a cloud answered, and said no
│   ├── NotFound
│   ├── PermissionDenied
│   ├── Unauthenticated
│   ├── Conflict            the state there is against it
│   │   └── AlreadyExists
│   ├── PreconditionFailed  an ETag no longer matches
│   ├── InvalidRequest
│   ├── Throttled           still throttled when patience ended
│   ├── ServiceUnavailable  a server fault, or no connection
│   ├── FirewallDenied      a storage firewall turned this machine away
│   ├── NotSupported        the server has no such operation
│   └── OperationFailed     a long-running operation ended in failure
├── DeadlineExceeded        something took longer than it may
├── PlanOutgrown            what is there now needs more than the plan that was approved
├── PrerequisiteFailed      a prerequisite of the whole catalog failed
└── UnexpectedError         what nobody foresaw, told without secrets
"""

from collections.abc import Sequence
from dataclasses import dataclass


class UnityMirrorError(Exception):
    """A failure that a person can read: what happened, where, why, and what to do next.

    ``str()`` gives ``what (where): why. What to do: remedy``, leaving out what isn't known.
    """

    def __init__(self, message: str, *, where: str = "", why: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        text = self.message
        if self.where:
            text += f" ({self.where})"
        if self.why:
            text += f": {self.why}"
        if self.remedy:
            text = f"{text.rstrip('.')}. What to do: {self.remedy}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling, which Prefect does to the exceptions of subprocesses."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[UnityMirrorError], args: tuple[object, ...], state: dict[str, object]) -> UnityMirrorError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


@dataclass(frozen=True, slots=True)
class SpecProblem:
    """One thing wrong with a spec: the field's ``path``, what is wrong, and a hint (may be empty).

    ``line`` (from 1; 0 when it isn't known) is where the field stands, or what it is missing in; ``file`` is given when
    that is another than the spec's own, such as an overlay.
    """

    path: str
    message: str
    hint: str = ""
    line: int = 0
    file: str = ""

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.file, f"line {self.line}" if self.line else "") if part)
        where = f"{self.path} ({place})" if place else self.path
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class SpecError(UnityMirrorError):
    """The spec is invalid by itself. ``problems`` lists all that was found, each with its field's path."""

    def __init__(self, problems: Sequence[SpecProblem], *, where: str = "", remedy: str = "") -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"the spec has {count}", where=where, remedy=remedy)

    def __str__(self) -> str:
        heading = f"{self.message} ({self.where})" if self.where else self.message
        lines = [f"{heading}:", *(f"  {problem}" for problem in self.problems)]
        if self.remedy:
            lines.append(f"What to do: {self.remedy}")
        return "\n".join(lines)


class SettingsError(UnityMirrorError):
    """An environment variable or a setting is unusable; the message names it."""


class CredentialError(UnityMirrorError):
    """A secret is missing, or signing in was refused. Never carries the secret."""


class CloudError(UnityMirrorError):
    """A cloud answered, and said no.

    ``service`` and ``operation`` say what was asked of whom; ``status`` is the HTTP status, 0 when there was no answer;
    ``code`` is the service's own error code, ``request_id`` what its support asks for, ``retriable`` what it says of
    trying again, ``details`` its further messages.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str = "",
        operation: str = "",
        status: int = 0,
        code: str = "",
        request_id: str = "",
        retriable: bool = False,
        details: Sequence[str] = (),
        where: str = "",
        why: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message, where=where or _where(service, operation, request_id), why=why, remedy=remedy)
        self.service = service
        self.operation = operation
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retriable = retriable
        self.details = tuple(details)


def _where(service: str, operation: str, request_id: str) -> str:
    place = " ".join(part for part in (service, operation) if part)
    return ", ".join(part for part in (place, f"request id {request_id}" if request_id else "") if part)


class NotFound(CloudError):
    """There is no such thing, or we may not know that there is."""


class PermissionDenied(CloudError):
    """We are known, and may not."""


class Unauthenticated(CloudError):
    """The token isn't accepted."""


class Conflict(CloudError):
    """The state of the resource is against it: a sync runs, a name isn't free yet."""


class AlreadyExists(Conflict):
    """A live thing has this name or does this already."""


class PreconditionFailed(CloudError):
    """It changed since it was read: the ETag no longer matches."""


class InvalidRequest(CloudError):
    """The service doesn't take what was asked."""


class Throttled(CloudError):
    """Too many requests, and no patience left."""


class ServiceUnavailable(CloudError):
    """A server fault, or no connection at all."""


class FirewallDenied(CloudError):
    """A storage firewall turned this machine away; it says nothing about rights."""


class NotSupported(CloudError):
    """The server has no such operation or feature."""


class OperationFailed(CloudError):
    """A long-running operation was accepted and ended in failure; ``retriable`` is the service's isRetriable."""


class DeadlineExceeded(UnityMirrorError):
    """Something took longer than it may: what was waited for, its last known status, and for how many seconds."""

    def __init__(self, waited_for: str, last_status: str, seconds: float, *, where: str = "", remedy: str = "") -> None:
        self.waited_for = waited_for
        self.last_status = last_status
        self.seconds = seconds
        message = f"gave up waiting for {waited_for} after {seconds:.0f} s"
        super().__init__(message, where=where, why=f"its last status was {last_status}", remedy=remedy)


class PlanOutgrown(UnityMirrorError):
    """What is there now needs more than the plan that was approved: make a new plan."""


class PrerequisiteFailed(UnityMirrorError):
    """Prerequisites of the whole catalog failed, so nothing was written. ``checks`` are the failed ones."""

    def __init__(self, message: str, checks: Sequence[object] = (), *, where: str = "", remedy: str = "") -> None:
        self.checks = tuple(checks)
        super().__init__(message, where=where, remedy=remedy)


class UnexpectedError(UnityMirrorError):
    """An exception that nobody foresaw, in words without secrets; ``trace`` is its traceback, likewise."""

    trace: str = ""
