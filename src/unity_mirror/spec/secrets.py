"""Secrets as a spec may name them: never a value, always where the value is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from unity_mirror.spec.base import SpecPart, refuse, shape
from unity_mirror.spec.values import NonEmpty

WAYS = "{env: NAME}, {key_vault: {connection: ..., secret_name: ...}} or {block: NAME}"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_DAPI = "(?![Dd][Aa][Pp][Ii][0-9a-fA-F]{16})"
_DATABRICKS_TOKEN = re.compile(r"dapi[0-9a-f]{16,}(-\d+)?", re.IGNORECASE)
_BLOCK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KEY_VAULT_SECRET = re.compile(r"[A-Za-z0-9-]{1,127}")
_SUBSTITUTION = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name) or _DATABRICKS_TOKEN.fullmatch(name):
        raise refuse(
            "this is not the name of an environment variable, and isn't repeated here, for it may be the secret itself",
            "give the variable's name, like SALES_DATABRICKS_SECRET; put the value into the environment",
        )
    return name


def _block(name: str) -> str:
    if not _BLOCK.fullmatch(name) or _DATABRICKS_TOKEN.fullmatch(name):
        raise refuse(
            "this is not the name of a Prefect block, and isn't repeated here, for it may be the secret itself",
            "block names hold lower-case letters, digits and dashes, like sales-databricks",
        )
    return name


def _key_vault_secret(name: str) -> str:
    if not _KEY_VAULT_SECRET.fullmatch(name) or _DATABRICKS_TOKEN.fullmatch(name):
        raise refuse(
            "this is not the name of a Key Vault secret, and isn't repeated here, for it may be the secret itself",
            "names of Key Vault secrets hold letters, digits and dashes, at most 127",
        )
    return name


class EnvSecret(SpecPart, title="Environment variable"):
    """A secret in an environment variable of the process that runs unity-mirror."""

    env: Annotated[str, AfterValidator(_variable), shape(f"^{_NOT_DAPI}[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        title="Environment variable",
        description="Name of the environment variable that holds the secret.",
        examples=["SALES_DATABRICKS_SECRET"],
    )


class KeyVaultReference(SpecPart):
    """Where a secret lies in Azure Key Vault, as Fabric reaches it."""

    connection: NonEmpty = Field(
        title="Key Vault connection",
        description="Name or id of the Fabric connection to the Key Vault.",
        examples=["contoso-vault"],
    )
    secret_name: Annotated[str, AfterValidator(_key_vault_secret), shape(f"^{_NOT_DAPI}[A-Za-z0-9-]+$")] = Field(
        title="Secret's name",
        description="Name of the secret in the Key Vault.",
        examples=["sales-databricks"],
    )


class KeyVaultSecret(SpecPart, title="Key Vault"):
    """A secret that Fabric itself reads from Azure Key Vault: unity-mirror never sees it."""

    key_vault: KeyVaultReference = Field(
        title="Key Vault reference",
        description="Fabric reads the secret through this Key Vault connection.",
        examples=[{"connection": "contoso-vault", "secret_name": "sales-databricks"}],
    )


class BlockSecret(SpecPart, title="Prefect block"):
    """A secret in a Prefect block; only flows can read it."""

    block: Annotated[str, AfterValidator(_block), shape(f"^{_NOT_DAPI}[a-z0-9]+(-[a-z0-9]+)*$")] = Field(
        title="Prefect block",
        description="Name of the Prefect Secret block that holds the secret. Works in flows, not on the command line.",
        examples=["sales-databricks"],
    )


_KINDS: Mapping[type, str] = {EnvSecret: "env", KeyVaultSecret: "key_vault", BlockSecret: "block"}


def _named_not_given(value: Any) -> Any:
    """Stop a secret written into the spec, without repeating it, and a reference to none or several places."""
    if isinstance(value, tuple(_KINDS)):
        return value
    if not isinstance(value, dict):
        raise _literal(value)
    given = [key for key in _KINDS.values() if key in value]
    if len(given) != 1:
        problem = "is named in more than one place" if given else "isn't named: it doesn't say where it is kept"
        raise refuse(f"the secret {problem}", f"give one of {WAYS}")
    return value


def _literal(value: Any) -> PydanticCustomError:
    named = _SUBSTITUTION.fullmatch(value) if isinstance(value, str) else None
    if named:
        return refuse(
            "variables aren't substituted in secrets, so that no secret ever becomes part of a spec",
            f"write {{env: {named[1]}}}",
        )
    return refuse(
        "a secret can't be written into a spec; what was given isn't repeated here",
        f"name where it is kept: {WAYS}; if this file was shared or committed, renew the secret",
    )


def _kind_of_reference(value: Any) -> str:
    if isinstance(value, dict):
        return next(key for key in _KINDS.values() if key in value)
    return _KINDS[type(value)]


SecretRef = Annotated[
    Annotated[EnvSecret, Tag("env")]
    | Annotated[KeyVaultSecret, Tag("key_vault")]
    | Annotated[BlockSecret, Tag("block")],
    Discriminator(_kind_of_reference),
    BeforeValidator(_named_not_given),
]
"""Where a secret is kept: ``{env}``, ``{key_vault}`` or ``{block}``."""
