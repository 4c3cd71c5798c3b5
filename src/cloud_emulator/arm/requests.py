"""Reading requests the way Azure Resource Manager does, and asking whether the caller may."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from cloud_emulator.arm import state
from cloud_emulator.arm.access import permitted
from cloud_emulator.arm.errors import invalid_content, refuse
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request
from cloud_emulator.core.identity import BadToken, Caller, TokenFault
from cloud_emulator.core.paging import BadPageToken, asked, page
from cloud_emulator.core.store import Document
from cloud_emulator.core.validation import told

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
SKIP_TOKEN = "$skiptoken"  # noqa: S105  # the name of a query parameter
Model = TypeVar("Model", bound="Body")

_CODES = {
    TokenFault.MISSING: ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."),
    TokenFault.EXPIRED: ("ExpiredAuthenticationToken", "The access token expired."),
    TokenFault.AUDIENCE: (
        "InvalidAuthenticationTokenAudience",
        "The access token has been obtained for the wrong audience or resource.",
    ),
    TokenFault.TENANT: ("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer."),
}


class Body(BaseModel):
    """A request body, or a part of one, with names in camel case. Fields that aren't declared are refused, and values
    of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


def authenticate(cloud: Cloud, request: Request) -> Caller:
    """Who asks; 401 with ARM's code for what is wrong with the token."""
    try:
        return cloud.tokens.verify(request.headers.get("authorization", ""), AUDIENCES)
    except BadToken as fault:
        code, message = _CODES.get(fault.fault, ("InvalidAuthenticationToken", "The access token is invalid."))
        challenge = {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{message}"'}
        raise refuse(401, code, message, challenge) from fault


def parse(request: Request, model: type[Model]) -> Model:
    """The request's body. Refused when it isn't JSON, isn't said to be, or isn't as documented."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise refuse(415, "UnsupportedMediaType", f"The content media type {kind!r} is not supported.")
    try:
        return model.model_validate(request.json())
    except ValidationError as error:
        raise invalid_content(told(error)) from error
    except ValueError as error:
        raise invalid_content("it is not JSON.") from error


def allow_query(request: Request, *names: str) -> None:
    """Refuses query parameters other than these and ``api-version``."""
    unknown = sorted(set(request.query) - {"api-version", *names})
    if unknown:
        raise refuse(400, "InvalidQueryParameter", f"The query parameters are not valid here: {', '.join(unknown)}.")


def require(cloud: Cloud, request: Request, action: str, scope: str) -> None:
    """Refuses a caller whose roles at a scope don't permit an action; an unknown subscription before that."""
    require_subscription(cloud, scope)
    caller = request.caller
    if not permitted(cloud, caller.object_id, action, scope) and cloud.rules.on("arm.access.action"):
        raise refuse(
            403,
            "AuthorizationFailed",
            f"The client '{caller.app_id or caller.name}' with object id '{caller.object_id}' does not have "
            f"authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials.",
        )


def require_subscription(cloud: Cloud, scope: str) -> Document:
    """The subscription that a scope lies in."""
    subscription_id = scope.strip("/").split("/")[1]
    found = state.table_of(cloud, "subscriptions").get(subscription_id.lower())
    if found is None:
        raise refuse(404, "SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found.")
    return found


def group_scope(request: Request) -> str:
    """The scope of the resource group that the path names."""
    return f"/subscriptions/{request.params['subscriptionId']}/resourceGroups/{request.params['resourceGroupName']}"


def require_group(cloud: Cloud, request: Request) -> Document:
    """The resource group that the path names."""
    found = state.table_of(cloud, "resourceGroups").get(group_scope(request).lower())
    if found is None:
        name = request.params["resourceGroupName"]
        raise refuse(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
    return found


def listing(cloud: Cloud, request: Request, found: list[Document]) -> dict[str, object]:
    """A list's answer: all of it, or pages of the behaviour's ``page_size`` with an absolute ``nextLink``."""
    size = cloud.behaviour.page_size
    try:
        of = asked(request, SKIP_TOKEN)
        part, token = page(found, request.query.get(SKIP_TOKEN), size or max(len(found), 1), of)
    except BadPageToken as error:
        raise refuse(400, "InvalidSkipToken", "The skip token is not one that this server gave.") from error
    answer: dict[str, object] = {"value": part}
    if token is not None:
        answer["nextLink"] = f"{request.base_url}{request.raw_path}?{_next_query(request, token)}"
    return answer


def _next_query(request: Request, token: str) -> str:
    return urlencode({**request.query, SKIP_TOKEN: token})
