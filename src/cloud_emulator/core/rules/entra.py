"""Rules of Microsoft Entra ID and of the tokens that it issues."""

from __future__ import annotations

from cloud_emulator.core.rules.model import table

RULES = table(
    """
entra.client.secret E A wrong client secret is 401 invalid_client, AADSTS7000215.
entra.client.known E An unknown client, such as an object id in place of the application id, is 400, AADSTS700038.
entra.resource.known E A scope of an unknown resource is 400 invalid_resource, AADSTS500011.
entra.errors.fields E A refusal has error_codes, timestamp, trace_id and correlation_id beside error and description.
entra.token.claims E A token's oid and sub are the object id, its azp the application id, which differs.
entra.tenant.known D Only the home tenant, by id or domain, is known, beside common and organizations.
entra.tenant.named D A client's own token is asked for at a tenant; at common or organizations it is 400, AADSTS50059.
entra.request.complete D A request without grant type, client id, scope or secret is 400 or 401 and says what it lacks.
entra.request.resource I A resource beside the scope, refused or heeded depending on when, is 400, AADSTS901002.
entra.scope.default D A client's own scope ends in /.default; any other is 400 invalid_scope, AADSTS1002012.
entra.msi.header D The managed identity endpoint answers only whoever sends its secret header.
entra.token.signature D A token that Entra did not sign is 401 at every service.
entra.token.expires D An expired token is 401 at every service.
entra.token.audience D A token for another resource is 401 at every service, even where the caller has all rights.
entra.token.tenant M A token of another tenant is 401; at Fabric it looks like a missing licence.
"""
)
