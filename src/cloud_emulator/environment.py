"""What a shell needs so that unity-mirror and the SDKs talk to an emulator."""

from __future__ import annotations

import sqlite3
import ssl
import time
from contextlib import closing
from http.client import HTTPException, HTTPSConnection
from pathlib import Path

from cloud_emulator.core.store import Document, Store
from cloud_emulator.core.tls import ensure_certificates
from cloud_emulator.entra.service import MACHINE_IDENTITY
from cloud_emulator.seeds.model import ENVIRONMENT

_SQL_PORT = "sql-port"


class NotSeeded(Exception):
    """The folder holds no cloud."""


class NotServed(Exception):
    """No emulator answers."""


def wait_until_served(folder: Path, port: int, seconds: float) -> None:
    """Returns once the emulator of that folder answers. Raises :class:`NotServed`."""
    deadline = time.monotonic() + seconds
    while not _answers(folder / "tls" / "ca.pem", port):
        if time.monotonic() > deadline:
            raise NotServed(
                f"no emulator of {folder} answered at https://localhost:{port} within {seconds:g} s; "
                f"is this running? cloud-emulator serve --port {port} --data {folder}"
            )
        time.sleep(0.05)


def _answers(authority: Path, port: int) -> bool:
    if not authority.exists():
        return False
    try:
        trusted = ssl.create_default_context(cafile=str(authority))
        with closing(HTTPSConnection("localhost", port, timeout=5, context=trusted)) as connection:
            connection.request("GET", "/_emulator/health")
            return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


def variables(folder: Path, port: int) -> dict[str, str]:
    """Environment variables by name. Raises :class:`NotSeeded`."""
    seeded = _seeded(folder)
    root = f"https://localhost:{port}"
    authority = str(ensure_certificates(folder / "tls").authority.resolve())
    return {
        "SSL_CERT_FILE": authority,
        "REQUESTS_CA_BUNDLE": authority,
        "UNITY_MIRROR_FABRIC_URL": f"{root}/v1",
        "UNITY_MIRROR_POWERBI_URL": f"{root}/v1.0/myorg",
        "UNITY_MIRROR_ARM_URL": root,
        "UNITY_MIRROR_AUTHORITY_URL": root,
        "UNITY_MIRROR_DATABRICKS_URL": f"{root}/databricks/{{workspace}}",
        "UNITY_MIRROR_DFS_URL": f"{root}/storage/{{account}}.dfs.core.windows.net",
        "UNITY_MIRROR_BLOB_URL": f"{root}/storage/{{account}}.blob.core.windows.net",
        "UNITY_MIRROR_ONELAKE_URL": f"{root}/storage/onelake",
        "AZURE_AUTHORITY_HOST": root,
        **_sql_server(folder),
        **seeded,
    }


def remember_sql_port(folder: Path, port: int | None) -> None:
    """Notes on which port the SQL analytics endpoints are served, for :func:`variables`."""
    if port is None:
        (folder / _SQL_PORT).unlink(missing_ok=True)
    else:
        (folder / _SQL_PORT).write_text(str(port))


def _sql_server(folder: Path) -> dict[str, str]:
    """Where the SQL analytics endpoints are served, when they are."""
    path = folder / _SQL_PORT
    return {"UNITY_MIRROR_SQL_SERVER": f"localhost,{path.read_text().strip()}"} if path.exists() else {}


def _seeded(folder: Path) -> dict[str, str]:
    """The seed's own variables: the tenant, who signs in, and the secrets that its specs name."""
    document = _setting(folder, ENVIRONMENT)
    if document is None:
        raise NotSeeded(f"the cloud in {folder} is still being seeded, or its seed names no environment; try again.")
    return dict(document["variables"])


def _setting(folder: Path, name: str) -> Document | None:
    path = folder / "state.sqlite"
    if not path.exists():
        raise NotSeeded(
            f"{folder} holds no cloud yet; start one with: cloud-emulator serve --seed contoso --data {folder} …"
        )
    try:
        store = Store(path)
    except sqlite3.DatabaseError as error:
        raise NotSeeded(f"{path} holds no cloud ({error}).") from error
    try:
        return store.table("settings").get(name)
    finally:
        store.close()


def notes(folder: Path, port: int) -> list[str]:
    """What an SDK needs besides the variables."""
    root = f"https://localhost:{port}"
    machine = _setting(folder, MACHINE_IDENTITY)
    identity = []
    if machine is not None:
        identity = [f"managed identity: IDENTITY_ENDPOINT='{root}/msi/token', IDENTITY_HEADER='{machine['header']}'"]
    return [
        f"azure-identity: authority='{root}', disable_instance_discovery=True",
        f"azure-storage-file-datalake: account_url='{root}/storage/<account>.dfs.core.windows.net'",
        f"delta-rs, ADLS: az://<container>/<path> with azure_storage_endpoint='{root}/storage/<account>'",
        f"delta-rs, OneLake: az://<workspace id>/<item id>/… with azure_storage_endpoint='{root}/storage/onelake'",
        "delta-rs, both: account_name='<account>' or 'onelake' besides; SSL_CERT_FILE is honoured",
        f"databricks-sdk: host='{root}/databricks/<workspace host>', or '{root}' for the first workspace",
        "mssql-python: Server=localhost,<--sql-port>;Database=<SQL endpoint>;Encrypt=yes; the token is attribute 1256",
        *identity,
    ]
