"""Plans and results as Markdown: complete, and not to be broken by what the clouds hold."""

from __future__ import annotations

from unity_mirror.plan.model import (
    Action,
    Change,
    Check,
    LeftOut,
    Outcome,
    Plan,
    Reason,
    Remedy,
    Scope,
    ScopeKind,
    StepName,
    StepPlan,
)
from unity_mirror.plan.render_markdown import (
    StepOutcome,
    changes_table,
    checks_text,
    done_text,
    left_out_rows,
    outcome_rows,
    plan_markdown,
    table,
)

GRANT = Remedy("Grant it.", ("GRANT USE CATALOG ON CATALOG sales TO `a|b`",))


def _check(outcome: Outcome, kind: ScopeKind = ScopeKind.CATALOG) -> Check:
    return Check("x", "May be read", Scope(kind, "sales"), outcome, "a | b", GRANT)


def _change(action: Action, kind: str, name: str, **values: object) -> Change:
    return Change(StepName.MIRROR, action, kind, name, "it differs", after=values)


def _plan(*steps: StepPlan) -> Plan:
    return Plan("sales_eu", "Sales <Analytics>", steps)


def test_a_plan_with_nothing_to_do_says_so() -> None:
    text = plan_markdown(_plan(StepPlan(StepName.MIRROR)))
    assert text.startswith("# Plan for catalog sales\\_eu\n")
    assert "Fabric workspace: Sales &lt;Analytics>. Nothing to do." in text
    assert "## Changes\n\nNothing to do: the clouds already hold what the spec asks for." in text
    assert "## Left out" not in text


def test_changes_show_action_reason_and_both_values() -> None:
    change = Change(
        StepName.MIRROR, Action.UPDATE, "Item", "sales", "autoSync differs", {"autoSync": False}, {"autoSync": True}
    )
    text = plan_markdown(_plan(StepPlan(StepName.MIRROR, (change,))))
    assert "| Mirror | update Item | sales | autoSync differs | autoSync: no → yes |" in text
    assert "1 to update." in text


def test_what_stops_a_plan_comes_first_with_commands_to_paste() -> None:
    text = plan_markdown(_plan(StepPlan(StepName.PREREQUISITES, checks=(_check(Outcome.FAILED),))))
    assert text.index("## What stops it") < text.index("## Changes")
    assert "```\nGRANT USE CATALOG ON CATALOG sales TO `a|b`\n```" in text


def test_failed_checks_come_before_passed_ones_and_cells_are_escaped() -> None:
    checks = (_check(Outcome.PASSED), _check(Outcome.UNKNOWN, ScopeKind.TABLE))
    lines = [
        line
        for line in plan_markdown(_plan(StepPlan(StepName.MIRROR, checks=checks))).splitlines()
        if "a \\| b" in line
    ]
    assert lines[0] == (
        "| May be read | table sales | **unknown** | a \\| b "
        "| Grant it. GRANT USE CATALOG ON CATALOG sales TO `a\\|b` |"
    )
    assert lines[1] == "| May be read | catalog sales | passed | a \\| b |  |"


def test_done_in_the_past_tense_one_by_name_and_many_counted() -> None:
    one = _change(Action.CREATE, "Lakehouse", "lake")
    many = [_change(Action.CREATE, "OneLake shortcut", f"lake/t{number}") for number in range(5)]
    assert done_text([one, *many]) == (
        "created Lakehouse lake; created 5 OneLake shortcuts (lake/t0, lake/t1, lake/t2 and 2 more)"
    )
    assert done_text([]) == "nothing to do"


def test_steps_that_only_look_say_what_they_found() -> None:
    rows = outcome_rows(
        [
            StepOutcome(StepPlan(StepName.PREREQUISITES, checks=(_check(Outcome.PASSED),)), seconds=0.26),
            StepOutcome(StepPlan(StepName.SQL_ENDPOINT), notes=("Slow.",)),
            StepOutcome(StepPlan(StepName.VERIFICATION, checks=(_check(Outcome.PASSED), _check(Outcome.FAILED)))),
        ]
    )
    assert [(row["Step"], row["What it did"]) for row in rows] == [
        ("Prerequisites", "1 check passed; nothing to do"),
        ("SQL endpoint", "nothing to do"),
        ("Verification", "checks: 1 passed, 1 failed"),
    ]
    assert (rows[0]["Seconds"], rows[1]["Remarks"]) == ("0.3", "Slow.")
    assert checks_text([_check(Outcome.UNKNOWN)]) == "checks: 1 unknown"


def test_left_out_rows_carry_reason_and_remedy() -> None:
    (row,) = left_out_rows([LeftOut("orders.v", Reason.NO_PRIVILEGE, "lacks SELECT", GRANT)])
    assert row["Why"] == "no privilege"
    assert row["What to do"].startswith("Grant it. GRANT")


def test_a_table_leaves_empty_columns_out_and_keeps_lines_whole() -> None:
    assert table([]) == ""
    assert table([{"A": "x\ny", "B": ""}]) == "| A |\n| --- |\n| x y |"


def test_a_long_name_can_be_broken_in_a_narrow_page_also_where_it_has_no_signs() -> None:
    name = "UnityMirror_analysts_4444000000004000800000000000d002"
    change = Change(StepName.ACCESS_ROLES, Action.CREATE, "OneLake data access role", name, "it isn't there")
    (row,) = [line for line in changes_table([change]).splitlines() if "Mirror" in line]
    shown = row.split(" | ")[2]
    assert shown.replace("\u200b", "") == name
    assert max(len(part) for part in shown.split("\u200b")) <= 17
