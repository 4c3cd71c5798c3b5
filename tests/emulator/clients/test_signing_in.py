"""Who checks tokens, as PyJWT does, finds the keys that they are signed with."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import jwt
import pytest
from azure.identity import ClientSecretCredential

from cloud_emulator.core.cloud import Cloud
from tests.emulator.fabric_data_cloud import data_cloud
from tests.emulator.served import Address
from tests.emulator.support import RUNNER, RUNNER_APP, TENANT


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return data_cloud(tmp_path, time.time)


def test_tokens_are_signed_with_the_published_keys(at: Address, credential: ClientSecretCredential) -> None:
    found = credential.get_token("https://api.fabric.microsoft.com/.default").token
    trusted = ssl.create_default_context(cafile=at.authority)
    keys = jwt.PyJWKClient(f"{at.url}/{TENANT}/discovery/v2.0/keys", ssl_context=trusted)
    key = keys.get_signing_key_from_jwt(found)
    claims = jwt.decode(found, key.key, algorithms=["RS256"], audience="https://api.fabric.microsoft.com")
    assert (claims["oid"], claims["azp"], claims["tid"]) == (RUNNER, RUNNER_APP, TENANT)
