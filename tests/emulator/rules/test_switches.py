"""Each rule has a test that breaks it, and that test fails when the rule is off."""

from __future__ import annotations

import re

import pytest

from cloud_emulator.core.rules import RULES
from tests.emulator.rules.registry import BREAKING
from tests.emulator.rules.table import PAGE, ROOT, import_tests, replaced
from tests.emulator.rules.world import World

SOURCE = ROOT / "src" / "cloud_emulator"
import_tests()


@pytest.mark.parametrize("rule", sorted(RULES))
async def test_without_its_rule_a_test_fails(shared_world: World, rule: str) -> None:
    assert rule in BREAKING, f"no test breaks {rule}"
    for test in BREAKING[rule]:
        await shared_world.reset(rule)
        with pytest.raises((AssertionError, KeyError)):  # another answer, or one that lacks what was looked for
            await test(shared_world)


def test_tests_break_known_rules_only() -> None:
    assert sorted(BREAKING.keys() - RULES.keys()) == []


def test_each_rule_is_asked_for_in_the_code_and_no_other() -> None:
    files = [path for path in SOURCE.rglob("*.py") if "rules" not in path.parts]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    services = "|".join(sorted({rule.service for rule in RULES.values()}))
    asked = set(re.findall(rf'on\(\s*"((?:{services})\.[a-z_]+\.[a-z_]+)"', text))
    assert sorted(asked - RULES.keys()) == []
    assert [rule for rule in RULES if f'"{rule}"' not in text] == []


async def test_an_unknown_rule_cant_be_switched_off(shared_world: World) -> None:
    answer = await shared_world.control("PUT", "settings", {"rules_off": ["fabric.no.such"]})
    assert answer.status == 400
    assert "fabric.no.such" in answer.text


async def test_a_reset_switches_rules_on_again(shared_world: World) -> None:
    await shared_world.reset("fabric.names.unique")
    await shared_world.reset()
    assert (await shared_world.control("GET", "settings")).ok()["rules_off"] == []


def test_the_page_tells_of_each_rule() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == replaced(page), "write it anew: python -m tests.emulator.rules.table"
