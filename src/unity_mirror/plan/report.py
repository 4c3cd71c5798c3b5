"""A run as one page of HTML that needs nothing else: no server, no script, no font."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from unity_mirror.plan.model import StepName

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #d7dbe0}h3{font-size:1rem}
table{border-collapse:collapse;width:100%;margin:.6rem 0 1.2rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem}
th{font-weight:600;border-bottom:2px solid #d7dbe0}td{border-bottom:1px solid #eceef1;overflow-wrap:break-word}
td.long{overflow-wrap:anywhere;min-width:16rem}td.n{font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}summary{cursor:pointer;font-weight:600;margin:.6rem 0}
.ok{color:#17692e}.bad{color:#b3261e;font-weight:600}.dim{color:#656d76}
code{font-size:.9em;background:#f3f4f6;padding:0 .2em}
@media(prefers-color-scheme:dark){body{background:#14171a;color:#e4e7ea}code{background:#22272c}th,h2{border-color:#3a4149}
td{border-color:#262b31}.ok{color:#6fce87}.bad{color:#ff8a80}.dim{color:#9aa4ae}}
"""


_LONG = 30
_WIDTHS = dict.fromkeys(("values", "notes", "evidence", "what to do", "detail", "why", "message", "hint"), "long")


def report_page(run: Mapping[str, Any]) -> str:
    """The page. ``run`` is what ``run.json`` holds, already plain JSON."""
    catalogs: Sequence[Mapping[str, Any]] = run.get("catalogs") or ()
    title = f"unity-mirror {run['command']}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{_verdict(run)} · finished {escape(str(run['finished_at']))} · {run['seconds']} s</p>",
        *(_catalog(each) for each in catalogs),
        _section("Calls", ("service", "method", "effect", "calls"), run.get("calls") or (), level=2),
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _verdict(run: Mapping[str, Any]) -> str:
    words = {0: '<span class="ok">done</span>', 2: "changes are pending"}
    return words.get(run["exit_code"], '<span class="bad">failed</span>')


def _catalog(document: Mapping[str, Any]) -> str:
    steps: Sequence[Mapping[str, Any]] = document.get("steps") or ()
    verification = document.get("verification")
    looked = [verification] if isinstance(verification, Mapping) else []
    told = [*steps, *(each for each in looked if each.get("notes"))]
    parts = (
        *_head(document),
        _section("Steps", ("step", "changes", "seconds", "notes"), map(_step_row, told)),
        _section("Changes", ("step", "change", "name", "why", "values"), _change_rows(steps)),
        _section("Would be deleted with --prune", ("kind", "name", "reason"), document.get("would_prune") or ()),
        *_checks(document),
        _left_out(document),
        *(part for step in [*steps, *looked] for part in _seen(step)),
    )
    return "".join(parts)


def _head(document: Mapping[str, Any]) -> Iterable[str]:
    """Which catalog it is, and what stopped the run."""
    name = str(document.get("catalog") or document.get("error") or "")
    where = f' <span class="dim">in {escape(str(document["workspace"]))}</span>' if document.get("workspace") else ""
    yield f"<h2>{escape(name)}{where}</h2>"
    if document.get("error"):
        yield f'<p class="bad">{escape(str(document["message"]))}</p>'
        yield from (f"<p>{escape(str(document[key]))}</p>" for key in ("why", "remedy") if document.get(key))
        yield _section("Problems", ("path", "message", "hint"), document.get("problems") or ())


def _checks(document: Mapping[str, Any]) -> Iterable[str]:
    columns = ("check", "about", "outcome", "evidence", "what to do")
    rows = list(_check_rows(document))
    passed = [each for each in rows if each["outcome"] == "passed"]
    yield _section("Checks", columns, [each for each in rows if each["outcome"] != "passed"])
    yield _folded("Checks that passed", columns[:-1], passed, closed=True)


def _left_out(document: Mapping[str, Any]) -> str:
    rows = [{**each, "reason": str(each["reason"]).replace("_", " ")} for each in document.get("left_out") or ()]
    return _section("Left out", ("subject", "reason", "detail"), rows)


def _seen(step: Mapping[str, Any]) -> Iterable[str]:
    """A step's tables and its picture."""
    for table in step.get("tables") or ():
        rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
        yield _folded(str(table["title"]), table["columns"], rows)
    if step.get("picture"):
        yield f'<div style="overflow:auto">{step["picture"]}</div>'


def _step_row(step: Mapping[str, Any]) -> dict[str, Any]:
    seconds = f"{step['seconds']:.1f}" if step.get("seconds") else ""
    notes = tuple(map(str, step.get("notes") or ()))
    return {"step": _label(step["step"]), "changes": len(step["changes"]) or "", "seconds": seconds, "notes": notes}


def _label(step: str) -> str:
    return StepName(step).label


def _change_rows(steps: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for step in steps:
        for change in step["changes"]:
            yield {
                "step": _label(step["step"]),
                "change": f"{change['action']} {change['kind']}",
                "name": change["name"],
                "why": change["reason"],
                "values": _values(change["before"], change["after"]),
            }


def _values(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """One line for each value; of long lists what came and what went."""
    return tuple(f"{name}: {_difference(before, after, name)}" for name in dict.fromkeys((*before, *after)))


def _difference(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> str:
    sides = [_value(side[name]) for side in (before, after) if name in side]
    if len(sides) == 2 and all("," in side for side in sides):
        old, new = (side.split(",") for side in sides)
        return "  ".join(
            (*(f"+{each}" for each in new if each not in old), *(f"-{each}" for each in old if each not in new))
        )
    return " → ".join(sides)


def _value(value: Any) -> str:
    return "(known after apply)" if isinstance(value, Mapping) and "after_apply" in value else str(value)


def _check_rows(document: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    verification = document.get("verification") or ()
    found = list(verification["checks"] if isinstance(verification, Mapping) else verification)
    found += [check for step in document.get("steps") or () for check in step.get("checks") or ()]
    for check in sorted(found, key=lambda each: each["outcome"] == "passed"):
        remedy = check.get("remedy") or {}
        yield {
            "check": check["title"],
            "about": f"{check['scope']['kind']} {check['scope']['name']}",
            "outcome": check["outcome"],
            "evidence": check["evidence"],
            "what to do": ""
            if check["outcome"] == "passed"
            else " ".join((remedy.get("text", ""), *remedy.get("commands", ()))),
        }


def _section(title: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], level: int = 3) -> str:
    """A heading and a table; nothing without rows."""
    cells = "".join("<tr>" + "".join(_cell(name, row.get(name, "")) for name in columns) + "</tr>" for row in rows)
    head = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
    table = f'<div class="wide"><table><tr>{head}</tr>{cells}</table></div>'
    return f"<h{level}>{escape(title)}</h{level}>{table}" if cells else ""


def _folded(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, closed: bool = False) -> str:
    """A table that is closed at first when it is long, or anyway."""
    section = _section(title, columns, rows)
    is_open = " open" if len(rows) <= _LONG and not closed else ""
    counted = f"{escape(title)} ({len(rows)})"
    return f"<details{is_open}><summary>{counted}</summary>{section.partition('</h3>')[2]}</details>" if section else ""


def _cell(name: str, value: Any) -> str:
    lines = value if isinstance(value, tuple) else (value,)
    text = "<br>".join(escape(str(line)) for line in lines)
    kinds = {"passed": "ok", "failed": "bad", "unknown": "bad"} if name == "outcome" else {}
    kind = kinds.get(str(value)) or ("n" if isinstance(value, int) else _WIDTHS.get(name, ""))
    return f'<td class="{kind}">{text}</td>' if kind else f"<td>{text}</td>"
