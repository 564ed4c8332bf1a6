"""H28: results that are too large, and too many of them."""

import pytest
from hostile_app import echo, large
from hostile_node import PATIENCE

import zmqwork
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX


@pytest.mark.parametrize("size", [PAYLOAD_BYTES_MAX, 2 * PAYLOAD_BYTES_MAX])
def test_h28_a_result_that_is_too_large_is_a_failure_of_its_task(worker, size):
    """(Beside `node`: it is the child that needs the memory.)"""
    with pytest.raises(zmqwork.TaskFailed, match="is the limit"):
        large.submit(size).result(PATIENCE)
    assert echo.submit(1).result(PATIENCE) == 1


def test_h28_a_flood_of_tiny_results_is_held_back(node):
    assert sum(echo.map([1] * 50_000)) == 50_000
