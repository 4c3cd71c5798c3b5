"""The table of rules in docs/emulator.md: ``python -m tests.emulator.rules.table`` writes it anew."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

from cloud_emulator.core.rules import EVIDENCE, RULES
from tests.emulator.rules.registry import BREAKING

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "emulator.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
NAMES = {
    "fabric": "Microsoft Fabric", "unity_catalog": "Unity Catalog", "arm": "Azure Resource Manager",
    "storage": "ADLS Gen2 and Blob storage", "sql": "SQL analytics endpoints", "entra": "Microsoft Entra ID",
}  # fmt: skip


def import_tests() -> None:
    """Imports every module of tests here, which fills ``BREAKING``."""
    for module in sorted(Path(__file__).parent.glob("test_*.py")):
        if module.stem not in ("test_switches", "test_outcomes"):
            import_module(f"tests.emulator.rules.{module.stem}")


def render() -> str:
    """The legend of evidence, and a table for each service."""
    import_tests()
    legend = [f"- **{letter}** {text}" for letter, text in EVIDENCE.items()]
    return "\n".join(
        [f"{len(RULES)} rules. Evidence:", "", *legend, *(line for name in NAMES for line in _section(name))]
    )


def _section(service: str) -> list[str]:
    head = ["", f"### {NAMES[service]}", "", "| id | evidence | rule | broken by |", "| --- | --- | --- | --- |"]
    rules = (rule for rule in RULES.values() if rule.service == service)
    return head + [f"| `{rule.id}` | {rule.evidence} | {rule.text} | {_tests(rule.id)} |" for rule in rules]


def _tests(rule: str) -> str:
    return ", ".join(f"`{Path(inspect.getfile(test)).name}::{test.__name__}`" for test in BREAKING.get(rule, ()))


def replaced(page: str) -> str:
    """The page with the present table between its marks. Raises ``ValueError`` when it has no marks."""
    before, found, rest = page.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"{PAGE.name} has no place for the rules: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{render()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
