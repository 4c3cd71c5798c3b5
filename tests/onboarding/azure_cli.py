"""The few Azure CLI commands that remedies are written in, as the requests that the CLI makes of them."""

from __future__ import annotations

import json
import shlex

from unity_mirror.plan.model import RestCall

VERSION = {"x-ms-version": "2023-11-03"}
_FLAGS = ("--name", "--role", "--scope", "--assignee-object-id", "--assignee-principal-type")


def request_of(command: str, arm: str = "https://management.azure.com") -> RestCall:
    """The request. Raises ``ValueError`` for a command or an option that isn't known, as the CLI does."""
    program, *words = shlex.split(command)
    if program != "az":
        raise ValueError(command)
    verbs = [word for word in words if not word.startswith("--")]
    options = _options(words)
    match verbs:
        case ["rest", *_]:
            body = json.loads(options["--body"]) if "--body" in options else None
            return RestCall("fabric", options["--method"].upper(), options["--url"], body)
        case ["role", "assignment", "create", *_]:
            return _role_assignment(options, arm)
        case ["storage", "fs", "access", action, *_]:
            return _access(action, options)
        case _:
            raise ValueError(command)


def _options(words: list[str]) -> dict[str, str]:
    places = [place for place, word in enumerate(words) if word.startswith("--")]
    if any(place + 1 == len(words) or words[place + 1].startswith("--") for place in places):
        raise ValueError(f"an option without a value: {words}")
    return {words[place]: words[place + 1] for place in places}


def _role_assignment(options: dict[str, str], arm: str) -> RestCall:
    if set(options) != set(_FLAGS):
        raise ValueError(str(options))
    scope, roles = options["--scope"], {"Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"}
    roles["Storage Blob Delegator"] = "db58b8e5-c6ad-4a2a-8342-4190687cbf4a"
    subscription = "/".join(scope.split("/")[:3])
    role_id = roles[options["--role"]]
    properties = {
        "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_id}",
        "principalId": options["--assignee-object-id"],
        "principalType": options["--assignee-principal-type"],
    }
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{options['--name']}"
    return RestCall("arm", "PUT", f"{arm}{path}?api-version=2022-04-01", {"properties": properties})


def _access(action: str, options: dict[str, str]) -> RestCall:
    if options.pop("--auth-mode") != "login":
        raise ValueError(str(options))
    path = options.pop("--path").strip("/")
    url = f"https://{options.pop('--account-name')}.dfs.core.windows.net/{options.pop('--file-system')}/{path}"
    acl = {"x-ms-acl": options.pop("--acl")} if "--acl" in options else {}
    if options or (action == "show") is bool(acl):
        raise ValueError(f"{action} {options}")
    method, query = {
        "show": ("HEAD", "action=getAccessControl"),
        "set": ("PATCH", "action=setAccessControl"),
        "update-recursive": ("PATCH", "action=setAccessControlRecursive&mode=modify"),
    }[action]
    return RestCall("storage", method, f"{url}?{query}", headers={**VERSION, **acl})
