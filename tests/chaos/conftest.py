import pytest
from hosts import Switch, why_not
from scene import opened


@pytest.fixture
def scene(tmp_path):
    with opened(tmp_path) as made:
        yield made
    text = made.complaints()
    print(text)
    assert "Traceback" not in text


@pytest.fixture(scope="session")
def no_hosts():
    """Why there can be no network namespaces; empty if there can."""
    return why_not() or ""


@pytest.fixture
def switch(no_hosts):
    """A network of the test's own, for hosts to be plugged into."""
    if no_hosts:
        pytest.skip(no_hosts)
    with Switch() as made:
        yield made
