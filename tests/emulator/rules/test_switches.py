"""Each rule has a test that breaks it, and that test fails when the rule is off."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from cloud_emulator.core.rules import RULES
from tests.emulator.rules.registry import BREAKING
from tests.emulator.rules.world import World

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "src" / "cloud_emulator"
for _module in sorted(HERE.glob("test_*.py")):
    if _module != Path(__file__):
        import_module(f"tests.emulator.rules.{_module.stem}")


@pytest.mark.parametrize("rule", sorted(RULES))
async def test_without_its_rule_a_test_fails(shared_world: World, rule: str) -> None:
    assert rule in BREAKING, f"no test breaks {rule}"
    for test in BREAKING[rule]:
        await shared_world.reset(rule)
        with pytest.raises(AssertionError):
            await test(shared_world)


def test_tests_break_known_rules_only() -> None:
    assert sorted(BREAKING.keys() - RULES.keys()) == []


def test_each_rule_is_asked_for_in_the_code_and_no_other() -> None:
    files = [path for path in SOURCE.rglob("*.py") if "rules" not in path.parts]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    services = "|".join(sorted({rule.service for rule in RULES.values()}))
    asked = set(re.findall(rf'on\("((?:{services})\.[a-z_]+\.[a-z_]+)"\)', text))
    assert sorted(asked - RULES.keys()) == []
    assert [rule for rule in RULES if f'"{rule}"' not in text] == []


async def test_an_unknown_rule_cant_be_switched_off(shared_world: World) -> None:
    answer = await shared_world.control("PUT", "settings", {"rules_off": ["fabric.no.such"]})
    assert answer.status == 400
    assert "fabric.no.such" in answer.text
