"""Which Fabric engine can read which Delta table: the facts, dated, and the judgement. Pure."""

from unity_mirror.plan.engines.facts import ANY_CAPACITY, ENGINES, Engine, Guardrail, guardrail_of
from unity_mirror.plan.engines.judging import Readability, Verdict, judge, unknown
from unity_mirror.plan.engines.report import readers_table

__all__ = [
    "ANY_CAPACITY",
    "ENGINES",
    "Engine",
    "Guardrail",
    "Readability",
    "Verdict",
    "guardrail_of",
    "judge",
    "readers_table",
    "unknown",
]
