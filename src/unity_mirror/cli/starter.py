"""The text of the spec that ``init`` writes: its fields, why they are so, and as comments what else there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml

_HEAD = """\
Written by unity-mirror init. What applying it would do: unity-mirror plan FILE
Every field that there is: unity-mirror schema"""
_ADOPTED = "This is what Fabric holds now: planning it changes nothing."
_NEW_CONNECTION = """\
No connection to this workspace that we may use is there, so this one is made. Name an application that reads the
catalog, best another than the one that runs unity-mirror; the environment holds its id and secret. For a connection
made in the portal: {name: ITS NAME, auth: {kind: existing, principal: WHO IT SIGNS IN AS}}"""
_FOUND_CONNECTION = """\
Add who it signs in as, and that principal's privileges are checked: auth: {kind: existing, principal: ID OR E-MAIL}"""
_REUSED = "The connection to it that is there is reused."


def starter_text(spec: Mapping[str, Any], storage: str | None) -> str:
    """YAML of the spec with comments. ``storage``: where the catalog's own tables lie, if that is known."""
    adopted = "id" in _connection(spec)
    head = f"{_HEAD}\n{_ADOPTED}" if adopted else _HEAD
    parts = [_comment(head), *(_section(key, value, adopted) for key, value in spec.items())]
    choices = _choices(storage)
    parts += [f"\n{_comment(text)}" for key, text in choices.items() if key not in spec]
    return "".join(parts)


def _connection(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = spec["databricks"].get("connection", {})
    return found


def _section(key: str, value: Any, adopted: bool) -> str:
    text = yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=1000)
    if key != "databricks":
        return text
    why = _FOUND_CONNECTION if adopted else _NEW_CONNECTION if "connection" in value else _REUSED
    head, connection, rest = text.partition("  connection:\n")
    return f"{head}{_comment(why, '  ')}{connection}{rest}"


def _comment(text: str, indent: str = "") -> str:
    return "".join(f"{indent}# {line}\n" for line in text.splitlines())


def _choices(storage: str | None) -> dict[str, str]:
    """By section what it is for, and an example of it."""
    url = storage or "https://ACCOUNT.dfs.core.windows.net/CONTAINER/FOLDER"
    account = str(urlsplit(url).netloc).partition(".")[0]
    firewalled = {
        "url": url,
        "resource_id": f"/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Storage/storageAccounts/{account}",
        "auth": {"kind": "workspace_identity"},
        "trusted_access": True,
    }
    examples: Iterable[tuple[str, str, Any]] = (
        ("select", "All tables are mirrored. To choose by patterns over schema.table:", {"exclude": ["staging.*"]}),
        ("storage", "Where a firewall guards the tables' storage, the folder that holds all of them:", firewalled),
        ("access", "Unity Catalog's grants reach nobody in OneLake, unless:", {"roles": "from_unity_catalog"}),
        ("lakehouse", "A lakehouse with shortcuts to the tables:", {"name": "LAKEHOUSE", "tables": ["*"]}),
        ("semantic_model", "A Direct Lake model; one that was made by hand isn't taken in:", {"name": "MODEL NAME"}),
    )
    return {key: f"{why}\n{yaml.safe_dump({key: each}, sort_keys=False, width=1000)}" for key, why, each in examples}
