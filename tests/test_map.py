import asyncio
import gc
import itertools
import threading
from collections import Counter

import msgpack
import pytest
from producer_standin import producing

from zmqwork import App
from zmqwork.chunks import CHUNK_BYTES, CHUNK_MAX, ChunkSize, chunk_handler, open_chunk
from zmqwork.errors import (
    ConfigError,
    DecodeError,
    EncodeError,
    PendingFull,
    TaskCancelled,
    TaskFailed,
    TaskLost,
    UsageError,
)
from zmqwork.stream import Stream
from zmqwork.window import MapOptions
from zmqwork.wire.values import decode_call, decode_value, encode_value

WAIT = 20.0

app = App("test-map")
runs = Counter()


@app.task
def square(x):
    return x * x


@app.task
async def square_slowly(x):
    await asyncio.sleep(0)
    return x * x


@app.task
def add(x, y=10):
    return x + y


@app.task(max_retries=2)
def odd_only(x):
    runs[x] += 1
    if x % 2 == 0:
        raise ValueError(f"{x} is even")
    return x


@app.task(max_retries=3)
def second_time_lucky(x):
    runs[x] += 1
    if runs[x] < 2:
        raise OSError("not yet")
    return x


@app.task(max_retries=0)
def make_opaque(x):
    runs[x] += 1
    return object() if x == 2 else x


@app.task(max_retries=0)
def leave(x):
    raise SystemExit(x)


@pytest.fixture
def node():
    runs.clear()
    for task in app.tasks.values():
        task.chunk_size.__init__()
    with producing(app) as standin:
        yield standin


def collect(iterator):
    """Results of a map of either colour."""
    if hasattr(iterator, "__anext__"):

        async def gather():
            return [item async for item in iterator]

        return asyncio.run(asyncio.wait_for(gather(), WAIT))
    return list(iterator)


async def slowly(items):
    for item in items:
        await asyncio.sleep(0)
        yield item


async def at_once(items):
    for item in items:
        yield item


METHODS = {
    "map": lambda task, items, **options: task.map(items, **options),
    "amap": lambda task, items, **options: task.amap(items, **options),
    "amap of slow async": lambda task, items, **options: task.amap(slowly(items), **options),
    "amap of async": lambda task, items, **options: task.amap(at_once(items), **options),
}


@pytest.fixture(params=METHODS)
def run_map(request):
    return lambda task, items, **options: collect(METHODS[request.param](task, items, **options))


# --- results


@pytest.mark.parametrize("options", [{}, {"chunk": 1}, {"chunk": 7}, {"window": 3}], ids=str)
@pytest.mark.parametrize("order", ["submitted", "completed"])
def test_all_results(node, run_map, order, options):
    results = run_map(square, range(500), order=order, **options)
    if order == "completed":
        results.sort()
    assert results == [x * x for x in range(500)]


@pytest.mark.parametrize("order", ["submitted", "completed"])
def test_no_items(node, run_map, order):
    assert run_map(square, [], order=order) == []
    assert node.submitted == []


def test_async_handlers(node, run_map):
    assert run_map(square_slowly, range(100)) == [x * x for x in range(100)]


def test_starmap(node):
    assert list(add.starmap(zip([1, 2], [3, 4], strict=True))) == [4, 6]
    assert collect(add.astarmap([(1,), [2, 3], iter((4, 5))])) == [11, 5, 9]
    assert collect(add.astarmap(slowly([(1,)]))) == [11]


def test_many_items_travel_in_few_chunks(node):
    assert sum(square.map(range(50_000))) == sum(x * x for x in range(50_000))
    assert set(node.names()) == {"square[]"}
    assert len(node.submitted) < 1_000


def test_a_fixed_chunk(node):
    assert list(square.map(range(10), chunk=4)) == [x * x for x in range(10)]
    assert [decode_call(args)[0][0] for _, args in node.submitted] == [
        [0, 1, 2, 3], [4, 5, 6, 7], [8, 9],
    ]  # fmt: skip


def test_a_chunk_says_how_many_items_it_has(node):
    list(square.map(range(10), chunk=4))
    assert [spec.item_count for spec, _ in node.submitted] == [4, 4, 2]


def test_chunk_one_is_an_ordinary_submit(node):
    assert list(square.map([3], chunk=1)) == [9]
    assert node.submitted[0][0] is square.spec


def test_options_of_the_task_go_with_the_chunk(node):
    list(square.using(queue="q", expires=100).map([1]))
    options = node.submitted[0][0].options
    assert (options.queue, options.expires, options.max_retries) == ("q", 100, 0)


# --- lazy at both ends


@pytest.mark.parametrize("order", ["submitted", "completed"])
@pytest.mark.parametrize("window", [1, 5, 64])
def test_the_window_bounds_what_is_pulled(node, window, order):
    pulled = 0

    def source():
        nonlocal pulled
        for x in itertools.count():
            pulled += 1
            yield x

    iterator = square.map(source(), window=window, order=order)
    assert pulled == 0
    for handed_out, _ in enumerate(itertools.islice(iterator, 300)):
        # The one being looked at still counts: it is handed out when the next one is asked for.
        assert pulled - handed_out <= window
    iterator.close()


def test_the_window_bounds_async_input(node):
    pulled = 0

    async def source():
        nonlocal pulled
        for x in range(300):
            pulled += 1
            yield x

    async def main():
        handed_out = 0
        async for _ in square.amap(source(), window=5):
            assert pulled - handed_out <= 5
            handed_out += 1
        return handed_out

    assert asyncio.run(main()) == 300


@pytest.mark.parametrize("order", ["submitted", "completed"])
def test_memory_is_constant_over_a_long_input(node, order):
    total = sum(1 for _ in square.map(itertools.repeat(1, 300_000), order=order))
    assert total == 300_000
    assert node.most_pending <= 10_000


def test_without_a_window_long_input_is_still_bounded(node):
    node.hold()
    pulled = 0

    def source():
        nonlocal pulled
        for x in itertools.count():
            pulled += 1
            if pulled == 10_000:
                node.let_go()
            yield x

    iterator = square.map(source())
    assert next(iterator) == 0
    assert pulled <= 10_000
    iterator.close()


def test_large_items_narrow_the_window(node):
    item = bytes(1024 * 1024)
    size = ChunkSize()
    size.learn(1, 1.0, len(item))
    square.chunk_size.learn(1, 1.0, len(item))
    stream = Stream(square, MapOptions(star=False, window=None, completed=False, chunk=None))
    count = 0
    node.hold()
    while pull := stream.next_pull():
        assert pull == 1
        stream.feed([0], 0.0)
        count += 1
    assert count == 64
    stream.close()


@pytest.mark.parametrize("order", ["submitted", "completed"])
def test_what_is_done_is_handed_out_before_slow_input_is_pulled(node, order):
    # An input that blocks between items: the result of one must not wait for the next but one.
    results = []

    def source():
        for x in range(5):
            if x >= 2:
                assert len(results) >= x - 2
            yield x
            node.drain(WAIT)

    for result in square.map(source(), order=order, chunk=1):
        results.append(result)  # noqa: PERF402 - the source looks at it meanwhile
    assert sorted(results) == [0, 1, 4, 9, 16]


def test_completed_does_not_wait_for_the_first(node):
    node.hold()
    gate = threading.Event()

    @app.task
    def sometimes_late(x):
        return x

    iterator = sometimes_late.map([1, 2], order="completed", chunk=1)
    results = []

    def consume():
        for result in iterator:
            results.append(result)
            gate.set()

    thread = threading.Thread(target=consume)
    thread.start()
    with node._condition:
        assert node._condition.wait_for(lambda: len(node._waiting) == 2, WAIT)
        node._waiting.rotate(1)
    node.let_go(1)
    assert gate.wait(WAIT)
    assert results == [2]
    node.let_go()
    thread.join(WAIT)
    assert results == [2, 1]


# --- leaving early


@pytest.mark.parametrize("order", ["submitted", "completed"])
def test_closing_cancels_what_was_not_begun(node, order):
    list(square.map([1]))
    node.hold()
    iterator = square.map(itertools.count(), window=10, chunk=1, order=order)

    def run_the_first_of_some():
        with node._condition:
            node._condition.wait_for(lambda: len(node._waiting) > 2, WAIT)
        node.let_go(1)

    helper = threading.Thread(target=run_the_first_of_some)
    helper.start()
    assert next(iterator) == 0
    helper.join()
    assert len(node._waiting) > 2
    iterator.close()
    assert node.drain(WAIT)
    assert len(node._waiting) == 0


def test_closing_cancels_async(node):
    async def main():
        iterator = square.amap(itertools.count(), window=10, chunk=1)
        async for _ in iterator:
            node.hold()
            break
        await iterator.aclose()

    asyncio.run(main())
    assert node.drain(WAIT)


def test_a_forgotten_iterator_cancels(node):
    node.hold()
    iterator = square.map(range(5), chunk=1, order="completed")
    thread = threading.Thread(target=next, args=(iterator,))
    thread.start()
    with node._condition:
        assert node._condition.wait_for(lambda: len(node._waiting) == 5, WAIT)
    node.let_go(1)
    thread.join(WAIT)
    del iterator, thread
    gc.collect()
    assert node.drain(WAIT)
    assert len(node.abandoned) == 4


def test_an_error_of_the_input_ends_the_map(node, run_map):
    def source():
        yield 1
        raise KeyError("input")

    with pytest.raises(KeyError, match="input"):
        run_map(square, source())
    assert node.drain(WAIT)


@pytest.mark.parametrize("options", [{}, {"chunk": 1}, {"chunk": 7}, {"window": 3}], ids=str)
@pytest.mark.parametrize("order", ["submitted", "completed"])
@pytest.mark.parametrize("count", [0, 1, 500])
@pytest.mark.parametrize("method", METHODS)
def test_what_came_before_an_error_of_the_input_is_handed_out(node, method, count, order, options):
    def source():
        yield from range(count)
        raise KeyError("input")

    results = []

    def gather():
        iterator = METHODS[method](square, source(), order=order, **options)
        if hasattr(iterator, "__anext__"):

            async def run():
                async for item in iterator:
                    results.append(item)  # noqa: PERF401 - a comprehension would lose them

            asyncio.run(asyncio.wait_for(run(), WAIT))
        else:
            results.extend(iterator)

    with pytest.raises(KeyError, match="input"):
        gather()
    if order == "completed":
        results.sort()
    assert results == [x * x for x in range(count)]
    assert node.drain(WAIT)


# --- failures


@pytest.mark.parametrize("options", [{}, {"chunk": 1}, {"chunk": 4}], ids=str)
def test_a_failure_is_raised_at_its_place(node, options):
    iterator = odd_only.map([1, 3, 4, 5], **options)
    assert next(iterator) == 1
    assert next(iterator) == 3
    with pytest.raises(TaskFailed, match="4 is even") as caught:
        next(iterator)
    assert (caught.value.type_name, caught.value.attempts) == ("ValueError", 3)
    assert runs[4] == 3
    with pytest.raises(StopIteration):
        next(iterator)


@pytest.mark.parametrize("order", ["submitted", "completed"])
@pytest.mark.parametrize("options", [{}, {"chunk": 1}, {"chunk": 4}, {"chunk": 50}], ids=str)
def test_failures_as_values(node, run_map, order, options):
    results = run_map(odd_only, range(60), order=order, return_exceptions=True, **options)
    good = [result for result in results if not isinstance(result, Exception)]
    bad = [result for result in results if isinstance(result, Exception)]
    assert sorted(good) == list(range(1, 60, 2))
    assert {(type(error), error.attempts) for error in bad} == {(TaskFailed, 3)}
    assert sorted(error.text for error in bad) == sorted(f"{x} is even" for x in range(0, 60, 2))
    assert set(runs.values()) == {1, 3}
    if order == "submitted":
        assert [isinstance(result, Exception) for result in results] == [True, False] * 30


@pytest.mark.parametrize("order", ["submitted", "completed"])
def test_an_item_that_fails_is_retried_by_itself(node, run_map, order):
    results = run_map(second_time_lucky, range(20), order=order, chunk=5)
    assert sorted(results) == list(range(20))
    assert set(runs.values()) == {2}
    names = Counter(node.names())
    assert names == {"second_time_lucky[]": 4, "second_time_lucky": 20}


def test_a_failure_without_retries_names_the_item(node):
    results = list(odd_only.using(max_retries=0).map([1, 2], chunk=2, return_exceptions=True))
    assert results[0] == 1
    assert results[1].task_id.endswith("[1]")
    assert results[1].attempts == 1
    assert "is even" in results[1].traceback
    assert len(node.submitted) == 1


def test_a_result_that_cannot_travel_is_one_items_failure(node, run_map):
    results = run_map(make_opaque, range(4), chunk=4, return_exceptions=True)
    assert [results[0], results[1], results[3]] == [0, 1, 3]
    assert isinstance(results[2], TaskFailed)
    assert "EncodeError" in results[2].type_name
    # Only the encoding failed; no item ran twice.
    assert set(runs.values()) == {1}


def test_a_handler_that_wants_to_leave_fails(node, run_map):
    (error,) = run_map(leave, [3], return_exceptions=True)
    assert error.type_name == "SystemExit"


@pytest.mark.parametrize("order", ["submitted", "completed"])
def test_a_chunk_that_kills_its_workers_is_taken_apart(run_map, order):
    with producing(app, crash={7}) as node:
        results = run_map(square, range(10), chunk=5, order=order, return_exceptions=True)
        if order == "submitted":
            assert [r for r in results if r != results[7]] == [x * x for x in range(10) if x != 7]
        (lost,) = [result for result in results if isinstance(result, Exception)]
        assert isinstance(lost, TaskLost)
        assert len(results) == 10
        assert Counter(node.names()) == {"square[]": 2, "square": 5}


def test_items_that_cannot_travel_fail_at_their_place(node, run_map):
    results = run_map(square, [1, object(), 3], chunk=3, return_exceptions=True)
    assert (results[0], results[2]) == (1, 9)
    assert isinstance(results[1], EncodeError)
    assert "x" in str(results[1])


def test_calls_that_fit_no_signature_fail_at_their_place(node):
    items = [(1, 2), (1, 2, 3), 7, (4,)]
    results = list(add.starmap(items, chunk=4, return_exceptions=True))
    assert (results[0], results[3]) == (3, 14)
    assert str(results[1]) == "add() takes from 1 to 2 positional arguments but 3 were given"
    assert isinstance(results[2], TypeError)
    with pytest.raises(TypeError, match="3 were given"):
        list(add.starmap(items))


def test_items_are_cancelled_with_their_producer(node):
    node.hold()
    iterator = square.map(range(4), chunk=2, return_exceptions=True)
    results = []
    thread = threading.Thread(target=lambda: results.extend(iterator))
    thread.start()
    with node._condition:
        assert node._condition.wait_for(lambda: len(node._waiting) == 2, WAIT)
    node.producer.stop()
    thread.join(WAIT)
    assert [type(result) for result in results] == [TaskCancelled] * 4


# --- a full producer


@pytest.mark.parametrize("on_full", ["block", "raise"])
@pytest.mark.parametrize("order", ["submitted", "completed"])
@pytest.mark.parametrize("chunk", [1, 3])
def test_a_full_producer_narrows_the_window(run_map, on_full, order, chunk):
    with producing(app, max_pending=2, on_full=on_full) as node:
        results = run_map(square, range(50), chunk=chunk, order=order)
        assert sorted(results) == [x * x for x in range(50)]
        assert node.most_pending <= 2


def test_a_producer_full_of_others_is_an_error():
    with producing(app, max_pending=1, on_full="raise") as node:
        node.hold()
        other = square.submit(1)
        with pytest.raises(PendingFull):
            next(square.map([1, 2]))
        node.let_go()
        assert other.result(WAIT) == 1


# --- wrong use


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"order": "random"}, "order must be 'submitted' or 'completed'"),
        ({"window": 0}, "window must be a number at least 1"),
        ({"window": 2.5}, "window must be a whole number"),
        ({"chunk": -1}, "chunk must be a number at least 1"),
        ({"chunk": True}, "chunk must be"),
        ({"chunk": 5, "window": 4}, "chunk=5 does not fit in window=4"),
    ],
)
@pytest.mark.parametrize("method", ["map", "starmap", "amap", "astarmap"])
def test_wrong_options_are_told_at_the_call(method, options, text):
    with pytest.raises(ConfigError, match=text):
        getattr(square, method)([], **options)


@pytest.mark.parametrize(
    ("options", "where"),
    [({"sink": "out"}, "sink out"), ({"sink": "out", "inbox": ("a", "b")}, "inbox a, b")],
)
@pytest.mark.parametrize("method", ["map", "starmap", "amap", "astarmap"])
def test_results_that_go_to_a_sink_cannot_be_handed_out(method, options, where):
    text = f"task 'square' cannot be mapped: its results go to {where}, .*; submit.. its calls, or"
    with pytest.raises(UsageError, match=text):
        getattr(square.using(**options), method)([1])


def test_a_task_that_takes_no_single_argument_cannot_be_mapped():
    @app.task(name="two")
    def two(a, b):
        return a

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        two.map([1])
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        two.amap([1])


def test_input_that_is_none():
    with pytest.raises(TypeError):
        square.map(7)
    with pytest.raises(TypeError):
        square.amap(7)


# --- sizes of chunks


def test_a_chunk_is_five_milliseconds_of_work():
    size = ChunkSize()
    assert size.count() == 1
    size.learn(1, 0.000_01, 10)
    assert size.count() == 4  # one measurement says little about a hundred
    for _ in range(10):
        size.learn(size.count(), size.count() * 0.000_01, size.count() * 10)
    assert 490 <= size.count() <= 510
    for _ in range(20):
        size.learn(size.count(), size.count() * 0.01, size.count() * 10)
    assert size.count() == 1


def test_a_chunk_on_the_wire_is_as_the_protocol_document_has_it():
    def run(call):
        [positional] = msgpack.unpackb(call)
        return msgpack.unpackb(decode_value(encode_value(chunk_handler(divide)(*positional))))

    def divide(a, b=2):
        return a / b

    seconds, values, failures = run(msgpack.packb([[[2, 4]]]))
    assert type(seconds) is float
    assert (values, failures) == ([1.0, 2.0], [])
    _, values, failures = run(msgpack.packb([[[[1, 0], [8, 2]], True]]))
    assert values == [None, 4.0]
    [[index, error]] = failures
    assert (index, error["type"], error["text"]) == (0, "ZeroDivisionError", "division by zero")


@pytest.mark.parametrize("star", [False, True])
def test_an_item_that_raises_stop_iteration_ends_no_others(star):
    """As ``next(iterator)`` does, of one that is empty: for `map` that would be its own end."""

    def first(items):
        return next(iter(items))

    items = [[[1, 2]], [[]], [[3]], [[]]] if star else [[1, 2], [], [3], []]
    sealed = chunk_handler(first)(items, star)
    _, values, failures = open_chunk(sealed, len(items))
    assert values == [1, None, 3, None]
    assert {index: error["type"] for index, error in failures.items()} == {
        1: "StopIteration",
        3: "StopIteration",
    }


def test_a_chunk_has_bounds():
    size = ChunkSize()
    for _ in range(20):
        size.learn(size.count(), 0.0, 0)
    assert size.count() == CHUNK_MAX
    for _ in range(50):
        size.learn(10, 0.0, 10 * CHUNK_BYTES // 2)
    assert size.count() == 2


def test_what_a_worker_says_of_a_chunk_is_checked():
    good = chunk_handler(lambda x: x)([1, 2])
    assert open_chunk(good, 2)[1:] == ([1, 2], {})
    wrong = [
        [1.0, [1, 2], []], [1.0, [1], [[1, {}]]], [1.0, [1, 2], [[2, {}]]], ["1", [1], []],
        [1.0, [1], [[0]]], {}, None,
    ]  # fmt: skip
    for value in wrong[1:]:
        with pytest.raises(DecodeError):
            open_chunk(encode_value(value), 2)
    with pytest.raises(DecodeError):
        open_chunk(decode_value(good), 2)


def test_a_nonsensical_answer_fails_each_item(node, monkeypatch):
    monkeypatch.setattr(square, "chunk_handler", lambda items, star=False: "nonsense")
    results = list(square.map([1, 2], chunk=2, return_exceptions=True))
    assert [type(result) for result in results] == [DecodeError] * 2
