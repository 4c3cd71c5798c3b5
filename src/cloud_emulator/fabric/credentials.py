"""Credentials of connections: what is kept of them, and whether they are good.

Kept as the request gave them, with ``credentialType``; a secret in a key vault stays a reference and is looked up each
time. A seed may keep an OAuth2 credential, with the ``objectId`` of the person who signed in: no API can make one.
"""

from __future__ import annotations

import hmac
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.unity_catalog import access as unity_catalog

CREDENTIALS = "fabric.connectionCredentials"
KEY_VAULTS = "fabric.keyVaults"
STORAGE_SECRETS = "fabric.storageSecrets"


def kept(cloud: Cloud, connection_id: str) -> Document:
    """The credential of a connection."""
    return cloud.table(CREDENTIALS)[connection_id]


def incorrect(reason: str) -> FabricError:
    """400: the connection can't be established with these credentials."""
    return FabricError(400, "IncorrectCredentials", f"The connection could not be established: {reason}")


def secret_of(cloud: Cloud, credential: Document, field: str) -> str:
    """A secret given as a value, or looked up by its reference. Raises 400 ``IncorrectCredentials``."""
    reference = credential.get(f"{field}Reference")
    if reference is None:
        return str(credential[field])
    return _vault_secret(cloud, reference)


def service_principal(cloud: Cloud, credential: Document) -> Document:
    """The service principal that signs in with this credential. Raises 400 ``IncorrectCredentials``."""
    client_id = credential["servicePrincipalClientId"]
    found = cloud.directory.by_app_id(client_id)
    tenant = found.get("tenantId", cloud.directory.tenant_id) if found is not None else None
    if found is None or tenant != credential["tenantId"]:
        raise incorrect(f"the tenant {credential['tenantId']!r} has no application {client_id!r}.")
    secret = secret_of(cloud, credential, "servicePrincipalSecret")
    good = bool(found.get("secret")) and hmac.compare_digest(str(found["secret"]).encode(), secret.encode())
    if not good and cloud.rules.on("fabric.connections.secret"):
        raise incorrect(f"the client secret for the application {client_id!r} is not valid.")
    return found


def databricks_principal(cloud: Cloud, host: str, credential: Document) -> str:
    """The principal as which a credential signs in to a Databricks workspace: an application id or a user name.

    Raises 400 ``IncorrectCredentials``; membership of the workspace is not looked at for tokens and people, whose token
    or sign-in says so.
    """
    if credential["credentialType"] == "Key":
        owner = unity_catalog.principal_of_token(cloud, host, secret_of(cloud, credential, "key"))
        if owner is None and cloud.rules.on("fabric.connections.token"):
            raise incorrect(f"{host} does not know the access token.")
        return owner or ""
    if credential["credentialType"] == "OAuth2":
        name = _person(cloud, credential)["userPrincipalName"]
    else:
        name = service_principal(cloud, credential)["appId"]
    if not unity_catalog.signs_in(cloud, host, name) and cloud.rules.on("fabric.connections.member"):
        raise incorrect(f"{name!r} is not a member of the Databricks workspace {host}.")
    return str(name)


def storage_object_id(cloud: Cloud, account: str, credential: Document) -> str | None:
    """The object id as which a credential reads a storage account; ``None`` for a good key or shared access signature.

    Raises 400 ``IncorrectCredentials``. Not for workspace identities, which are known only where they are used.
    """
    if credential["credentialType"] == "OAuth2":
        return str(_person(cloud, credential)["objectId"])
    if credential["credentialType"] == "ServicePrincipal":
        return str(service_principal(cloud, credential)["objectId"])
    field = "key" if credential["credentialType"] == "Key" else "token"
    known = cloud.table(STORAGE_SECRETS).get(account, {"key": [], "token": []})[field]
    given = secret_of(cloud, credential, field).encode()
    good = any(hmac.compare_digest(secret.encode(), given) for secret in known)
    if not good and cloud.rules.on("fabric.connections.key"):
        raise incorrect(f"the storage account {account!r} does not accept this {field}.")
    return None


def check_key_vault(cloud: Cloud, name: str, credential: Document) -> None:
    """Whether a credential may read secrets of a key vault. Raises 400 ``IncorrectCredentials``."""
    vault = cloud.table(KEY_VAULTS).get(name.lower())
    if vault is None:
        raise incorrect(f"there is no key vault {name!r}.")
    if credential["credentialType"] == "OAuth2":
        reader = _person(cloud, credential)["objectId"]
    else:
        reader = service_principal(cloud, credential)["objectId"]
    reads = {reader, *cloud.directory.groups_of(reader)} & set(vault["readers"])
    if not reads and cloud.rules.on("fabric.connections.vault_reader"):
        raise incorrect(f"{reader!r} may not read secrets of the key vault {name!r}.")


def _person(cloud: Cloud, credential: Document) -> Document:
    found = cloud.directory.by_object_id(credential["objectId"])
    if found is None:
        raise incorrect("the person who signed in is no longer in the directory.")
    return found


def _vault_secret(cloud: Cloud, reference: Document) -> str:
    connection: dict[str, Any] = dict(cloud.table("fabric.connections").get(reference["connectionId"], {}))
    if not connection:
        raise incorrect(f"the key vault connection {reference['connectionId']!r} does not exist.")
    name = connection["parameters"]["accountName"]
    check_key_vault(cloud, name, kept(cloud, connection["id"]))
    versions = cloud.table(KEY_VAULTS)[name.lower()]["secrets"].get(reference["secretName"], {})
    version = reference.get("version") or next(reversed(versions), None)
    if version not in versions:
        if not cloud.rules.on("fabric.connections.vault_secret"):
            return ""
        raise incorrect(f"the key vault {name!r} has no such version of a secret {reference['secretName']!r}.")
    return str(versions[version])
