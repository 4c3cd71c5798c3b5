"""What pydantic finds wrong with a document, in one line."""

from __future__ import annotations

from pydantic import ValidationError


def told(error: ValidationError) -> str:
    """Each fault as ``place: what``; no value is repeated."""
    faults = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the document'}: {each['msg']}" for each in faults)
