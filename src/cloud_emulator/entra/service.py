"""Routes of Entra ID: ``/{tenant id, domain or common}/…`` and the managed identity endpoint ``/msi/token``.

Shapes and error numbers as captured from the real service (evidence E): a bad secret is 401 invalid_client 7000215, an
unknown client 400 unauthorized_client 700038, an unknown resource 400 invalid_resource 500011.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Endpoint, Refusal, Request, Response, json_response, peer
from cloud_emulator.core.identity import TOKEN_SECONDS, Caller
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.entra.errors import refuse
from cloud_emulator.entra.resources import audience_of_resource, audience_of_scope

MACHINE_IDENTITY = "machineIdentity"
"""Key in the table ``settings``: {objectId, header} of the identity that ``/msi/token`` speaks for."""

_COMMON = ("common", "organizations")


def _not_storage(request: Request) -> Response:
    """To a client of storage that left the account out, as Azure's C++ client does when it renames in path style: an
    error of another shape than storage's makes it crash [C]."""
    message = (
        f"{request.method} {request.path} is no address of storage here: /storage/{{account}}/{{container}}/{{path}}."
    )
    return json_response(501, {"error": {"code": "NotImplemented", "message": message}})


class EntraService:
    """Serves sign-in."""

    name = "entra"
    throttled_status = 429

    def __init__(self) -> None:
        self.router = Router(case_sensitive=False)
        for method, template, operation, handler, asker in (
            ("GET", "/{tenant}/v2.0/.well-known/openid-configuration", "discovery", _discovery, peer),
            ("GET", "/{tenant}/.well-known/openid-configuration", "discovery", _discovery, peer),
            ("GET", "/{tenant}/discovery/v2.0/keys", "keys", _keys, peer),
            ("POST", "/{tenant}/oauth2/v2.0/token", "token", _token, _client_id),
            ("GET", "/msi/token", "managed identity token", _managed_identity, peer),
        ):
            self.router.route(method, template, operation, Effect.AUTH, anonymous=True, asker=asker)(handler)

    def locate(self, cloud: Cloud, request: Request) -> Endpoint:
        """The operation that a request names."""
        endpoint = self.router.find(request)
        if endpoint is None and "x-ms-version" in request.headers:
            raise Refusal(_not_storage(request))
        if endpoint is None:
            raise refuse(cloud, 501, "unsupported_endpoint", 90000, f"Not emulated: {request.method} {request.path}.")
        return endpoint

    def authenticate(self, cloud: Cloud, request: Request) -> Caller:
        """Never called: signing in needs no token."""
        raise refuse(cloud, 401, "invalid_request", 90000, f"{request.path} needs no token.")

    def trouble(self, cloud: Cloud, request: Request, status: int) -> Response:
        """Throttling, which Entra tells in two words that are no JSON (MSAL.NET's issue 2855), or an outage, in its
        shape."""
        del request
        if status == 429:
            return Response(429, b"Too Many Requests", {"content-type": "text/plain"})
        message = "The service is temporarily unavailable. Please retry later."
        return refuse(cloud, status, "temporarily_unavailable", 90033, message).response

    def register_jobs(self, cloud: Cloud) -> None:
        """Entra has none."""


def make_service() -> EntraService:
    """The service, ready to mount."""
    return EntraService()


def _known_tenant(cloud: Cloud, request: Request) -> str:
    tenant = request.params["tenant"].lower()
    domain = cloud.store.table("entra.tenants")["home"].get("domain")
    known = tenant in (cloud.directory.tenant_id, domain, *_COMMON)
    if known or not cloud.rules.on("entra.tenant.known"):
        return cloud.directory.tenant_id
    raise refuse(
        cloud, 400, "invalid_tenant", 90002,
        f"Tenant '{tenant}' not found. Check the tenant id, and that you sign in to the right cloud.",
    )  # fmt: skip


def _discovery(cloud: Cloud, request: Request) -> Response:
    tenant = _known_tenant(cloud, request) if _names_a_tenant(request) else "{tenantid}"
    root = f"{request.base_url}/{request.params['tenant']}"
    return json_response(
        200,
        {
            "issuer": _issuer(request, tenant),
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "tenant_region_scope": "EU",
        },
    )


def _names_a_tenant(request: Request) -> bool:
    return request.params["tenant"].lower() not in _COMMON


def _issuer(request: Request, tenant: str) -> str:
    return f"{request.base_url}/{tenant}/v2.0"


def _keys(cloud: Cloud, request: Request) -> Response:
    _known_tenant(cloud, request)
    return json_response(200, cloud.tokens.jwks())


def _token(cloud: Cloud, request: Request) -> Response:
    tenant = _known_tenant(cloud, request)
    form = _form(cloud, request)
    _check_complete(cloud, request, form)
    if form.get("grant_type") != "client_credentials":
        raise refuse(
            cloud, 400, "unsupported_grant_type", 70003, "The emulator serves grant_type client_credentials only."
        )
    if not _names_a_tenant(request) and cloud.rules.on("entra.tenant.named"):
        message = (
            "No tenant-identifying information found in either the request or implied by any provided credentials."
        )
        raise refuse(cloud, 400, "invalid_request", 50059, message)
    client = _client(cloud, request, form)
    _check_scope(cloud, form.get("scope", ""))
    audience = audience_of_scope(form.get("scope", ""))
    if audience is None and not cloud.rules.on("entra.resource.known"):
        audience = form.get("scope", "")
    if audience is None:
        raise _unknown_resource(cloud, form.get("scope", ""))
    token = cloud.tokens.issue(client, audience, _issuer(request, tenant))
    seconds = TOKEN_SECONDS
    return json_response(
        200, {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
    )


def _form(cloud: Cloud, request: Request) -> Mapping[str, str]:
    """The fields of the form, each given once; assertions aren't served."""
    fields = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    form = dict(fields)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise refuse(cloud, 400, "invalid_request", 900144, "The request body must be a form.")
    if len(form) < len(fields):
        raise refuse(cloud, 400, "invalid_request", 900144, "A parameter of the request is given twice.")
    if "resource" in form and cloud.rules.on("entra.request.resource"):
        raise refuse(cloud, 400, "invalid_request", 901002, "The 'resource' request parameter is not supported.")
    if "client_assertion" in form:
        raise refuse(cloud, 501, "invalid_request", 90000, "The emulator serves client secrets, not assertions.")
    return form


def _check_complete(cloud: Cloud, request: Request, form: Mapping[str, str]) -> None:
    """Refuses a request that lacks what every one of a client's own has."""
    if not cloud.rules.on("entra.request.complete"):
        return
    client_id, secret = _client_credentials(request, form)
    for name, value in (("grant_type", form.get("grant_type")), ("client_id", client_id), ("scope", form.get("scope"))):
        if not value:
            message = f"The request body must contain the following parameter: '{name}'."
            raise refuse(cloud, 400, "invalid_request", 900144, message)
    if not secret and form["grant_type"] == "client_credentials":
        message = (
            "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."
        )
        raise refuse(cloud, 401, "invalid_client", 7000216, message)


def _check_scope(cloud: Cloud, scope: str) -> None:
    if not scope.endswith("/.default") and cloud.rules.on("entra.scope.default"):
        raise refuse(
            cloud, 400, "invalid_scope", 1002012,
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier (application ID URI).",
        )  # fmt: skip


def _client_id(request: Request) -> str:
    """The client that a request for a token names, be it known or not."""
    return _client_credentials(request, dict(parse_qsl(request.body.decode("utf-8", "replace"))))[0]


def _unknown_resource(cloud: Cloud, resource: str) -> Refusal:
    return refuse(
        cloud, 400, "invalid_resource", 500011,
        f"The resource principal named {resource!r} was not found in the tenant.",
    )  # fmt: skip


def _client(cloud: Cloud, request: Request, form: Mapping[str, str]) -> Document:
    client_id, secret = _client_credentials(request, form)
    found = cloud.directory.by_app_id(client_id)
    if found is None and not cloud.rules.on("entra.client.known"):
        found = cloud.directory.by_object_id(client_id)
    if found is None:
        raise refuse(
            cloud, 400, "unauthorized_client", 700038,
            f"Application with identifier '{client_id}' was not found in the directory.",
        )  # fmt: skip
    good = bool(found.get("secret")) and hmac.compare_digest(str(found["secret"]), secret)
    if not good and cloud.rules.on("entra.client.secret"):
        raise refuse(
            cloud, 401, "invalid_client", 7000215,
            "Invalid client secret provided. Ensure the secret being sent is the secret value, not the secret ID, "
            f"for app '{client_id}'.",
        )  # fmt: skip
    return found


def _client_credentials(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    """From the form, or from HTTP basic authentication."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return unquote(user), unquote(password)
    return form.get("client_id", ""), form.get("client_secret", "")


def _managed_identity(cloud: Cloud, request: Request) -> Response:
    """App Service's managed identity endpoint, api-version 2019-08-01."""
    machine = cloud.store.table("settings").get(MACHINE_IDENTITY)
    known = machine is not None and request.headers.get("x-identity-header") == machine["header"]
    if machine is None or not (known or not cloud.rules.on("entra.msi.header")):
        raise Refusal(json_response(401, {"statusCode": 401, "message": "X-IDENTITY-HEADER is missing or wrong."}))
    principal = cloud.directory.by_object_id(machine["objectId"])
    audience = audience_of_resource(request.query.get("resource", ""))
    if principal is None or audience is None or request.query.get("api-version") != "2019-08-01":
        raise Refusal(json_response(400, {"statusCode": 400, "message": "Unknown resource or api-version."}))
    token = cloud.tokens.issue(principal, audience, _issuer(request, cloud.directory.tenant_id))
    expires = int(cloud.clock.time()) + TOKEN_SECONDS
    document = {
        "access_token": token,
        "expires_on": str(expires),
        "resource": request.query["resource"],
        "token_type": "Bearer",
        "client_id": principal["appId"],
    }
    return json_response(200, document)
