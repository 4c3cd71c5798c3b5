"""Measures in DAX, out of the SQL of metric views. Pure."""

from unity_mirror.plan.tmdl.dax.filters import Scope
from unity_mirror.plan.tmdl.dax.names import bracketed, quoted_table, with_names
from unity_mirror.plan.tmdl.dax.terms import Term
from unity_mirror.plan.tmdl.dax.translating import translate, translate_filter
from unity_mirror.plan.tmdl.dax.words import NotSayableError

__all__ = [
    "NotSayableError",
    "Scope",
    "Term",
    "bracketed",
    "quoted_table",
    "translate",
    "translate_filter",
    "with_names",
]
