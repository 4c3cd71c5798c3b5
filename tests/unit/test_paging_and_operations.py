"""Pages in every API's style; long-running operations; error mapping."""

from typing import Any

import httpx
import pytest

from tests.unit.cloud_fakes import Bench, answer, bench
from unity_mirror.errors import (
    AlreadyExists,
    CloudError,
    DeadlineExceeded,
    FirewallDenied,
    InvalidRequest,
    NotFound,
    NotSupported,
    OperationFailed,
    PermissionDenied,
    PreconditionFailed,
    ServiceUnavailable,
    Throttled,
    Unauthenticated,
)
from unity_mirror.http.calls import Call
from unity_mirror.http.failures import to_error
from unity_mirror.http.operations import finished
from unity_mirror.http.paging import arm_pages, fabric_pages, scim_pages, storage_pages, unity_catalog_pages
from unity_mirror.settings import Timeouts

BASE = "https://localhost:9/v1"
URL = f"{BASE}/workspaces"


def call(**options: Any) -> Call:
    return Call(service="Fabric", operation="list", method="GET", url=URL, scope="fabric", **options)


class TestFabricPages:
    async def values(self, b: Bench, **options: Any) -> list[Any]:
        return [v async for page in fabric_pages(b.transport, call(**options)) for v in page.json()["value"]]

    async def test_follows_the_uri_through_an_empty_page(self) -> None:
        b = bench(
            answer(
                200, {"value": [1], "continuationUri": f"{URL}?continuationToken=a%3D", "continuationToken": "a%3D"}
            ),
            answer(200, {"value": [], "continuationUri": f"{URL}?continuationToken=b"}),
            answer(200, {"value": [2], "continuationUri": None, "continuationToken": None}),
        )
        assert await self.values(b, params={"type": "x"}) == [1, 2]
        assert [str(request.url) for request in b.wire.requests] == [
            f"{URL}?type=x",
            f"{URL}?continuationToken=a%3D",
            f"{URL}?continuationToken=b",
        ]

    async def test_sends_a_dangling_percent_as_it_came(self) -> None:
        b = bench(
            answer(200, {"value": [], "continuationUri": f"{URL}?continuationToken=ab%"}), answer(200, {"value": [1]})
        )
        assert await self.values(b) == [1]
        assert b.wire.requests[1].extensions["target"] == b"/v1/workspaces?continuationToken=ab%"

    async def test_never_sends_its_token_to_another_host(self) -> None:
        b = bench(
            answer(200, {"value": [], "continuationUri": "https://evil.example/v1/workspaces?continuationToken=a"}),
            answer(200, {"value": [1]}),
        )
        assert await self.values(b) == [1]
        assert b.wire.requests[1].url.host == "localhost"

    @pytest.mark.parametrize("uri", [".evil.example/v1", "@evil.example/v1", "//evil.example/v1", "workspaces?a=b"])
    async def test_an_address_that_is_no_whole_one_leads_to_no_other_host(self, uri: str) -> None:
        b = bench(answer(200, {"value": [], "continuationUri": uri}), answer(200, {"value": [1]}))
        assert await self.values(b) == [1]
        assert (b.wire.requests[1].url.host, b.wire.requests[1].url.port) == ("localhost", 9)

    async def test_falls_back_on_the_token_without_encoding_it_twice(self) -> None:
        b = bench(answer(200, {"value": [1], "continuationToken": "LDE%3D"}), answer(200, {"value": [2]}))
        assert await self.values(b, params={"type": "x"}) == [1, 2]
        assert b.wire.requests[1].url.query == b"type=x&continuationToken=LDE%3D"

    async def test_refuses_to_go_round_in_circles(self) -> None:
        b = bench(handler=lambda _: answer(200, {"value": [], "continuationToken": "a"}))
        with pytest.raises(CloudError, match="circles"):
            await self.values(b)
        assert len(b.wire.requests) == 2

    async def test_refuses_to_go_on_for_ever(self) -> None:
        def another(_: httpx.Request) -> httpx.Response:
            b.clock.advance(1)
            return answer(200, {"value": [], "continuationToken": str(len(b.wire.requests))})

        b = bench(handler=another, timeouts=Timeouts(operation=10))
        with pytest.raises(DeadlineExceeded, match="page 11, and more to come"):
            await self.values(b)

    async def test_a_page_that_is_no_json_is_an_error(self) -> None:
        b = bench(httpx.Response(200, text="<html>proxy</html>"))
        with pytest.raises(CloudError, match="isn't a JSON object"):
            await self.values(b)


class TestOtherPages:
    async def test_unity_catalog(self) -> None:
        b = bench(
            answer(200, {"tables": [1], "next_page_token": "a"}),
            answer(200, {"next_page_token": "b"}),
            answer(200, {"tables": [2], "next_page_token": None}),
        )
        pages = unity_catalog_pages(b.transport, call(params={"catalog_name": "sales"}))
        assert [v async for page in pages for v in page.get("tables", ())] == [1, 2]
        assert str(b.wire.requests[2].url.query) == str(b"catalog_name=sales&page_token=b")

    async def test_unity_catalog_that_goes_on_for_ever(self) -> None:
        def another(_: httpx.Request) -> httpx.Response:
            b.clock.advance(1)
            return answer(200, {"next_page_token": str(len(b.wire.requests))})

        b = bench(handler=another, timeouts=Timeouts(operation=10))
        with pytest.raises(DeadlineExceeded, match="list"):
            [page async for page in unity_catalog_pages(b.transport, call())]

    async def test_arm(self) -> None:
        b = bench(
            answer(200, {"value": [1], "nextLink": "https://management.azure.com/v1/workspaces?$skipToken=x"}),
            answer(200, {"value": [2]}),
        )
        assert [v async for page in arm_pages(b.transport, call()) for v in page["value"]] == [1, 2]
        assert b.wire.requests[1].url.host == "localhost"

    async def test_scim(self) -> None:
        b = bench(
            answer(200, {"Resources": [1, 2], "totalResults": 3}), answer(200, {"Resources": [3], "totalResults": 3})
        )
        assert [v async for page in scim_pages(b.transport, call()) for v in page["Resources"]] == [1, 2, 3]
        assert b.wire.requests[1].url.params["startIndex"] == "3"

    async def test_storage(self) -> None:
        b = bench(answer(200, {"paths": [1]}, x_ms_continuation="a=="), answer(200, {"paths": [2]}))
        assert [v async for page in storage_pages(b.transport, call()) for v in page["paths"]] == [1, 2]
        assert b.wire.requests[1].url.params["continuation"] == "a=="


RUNNING = {"status": "Running", "percentComplete": None, "createdTimeUtc": "2026-08-10T10:00:00.1234567", "error": None}
DONE = {"status": "Succeeded", "percentComplete": 100, "error": None}
ACCEPTED = {"location": "https://api.example/v1/operations/op-1", "x_ms_operation_id": "op-1", "retry_after": 20}


class TestOperations:
    async def run(self, b: Bench, seconds: float = 600, **options: Any) -> Any:
        post = Call(service="Fabric", operation="make it", method="POST", url=URL, scope="fabric")
        response = await b.transport.send(post)
        return await finished(b.transport, post, response, BASE, b.transport.deadline(seconds), **options)

    async def test_an_answer_at_once_is_the_result(self) -> None:
        assert await self.run(bench(answer(201, {"id": "x"}))) == {"id": "x"}
        assert await self.run(bench(answer(200))) is None

    async def test_polls_no_faster_than_asked_and_fetches_the_result(self) -> None:
        b = bench(
            answer(202, None, **ACCEPTED),
            answer(200, RUNNING, retry_after=5),
            answer(200, RUNNING),
            answer(200, DONE, location=f"{BASE}/operations/op-1/result"),
            answer(200, {"id": "x"}),
        )
        assert await self.run(b) == {"id": "x"}
        assert b.clock.sleeps == [20.0, 5.0, 2.0]
        assert b.wire.sent[1:] == ["GET /v1/operations/op-1"] * 3 + ["GET /v1/operations/op-1/result"]

    async def test_the_body_of_a_202_is_not_the_result(self) -> None:
        accepted = httpx.Response(202, content=b"null", headers={"x-ms-operation-id": "op-1", "retry-after": "1"})
        b = bench(accepted, answer(200, DONE), answer(200, {"definition": {}}))
        assert await self.run(b) == {"definition": {}}

    async def test_an_operation_without_result(self) -> None:
        b = bench(answer(202, None, **ACCEPTED), answer(200, DONE))
        assert await self.run(b, wants_result=False) is None
        b = bench(answer(202, None, **ACCEPTED), answer(200, DONE), answer(400, {"errorCode": "OperationHasNoResult"}))
        assert await self.run(b) is None

    async def test_a_location_alone_is_enough_and_nothing_is_too(self) -> None:
        b = bench(answer(202, None, location="https://api.example/v1/operations/op-2"), answer(200, DONE))
        assert await self.run(b, wants_result=False) is None
        assert b.wire.sent[1] == "GET /v1/operations/op-2"
        assert b.wire.requests[1].url.host == "localhost"
        assert await self.run(bench(answer(202))) is None

    async def test_a_failure_is_an_error_with_the_services_reason(self) -> None:
        failed = {
            "status": "Failed",
            "percentComplete": None,
            "error": {"errorCode": "DmTS_Bad", "message": "The model is bad.", "isRetriable": True, "requestId": "r"},
        }
        b = bench(answer(202, None, **ACCEPTED), answer(200, failed))
        with pytest.raises(OperationFailed, match=r"could not make it .*DmTS_Bad: The model is bad\.") as caught:
            await self.run(b)
        assert caught.value.retriable
        assert caught.value.request_id == "r"

    async def test_a_deadline_names_the_last_status(self) -> None:
        b = bench(handler=lambda r: answer(202, None, **ACCEPTED) if r.method == "POST" else answer(200, RUNNING))
        with pytest.raises(DeadlineExceeded, match=r"make it after .* its last status was Running"):
            await self.run(b, seconds=60)
        assert b.clock.monotonic() <= 60

    async def test_a_poll_that_finds_nobody_is_repeated(self) -> None:
        b = bench(answer(202, None, **ACCEPTED), httpx.ConnectError("refused"), answer(200, DONE))
        assert await self.run(b, wants_result=False) is None


def error(service: str, status: int, body: Any = None, **headers: Any) -> CloudError:
    asked = Call(service=service, operation="try", method="GET", url="https://host/x?secret=1")
    return to_error(asked, answer(status, body, **headers))


class TestErrors:
    @pytest.mark.parametrize(
        ("service", "status", "body", "kind"),
        [
            ("Fabric", 404, {"errorCode": "EntityNotFound"}, NotFound),
            ("Fabric", 403, {"errorCode": "InsufficientPrivileges"}, PermissionDenied),
            ("Fabric", 409, {"errorCode": "DuplicateConnectionName"}, AlreadyExists),
            ("Fabric", 400, {"errorCode": "IncorrectCredentials"}, InvalidRequest),
            ("Fabric", 501, None, NotSupported),
            ("Power BI", 403, {"error": {"code": "PowerBINotAuthorizedException"}}, PermissionDenied),
            ("Azure Resource Manager", 409, {"error": {"code": "RoleAssignmentExists", "message": "m"}}, AlreadyExists),
            ("Azure Resource Manager", 400, {"error": {"code": "PrincipalNotFound"}}, InvalidRequest),
            ("Unity Catalog", 404, {"error_code": "TABLE_DOES_NOT_EXIST"}, NotFound),
            ("Unity Catalog", 404, {"error_code": "METASTORE_DOES_NOT_EXIST"}, NotFound),
            ("Unity Catalog", 400, {"error_code": "SCHEMA_ALREADY_EXISTS"}, AlreadyExists),
            ("Unity Catalog", 404, None, NotSupported),
            ("Unity Catalog", 404, {"error_code": "ENDPOINT_NOT_FOUND"}, NotSupported),
            ("Unity Catalog", 403, {"error_code": "PERMISSION_DENIED"}, PermissionDenied),
            ("Databricks", 401, {"error_code": "UNAUTHENTICATED"}, Unauthenticated),
            ("Azure Storage", 403, {"error": {"code": "AuthorizationFailure"}}, FirewallDenied),
            ("Azure Storage", 403, {"error": {"code": "AuthorizationPermissionMismatch"}}, PermissionDenied),
            ("Azure Storage", 412, {"error": {"code": "ConditionNotMet"}}, PreconditionFailed),
            ("Azure Storage", 503, {"error": {"code": "ServerBusy"}}, Throttled),
            ("OneLake", 404, {"error": {"code": "PathNotFound"}}, NotFound),
            ("Fabric", 500, None, ServiceUnavailable),
            ("Fabric", 429, None, Throttled),
        ],
    )
    def test_code_before_status(self, service: str, status: int, body: Any, kind: type[CloudError]) -> None:
        assert type(error(service, status, body)) is kind

    def test_a_principal_made_a_moment_ago_is_worth_waiting_for(self) -> None:
        assert error("Azure Resource Manager", 400, {"error": {"code": "PrincipalNotFound"}}).retriable

    def test_codes_and_request_ids_in_headers(self) -> None:
        found = error("Azure Storage", 403, None, x_ms_error_code="AuthorizationFailure", x_ms_request_id="r")
        assert isinstance(found, FirewallDenied)
        assert found.request_id == "r"
        assert error("Fabric", 400, None, x_ms_public_api_error_code="InvalidParameter").code == "InvalidParameter"
        assert error("Fabric", 400, None, RequestId="r2").request_id == "r2"

    def test_reads_xml_but_no_document_types(self) -> None:
        asked = Call(service="Azure Storage", operation="try", method="GET", url="https://host/x")
        text = "<?xml version='1.0'?><Error><Code>BlobNotFound</Code><Message>gone</Message></Error>"
        xml = {"content-type": "application/xml"}
        assert isinstance(to_error(asked, httpx.Response(404, text=text, headers=xml)), NotFound)
        bomb = '<!DOCTYPE x [<!ENTITY a "b">]><Error><Code>&a;</Code></Error>'
        assert to_error(asked, httpx.Response(404, text=bomb, headers=xml)).code == ""

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[1]", b"plain words", b'{"error": "text"}', b'{"error": null}', b"\xff"]
    )
    def test_survives_any_body(self, content: bytes) -> None:
        asked = Call(service="Fabric", operation="try", method="GET", url="https://host/x")
        assert to_error(asked, httpx.Response(400, content=content)).status == 400

    def test_no_query_in_the_message(self) -> None:
        assert "secret" not in str(error("Fabric", 400, {"errorCode": "X"}))
