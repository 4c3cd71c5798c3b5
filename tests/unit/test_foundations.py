"""Errors, clock, settings: what everything else stands on."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from unity_mirror.clock import ManualClock, SystemClock
from unity_mirror.errors import (
    AlreadyExists,
    CloudError,
    Conflict,
    DeadlineExceeded,
    PrerequisiteFailed,
    SpecError,
    SpecProblem,
    UnityMirrorError,
)
from unity_mirror.errors import SettingsError as Unusable
from unity_mirror.settings import PUBLIC, Secret, Settings


class TestErrors:
    def test_says_what_where_why_and_what_to_do(self) -> None:
        error = UnityMirrorError("it broke", where="here", why="a reason.", remedy="mend it")
        assert str(error) == "it broke (here): a reason. What to do: mend it"
        assert str(UnityMirrorError("it broke")) == "it broke"

    def test_a_cloud_error_names_service_operation_and_request(self) -> None:
        error = CloudError("could not read", service="Fabric", operation="GET /x", request_id="abc", why="403 No")
        assert str(error) == "could not read (Fabric GET /x, request id abc): 403 No"

    def test_a_spec_error_lists_every_problem(self) -> None:
        error = SpecError([SpecProblem("storage.url", "is not a URL", "write one"), SpecProblem("", "is empty")])
        assert str(error) == "the spec has 2 problems:\n  storage.url: is not a URL (write one)\n  is empty"

    def test_a_passed_deadline_names_the_last_status(self) -> None:
        error = DeadlineExceeded("the sync", "InProgress", 61.2)
        assert "the sync after 61 s: its last status was InProgress" in str(error)

    @pytest.mark.parametrize(
        "error",
        [
            AlreadyExists("taken", service="Fabric", status=409, code="X", request_id="r", details=["d"]),
            SpecError([SpecProblem("a", "b")]),
            DeadlineExceeded("w", "s", 1.0),
            PrerequisiteFailed("p", ["c"]),
        ],
    )
    def test_survives_pickling(self, error: UnityMirrorError) -> None:
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)

    def test_the_tree(self) -> None:
        assert issubclass(AlreadyExists, Conflict)
        assert issubclass(Conflict, CloudError)
        assert issubclass(CloudError, UnityMirrorError)


class TestClock:
    async def test_a_manual_clock_moves_only_by_sleeping(self) -> None:
        clock = ManualClock()
        before = clock.now()
        await clock.sleep(90)
        clock.advance(30)
        assert (clock.now() - before).total_seconds() == 120
        assert clock.monotonic() == 120
        assert clock.sleeps == [90]

    async def test_the_system_clock_is_aware(self) -> None:
        clock = SystemClock()
        await clock.sleep(0)
        assert clock.now().tzinfo is not None
        assert clock.monotonic() <= clock.monotonic()


class TestSettings:
    def test_the_public_cloud_by_default(self) -> None:
        settings = Settings.from_environment({})
        endpoints = settings.endpoints
        assert endpoints.fabric == "https://api.fabric.microsoft.com/v1"
        assert endpoints.dfs_url("lake") == "https://lake.dfs.core.windows.net"
        assert endpoints.databricks_url("https://adb-1.2.azuredatabricks.net") == "https://adb-1.2.azuredatabricks.net"
        assert settings.is_public_authority

    def test_every_address_can_be_moved(self) -> None:
        settings = Settings.from_environment(
            {
                "UNITY_MIRROR_FABRIC_URL": "https://localhost:9/v1/",
                "UNITY_MIRROR_DATABRICKS_URL": "https://localhost:9/databricks/{workspace}",
                "UNITY_MIRROR_DFS_URL": "https://localhost:9/storage/{account}.dfs.core.windows.net",
                "AZURE_AUTHORITY_HOST": "localhost:9",
            }
        )
        endpoints = settings.endpoints
        assert endpoints.fabric == "https://localhost:9/v1"
        assert endpoints.databricks_url("https://adb-1.2.azuredatabricks.net/") == (
            "https://localhost:9/databricks/adb-1.2.azuredatabricks.net"
        )
        assert endpoints.dfs_url("lake") == "https://localhost:9/storage/lake.dfs.core.windows.net"
        assert endpoints.authority == "https://localhost:9"
        assert not settings.is_public_authority

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("UNITY_MIRROR_CLOUD", "mars"),
            ("UNITY_MIRROR_FABRIC_URL", "http://api.fabric.microsoft.com"),
            ("UNITY_MIRROR_FABRIC_URL", "https://user@host/v1"),
            ("UNITY_MIRROR_DFS_URL", "https://lake.dfs.core.windows.net"),
            ("UNITY_MIRROR_DATABRICKS_URL", "https://{workspace}/{account}"),
            ("UNITY_MIRROR_DEADLINE_SECONDS", "soon"),
            ("UNITY_MIRROR_DEADLINE_SECONDS", "nan"),
            ("UNITY_MIRROR_MAX_CONCURRENCY", "0"),
            ("UNITY_MIRROR_MAX_CONCURRENCY", "1.5"),
            ("SSL_CERT_FILE", "/nowhere/ca.pem"),
            ("UNITY_MIRROR_FABRIC_URL", "https://localhost:abc"),
            ("UNITY_MIRROR_ARM_URL", "https://[::1"),
            ("UNITY_MIRROR_BLOB_URL", "https://localhost/{account}}"),
            ("DATABRICKS_TOKEN", "dapi0123456789abcdef\r"),
            ("AZURE_CLIENT_SECRET", "hush-hush\n"),
        ],
    )
    def test_a_bad_value_is_an_error_that_names_its_variable(self, variable: str, value: str) -> None:
        with pytest.raises(Unusable, match=variable):
            Settings.from_environment({variable: value})

    def test_a_blank_cloud_is_the_public_one(self) -> None:
        assert Settings.from_environment({"UNITY_MIRROR_CLOUD": " "}).endpoints == PUBLIC

    @pytest.mark.parametrize("host", ["x", "adb-1.2.azuredatabricks.net.evil.example", "contoso.cloud.databricks.com"])
    def test_no_token_goes_to_a_host_that_is_not_azure_databricks(self, host: str) -> None:
        with pytest.raises(Unusable, match="no token is sent"):
            PUBLIC.databricks_url(f"https://{host}")

    def test_a_cloud_without_a_known_fabric_asks_for_its_address(self) -> None:
        with pytest.raises(Unusable, match="UNITY_MIRROR_FABRIC_URL"):
            Settings.from_environment({"UNITY_MIRROR_CLOUD": "usgov"})
        settings = Settings.from_environment(
            {
                "UNITY_MIRROR_CLOUD": "usgov",
                "UNITY_MIRROR_FABRIC_URL": "https://fabric.example/v1",
                "UNITY_MIRROR_ONELAKE_URL": "https://onelake.example",
            }
        )
        assert settings.endpoints.dfs_url("a") == "https://a.dfs.core.usgovcloudapi.net"
        assert settings.scopes.arm == "https://management.usgovcloudapi.net/.default"

    def test_deadline_and_concurrency(self) -> None:
        settings = Settings.from_environment(
            {"UNITY_MIRROR_DEADLINE_SECONDS": "60", "UNITY_MIRROR_MAX_CONCURRENCY": "4"}
        )
        assert settings.timeouts.operation == 60
        assert settings.timeouts.request == 60
        assert settings.limits.max_concurrency == 4

    def test_no_secret_shows_itself(self) -> None:
        environ = {"AZURE_CLIENT_SECRET": "hush-hush", "DATABRICKS_TOKEN": "dapi-hush", "SALES_SECRET": "hush"}
        settings = Settings.from_environment(environ)
        assert "hush" not in repr(settings)
        assert settings.sign_in.client_secret
        assert settings.sign_in.client_secret.reveal() == "hush-hush"
        with pytest.raises(TypeError):
            pickle.dumps(Secret("hush"))


def test_importing_the_library_loads_no_azure_package() -> None:
    source = Path(__file__).parents[2] / "src"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import unity_mirror.clouds; "
        "print([name for name in sys.modules if name.split('.')[0] in {'azure', 'msal', 'aiohttp', 'prefect'}])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(source)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
