"""Which tables a OneLake shortcut can be made for.

Names, parent paths and target paths of shortcuts hold no percent or plus sign (OneLake shortcuts, limitations), and no
name in OneLake any of the other signs. Unity Catalog allows them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import LeftOut, Reason

BAD_IN_SHORTCUTS = frozenset('"\\/:|<>*?%+#')


def without_shortcut(tables: Iterable[TableRef]) -> dict[TableRef, LeftOut]:
    """The tables that no shortcut can be made for, with the reason."""
    bad = {ref: sorted(BAD_IN_SHORTCUTS & set(ref.schema + ref.table)) for ref in tables}
    return {ref: _left_out(ref, signs) for ref, signs in bad.items() if signs}


def _left_out(ref: TableRef, signs: Sequence[str]) -> LeftOut:
    detail = f"OneLake shortcuts can't have {' '.join(signs)} in their names and paths; the mirrored catalog shows it."
    return LeftOut(f"{ref} in the lakehouse", Reason.UNUSABLE_NAME, detail)
