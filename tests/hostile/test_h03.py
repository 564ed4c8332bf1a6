"""H03: random bytes instead of a greeting."""

from random import Random

import pytest

MIB = 1024 * 1024


@pytest.mark.parametrize("seed", range(8))
def test_h03_random_bytes_are_no_message(connect, seed):
    connect().finish(Random(seed).randbytes(MIB))


@pytest.mark.parametrize("seed", range(4))
def test_h03_noise_behind_a_greeting(connect, seed):
    peer = connect()
    peer.greet()
    peer.finish(Random(seed).randbytes(MIB))


@pytest.mark.parametrize("seed", range(4))
def test_h03_noise_behind_a_handshake(connect, seed):
    connect().open().finish(Random(seed).randbytes(MIB))
