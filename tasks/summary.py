"""What came out of a catalog's run, on one page: how it ended, where to look, what to do, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tasks.report import Link, Report
from unity_mirror.plan.model import Check, LeftOut
from unity_mirror.plan.render_markdown import escaped, table

_MOST = 20
"""A page is for reading; the artifacts beside it hold everything."""


def summary_markdown(report: Report, ended: str) -> str:
    """The page, as Markdown, for a run that ended with these words."""
    parts = (
        f"# {escaped(report.catalog)} in Microsoft Fabric",
        escaped(ended.partition("\n")[0]),
        _section("Look at it in Fabric", _links(report.links)),
        _section("What to do", _checks(report.checks)),
        _section("Left out", _left_out(report.left_out)),
    )
    return "\n\n".join(part for part in parts if part)


def warnings(report: Report) -> Iterator[str]:
    """The checks that did not pass, for the run's log: one line each."""
    for row in report.check_rows[:_MOST]:
        remedy = f" What to do: {row['What to do']}" if row["What to do"] else ""
        yield f"{row['Check']} ({row['About']}): {row['Outcome']}. {row['Evidence']}{remedy}"
    if len(report.check_rows) > _MOST:
        yield f"And {len(report.check_rows) - _MOST} more checks that did not pass; the artifact of the checks has all."


def _links(links: Iterable[Link]) -> str:
    return "\n".join(f"- [{escaped(link.text)}]({link.url})" for link in links)


def _checks(checks: Sequence[Check]) -> str:
    blocks = [_check(check) for check in checks[:_MOST]]
    more = len(checks) - len(blocks)
    return "\n\n".join([*blocks, *([f"… and {more} more."] if more else [])])


def _check(check: Check) -> str:
    lines = [
        f"**{escaped(check.title)}**, {escaped(str(check.scope))}: {check.outcome.value}. {escaped(check.evidence)}"
    ]
    if check.remedy:
        lines.append(escaped(check.remedy.text))
        lines += [f"```\n{command}\n```" for command in check.remedy.commands]
    return "\n\n".join(lines)


def _left_out(left_out: Sequence[LeftOut]) -> str:
    """By reason, the most frequent first."""
    by_reason: dict[str, list[str]] = {}
    for each in left_out:
        by_reason.setdefault(each.reason.value, []).append(each.subject)
    reasons = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    return table([{"Why": why, "Number": str(len(names)), "What": _some(names)} for why, names in reasons])


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""
