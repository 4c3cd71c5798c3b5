"""Who is who in the tenant, and the tokens that say so.

A principal's object id and application id always differ: role assignments take the one, Unity Catalog the other, and
each service must find that out for itself.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud_emulator.core.clock import Clock
from cloud_emulator.core.rules import Rules
from cloud_emulator.core.store import Document, Table

TOKEN_SECONDS = 3599


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal that signed in. ``kind`` is User, Group or ServicePrincipal; ``app_id`` is empty for users."""

    object_id: str
    app_id: str
    tenant_id: str
    kind: str
    name: str


class TokenFault(StrEnum):
    """Why a bearer token was not accepted."""

    MISSING = "missing"
    MALFORMED = "malformed"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    AUDIENCE = "audience"
    TENANT = "tenant"


class BadToken(Exception):
    """A token that the service must refuse in its own way."""

    def __init__(self, fault: TokenFault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault
        self.detail = detail


class Directory:
    """The tenant's principals.

    Documents with ``objectId``, ``type``, ``displayName``, and by kind ``appId``, ``secret``, ``userPrincipalName`` or
    ``members`` (object ids).
    """

    def __init__(self, principals: Table, tenants: Table) -> None:
        self.principals = principals
        self._tenants = tenants

    @property
    def tenant_id(self) -> str:
        """The home tenant."""
        return str(self._tenants["home"]["tenantId"])

    @tenant_id.setter
    def tenant_id(self, value: str) -> None:
        self._tenants["home"] = {"tenantId": value}

    def add(self, principal: Document) -> None:
        """Adds or replaces a principal."""
        if principal.get("appId") == principal["objectId"]:
            raise ValueError(f"object id and application id of {principal['displayName']!r} must differ")
        self.principals[principal["objectId"]] = principal

    def by_object_id(self, object_id: str) -> Document | None:
        """The principal with that object id; an application id finds nothing."""
        return self.principals.get(object_id)

    def by_app_id(self, app_id: str) -> Document | None:
        """The service principal with that application id; an object id finds nothing."""
        return self.principals.first("appId", app_id)

    def groups_of(self, object_id: str) -> set[str]:
        """Object ids of all groups that a principal is in, directly or through other groups."""
        found: set[str] = set()
        wanted = {object_id}
        while wanted:
            member = wanted.pop()
            for group in self.principals.by("type", "Group"):
                if member in group.get("members", ()) and group["objectId"] not in found:
                    found.add(group["objectId"])
                    wanted.add(group["objectId"])
        return found

    def caller(self, object_id: str) -> Caller | None:
        """The principal as someone who signed in."""
        found = self.by_object_id(object_id)
        if found is None:
            return None
        return Caller(
            object_id,
            found.get("appId", ""),
            found.get("tenantId", self.tenant_id),
            found["type"],
            found["displayName"],
        )


class Tokens:
    """Issues and checks access tokens signed with the emulator's own key (RS256)."""

    def __init__(self, key: rsa.RSAPrivateKey, directory: Directory, clock: Clock, rules: Rules) -> None:
        self._key = key
        self._rules = rules
        self._public = key.public_key()
        self._directory = directory
        self._clock = clock
        self._seen: dict[str, Mapping[str, Any]] = {}
        self.key_id = hashlib.sha256(str(self._public.public_numbers().n).encode()).hexdigest()[:27]

    def issue(self, principal: Document, audience: str, issuer: str, *, seconds: int = TOKEN_SECONDS) -> str:
        """A token for a principal and one audience."""
        now = int(self._clock.time())
        claims = {
            "aud": audience, "iss": issuer, "iat": now, "nbf": now, "exp": now + seconds, "ver": "2.0",
            "oid": principal["objectId"], "sub": principal["objectId"],
            "tid": principal.get("tenantId", self._directory.tenant_id), "uti": uuid.uuid4().hex[:22],
        }  # fmt: skip
        if not self._rules.on("entra.token.claims"):
            claims["sub"] = principal.get("appId") or claims["sub"]
        if principal.get("appId"):
            claims |= {"azp": principal["appId"], "azpacr": "1"}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def verify(self, authorization: str, audiences: Iterable[str]) -> Caller:
        """Who an ``Authorization`` header speaks for. Raises :class:`BadToken`."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise BadToken(TokenFault.MISSING)
        claims = self._seen.get(token) or self._decode(token)
        if claims["exp"] <= self._clock.time() and self._rules.on("entra.token.expires"):
            raise BadToken(TokenFault.EXPIRED)
        if claims["aud"].rstrip("/") not in audiences and self._rules.on("entra.token.audience"):
            raise BadToken(TokenFault.AUDIENCE, claims["aud"])
        caller = self._directory.caller(claims["oid"])
        if caller is None or (self._is_foreign(claims, caller) and self._rules.on("entra.token.tenant")):
            raise BadToken(TokenFault.TENANT, claims["tid"])
        return caller

    def _is_foreign(self, claims: Mapping[str, Any], caller: Caller) -> bool:
        home = self._directory.tenant_id
        return claims["tid"] != home or caller.tenant_id != home

    def jwks(self) -> dict[str, Any]:
        """The public key, as a JSON Web Key Set."""
        numbers = self._public.public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id}
        return {"keys": [{**key, "n": _base64url(numbers.n), "e": _base64url(numbers.e)}]}

    def _decode(self, token: str) -> Mapping[str, Any]:
        signed = self._rules.on("entra.token.signature")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                options={
                    "verify_signature": signed, "verify_aud": False, "verify_exp": False, "verify_nbf": False,
                    "verify_iat": False,
                },
            )  # fmt: skip
        except jwt.InvalidSignatureError as error:
            raise BadToken(TokenFault.SIGNATURE) from error
        except jwt.PyJWTError as error:
            raise BadToken(TokenFault.MALFORMED, str(error)) from error
        if len(self._seen) > 1000:
            self._seen.clear()
        if signed:
            self._seen[token] = claims
        return claims


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def load_signing_key(path: Path) -> rsa.RSAPrivateKey:
    """The key in that file, made when it isn't there. What we wrote isn't checked again: that takes long."""
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{path} does not hold an RSA key")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o600)
    return key
