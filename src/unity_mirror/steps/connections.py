"""Fabric's connections: to the Databricks workspace and, behind a firewall, to the storage (S6, S15).

A connection that fits is reused, and a named one that doesn't fit is an error: never two for the same thing, never a
change to one that others use. Types, parameters and credential kinds are asked of ``supportedConnectionTypes``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.models.fabric import Connection, SupportedConnectionType
from unity_mirror.plan.model import Action, AfterApply, Change, StepName, StepPlan
from unity_mirror.plan.ownership import Made
from unity_mirror.spec import (
    ConnectionRef,
    DatabricksAuth,
    ExistingAuth,
    KeyVaultSecret,
    PersonalAccessTokenAuth,
    SasAuth,
    SecretRef,
    ServicePrincipalAuth,
    StorageAuth,
    WorkspaceIdentityAuth,
)
from unity_mirror.steps.context import Context, Done, Found, Known

CONNECTION = "Fabric connection"
DATABRICKS = "AzureDatabricksWorkspace"
STORAGE = "AzureDataLakeStorage"
_KEY_VAULT = "AzureKeyVault"
_METHODS = {DATABRICKS: "AzureDatabricksWorkspace.Actions", STORAGE: "AzureDataLakeStorage"}
_KINDS = {
    ServicePrincipalAuth: "ServicePrincipal",
    PersonalAccessTokenAuth: "Key",
    SasAuth: "SharedAccessSignature",
    WorkspaceIdentityAuth: "WorkspaceIdentity",
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One connection that the spec asks for. ``field`` is its place in the spec, ``url`` what it leads to."""

    field: str
    type: str
    url: str
    ref: ConnectionRef
    auth: DatabricksAuth | StorageAuth | None
    default_name: str
    fact: str
    made: Made

    @property
    def kind(self) -> str | None:
        """The credential kind that it must have; ``None`` when the spec leaves it open."""
        return None if self.auth is None or isinstance(self.auth, ExistingAuth) else _KINDS[type(self.auth)]

    @property
    def name(self) -> str:
        """The display name of one that is to be made."""
        return self.ref.name or self.default_name


class Connections:
    """Finds or makes the connections."""

    name = StepName.CONNECTIONS

    async def plan(self, context: Context, known: Known) -> Found:
        """What is reused and what is to be made."""
        del known
        listed = await context.reads.once(("connections",), context.clients.fabric.connections.list)
        facts: dict[str, Any] = {}
        missing: list[_Wanted] = []
        for wanted in _wanted(context):
            found = _find(wanted, listed)
            facts[wanted.fact] = found.id if found else AfterApply(self.name, wanted.fact)
            if found is None:
                missing.append(wanted)
        if missing:
            supported = await context.reads.once(
                ("connection types",), context.clients.fabric.connections.supported_types
            )
            _check_supported(missing, supported)
        return Found(StepPlan(self.name, tuple(_change(wanted) for wanted in missing)), facts, tuple(missing))

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Makes what is missing; Fabric tests each connection when it is made."""
        del known
        facts: dict[str, Any] = dict(found.facts)
        for wanted in found.work or ():
            created = await context.clients.fabric.connections.create(await _body(context, wanted))
            facts[wanted.fact] = created.id
        return Done(facts)


def _wanted(context: Context) -> list[_Wanted]:
    spec = context.spec
    connection = spec.databricks.connection
    found = [
        _Wanted(
            field="databricks.connection",
            type=DATABRICKS,
            url=spec.databricks.workspace,
            ref=connection,
            auth=connection.auth,
            default_name=f"databricks-{spec.catalog}",
            fact="databricks_connection",
            made=Made.CONNECTION_DATABRICKS,
        )
    ]
    if spec.storage is not None:
        found.append(
            _Wanted(
                field="storage.connection",
                type=STORAGE,
                url=spec.storage.url,
                ref=spec.storage.connection,
                auth=spec.storage.auth,
                default_name=f"adls-{spec.catalog}",
                fact="storage_connection",
                made=Made.CONNECTION_STORAGE,
            )
        )
    return found


def _find(wanted: _Wanted, listed: Sequence[Connection]) -> Connection | None:
    """The connection to use; ``None`` when one has to be made. Raises ``SpecError`` when the named one doesn't fit."""
    if wanted.ref.id is not None:
        return _checked(wanted, [each for each in listed if each.id.lower() == str(wanted.ref.id).lower()], "id")
    if wanted.ref.name is not None:
        named = [each for each in listed if (each.display_name or "").lower() == wanted.ref.name.lower()]
        return _checked(wanted, named, "name") if named or _only_reuses(wanted) else None
    fitting = sorted((each for each in listed if not _misfit(wanted, each)), key=lambda each: each.id)
    if not fitting and (_only_reuses(wanted) or wanted.auth is None):
        raise _cannot_make(wanted)
    return fitting[0] if fitting else None


def _only_reuses(wanted: _Wanted) -> bool:
    return isinstance(wanted.auth, ExistingAuth)


def _checked(wanted: _Wanted, found: Sequence[Connection], field: str) -> Connection:
    path = f"{wanted.field}.{field}"
    if not found:
        hint = "check it, or have its owner share the connection with the identity that runs unity-mirror"
        raise SpecError([SpecProblem(path, f"there is no connection with this {field} that we may use", hint)])
    misfits = [_misfit(wanted, each) for each in found]
    fitting = [each for each, misfit in zip(found, misfits, strict=True) if not misfit]
    if not fitting:
        hint = "give the right connection, or another name so that one is made"
        raise SpecError([SpecProblem(path, f"the connection with this {field} doesn't fit: {misfits[0]}", hint)])
    return fitting[0]


def _misfit(wanted: _Wanted, held: Connection) -> str:
    """Why a connection can't serve; empty when it can."""
    if held.connection_details.type != wanted.type:
        return f"its type is {held.connection_details.type or 'unknown'}, not {wanted.type}"
    if _normal(held.connection_details.path) != _normal(wanted.url):
        return f"it leads to {held.connection_details.path}, not to {wanted.url}"
    held_kind = held.credential_details.credential_type if held.credential_details else ""
    if wanted.kind is not None and held_kind and held_kind != wanted.kind:
        return f"it signs in by {held_kind}, not by {wanted.kind}"
    return ""


def _normal(url: str) -> str:
    """Lists give a connection's parameters joined in one path: compare without scheme, host's case and last slash."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    return f"{(parts.hostname or '').lower()}{parts.path.rstrip('/')}"


def _cannot_make(wanted: _Wanted) -> SpecError:
    auth = "storage.auth" if wanted.type == STORAGE else "databricks.connection.auth"
    hint = (
        f"give {auth} with a service principal; an organizational account needs a person: make the connection in "
        "Fabric's portal (Manage connections and gateways) and give its id or name"
    )
    message = f"there is no connection to {wanted.url} that we may use, and none can be made without sign-in data"
    return SpecError([SpecProblem(wanted.field, message, hint)])


def _check_supported(missing: Sequence[_Wanted], supported: Sequence[SupportedConnectionType]) -> None:
    by_type = {each.type: each for each in supported}
    for wanted in missing:
        offered = by_type.get(wanted.type)
        if offered is None or (wanted.kind and wanted.kind not in offered.supported_credential_types):
            kinds = ", ".join(offered.supported_credential_types) if offered else "none: the type isn't offered"
            hint = f"Fabric offers for {wanted.type}: {kinds}"
            raise SpecError(
                [SpecProblem(f"{wanted.field}.auth", f"Fabric can't make a {wanted.kind} connection", hint)]
            )


def _change(wanted: _Wanted) -> Change:
    after = {"type": wanted.type, "url": wanted.url, "credential": wanted.kind}
    return Change(
        StepName.CONNECTIONS,
        Action.CREATE,
        CONNECTION,
        wanted.name,
        f"no connection to {wanted.url} fits",
        after={**after, "id": AfterApply(StepName.CONNECTIONS, wanted.fact)},
        makes=wanted.made,
    )


async def _body(context: Context, wanted: _Wanted) -> dict[str, Any]:
    """The creation request; the only place where a secret is put in."""
    return {
        "connectivityType": "ShareableCloud",
        "displayName": wanted.name,
        "connectionDetails": {
            "type": wanted.type,
            "creationMethod": _METHODS[wanted.type],
            "parameters": _parameters(wanted),
        },
        "privacyLevel": "Organizational",
        "credentialDetails": {
            "singleSignOnType": "None",
            "connectionEncryption": "NotEncrypted",
            "skipTestConnection": False,
            "credentials": await _credentials(context, wanted),
        },
    }


def _parameters(wanted: _Wanted) -> list[dict[str, str]]:
    if wanted.type == DATABRICKS:
        return [_text("url", wanted.url)]
    parts = urlsplit(wanted.url)
    return [_text("server", f"{parts.scheme}://{parts.netloc}"), _text("path", parts.path or "/")]


def _text(name: str, value: str) -> dict[str, str]:
    return {"dataType": "Text", "name": name, "value": value}


async def _credentials(context: Context, wanted: _Wanted) -> Mapping[str, Any]:
    auth = wanted.auth
    if isinstance(auth, ServicePrincipalAuth):
        secret = await _secret(context, auth.secret, "servicePrincipalSecret")
        return {
            "credentialType": "ServicePrincipal",
            "tenantId": auth.tenant_id,
            "servicePrincipalClientId": auth.client_id,
            **secret,
        }
    if isinstance(auth, PersonalAccessTokenAuth):
        return {"credentialType": "Key", **await _secret(context, auth.secret, "key")}
    if isinstance(auth, SasAuth):
        return {"credentialType": "SharedAccessSignature", **await _secret(context, auth.secret, "token")}
    return {"credentialType": "WorkspaceIdentity"}


async def _secret(context: Context, ref: SecretRef, field: str) -> Mapping[str, Any]:
    """The secret's value, or a reference that Fabric itself follows to the Key Vault."""
    if not isinstance(ref, KeyVaultSecret):
        return {field: context.secrets.resolve(ref)}
    listed = await context.reads.once(("connections",), context.clients.fabric.connections.list)
    named = ref.key_vault.connection.lower()
    vaults = [each for each in listed if each.connection_details.type == _KEY_VAULT]
    found = [each for each in vaults if named in (each.id.lower(), (each.display_name or "").lower())]
    if not found:
        message = f"there is no Azure Key Vault connection {ref.key_vault.connection!r} that we may use"
        raise SpecError([SpecProblem("secret.key_vault.connection", message, "make it in Fabric's portal first")])
    return {f"{field}Reference": {"connectionId": found[0].id, "secretName": ref.key_vault.secret_name}}
