"""The test that a connection has to pass when it is made or changed: does it lead anywhere, and do its credentials work
there?"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from cloud_emulator.arm import state as arm
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections, credentials
from cloud_emulator.fabric.connection_bodies import invalid_details
from cloud_emulator.fabric.connection_types import CONNECTION_TYPES, DATABRICKS, STORAGE
from cloud_emulator.storage import access as storage
from cloud_emulator.storage import files

_STORAGE_HOST = re.compile(r"[a-z0-9]{3,24}\.dfs\.core\.windows\.net")
_DATABRICKS_HOST = re.compile(r"adb-\d+\.\d+\.azuredatabricks\.net")
_CONTAINER = re.compile(r"[a-z0-9](-?[a-z0-9]){2,62}")
_VAULT = re.compile(r"[A-Za-z](-?[A-Za-z0-9]){2,23}")


def check_parameters(kind: str, parameters: Document) -> str:
    """Whether the parameters of that type of connection make sense; answers the path by which lists show the
    connection.

    Raises 400 ``InvalidConnectionDetails``.
    """
    if kind == DATABRICKS:
        return _https(parameters["url"], _DATABRICKS_HOST, "url", "https://adb-<id>.<n>.azuredatabricks.net")
    if kind == STORAGE:
        server = _https(parameters["server"], _STORAGE_HOST, "server", "https://<account>.dfs.core.windows.net")
        path = parameters["path"].strip("/")
        segments = path.split("/")
        if not _CONTAINER.fullmatch(segments[0]) or not all(segments) or {".", ".."} & set(segments):
            raise invalid_details("'path' must be a container, or a container and folders.")
        return f"{server}/{path}"
    if not _VAULT.fullmatch(parameters["accountName"]):
        raise invalid_details("'accountName' must be the name of a key vault.")
    return str(parameters["accountName"])


def check_connection(cloud: Cloud, connection: Document, credential: Document) -> None:
    """Tries the connection out. Raises 400 ``IncorrectCredentials``."""
    kind = connection["connectionDetails"]["type"]
    if credential["credentialType"] not in CONNECTION_TYPES[kind].credential_types:
        return  # only without the rule about types of credentials
    if kind == DATABRICKS:
        _check_databricks(cloud, connection, credential)
    elif kind == STORAGE:
        _check_storage(cloud, connection, credential)
    else:
        credentials.check_key_vault(cloud, connection["parameters"]["accountName"], credential)


def _check_databricks(cloud: Cloud, connection: Document, credential: Document) -> None:
    host = connections.databricks_host(connection)
    if not connections.reaches_databricks(cloud, connection):
        way = "through the public network" if connection.get("gatewayId") is None else "through the gateway's network"
        raise credentials.incorrect(f"{host} can't be reached from Fabric {way}.")
    credentials.databricks_principal(cloud, host, credential)


def _check_storage(cloud: Cloud, connection: Document, credential: Document) -> None:
    """The account must exist, and the credential must be able to list the folder. Whose identity a workspace identity
    is shows only where the connection is used [D], so nothing more can be tested of one."""
    account, container, path = connections.storage_location(connection)
    if arm.account(cloud, account) is None:
        if not cloud.rules.on("fabric.connections.account"):
            return
        raise credentials.incorrect(f"there is no storage account {account!r}.")
    if credential["credentialType"] == "WorkspaceIdentity":
        return
    denial = storage.check(
        cloud,
        object_id=credentials.storage_object_id(cloud, account, credential),
        account=account,
        container=container,
        path=path,
        want="list",
        source=storage.Source(address=None, fabric_workspace_id=None),
    )
    if denial is not None and cloud.rules.on("fabric.connections.storage_rights"):
        raise credentials.incorrect(f"{account}/{container}/{path}: {denial.status} {denial.code}: {denial.message}")
    found = files.stat(cloud, account, container, path) is not None
    if not found and cloud.rules.on("fabric.connections.storage_folder"):
        raise credentials.incorrect(f"there is no folder {path!r} in {account}/{container}.")


def _https(url: str, host: re.Pattern[str], name: str, example: str) -> str:
    """The address in its normal form: scheme and host only. The value isn't repeated in the error."""
    try:
        parts = urlsplit(url)
        fits = (parts.scheme, parts.path.strip("/"), parts.query, parts.fragment) == ("https", "", "", "")
    except ValueError:
        fits = False
    if not fits or not host.fullmatch(parts.netloc.lower()):
        raise invalid_details(f"{name!r} must look like {example}.")
    return f"https://{parts.netloc.lower()}"
