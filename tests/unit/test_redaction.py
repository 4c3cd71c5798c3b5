"""Secrets are taken out of texts, in whatever form they travel."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from unity_mirror.errors import UnexpectedError
from unity_mirror.http.calls import Call
from unity_mirror.http.failures import FABRIC, to_error
from unity_mirror.redaction import MASK, Redactor, forms

SAS = 'sv=2024-08-04&sig=a+b/c%3D"\\ü&se=2027'
AROUND = st.binary(max_size=7)


@given(AROUND, AROUND)
def test_base64_is_found_wherever_the_secret_begins_in_it(before: bytes, after: bytes) -> None:
    redactor = Redactor([SAS])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + SAS.encode() + after).decode()
        assert redactor.redact(f"a header: {text}!") == f"a header: {MASK}!"


@pytest.mark.parametrize(
    "written",
    [SAS, json.dumps(SAS), json.dumps(SAS, ensure_ascii=False), repr(SAS), quote(SAS), quote(SAS, safe=""),
     quote_plus(SAS), re.sub("%..", lambda each: each[0].lower(), quote(SAS, safe=""))],
)  # fmt: skip
def test_each_way_of_writing_it_is_found(written: str) -> None:
    told = Redactor([SAS]).redact(f"before {written} after")
    assert told.startswith("before ")
    assert told.endswith(" after")
    assert not any(form in told for form in forms(SAS))
    assert "sig" not in told


def test_short_values_and_other_texts_stay() -> None:
    assert Redactor(["on", ""]).redact("one or none") == "one or none"
    assert "hush" not in repr(Redactor(["hush-hush"]))


def test_what_a_service_repeats_of_a_request_is_taken_out() -> None:
    redactor = Redactor()
    redactor.learn("hush-hush")
    body = {
        "errorCode": "InvalidInput",
        "message": "servicePrincipalSecret 'hush-hush' is wrong",
        "moreDetails": [{"errorCode": "X", "message": "was hush-hush"}],
    }
    call = Call(service=FABRIC, operation="make a connection", method="POST", url="https://f.test/connections")
    error = to_error(call, httpx.Response(400, json=body), redactor.redact)
    assert "servicePrincipalSecret '***' is wrong" in str(error)
    assert "hush" not in f"{error} {error.__dict__}"


class Held(BaseModel):
    secret: int


def test_an_exception_that_nobody_foresaw_is_told_with_its_place_and_without_secrets() -> None:
    redactor = Redactor(["hush-hush"])
    with pytest.raises(ValidationError) as caught:
        Held.model_validate({"secret": "hush-hush"})
    told = redactor.unexpected(caught.value)
    assert isinstance(told, UnexpectedError)
    assert "ValidationError: 1 validation error for Held" in str(told)
    assert "test_redaction.py, line " in told.where
    assert "input_value='***'" in told.trace
    assert "hush" not in f"{told} {told.trace}"
