"""Every test that takes an era runs in both."""

import pytest

from tests.security.wire import ERAS


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)
