"""The rules of the emulated services as data, and whether each is in force.

Code that judges a rule asks ``cloud.rules.on(ID)``. All rules are on unless ``rules_off`` of the settings names them,
which is for tests: a test that breaks a rule must fail when the rule is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.rules import arm, entra, fabric, fabric_mirroring, sql, storage, unity_catalog
from cloud_emulator.core.rules.model import EVIDENCE, Evidence, Rule

__all__ = ["ALL_ON", "EVIDENCE", "RULES", "Evidence", "Rule", "Rules"]

_TABLES = (
    entra.RULES, fabric.RULES, fabric_mirroring.RULES, sql.RULES, unity_catalog.RULES, arm.RULES, storage.RULES,
)  # fmt: skip
RULES: Mapping[str, Rule] = {rule.id: rule for rules in _TABLES for rule in rules}
"""Every rule by id."""


class Rules:
    """Which rules are in force; kept in the settings, so that it survives a restart and ends with a reset."""

    def __init__(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        self._settings = settings

    def on(self, rule_id: str) -> bool:
        """Whether a rule is in force. Costs two look-ups."""
        behaviour = self._settings.get("behaviour")
        return behaviour is None or rule_id not in behaviour.get("rules_off", ())

    def as_they_are(self) -> Rules:
        """The same, kept from changing: for other threads."""
        return Rules({"behaviour": self._settings.get("behaviour") or {}})


ALL_ON = Rules({})
"""Every rule in force, for what is judged outside of a cloud."""
