"""``unity-mirror schema``."""

from __future__ import annotations

import json
import sys

from unity_mirror.spec import document_json_schema


def print_schema() -> None:
    """Prints the JSON Schema of specs, for editors and validators."""
    sys.stdout.write(json.dumps(document_json_schema(), indent=2) + "\n")
