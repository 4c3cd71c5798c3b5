"""Endpoints, timeouts and limits; the only reader of the environment.

Specs and connections always hold the public-looking URLs; the templates here say where each of them is reached: in the
public cloud, in a sovereign one, or on a local emulator.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from unity_mirror.errors import SettingsError
from unity_mirror.models import azure_clouds
from unity_mirror.models.azure_clouds import AzureCloud, cloud_of

T = TypeVar("T")

_PUBLIC_DATABRICKS = "https://{workspace}"
_SQL_SERVER = re.compile(r"(?:[\w.-]|\{server\})+(?:,\d+)?")
_DELETE = 0x7F
ONE_LINE = "set it to the secret alone, without the end of its line (a file with Windows' line ends leaves a \\r)"
DATABRICKS_SCOPE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"


class Secret:
    """A value that never shows itself: ``reveal()`` gives it, everything else prints asterisks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret can't be pickled")


@dataclass(frozen=True)
class Endpoints:
    """Base URLs, without a slash at the end; templates hold ``{workspace}`` (a host) or ``{account}``."""

    cloud: str
    fabric: str
    powerbi: str
    arm: str
    authority: str
    onelake: str
    dfs: str
    blob: str
    databricks: str = _PUBLIC_DATABRICKS
    sql: str = "{server}"

    def databricks_url(self, workspace_url: str) -> str:
        """Return where the workspace with this public URL (or host) is reached.

        Raises SettingsError for a workspace of another cloud than the one that we sign in to, and for a host that isn't
        Azure Databricks', because tokens are sent there.
        """
        host = (urlsplit(workspace_url).netloc if "://" in workspace_url else workspace_url).strip("/")
        found = cloud_of(host)
        if found is not None and found.key != self.cloud:
            message = (
                f"the Databricks workspace {host} is in Azure's cloud {found.name!r}, the settings are for another"
            )
            raise SettingsError(message, where=self.cloud, remedy=f"set UNITY_MIRROR_CLOUD to {found.key}")
        if found is None and self.databricks == _PUBLIC_DATABRICKS:
            message = "no token is sent to what isn't an Azure Databricks workspace"
            remedy = "check the URL, or set UNITY_MIRROR_DATABRICKS_URL for a server of your own"
            raise SettingsError(message, where=host, remedy=remedy)
        return self.databricks.format(workspace=host)

    def dfs_url(self, account: str) -> str:
        """Return where the account's DFS endpoint is reached."""
        return self.dfs.format(account=account)

    def sql_server(self, server: str) -> str:
        """Return where the SQL server of this name is reached, maybe with a port after a comma."""
        return self.sql.format(server=server)

    def blob_url(self, account: str) -> str:
        """Return where the account's Blob endpoint is reached."""
        return self.blob.format(account=account)


@dataclass(frozen=True)
class Scopes:
    """Token scopes, one for each API."""

    fabric: str = "https://api.fabric.microsoft.com/.default"
    powerbi: str = "https://analysis.windows.net/powerbi/api/.default"
    arm: str = "https://management.azure.com/.default"
    storage: str = "https://storage.azure.com/.default"
    sql: str = "https://database.windows.net/.default"
    databricks: str = DATABRICKS_SCOPE


@dataclass(frozen=True)
class Timeouts:
    """Seconds. ``request`` bounds one request with all its retries, ``operation`` a long-running operation,
    ``retriable`` how long an answer that says "not yet" is put up with."""

    connect: float = 10.0
    read: float = 100.0
    request: float = 300.0
    operation: float = 1800.0
    retriable: float = 300.0


@dataclass(frozen=True)
class Limits:
    """``max_concurrency`` requests at once for each budget, and eight times as many to OneLake and to a storage
    account; ``max_attempts`` at one request's faults (being throttled isn't a fault); ``poll_floor`` seconds between
    polls where the service names none."""

    max_concurrency: int = 16
    max_attempts: int = 6
    poll_floor: float = 2.0
    backoff_base: float = 0.5
    backoff_cap: float = 20.0


@dataclass(frozen=True)
class SignIn:
    """How to sign in: a service principal when all three are given, else whatever azure-identity finds."""

    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    databricks_token: Secret | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that nobody may see."""
        return tuple(each.reveal() for each in (self.client_secret, self.databricks_token) if each)


def _endpoints_in(cloud: AzureCloud) -> Endpoints:
    return Endpoints(
        cloud=cloud.key,
        fabric=cloud.fabric,
        powerbi=cloud.powerbi,
        arm=cloud.arm,
        authority=cloud.authority,
        onelake=cloud.onelake,
        dfs=f"https://{{account}}.dfs.{cloud.storage_suffix}",
        blob=f"https://{{account}}.blob.{cloud.storage_suffix}",
    )


PUBLIC = _endpoints_in(azure_clouds.PUBLIC)
_CLOUDS = {cloud.key: _endpoints_in(cloud) for cloud in azure_clouds.CLOUDS}
_SCOPES = {
    cloud.key: Scopes(powerbi=cloud.powerbi_scope, arm=f"{cloud.arm}/.default", sql=cloud.sql_scope)
    for cloud in azure_clouds.CLOUDS
}
_PUBLIC_AUTHORITIES = frozenset(endpoints.authority for endpoints in _CLOUDS.values())
_URL_VARIABLES = {
    "fabric": "UNITY_MIRROR_FABRIC_URL",
    "powerbi": "UNITY_MIRROR_POWERBI_URL",
    "arm": "UNITY_MIRROR_ARM_URL",
    "authority": "UNITY_MIRROR_AUTHORITY_URL",
    "databricks": "UNITY_MIRROR_DATABRICKS_URL",
    "dfs": "UNITY_MIRROR_DFS_URL",
    "blob": "UNITY_MIRROR_BLOB_URL",
    "onelake": "UNITY_MIRROR_ONELAKE_URL",
}
_PLACEHOLDERS = {"databricks": "{workspace}", "dfs": "{account}", "blob": "{account}"}


@dataclass(frozen=True)
class Settings:
    """All that isn't in a spec. ``environ`` is what ``{env: NAME}`` secrets are looked up in; it never prints."""

    endpoints: Endpoints = PUBLIC
    scopes: Scopes = field(default_factory=Scopes)
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: Limits = field(default_factory=Limits)
    sign_in: SignIn = field(default_factory=SignIn)
    ca_file: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read settings from environment variables. Raises SettingsError, naming the variable, for a bad value."""
        cloud = environ.get("UNITY_MIRROR_CLOUD", "").strip().lower() or "public"
        if cloud not in _CLOUDS:
            raise SettingsError(f"UNITY_MIRROR_CLOUD is {cloud!r}", remedy=f"set it to one of {', '.join(_CLOUDS)}")
        limits = Limits()
        timeouts = Timeouts()
        concurrency = _number(environ, "UNITY_MIRROR_MAX_CONCURRENCY", int, limits.max_concurrency)
        deadline = _number(environ, "UNITY_MIRROR_DEADLINE_SECONDS", float, timeouts.operation)
        return cls(
            endpoints=_endpoints(environ, _CLOUDS[cloud]),
            scopes=_SCOPES[cloud],
            timeouts=replace(timeouts, operation=deadline, request=min(timeouts.request, deadline)),
            limits=replace(limits, max_concurrency=concurrency),
            sign_in=_sign_in(environ),
            ca_file=_ca_file(environ),
            environ=dict(environ),
        )

    @property
    def is_public_authority(self) -> bool:
        """Tell whether Entra itself is the authority, rather than something that stands in for it."""
        return self.endpoints.authority in _PUBLIC_AUTHORITIES


def _endpoints(environ: Mapping[str, str], defaults: Endpoints) -> Endpoints:
    urls = {name: _url(environ, variable, name) for name, variable in _URL_VARIABLES.items()}
    if not urls["authority"] and environ.get("AZURE_AUTHORITY_HOST"):
        urls["authority"] = _url(environ, "AZURE_AUTHORITY_HOST", "authority")
    endpoints = replace(defaults, **{name: url for name, url in urls.items() if url})
    if server := environ.get("UNITY_MIRROR_SQL_SERVER", "").strip():
        endpoints = replace(endpoints, sql=_sql_server(server))
    for name in ("fabric", "onelake"):
        if not getattr(endpoints, name):
            message = f"there is no known {name} address in the cloud {defaults.cloud!r}"
            raise SettingsError(message, remedy=f"set {_URL_VARIABLES[name]}")
    return endpoints


def _url(environ: Mapping[str, str], variable: str, name: str) -> str:
    value = environ.get(variable, "").strip().rstrip("/")
    if not value:
        return ""
    if variable == "AZURE_AUTHORITY_HOST" and "://" not in value:
        value = f"https://{value}"
    if not _is_https(value):
        raise SettingsError(f"{variable} is not an https URL", remedy=f"set it to one, like {getattr(PUBLIC, name)}")
    placeholder = _PLACEHOLDERS.get(name, "")
    if placeholder not in value or set("{}") & set(value.replace(placeholder, "")):
        wanted = f"holds {placeholder}" if placeholder else "holds no braces"
        raise SettingsError(f"{variable} is not a usable address", remedy=f"give one that {wanted}")
    return value


def _is_https(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it is what tells that it is a number
    except ValueError:
        return False
    whole = parts.scheme == "https" and bool(parts.netloc)
    return whole and not parts.query and not parts.fragment and "@" not in parts.netloc


def _sql_server(value: str) -> str:
    """A server for all SQL endpoints, ``host,port``; with ``{server}`` in it a template."""
    if not _SQL_SERVER.fullmatch(value):
        raise SettingsError(
            "UNITY_MIRROR_SQL_SERVER is no SQL server", remedy="give host,port, as localhost,1433, or unset it"
        )
    return value


def _number(environ: Mapping[str, str], variable: str, kind: Callable[[str], T], default: T) -> T:
    text = environ.get(variable, "").strip()
    if not text:
        return default
    try:
        value = kind(text)
        usable = 0 < float(text) < float("inf")
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"{variable} is {text!r}", remedy="set it to a number greater than zero, or unset it")
    return value


def _sign_in(environ: Mapping[str, str]) -> SignIn:
    return SignIn(
        tenant_id=environ.get("AZURE_TENANT_ID") or None,
        client_id=environ.get("AZURE_CLIENT_ID") or None,
        client_secret=_secret(environ, "AZURE_CLIENT_SECRET"),
        databricks_token=_secret(environ, "DATABRICKS_TOKEN"),
    )


def _secret(environ: Mapping[str, str], variable: str) -> Secret | None:
    value = environ.get(variable)
    if value and holds_control(value):
        raise SettingsError(f"{variable} holds a line break or another control character", remedy=ONE_LINE)
    return Secret(value) if value else None


def holds_control(value: str) -> bool:
    """Tell whether a secret holds what none does, and no header may: what a file's line ends leave at its end, say."""
    return any(ord(each) < ord(" ") or ord(each) == _DELETE for each in value)


def _ca_file(environ: Mapping[str, str]) -> Path | None:
    name = environ.get("SSL_CERT_FILE")
    if not name:
        return None
    path = Path(name)
    if not path.is_file():
        raise SettingsError("SSL_CERT_FILE names no file", where=name, remedy="point it at a PEM bundle, or unset it")
    return path
