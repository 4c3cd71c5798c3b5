"""Tokens that a service must not take: of another audience, expired, of another tenant, forged, or none. Each service
answers 401 in its own way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import pytest_asyncio

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.seeds.contoso.azure import SUBSCRIPTION
from cloud_emulator.seeds.contoso.fabric import SALES_WORKSPACE
from cloud_emulator.seeds.contoso.identities import RUNNER
from cloud_emulator.services import mounts

FABRIC = "https://api.fabric.microsoft.com"
POWER_BI = "https://analysis.windows.net/powerbi/api"
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
ARM = "https://management.azure.com"
STORAGE = "https://storage.azure.com"
MODEL = f"/v1.0/myorg/groups/{SALES_WORKSPACE}/datasets/{SALES_WORKSPACE}/refreshes"
ONELAKE = f"/storage/onelake/{SALES_WORKSPACE}"
ELSEWHERE = "11111111-1111-4111-8111-111111111111"

SERVICES = {
    "fabric": (FABRIC, f"/v1/workspaces/{SALES_WORKSPACE}"),
    "powerbi": (POWER_BI, MODEL),
    "databricks": (DATABRICKS, "/api/2.1/unity-catalog/catalogs"),
    "arm": (ARM, f"/subscriptions/{SUBSCRIPTION}/resourceGroups?api-version=2021-04-01"),
    "storage, dfs": (STORAGE, f"{ONELAKE}?resource=filesystem&recursive=false"),
    "storage, blob": (STORAGE, f"{ONELAKE}?restype=container&comp=list"),
}
CODES: Mapping[str, Mapping[str, str]] = {
    "fabric": {
        "audience": "InvalidToken", "expired": "TokenExpired", "tenant": "UserNotLicensed", "forged": "InvalidToken",
        "missing": "Unauthorized",
    },
    "powerbi": {"expired": "TokenExpired", "": "PowerBINotAuthorizedException"},
    "databricks": {"": "UNAUTHENTICATED"},
    "arm": {
        "audience": "InvalidAuthenticationTokenAudience", "expired": "ExpiredAuthenticationToken",
        "tenant": "InvalidAuthenticationTokenTenant", "forged": "InvalidAuthenticationToken",
        "missing": "AuthenticationFailed",
    },
    "storage, dfs": {"missing": "NoAuthenticationInformation", "": "InvalidAuthenticationInfo"},
    "storage, blob": {"missing": "NoAuthenticationInformation", "": "InvalidAuthenticationInfo"},
}  # fmt: skip
"""The error code of each service for each fault; under no name, for all others."""


@pytest.fixture
def cloud(sample: Cloud) -> Cloud:
    sample.reset()
    return sample


@pytest_asyncio.fixture
async def http(cloud: Cloud) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Emulator(cloud, mounts()))
    async with httpx.AsyncClient(transport=transport, base_url="https://cloud.test") as client:
        yield client


def header(cloud: Cloud, audience: str, fault: str) -> str:
    """An ``Authorization`` header of the runner, with something wrong with it."""
    if fault == "missing":
        return ""
    principal: dict[str, Any] = dict(cloud.directory.by_object_id(RUNNER.object_id) or {})
    if fault == "tenant":
        principal["tenantId"] = ELSEWHERE
    if fault == "audience":
        audience = ARM if audience != ARM else FABRIC
    found = cloud.tokens.issue(principal, audience, "https://login.test", seconds=-1 if fault == "expired" else 600)
    head, claims, signature = found.split(".")
    return f"Bearer {head}.{claims}.{signature[::-1] if fault == 'forged' else signature}"


async def ask(http: httpx.AsyncClient, service: str, authorization: str) -> httpx.Response:
    headers = {"x-ms-version": "2023-11-03"}
    if service != "storage, blob":
        headers["Accept"] = "application/json"
    if authorization:
        headers["Authorization"] = authorization
    return await http.get(SERVICES[service][1], headers=headers)


def code_of(service: str, answer: httpx.Response) -> str:
    """The error code, where that service puts it."""
    if service == "storage, blob":
        return str(ET.fromstring(answer.content).findtext("Code"))  # noqa: S314  # made by ourselves
    body = answer.json()
    return str(body.get("errorCode") or body.get("error_code") or body["error"]["code"])


@pytest.mark.parametrize("fault", ["audience", "expired", "tenant", "forged", "missing"])
@pytest.mark.parametrize("service", SERVICES)
async def test_a_token_that_is_not_good_here_is_refused(
    http: httpx.AsyncClient, cloud: Cloud, service: str, fault: str
) -> None:
    answer = await ask(http, service, header(cloud, SERVICES[service][0], fault))
    assert answer.status_code == 401
    assert code_of(service, answer) == CODES[service].get(fault, CODES[service].get(""))
    if service in ("fabric", "arm") or service.startswith("storage"):
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_good_token_is_not(http: httpx.AsyncClient, cloud: Cloud, service: str) -> None:
    answer = await ask(http, service, header(cloud, SERVICES[service][0], ""))
    assert answer.status_code == (404 if service == "powerbi" else 200)  # there is no such semantic model


@pytest.mark.parametrize("audience", [FABRIC, POWER_BI, DATABRICKS, ARM, STORAGE])
async def test_each_audience_opens_its_own_service_only(http: httpx.AsyncClient, cloud: Cloud, audience: str) -> None:
    opened = {
        service for service in SERVICES if (await ask(http, service, header(cloud, audience, ""))).status_code != 401
    }
    assert opened == {service for service, (own, _) in SERVICES.items() if own == audience}
