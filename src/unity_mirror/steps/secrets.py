"""Whether the secrets are there that connections still to be made need: asked before anything is written."""

from __future__ import annotations

from unity_mirror.errors import CredentialError
from unity_mirror.plan.model import AfterApply, Check, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.spec.secrets import BlockSecret, EnvSecret
from unity_mirror.steps.connection_body import Wanted
from unity_mirror.steps.connections import wanted_connections
from unity_mirror.steps.context import Context, Known


def secret_checks(context: Context, known: Known) -> list[Check]:
    """One check for each connection that is to be made with a secret of ours.

    Fabric itself reads those of a Key Vault, and a connection that is there needs none.
    """
    return [
        _check(context, wanted, wanted.secret)
        for wanted in wanted_connections(context)
        if isinstance(wanted.secret, EnvSecret | BlockSecret) and isinstance(getattr(known, wanted.fact), AfterApply)
    ]


def _check(context: Context, wanted: Wanted, secret: EnvSecret | BlockSecret) -> Check:
    title, scope = f"The secret of {wanted.auth_field} can be read", Scope(ScopeKind.CATALOG, context.spec.catalog)
    try:
        context.secrets.resolve(secret)
    except CredentialError as error:
        remedy = Remedy(error.remedy) if error.remedy else None
        return Check("secret", title, scope, Outcome.FAILED, error.message, remedy)
    return Check("secret", title, scope, Outcome.PASSED, "it is there")
