"""A task that kills whatever runs it, among others."""

import work_app as w

from zmqwork import TaskLost

PATIENCE = 60.0


def test_a_segfaulting_task_among_many_harms_nobody(start_worker, producer):
    start_worker("-c", "2", "--unfit-after", "0")
    count, half = 1000, 500
    futures = [w.echo.submit(number) for number in range(half)]
    poison = w.segfault.submit()
    futures += [w.echo.submit(number) for number in range(half, count)]
    assert [future.result(PATIENCE) for future in futures] == list(range(count))
    error = poison.exception(PATIENCE)
    assert isinstance(error, TaskLost)
    assert str(error).count("SIGSEGV") == 3
    assert producer.status()["counters"]["crashes"] == 3


def test_one_that_kills_workers_of_threads_spares_what_ran_beside_it(
    start_worker, producer, tmp_path
):
    """Each of its workers dies as a whole; so its last chance is alone."""
    # What runs beside it is blamed at first, as nobody can know better, and runs alone then, too.
    workers = [start_worker("--pool", "thread", "-c", "4") for _ in range(1)]
    poison = w.segfault.submit()
    neighbours = [w.note.submit(str(tmp_path / "notes"), number, 0.05) for number in range(8)]
    for _ in range(3):
        assert workers[-1].wait() == -11
        workers.append(start_worker("--pool", "thread", "-c", "4"))
    assert isinstance(poison.exception(PATIENCE), TaskLost)
    assert [future.result(PATIENCE) for future in neighbours] == list(range(8))
    assert len(workers) == 4
