from collections.abc import Iterator

import pytest

from tests.tom.checker import Tom, TomUnavailableError


@pytest.fixture(scope="session")
def tom() -> Iterator[Tom]:
    """Microsoft's Tabular Object Model; the test is skipped, saying what to install, where it can't run."""
    try:
        made = Tom.prepare()
    except TomUnavailableError as missing:
        pytest.skip(str(missing))
    yield made
    made.close()
