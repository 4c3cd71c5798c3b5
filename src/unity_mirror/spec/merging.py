"""Making one spec out of several: overlays, single settings, and variables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.spec.documents import DEEPEST, parse_yaml

SECRET_KEY = "secret"  # noqa: S105 - the key's name
_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another. Maps merge key by key, but for what is an alternative to what was there: another
    ``kind``, a secret kept elsewhere. That and all else (lists too) is replaced. Neither is changed."""
    merged = {key: deepcopy(value) for key, value in base.items()}
    for key, value in overlay.items():
        below = merged.get(key)
        goes_on = isinstance(below, dict) and isinstance(value, dict) and not _is_another(key, below, value)
        merged[key] = merge(below, value) if isinstance(below, dict) and goes_on else deepcopy(value)
    return merged


def _is_another(key: str, below: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    if key == SECRET_KEY:
        return not set(value) <= set(below)
    return "kind" in below and "kind" in value and below["kind"] != value["kind"]


def parse_setting(setting: str) -> dict[str, Any]:
    """Turn ``a.b.c=value`` into nested mappings; the value is read as YAML. Raises SpecError without the value."""
    path, equals, text = setting.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        shown = (path if equals else "") or "--set"
        raise SpecError(
            [SpecProblem(shown, "this is not of the form path=value", "write --set fabric.workspace=Sales")]
        )
    value = parse_yaml(text, f"--set {path}")
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def conflicts(base: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """The path at which a setting would have to go below something that isn't a mapping; None if there is none."""
    here: Any = base
    for depth, key in enumerate(keys[:-1], start=1):
        here = here.get(key)
        if here is None:
            return None
        if not isinstance(here, dict):
            return ".".join(keys[:depth])
    return None


def apply_setting(base: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """Lay one ``a.b.c=value`` over a spec. Raises SpecError."""
    overlay = parse_setting(setting)
    keys = [key.strip() for key in setting.partition("=")[0].split(".")]
    blocked = conflicts(base, keys)
    if blocked:
        problem = SpecProblem(
            blocked, f"--set {'.'.join(keys)} goes below it, but it is not a mapping", "set it as a whole"
        )
        raise SpecError([problem])
    return merge(base, overlay)


def substitute(
    value: Any, environ: Mapping[str, str], problems: list[SpecProblem], path: str = "", depth: int = 0
) -> Any:
    """Replace ``${NAME}`` in all text outside secrets (``$${`` is a plain ``${``); append what can't be resolved."""
    if depth > DEEPEST:
        problems.append(SpecProblem(path, "it is nested too deeply, or contains itself through an alias", "flatten it"))
        return None
    if isinstance(value, dict):
        return {
            key: below if key == SECRET_KEY else substitute(below, environ, problems, join(path, key), depth + 1)
            for key, below in value.items()
        }
    if isinstance(value, list):
        return [substitute(one, environ, problems, f"{path}[{i}]", depth + 1) for i, one in enumerate(value)]
    return _substitute_text(value, environ, problems, path) if isinstance(value, str) else value


def _substitute_text(text: str, environ: Mapping[str, str], problems: list[SpecProblem], path: str) -> str:
    def replacement(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "${"
        if not found[2] or not _VARIABLE.fullmatch(name):
            problems.append(SpecProblem(path, "it has a ${ that isn't a ${NAME}", "write $${ for a plain ${"))
        elif name not in environ:
            problems.append(
                SpecProblem(path, f"the environment variable {name} is not set", f"set {name} and try again")
            )
        else:
            return environ[name]
        return found[0]

    return _REFERENCE.sub(replacement, text)


def join(path: str, key: object) -> str:
    """A path one key further down."""
    return f"{path}.{key}" if path else str(key)
