"""A rule: something that a real service refuses or does, with the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Evidence = Literal["M", "E", "C", "D", "I"]
EVIDENCE = {
    "M": "measured by others on a real tenant with one trial capacity, 10 and 11 August 2026",
    "E": "captured from the real Entra, 13 August 2026",
    "C": "seen of an unmodified vendor client",
    "D": "documented by the vendor",
    "I": "inferred: the stricter of what could be",
}
"""What the letters mean, strongest first."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Its id begins with the service, such as ``fabric.names.unique``."""

    id: str
    evidence: Evidence
    text: str

    @property
    def service(self) -> str:
        """fabric, unity_catalog, arm, storage, sql or entra."""
        return self.id.partition(".")[0]


def table(text: str) -> tuple[Rule, ...]:
    """Rules written one to a line: ``id evidence text``. Raises ``ValueError`` for a line that isn't."""
    return tuple(_rule(line) for line in text.strip().splitlines())


def _rule(line: str) -> Rule:
    rule_id, evidence, text = line.split(maxsplit=2)
    if evidence not in get_args(Evidence):
        raise ValueError(f"{rule_id}: the evidence {evidence!r} is none of {', '.join(EVIDENCE)}")
    return Rule(rule_id, evidence, text)  # type: ignore[arg-type]  # checked above
