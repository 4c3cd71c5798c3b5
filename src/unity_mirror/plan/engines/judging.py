"""The judgement: can an engine read this table, and what is in the way?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from unity_mirror.models.delta import DeltaState
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.engines.facts import (
    BAD_IN_NAMES,
    ENGINES,
    FEATURES,
    LONGEST_TEXT,
    MOST_FILES,
    NAMED,
    NOT_AT_SQL_ENDPOINT,
    Engine,
    Feature,
    Guardrail,
)

FALLS_BACK = "Direct Lake falls back to DirectQuery"
"""How the remark on a table begins that is past the guardrails and answers all the same, slowly."""


class Verdict(StrEnum):
    """Whether an engine reads a table. ``UNDOCUMENTED``: it uses something of which nothing is said for the engine.

    ``UNKNOWN``: nobody could look.
    """

    YES = "yes"
    NO = "no"
    UNDOCUMENTED = "not documented"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Readability:
    """One table: what each engine makes of it and why, remarks for its users, and where the knowledge comes from."""

    ref: TableRef
    verdicts: Mapping[Engine, Verdict]
    reasons: Mapping[Engine, tuple[str, ...]]
    source: str
    remarks: tuple[str, ...] = ()
    state: DeltaState | None = None

    def obstacle(self, engine: Engine) -> str:
        """What is in the engine's way; empty when it reads the table, or nobody could look."""
        if self.verdicts[engine] in (Verdict.YES, Verdict.UNKNOWN):
            return ""
        return "; ".join(self.reasons[engine])

    @property
    def hindered(self) -> bool:
        """Whether something is known to be in an engine's way."""
        return any(verdict in (Verdict.NO, Verdict.UNDOCUMENTED) for verdict in self.verdicts.values())

    @property
    def plain(self) -> bool:
        """Whether every engine reads it and there is nothing to say."""
        return not self.remarks and all(verdict is Verdict.YES for verdict in self.verdicts.values())


def unknown(ref: TableRef, why: str) -> Readability:
    """A table that nobody could look at."""
    return Readability(
        ref, dict.fromkeys(ENGINES, Verdict.UNKNOWN), dict.fromkeys(ENGINES, (why,)), "-", tuple(_name_remarks(ref))
    )


def judge(
    ref: TableRef, state: DeltaState, guardrail: Guardrail | None = None, *, falls_back: bool = False
) -> Readability:
    """Judge a table. ``falls_back``: Direct Lake goes through the SQL endpoint, which answers past the guardrails."""
    past = tuple(past_guardrails(state, guardrail)) if guardrail else ()
    in_the_way = past if not falls_back else tuple(_past_framing(state))
    present = tuple(place for place, feature in enumerate(FEATURES) if feature.present(state))
    strange = tuple(sorted(state.reader_features - NAMED))
    verdicts, reasons = _by_engine(present, strange, in_the_way, state.complete)
    remarks = [*_name_remarks(ref), *_column_remarks(state)]
    if falls_back:
        remarks += [f"{FALLS_BACK}: {reason}" for reason in past]
    return Readability(ref, verdicts, reasons, state.source, tuple(remarks), state)


@lru_cache(maxsize=1024)
def _by_engine(
    present: tuple[int, ...], strange: tuple[str, ...], in_the_way: tuple[str, ...], complete: bool
) -> tuple[Mapping[Engine, Verdict], Mapping[Engine, tuple[str, ...]]]:
    """What each engine makes of the features at these places of ``FEATURES``, and why: of a catalog's thousands of
    tables, most are alike."""
    verdicts: dict[Engine, Verdict] = {}
    reasons: dict[Engine, tuple[str, ...]] = {}
    features = [FEATURES[place] for place in present]
    for engine in ENGINES:
        found = list(_obstacles(features, strange, engine))
        if engine is Engine.DIRECT_LAKE:
            found += [(Verdict.NO, reason) for reason in in_the_way]
        verdicts[engine] = _worst(found, complete)
        reasons[engine] = tuple(reason for _, reason in found) or _nothing_seen(complete)
    return verdicts, reasons


def past_guardrails(state: DeltaState, guardrail: Guardrail) -> Iterator[str]:
    """What of a table is past the guardrails. Each file holds at least one row group."""
    takes = f"{guardrail.of} takes"
    if state.files is not None and state.files > guardrail.files:
        yield f"{state.files:,} files and at least as many row groups; {takes} {guardrail.files:,} of either"
    elif state.row_groups is not None and state.row_groups > guardrail.row_groups:
        yield f"at least {state.row_groups:,} row groups; {takes} {guardrail.row_groups:,}"
    if state.rows is not None and state.rows > guardrail.rows:
        yield f"{state.rows:,} rows; {takes} {guardrail.rows:,}"


def _past_framing(state: DeltaState) -> Iterator[str]:
    if state.files is not None and state.files > MOST_FILES:
        yield f"{state.files:,} files; past {MOST_FILES:,} a model can't be framed"


def _obstacles(present: Sequence[Feature], strange: Sequence[str], engine: Engine) -> Iterator[tuple[Verdict, str]]:
    for feature in present:
        answer = feature.answers[engine]
        if answer != "yes":
            yield (Verdict.NO, feature.title) if answer == "no" else (Verdict.UNDOCUMENTED, feature.title)
    for name in strange:
        yield Verdict.UNDOCUMENTED, f"the Delta feature {name}"


def _worst(found: list[tuple[Verdict, str]], complete: bool) -> Verdict:
    verdicts = {verdict for verdict, _ in found}
    if Verdict.NO in verdicts:
        return Verdict.NO
    if Verdict.UNDOCUMENTED in verdicts:
        return Verdict.UNDOCUMENTED
    return Verdict.YES if complete else Verdict.UNKNOWN


def _nothing_seen(complete: bool) -> tuple[str, ...]:
    return () if complete else ("Unity Catalog tells nothing of its Delta protocol, and its log wasn't read",)


def _name_remarks(ref: TableRef) -> Iterator[str]:
    bad = sorted({sign for sign in ref.schema + ref.table if sign in BAD_IN_NAMES})
    if bad:
        yield f"its name holds {' '.join(bad)}, which at least one engine can't use"


def _column_remarks(state: DeltaState) -> Iterator[str]:
    absent = [name for name, kind in state.column_types.items() if kind in NOT_AT_SQL_ENDPOINT]
    if absent:
        yield f"not at the SQL endpoint: {', '.join(absent)} (struct, array or map)"
    if state.nan_columns:
        yield f"Direct Lake doesn't take NaN, which stands in {', '.join(state.nan_columns)}"
    long = [name for name, length in state.longest_texts.items() if length > LONGEST_TEXT]
    if long:
        yield f"Direct Lake takes {LONGEST_TEXT:,} characters of a text; {', '.join(long)} may hold more"
