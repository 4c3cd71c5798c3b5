import pytest

from tests.tom.checker import Tom, TomUnavailableError


@pytest.fixture(scope="session")
def tom() -> Tom:
    """Microsoft's Tabular Object Model; the test is skipped, saying what to install, where it can't run."""
    try:
        return Tom.prepare()
    except TomUnavailableError as missing:
        pytest.skip(str(missing))
