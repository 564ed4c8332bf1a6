from __future__ import annotations

import pytest
from work_app import app, headers, raise_value_error

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.messages import HEADED_MAX, Run, Tasks
from zmqwork.errors import TaskFailed
from zmqwork.options import HEADERS_BYTES_MAX, TaskOptions
from zmqwork.wire.codec import Decoder, encode

TRACE = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}


def test_they_reach_the_handler(producer, start_worker):
    start_worker()
    futures = [headers.using(headers={"n": str(n)}).submit() for n in range(600)]
    assert [future.result(30) for future in futures] == [{"n": str(n)} for n in range(600)]
    assert headers.using(headers=TRACE).submit().result(30) == TRACE
    assert headers.submit().result(30) == {}
    assert producer.drain(30)


def test_they_are_in_the_dead_letter(realm, start_worker, tmp_path):
    start_worker()
    where = {"journal": tmp_path / "j", "allow_volatile_journal": True}
    with app.producer(realm=realm, **where), pytest.raises(TaskFailed):
        raise_value_error.using(headers=TRACE).submit("one").result(30)
    with app.producer(realm=realm, **where):
        (letter,) = app.deadletters
        assert letter.headers == TRACE


def test_as_many_as_can_be_fit_into_one_message():
    texts = [f"{n:04}" + "\ud800" * ((HEADERS_BYTES_MAX - 5) // 6) for n in range(HEADED_MAX)]
    specs = [TaskSpec("f", "1", TaskOptions(headers={"a": text})) for text in texts]
    tasks = Tasks([Run("f", one.told(), 1, [seq], [b""]) for seq, one in enumerate(specs, 1)])
    (frames,) = encode(1, tasks)
    _, message = Decoder().decode(frames)
    assert len(message.runs) == HEADED_MAX
