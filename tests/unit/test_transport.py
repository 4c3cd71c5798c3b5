"""The transport: what is retried and how long, what is shared, what is raised."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from tests.unit.cloud_fakes import Bench, answer, bench
from unity_mirror.errors import (
    AlreadyExists,
    CloudError,
    Conflict,
    InvalidRequest,
    NotFound,
    OperationFailed,
    PermissionDenied,
    ServiceUnavailable,
    Throttled,
    Unauthenticated,
)
from unity_mirror.http.calls import Call
from unity_mirror.redaction import Redactor
from unity_mirror.settings import Limits, Timeouts

URL = "https://api.fabric.microsoft.com/v1/things"


def call(method: str = "GET", **options: Any) -> Call:
    return Call(service="Fabric", operation="do the thing", method=method, url=URL, scope="fabric", **options)


async def create(b: Bench, found: list[str | None], **options: Any) -> str:
    """Create a thing; ``found`` are the answers to looking for it, in turn."""

    async def look() -> str | None:
        return found.pop(0)

    async def read(response: httpx.Response) -> str:
        return str(response.json()["id"])

    return await b.transport.create(call("POST", json={"a": 1}), found=look, read=read, **options)


async def test_a_long_wait_is_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    not_yet = answer(400, {"errorCode": "ItemDisplayNameNotAvailableYet", "message": "Wait.", "isRetriable": True})
    b = bench(*[not_yet] * 200)
    with pytest.raises(CloudError):
        await b.transport.send(call("POST", json={}))
    told = [record.getMessage() for record in caplog.records]
    assert 2 <= len(told) <= 6
    assert all("could not do the thing" in each and "ItemDisplayNameNotAvailableYet" in each for each in told)


class TestAnswers:
    async def test_signs_in_sends_and_counts(self) -> None:
        b = bench(answer(200, {"a": 1}))
        response = await b.transport.send(call())
        assert response.json() == {"a": 1}
        assert b.wire.requests[0].headers["authorization"] == "Bearer token-1"
        assert b.meter.total(effect="read") == 1
        assert b.meter.total(effect="write") == 0

    async def test_a_refused_token_is_replaced_once(self) -> None:
        b = bench(answer(401), answer(200, {}))
        await b.transport.send(call())
        assert b.wire.authorizations == ["Bearer token-1", "Bearer token-2"]
        assert b.tokens.refused == ["fabric"]
        assert b.meter.total() == 2

    async def test_a_second_refusal_is_an_error(self) -> None:
        b = bench(answer(401), answer(401, {"errorCode": "UserNotLicensed", "message": "no licence"}))
        with pytest.raises(Unauthenticated, match="AZURE_TENANT_ID"):
            await b.transport.send(call())

    async def test_an_error_carries_what_the_service_says(self) -> None:
        body = {
            "errorCode": "InvalidInput",
            "message": "The name is empty.",
            "requestId": "req-1",
            "moreDetails": [{"errorCode": "Empty", "message": "displayName"}],
        }
        b = bench(answer(400, body))
        with pytest.raises(InvalidRequest) as caught:
            await b.transport.send(call("POST", json={}))
        error = caught.value
        assert (error.status, error.code, error.request_id) == (400, "InvalidInput", "req-1")
        assert error.details == ("Empty displayName",)
        assert str(error) == (
            f"could not do the thing (Fabric POST {URL}, request id req-1): "
            "400 InvalidInput: The name is empty.: Empty displayName"
        )

    async def test_raw_targets_are_sent_as_they_are(self) -> None:
        b = bench(answer(200, {}))
        await b.transport.send(call().at(URL, target="/v1/things?continuationToken=ab%"))
        assert b.wire.requests[0].extensions["target"] == b"/v1/things?continuationToken=ab%"


class TestThrottling:
    async def test_retry_after_is_a_floor_and_never_multiplied(self) -> None:
        b = bench(answer(429, retry_after=20), answer(429, retry_after=20), answer(200, {}), rng=0.5)
        await b.transport.send(call())
        assert b.clock.sleeps == [20.5, 20.5]
        assert b.meter.throttled == 2

    async def test_retry_after_may_be_a_date(self) -> None:
        b = bench()
        moment = format_datetime(b.clock.now() + timedelta(seconds=30), usegmt=True)
        b.wire.script = [answer(429, retry_after=moment), answer(200, {})]
        await b.transport.send(call())
        assert b.clock.sleeps == [30.0]

    async def test_a_date_is_reckoned_by_the_clock_of_the_service(self) -> None:
        b = bench()
        theirs = b.clock.now() - timedelta(hours=2)
        until = format_datetime(theirs + timedelta(seconds=30), usegmt=True)
        b.wire.script = [answer(429, retry_after=until, date=format_datetime(theirs, usegmt=True)), answer(200, {})]
        await b.transport.send(call())
        assert b.clock.sleeps == [30.0]

    @pytest.mark.parametrize("asked", ["soon", "-1", "nan", "inf", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
    async def test_what_cannot_be_read_is_not_waited_for(self, asked: str) -> None:
        b = bench(answer(429, retry_after=asked), answer(200, {}), rng=1.0)
        await b.transport.send(call())
        assert b.clock.monotonic() <= 3

    async def test_a_post_is_sent_again_when_throttled(self) -> None:
        b = bench(answer(429, retry_after=1), answer(503, retry_after=2), answer(201, {"id": "x"}))
        await b.transport.send(call("POST", json={}))
        assert b.clock.sleeps == [1.0, 2.0]

    async def test_everyone_holds_still_together(self) -> None:
        b = bench(handler=lambda _: answer(200, {}) if b.clock.monotonic() >= 10 else answer(429, retry_after=10))
        await asyncio.gather(*(b.transport.send(call()) for _ in range(8)))
        refused = b.meter.throttled
        assert refused <= 8
        await b.transport.send(call())
        assert b.meter.throttled == refused
        assert b.transport.limiter("Fabric").limit < Limits().max_concurrency

    async def test_other_budgets_go_on(self) -> None:
        b = bench(answer(429, retry_after=500), answer(200, {}))
        with pytest.raises(Throttled):
            await b.transport.send(call())
        await b.transport.send(call(budget="another"))
        assert b.clock.sleeps == []

    async def test_a_wait_past_the_deadline_is_not_begun(self) -> None:
        b = bench(answer(429, retry_after=500))
        with pytest.raises(Throttled, match=r"another 500 s.*last status 429"):
            await b.transport.send(call())
        assert b.clock.sleeps == []

    async def test_waiting_for_ones_turn_is_no_patience_with_the_service(self) -> None:
        """A service that takes 60 requests a minute, and 600 that are all asked for at once."""
        taken: dict[float, int] = {}

        def some_a_minute(_: httpx.Request) -> httpx.Response:
            minute, second = divmod(b.clock.monotonic(), 60)
            taken[minute] = taken.get(minute, 0) + 1
            return answer(200, {}) if taken[minute] <= 60 else answer(429, retry_after=int(61 - second))

        b = bench(handler=some_a_minute)
        limiter = b.transport.limiter("Fabric")
        async with AsyncExitStack() as places:
            for _ in range(Limits().max_concurrency):
                await places.enter_async_context(limiter.slot(b.transport.deadline))
            sent = [asyncio.create_task(b.transport.send(call())) for _ in range(600)]
            await asyncio.sleep(0)  # now all of them wait for a place
        await asyncio.gather(*sent)
        assert b.clock.monotonic() > Timeouts().request

    async def test_zero_is_no_invitation_to_hammer(self) -> None:
        b = bench(handler=lambda _: answer(429, retry_after=0))
        with pytest.raises(Throttled):
            await b.transport.send(call(), b.transport.deadline(30))
        assert len(b.wire.requests) < 700
        assert b.clock.monotonic() <= 30

    async def test_concurrency_grows_back(self) -> None:
        b = bench(answer(429, retry_after=1), handler=None, limits=Limits(max_concurrency=4))
        b.wire.script += [answer(200, {}) for _ in range(40)]
        await b.transport.send(call())
        assert b.transport.limiter("Fabric").limit == 2
        for _ in range(30):
            await b.transport.send(call())
        assert b.transport.limiter("Fabric").limit == 4


class TestConcurrency:
    async def test_never_more_at_once_than_allowed(self) -> None:
        running, most = 0, 0
        full, gate = asyncio.Event(), asyncio.Event()

        async def handle(request: httpx.Request) -> httpx.Response:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if running == 3:
                full.set()
            await gate.wait()
            running -= 1
            return httpx.Response(200, json={})

        b = bench(limits=Limits(max_concurrency=3))
        b.transport._wire = httpx.MockTransport(handle)
        tasks = [asyncio.create_task(b.transport.send(call())) for _ in range(10)]
        await full.wait()
        tasks[0].cancel()
        tasks[9].cancel()
        gate.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(result, httpx.Response) for result in done) == 8
        assert most == 3
        await b.transport.send(call())  # nothing leaked: there is a place again


class TestFaults:
    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
    async def test_reads_are_sent_again(self, status: int) -> None:
        b = bench(answer(status), answer(200, {}), rng=0.5)
        await b.transport.send(call())
        assert b.clock.sleeps == [0.5]

    async def test_backoff_doubles_up_to_a_cap_with_full_jitter(self) -> None:
        b = bench(handler=lambda _: answer(500), rng=1.0, limits=Limits(max_attempts=8, backoff_cap=5.0))
        with pytest.raises(ServiceUnavailable, match="gave up after 27 s, last status 500"):
            await b.transport.send(call())
        assert b.clock.sleeps == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]

    async def test_the_deadline_ends_it(self) -> None:
        b = bench(handler=lambda _: answer(500), rng=1.0)
        with pytest.raises(ServiceUnavailable):
            await b.transport.send(call(), b.transport.deadline(4))
        assert b.clock.monotonic() <= 4

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    async def test_a_broken_connection_is_tried_again(self, method: str) -> None:
        b = bench(httpx.ReadError("reset"), answer(200, {}))
        await b.transport.send(call(method))
        assert len(b.wire.requests) == 2

    async def test_a_post_whose_connection_broke_is_not(self) -> None:
        b = bench(httpx.ReadError("reset"), answer(200, {}))
        with pytest.raises(ServiceUnavailable, match="no answer after 1 attempt: reset"):
            await b.transport.send(call("POST"))
        assert len(b.wire.requests) == 1

    async def test_a_post_that_found_no_connection_is(self) -> None:
        b = bench(httpx.ConnectError("refused"), answer(200, {}))
        await b.transport.send(call("POST"))
        assert len(b.wire.requests) == 2

    async def test_a_post_that_does_no_harm_twice_is(self) -> None:
        b = bench(answer(502), httpx.ReadError("reset"), answer(200, {}))
        await b.transport.send(call("POST", idempotent=True))
        assert len(b.wire.requests) == 3

    async def test_a_post_that_met_a_fault_is_not(self) -> None:
        b = bench(answer(500, {"errorCode": "UnknownError", "message": "oops"}))
        with pytest.raises(ServiceUnavailable, match="oops"):
            await b.transport.send(call("POST"))
        assert len(b.wire.requests) == 1

    async def test_nobody_there_is_given_up_soon(self) -> None:
        b = bench(handler=lambda _: httpx.ConnectError("connection refused"), rng=1.0)
        with pytest.raises(ServiceUnavailable, match=r"no answer after 6 attempts.*api\.fabric\.microsoft\.com"):
            await b.transport.send(call())
        assert b.clock.monotonic() < 60

    async def test_an_answer_that_cannot_be_decoded_is_asked_for_again(self) -> None:
        def broken(_: httpx.Request) -> httpx.Response:
            stream = httpx.ByteStream(b"no gzip")
            return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream)

        b = bench(handler=lambda request: answer(200, {"a": 1}) if len(b.wire.requests) > 1 else broken(request))
        assert (await b.transport.send(call())).json() == {"a": 1}
        b = bench(handler=broken)
        with pytest.raises(ServiceUnavailable, match="can't be decoded"):
            await b.transport.send(call())

    async def test_a_refused_certificate_is_not_tried_again(self) -> None:
        b = bench(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))
        with pytest.raises(ServiceUnavailable, match="SSL_CERT_FILE"):
            await b.transport.send(call())

    async def test_what_cannot_be_sent_is_told_once_and_without_the_token(self) -> None:
        b = bench(httpx.LocalProtocolError("Illegal header value b'Bearer dapi0123456789abcdef\\r'"))
        b.transport.redact = Redactor(["dapi0123456789abcdef"]).redact
        with pytest.raises(ServiceUnavailable, match=r"Illegal header value b'Bearer \*\*\*") as raised:
            await b.transport.send(call())
        assert "dapi" not in str(raised.value)

    async def test_a_secret_is_taken_out_before_a_long_answer_is_cut(self) -> None:
        b = bench(httpx.Response(400, text="x" * 995 + "dapi0123456789abcdef"))
        b.transport.redact = Redactor(["dapi0123456789abcdef"]).redact
        with pytest.raises(InvalidRequest) as raised:
            await b.transport.send(call())
        assert "dapi" not in str(raised.value)

    async def test_an_answer_that_leads_elsewhere_is_not_followed_and_told(self) -> None:
        b = bench(answer(302, location="https://login.example/?next=1"))
        with pytest.raises(CloudError, match=r"leads elsewhere, to login\.example.*a sign-in page or a proxy"):
            await b.transport.send(call())
        assert len(b.wire.requests) == 1

    async def test_a_deletion_whose_answer_was_lost_succeeded(self) -> None:
        b = bench(httpx.ReadError("reset"), answer(404, {"errorCode": "ItemNotFound"}))
        await b.transport.send(call("DELETE"))
        b = bench(answer(404, {"errorCode": "ItemNotFound"}))
        with pytest.raises(NotFound):
            await b.transport.send(call("DELETE"))


class TestNotYet:
    async def test_an_answer_that_calls_itself_retriable_is_waited_for(self) -> None:
        taken = {"errorCode": "ItemDisplayNameNotAvailableYet", "message": "soon", "isRetriable": True}
        b = bench(answer(409, taken), answer(409, taken, retry_after=7), answer(201, {"id": "x"}))
        assert await create(b, []) == "x"
        assert b.clock.sleeps == [Limits().poll_floor, 7.0]

    async def test_but_not_for_ever(self) -> None:
        taken = {"errorCode": "ItemDisplayNameNotAvailableYet", "message": "soon", "isRetriable": True}
        b = bench(handler=lambda _: answer(409, taken), timeouts=Timeouts(retriable=20))
        with pytest.raises(Conflict, match="gave up after 20 s, last status 409"):
            await b.transport.send(call("POST"))

    async def test_a_live_name_is_an_error_at_once(self) -> None:
        b = bench(answer(409, {"errorCode": "ItemDisplayNameAlreadyInUse", "message": "taken"}))
        with pytest.raises(AlreadyExists):
            await create(b, [])
        assert b.clock.sleeps == []


class TestCreate:
    @pytest.mark.parametrize("fault", [httpx.ReadError("reset"), httpx.ReadTimeout("slow"), answer(500), answer(502)])
    async def test_looks_before_sending_again(self, fault: Any) -> None:
        b = bench(fault)
        assert await create(b, ["made"]) == "made"
        assert len(b.wire.requests) == 1

    async def test_what_was_done_behind_an_answer_that_says_later_is_found_by_the_conflict(self) -> None:
        b = bench(answer(503, retry_after=2), answer(409, {"errorCode": "ItemDisplayNameAlreadyInUse"}))
        assert await create(b, ["made"]) == "made"

    async def test_but_not_when_it_was_throttled(self) -> None:
        b = bench(answer(429, retry_after=2), answer(409, {"errorCode": "ItemDisplayNameAlreadyInUse"}))
        with pytest.raises(AlreadyExists):
            await create(b, [])

    async def test_sends_again_what_had_no_effect(self) -> None:
        b = bench(httpx.ReadError("reset"), answer(201, {"id": "second"}))
        assert await create(b, [None]) == "second"
        assert len(b.wire.requests) == 2

    async def test_an_effect_that_shows_late_is_found_by_the_conflict(self) -> None:
        b = bench(httpx.ReadError("reset"), answer(409, {"errorCode": "ItemDisplayNameAlreadyInUse"}))
        assert await create(b, [None, "late"]) == "late"

    @pytest.mark.parametrize(
        "refusal",
        [
            answer(409),
            answer(409, {"errorCode": "OperationInProgress"}),
            answer(400, {"errorCode": "SomethingIsThereAlready"}),
        ],
    )
    async def test_whatever_the_service_calls_it(self, refusal: httpx.Response) -> None:
        b = bench(httpx.ReadError("reset"), refusal)
        assert await create(b, [None, "late"]) == "late"

    async def test_an_attempt_that_takes_its_time_is_waited_for(self) -> None:
        b = bench(httpx.ReadError("reset"), answer(409))
        assert await create(b, [None, None, None, "late"]) == "late"
        assert len(b.wire.requests) == 2

    async def test_what_never_appears_is_somebody_elses(self) -> None:
        b = bench(httpx.ReadError("reset"), answer(409))
        with pytest.raises(Conflict):
            await create(b, [None] * 6)
        b = bench(httpx.ReadError("reset"), answer(403))
        with pytest.raises(PermissionDenied):
            await create(b, [None, None])

    async def test_a_conflict_without_doubt_is_somebody_elses(self) -> None:
        b = bench(answer(409, {"errorCode": "ItemDisplayNameAlreadyInUse"}))
        with pytest.raises(AlreadyExists):
            await create(b, ["theirs"])

    async def test_an_attempt_that_was_still_at_work_is_found_by_the_failure_of_the_next(self) -> None:
        b = bench(httpx.ReadError("reset"), answer(202))
        found = [None, "late"]

        async def look() -> str | None:
            return found.pop(0)

        async def read(response: httpx.Response) -> str:
            raise OperationFailed("in use")

        assert await b.transport.create(call("POST"), found=look, read=read) == "late"

    async def test_looks_once_more_before_giving_up(self) -> None:
        b = bench(handler=lambda _: answer(500), limits=Limits(max_attempts=2))
        assert await create(b, [None, "after all"]) == "after all"
        b = bench(handler=lambda _: answer(500), limits=Limits(max_attempts=2))
        with pytest.raises(ServiceUnavailable):
            await create(b, [None, None])


@pytest.mark.parametrize("status", [402, 302])
async def test_an_answer_that_nobody_expects_is_an_error(status: int) -> None:
    b = bench(answer(status, location="https://elsewhere"))
    with pytest.raises(CloudError, match=str(status)):
        await b.transport.send(call())
