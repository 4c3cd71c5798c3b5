"""What a terminal shows of values and tables."""

from __future__ import annotations

import io

from unity_mirror.cli.output import Output
from unity_mirror.cli.tables import show_tables
from unity_mirror.plan.model import DataTable

ENGINES = DataTable(
    "Who can read it",
    ("Table", "SQL endpoint", "Direct Lake", "Spark", "KQL", "In the way", "Seen in"),
    (
        ("orders.slots", "no", "no", "yes", "yes", "TIMESTAMP_NTZ", "Delta log"),
        ("orders.lines", "yes", "yes", "yes", "yes", "", "Delta log"),
    ),
    frozenset({0}),
)


def shown(*tables: DataTable) -> str:
    output = Output(as_json=True)
    output.console.file = io.StringIO()
    show_tables(output.console, tables)
    return output.console.file.getvalue()


def test_a_table_too_wide_for_a_terminal_is_told_row_by_row() -> None:
    assert shown(ENGINES).splitlines() == [
        "  Who can read it",
        "  orders.slots",
        "      no: SQL endpoint, Direct Lake",
        "      yes: Spark, KQL",
        "      In the way: TIMESTAMP_NTZ",
        "      Seen in: Delta log",
        "  1 other table: nothing to say",
    ]


def test_what_the_rows_are_is_said_by_the_first_heading() -> None:
    access = DataTable("Who reads", ("Principal", "Reads"), (("a", "all 2"), ("b", "none")))
    assert shown(access) == "  Who reads: 2 principals: nothing to say\n"


def test_an_acl_is_not_taken_for_an_emoji() -> None:
    output = Output(as_json=True)
    output.console.file = io.StringIO()
    output.console.print("default:mask::rwx")
    assert output.console.file.getvalue() == "default:mask::rwx\n"
