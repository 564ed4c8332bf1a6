"""The tasks of an input, one at a time, and what becomes of them."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path

import pytest

from zmqwork import App
from zmqwork.cli.calls import Calls
from zmqwork.cli.errors_file import ErrorsFile
from zmqwork.cli.feed import Feed, FeedOptions, TooManyFailures
from zmqwork.cli.formats import JsonLines, NumberLines, Numbers, PlainLines
from zmqwork.cli.inputs import Input, open_input
from zmqwork.cli.output import OutputFailed
from zmqwork.cli.ranges import Ranges
from zmqwork.cli.rate import Bucket
from zmqwork.cli.records import BadInput
from zmqwork.cli.rows import Rows
from zmqwork.errors import TaskError, UsageError
from zmqwork.run import Failure, Run
from zmqwork.wire.values import decode_call

app = App("feed")


@app.task
def square(value: int):
    pass


CALLS = Calls(square)


class Told:
    def __init__(self):
        self.misfortunes = []

    def __call__(self, misfortune):
        self.misfortunes.append(misfortune)

    @property
    def texts(self):
        return [misfortune.text for misfortune in self.misfortunes]


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def file(tmp_path):
    """Write a file and open it."""
    opened = []

    def file(data):
        path = tmp_path / "in"
        path.write_bytes(data)
        opened.append(open_input(str(path)))
        return opened[-1]

    yield file
    for source in opened:
        source.close()


@pytest.fixture
def errors(tmp_path):
    with ErrorsFile(str(tmp_path / "failed")) as errors:
        yield errors


def fed(source, form=JsonLines, calls=CALLS, told=None, errors=None, on_dead=None, **options):
    return Feed(
        source,
        form(source.read),
        calls,
        FeedOptions(**options),
        errors=errors,
        on_dead=on_dead,
        **({} if told is None else {"on_misfortune": told}),
    )


def failure(item, reason, task="square"):
    """What is told of a task that has failed."""
    return Failure(item.number, item.source, "failed", TaskError("ab-1", reason), task)


def test_of_a_task_that_was_revived_from_elsewhere_no_record_is_known(file, told, errors):
    dead = []
    feed = fed(file(b"1\n"), told=told, errors=errors, on_dead=dead.append)
    list(feed)
    feed.fail(Failure(-1, None, "failed", TaskError("ab-1", "no"), "square"))
    assert told.texts == ["task ab-1: no"]
    assert [(one["task_id"], one["record"], one["line"]) for one in dead] == [("ab-1", "", None)]
    assert errors.count == 0, "there is nothing to keep"


def arguments(items):
    return [decode_call(item.payload) for item in items]


def text_of(errors):
    return Path(errors.path).read_bytes()


def stop_at(feed, read):
    """Stop the feed when so many records were read."""
    give_up_at = time.monotonic() + 60.0
    while feed.counts.read < read:
        assert time.monotonic() < give_up_at, "they never were"
    feed.stop()


def test_records_become_numbered_tasks(file):
    feed = fed(file(b'[1]\n\n{"value": 2}\n'))
    items = list(feed)
    assert [item.number for item in items] == [0, 1]
    assert arguments(items) == [([1], {}), ([], {"value": 2})]
    assert (feed.counts.read, feed.counts.submitted, feed.counts.done) == (2, 2, 0)
    feed.raise_failure()


def test_a_rehearsal_shows_calls_and_finds_what_cannot_travel(file):
    feed = fed(file(b'[1]\n"\\ud800"\n{"value": 2}\n'), skip_bad=True)
    assert list(feed.rehearse()) == [(0, ((1,), {})), (2, ((), {"value": 2}))]
    assert (feed.counts.read, feed.counts.bad, feed.ended) == (3, 1, True)


def test_what_became_of_the_tasks_is_for_the_run_to_say(file):
    feed = fed(file(b"x\n" + b"1\n" * 9), skip_bad=True)
    assert len(list(feed)) == 9
    feed.run = Run(read=9, ok=5, already=2, failed=1, dead=1, expired=1, cancelled=1)
    counts = feed.counts
    assert (counts.already, counts.succeeded, counts.failed) == (2, 3, 3)
    # What was cancelled was given up on: it has not failed, and is not done.
    assert (counts.settled, counts.done) == (6, 9)


def test_the_input_is_read_only_as_far_as_it_is_needed():
    reading, writing = os.pipe()
    with Input("pipe", reading) as source:
        feed = iter(fed(source))
        os.write(writing, b"1\n2\n")
        assert arguments([next(feed), next(feed)]) == [([1], {}), ([2], {})]
        os.write(writing, b"3")
        os.close(writing)
        assert arguments([next(feed)]) == [([3], {})]
        assert next(feed, None) is None


def test_a_bad_record_ends_the_feed_after_what_came_before(file, told, errors):
    source = file(b"1\n" * 16 + b'{"value" 1}\n18\n')
    feed = fed(source, told=told, errors=errors)
    assert len(list(feed)) == 16
    assert feed.ended is False
    with pytest.raises(BadInput) as caught:
        feed.raise_failure()
    assert str(caught.value) == (
        f"{source.name}, line 17, column 10: this is no JSON: Expecting ':' delimiter\n"
        '    {"value" 1}'
    )
    assert told.misfortunes == []
    assert not Path(errors.path).exists()


def test_bad_records_can_be_left_out_and_keep_their_numbers(file, told, errors):
    source = file(b'1\n{"valeu": 2}\nx\r\n"\\ud800"\n4\n')
    feed = fed(source, told=told, errors=errors, skip_bad=True)
    items = list(feed)
    assert [item.number for item in items] == [0, 4]
    assert arguments(items) == [([1], {}), ([4], {})]
    assert (feed.counts.bad, feed.counts.read, feed.counts.done) == (3, 5, 3)
    assert feed.ended
    feed.raise_failure()
    assert [(m.number, m.line, m.is_bad) for m in told.misfortunes] == [
        (1, 2, True),
        (2, 3, True),
        (3, 4, True),
    ]
    assert "unexpected keyword argument 'valeu': did you mean value?" in told.texts[0]
    assert told.texts[1].startswith(f"{source.name}, line 3, column 1: this is no JSON")
    assert text_of(errors) == b'{"valeu": 2}\nx\r\n"\\ud800"\n'


def test_what_failed_is_told_and_kept_as_it_was(file, told, errors):
    source = file(b"[1] \n\n{} \n[3]\n")
    feed = fed(source, told=told, errors=errors, calls=Calls(None))
    items = list(feed)
    feed.fail(failure(items[2], "ValueError: no"))
    feed.fail(failure(items[1], "it was lost"))
    assert told.texts == [
        f"{source.name}, line 4: ValueError: no",
        f"{source.name}, line 3: it was lost",
    ]
    assert [m.is_bad for m in told.misfortunes] == [False, False]
    assert text_of(errors) == b"[3]\n{} \n"


def test_a_csv_s_failed_rows_can_be_fed_again(file, errors, tmp_path):
    source = file(b"value\r\n1\r\n2\r\nx\r\n")
    feed = Feed(
        source,
        Rows(source.name, source.read, CALLS.columns),
        CALLS,
        FeedOptions(skip_bad=True),
        errors=errors,
    )
    items = list(feed)
    assert arguments(items) == [([], {"value": 1}), ([], {"value": 2})]
    feed.fail(failure(items[1], "no"))
    assert text_of(errors) == b"value\r\nx\r\n2\r\n"
    with open_input(errors.path) as again:
        rows = Rows("again", again.read, CALLS.columns)
        feed = Feed(again, rows, CALLS, FeedOptions(skip_bad=True))
        assert arguments(feed) == [([], {"value": 2})]


def test_of_several_tasks_a_later_one_is_named(file, told):
    feed = fed(file(b"1\n"), told=told)
    (item,) = feed
    feed.fail(failure(item, "no", "root"))
    assert told.texts[0].endswith(", line 1: root: no")


def test_failed_numbers_can_be_fed_again(told, errors):
    feed = Feed(
        None,
        Numbers(Ranges.parse("5-9")),
        CALLS,
        FeedOptions(),
        errors=errors,
        on_misfortune=told,
    )
    items = list(feed)
    assert arguments(items) == [([number], {}) for number in range(5, 10)]
    feed.fail(failure(items[4], "no"))
    feed.fail(failure(items[1], "no"))
    assert text_of(errors) == b"9\n6\n"
    assert told.texts == ["record 5: no", "record 2: no"]
    with open_input(errors.path) as again:
        assert arguments(fed(again, form=NumberLines)) == [([9], {}), ([6], {})]


def test_a_header_that_does_not_fit_ends_it_whatever_is_skipped(file):
    source = file(b"valeu\n1\n")
    rows = Rows("tasks.csv", source.read, CALLS.columns)
    feed = Feed(source, rows, CALLS, FeedOptions(skip_bad=True))
    assert list(feed) == []
    with pytest.raises(BadInput, match=r"tasks\.csv, line 1: unknown column 'valeu'"):
        feed.raise_failure()


def test_a_record_that_is_too_long_is_not_copied(told, errors):
    data = io.BytesIO(b"1," * 40_000 + b"\n7\n")
    feed = Feed(
        None,
        NumberLines(data.read),
        CALLS,
        FeedOptions(skip_bad=True),
        errors=errors,
        on_misfortune=told,
    )
    assert [item.number for item in feed] == [1]
    assert told.texts[0].endswith(f"(it is not copied to {errors.path})")
    assert not Path(errors.path).exists()


def test_the_rate_is_kept_and_a_stop_ends_the_waiting(file):
    feed = fed(file(b"1\n2\n3\n"), bucket=Bucket(1 / 3600, burst=2))
    items = iter(feed)
    assert [next(items).number, next(items).number] == [0, 1]
    stopper = threading.Thread(target=stop_at, args=(feed, 3))
    stopper.start()
    assert next(items, None) is None
    stopper.join()
    assert feed.ended is False
    feed.raise_failure()


def test_waiting_for_the_rate_ends(file):
    feed = fed(file(b"1\n2\n3\n"), bucket=Bucket(1000, burst=1))
    assert len(list(feed)) == 3


def test_a_stop_ends_the_waiting_for_input():
    reading, writing = os.pipe()
    os.write(writing, b"1\n2")
    with Input("pipe", reading) as source:
        feed = fed(source)
        items = iter(feed)
        assert next(items).number == 0
        threading.Timer(0, feed.stop).start()
        # The half of a record that was there is none.
        assert next(items, None) is None
        assert feed.ended is False
    os.close(writing)


def test_after_so_many_failures_no_more_is_sent(file):
    feed = fed(file(b"1\n2\n3\n4\n"), failures_max=2)
    items = iter(feed)
    first = next(items)
    feed.fail(failure(first, "no"))
    next(items)
    feed.fail(failure(next(items), "no"))
    assert next(items, None) is None
    with pytest.raises(TooManyFailures, match="2 tasks have failed: no more are sent"):
        feed.raise_failure()


def test_an_errors_file_that_takes_no_more_ends_it(file, told):
    with ErrorsFile("/dev/full") as errors:
        feed = fed(file(b"1\nx\n3\n"), told=told, errors=errors, skip_bad=True)
        (item,) = feed
        feed.fail(failure(item, "no"))
        with pytest.raises(OutputFailed, match="--errors /dev/full cannot be written"):
            feed.raise_failure()
    assert [m.number for m in told.misfortunes] == [1, 0]


def test_an_input_that_breaks_ends_it(tmp_path):
    with Input("this", os.open(tmp_path, os.O_RDONLY)) as source:
        feed = fed(source)
        assert list(feed) == []
        with pytest.raises(UsageError, match="cannot read 'this': Is a directory"):
            feed.raise_failure()


def test_how_many_there_are(file):
    feed = fed(file(b"111\n" * 100))
    items = iter(feed)
    assert feed.total() == (None, False)
    next(items)
    assert feed.total() == (None, False)
    next(items)
    assert feed.total() == (100, False)
    assert len(list(items)) == 98
    assert feed.total() == (100, True)


def test_how_many_there_are_is_a_guess_in_a_file_of_unequal_lines(file):
    source = file(b"1\n" * 10 + b"                  1\n" * 10)
    feed = fed(source)
    items = iter(feed)
    guesses = [feed.total()[0] for _ in items]
    assert guesses[1] == 110
    assert guesses[-1] == 21
    assert all(guess >= number for number, guess in enumerate(guesses[1:], 2))


def test_how_many_there_are_in_an_array_and_in_a_pipe():
    feed = Feed(None, Numbers(Ranges.parse("0-9")), CALLS, FeedOptions())
    assert feed.total() == (10, True)
    feed = Feed(None, PlainLines(io.BytesIO(b"1\n2\n").read), CALLS, FeedOptions())
    items = iter(feed)
    next(items)
    next(items)
    assert feed.total() == (None, False)
    assert next(items, None) is None
    assert feed.total() == (2, True)
