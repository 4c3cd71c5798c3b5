"""Who is asking: by bearer token, or by a signature that storage made itself. The firewall comes first."""

from __future__ import annotations

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request
from cloud_emulator.core.identity import BadToken, Caller, TokenFault
from cloud_emulator.storage import sas
from cloud_emulator.storage.access import Source, check_firewall
from cloud_emulator.storage.call import refusal
from cloud_emulator.storage.errors import StorageError
from cloud_emulator.storage.target import Target

AUDIENCE = "https://storage.azure.com"
_FAULTS = {
    TokenFault.EXPIRED: "Lifetime validation failed. The token is expired.",
    TokenFault.AUDIENCE: "Audience validation failed. Audience did not match.",
    TokenFault.TENANT: "Issuer validation failed. Issuer did not match.",
    TokenFault.SIGNATURE: "Signature validation failed.",
    TokenFault.MALFORMED: "The token is malformed.",
}


def authenticate(cloud: Cloud, request: Request, named: Target) -> Caller:
    """The caller. Raises :class:`StorageError`: 403 at the firewall, 401 for a token, 403 for a key or signature."""
    if not named.is_onelake:
        denial = check_firewall(cloud, named.account, Source(cloud.behaviour.client_address))
        if denial is not None and cloud.rules.on("storage.firewall.before_rights"):
            raise refusal(denial)
        if "sig" in request.query and "authorization" not in request.headers:
            return sas.verify(cloud, named, request.query)
    return _bearer(cloud, request)


def _bearer(cloud: Cloud, request: Request) -> Caller:
    header = request.headers.get("authorization", "")
    by_key = header.partition(" ")[0].lower() in ("sharedkey", "sharedkeylite")
    if by_key and cloud.rules.on("storage.rights.no_keys"):
        raise StorageError("KeyBasedAuthenticationNotPermitted")
    try:
        return cloud.tokens.verify(header, (AUDIENCE,))
    except BadToken as error:
        challenge = (
            f"Bearer authorization_uri={request.base_url}/{cloud.directory.tenant_id}/oauth2/authorize "
            f"resource_id={AUDIENCE}"
        )
        raise StorageError(
            "NoAuthenticationInformation" if error.fault is TokenFault.MISSING else "InvalidAuthenticationInfo",
            _FAULTS.get(error.fault, ""),
            status=401,
            message="Server failed to authenticate the request. Please refer to the information in the www-authenticate"
            " header.",
            headers={"www-authenticate": challenge},
        ) from error
