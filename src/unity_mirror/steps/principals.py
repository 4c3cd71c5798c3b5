"""Who is who in Databricks: whom the connection signs in as, and what grants call the identity that runs unity-mirror.

Unity Catalog calls a service principal by its application id and a person by the user name; Azure and Fabric call both
by object id. Who a personal access token belongs to, only Databricks knows: it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from unity_mirror.errors import (
    CredentialError,
    NotFound,
    NotSupported,
    PermissionDenied,
    SpecError,
    SpecProblem,
    Unauthenticated,
)
from unity_mirror.plan.model import Check, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.spec import KeyVaultSecret, PersonalAccessTokenAuth
from unity_mirror.steps.context import Context

_TITLE = "The Databricks workspace accepts the access token"


@dataclass(frozen=True, slots=True)
class Connecting:
    """The connecting principal as grants call it; ``None`` where nobody tells. ``check`` is its token's, if any."""

    name: str | None
    check: Check | None = None


async def connecting_principal(context: Context) -> Connecting:
    """Whom the Databricks connection signs in as: the spec's application id, or the owner of the token.

    Raises ``SpecError`` when the spec names another owner than the token has.
    """
    connection = context.spec.databricks.connection
    auth = connection.auth
    if not isinstance(auth, PersonalAccessTokenAuth):
        return Connecting(connection.principal)
    return await context.reads.once(("token owner",), lambda: _token_owner(context, auth))


async def our_name(context: Context) -> str:
    """What grants call the identity that runs unity-mirror; empty where Databricks doesn't tell.

    Signed in as a person, or by a Databricks token, it isn't the application id of the Entra token.
    """
    workspace = context.spec.databricks.workspace
    return await context.reads.once(("our name", workspace), lambda: _our_name(context, workspace))


async def _our_name(context: Context, workspace: str) -> str:
    try:
        return (await context.clients.databricks(workspace).me()).user_name
    except (NotFound, NotSupported, PermissionDenied):
        return ""


async def _token_owner(context: Context, auth: PersonalAccessTokenAuth) -> Connecting:
    if isinstance(auth.secret, KeyVaultSecret):
        return Connecting(auth.principal)
    try:
        token = context.secrets.resolve(auth.secret)
    except CredentialError:
        # Whether the secret is needed at all shows when the connection is planned.
        return Connecting(auth.principal)
    workspace = context.spec.databricks.workspace
    try:
        owner = (await context.clients.databricks_by(workspace, token).me()).user_name
    except (NotFound, NotSupported):
        return Connecting(auth.principal)
    except (Unauthenticated, PermissionDenied) as error:
        return Connecting(auth.principal, _check(context, Outcome.FAILED, str(error)))
    if auth.principal is not None and auth.principal.casefold() != owner.casefold():
        message = f"the access token is that of {owner}, not of {auth.principal}"
        hint = "leave principal out, or make a token for the right one"
        raise SpecError([SpecProblem("databricks.connection.auth.principal", message, hint)])
    return Connecting(owner, _check(context, Outcome.PASSED, f"it is a token of {owner}"))


def _check(context: Context, outcome: Outcome, evidence: str) -> Check:
    remedy = Remedy(
        "Whoever the connection shall sign in as makes a new token in this Databricks workspace (Settings, Developer, "
        "Access tokens) and puts it where databricks.connection.auth.secret says that it is kept."
    )
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    return Check("access_token", _TITLE, scope, outcome, evidence, remedy if outcome is Outcome.FAILED else None)
