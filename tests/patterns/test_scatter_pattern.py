"""Split, run everywhere, gather: what becomes of the parts of a worker that is killed."""

import patterns_app
import scatter_client
from pattern_programs import PATIENCE, RAW, SILENCE

from zmqwork.patterns import scatter

WORDS = ["one", "two", "three", "die", "five", "six", "seven", "eight"]


def test_raw_the_parts_of_a_killed_server_are_gone(start, endpoint, context):
    places = [endpoint("one"), endpoint("two")]
    servers = [start(RAW / "rep_server.py", place) for place in places]
    words = [word.encode() for word in WORDS]
    alive = scatter_client.gather(context, places, [b"a", b"b"], PATIENCE)
    assert alive == [b"A", b"B"]
    results = scatter_client.gather(context, places, words, SILENCE)
    assert results.count(None) >= 3, "the part that killed it, and those behind it"
    assert results[0::2] == [b"ONE", b"THREE", b"FIVE", b"SEVEN"]
    assert results[3::2] == [None, None, None]
    assert servers[1].wait(PATIENCE) < 0


def test_the_parts_of_a_killed_worker_are_done_by_another(start_workers, producer):
    workers = start_workers(2)
    results = scatter.gather(patterns_app.upper_or_die, WORDS, parts=8)
    assert results == [[word.upper()] for word in WORDS]
    assert sorted(worker.poll() is None for worker in workers) == [False, True]
