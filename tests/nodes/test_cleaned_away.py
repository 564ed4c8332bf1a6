"""The runtime directory is removed while nodes run, as a logout or a cleaner of /tmp does."""

import logging
import shutil

import pytest
import work_app as w
from node_processes import PATIENCE, ps

from zmqwork.discovery.realms import realms_here

SAID = "this node has bound it again"


def nodes_seen(realm, count):
    return len(ps(realm)["nodes"]) == count


@pytest.mark.parametrize("again", [1, 3])
def test_a_worker_is_found_by_new_producers_and_its_session_goes_on(
    start_worker, producer, realm, runtime, wait_until, again
):
    worker = start_worker("-c", "1")
    assert w.echo.submit(1).result(PATIENCE) == 1
    for count in range(1, again + 1):
        shutil.rmtree(runtime / "zmqwork")
        wait_until(lambda n=count: worker.text().count(SAID) == n, "the worker says it")
    # It was connected all the time: not one session ended.
    assert w.echo.submit(2).result(PATIENCE) == 2
    assert producer.status()["counters"]["lost_workers"] == 0
    assert not [n for n in producer.notices if n.kind in ("peer_suspect", "peer_gone")]
    with w.app.producer(realm=realm):
        assert w.echo.submit(3).result(PATIENCE) == 3
    # The producer binds for observers, and has done so again as well.
    wait_until(lambda: nodes_seen(realm, 2), "both are seen")
    assert worker.text().count(" WARNING ") == again


def test_a_producer_says_so_and_is_seen_again(producer, realm, runtime, wait_until, caplog):
    caplog.set_level(logging.INFO, "zmqwork")
    shutil.rmtree(runtime / "zmqwork")
    wait_until(lambda: nodes_seen(realm, 1), "it is seen")
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert SAID in warning.getMessage()


def test_where_it_cannot_be_made_again_the_worker_goes_on_and_says_so(
    start_worker, producer, runtime, realm, wait_until
):
    """As after a logout: the system has taken the directory above as well."""
    worker = start_worker("-c", "1")
    assert w.echo.submit(1).result(PATIENCE) == 1
    moved = runtime.rename(runtime.with_name(runtime.name + "-x"))
    try:
        shutil.rmtree(moved / "zmqwork")
        wait_until(lambda: "cannot be made again" in worker.text(), "the worker says it")
        assert w.echo.submit(2).result(PATIENCE) == 2
    finally:
        moved.rename(runtime)
    wait_until(lambda: SAID in worker.text(), "it is back")
    with w.app.producer(realm=realm):
        assert w.echo.submit(3).result(PATIENCE) == 3
    assert realms_here() == [realm]
    assert worker.text().count(" ERROR ") == 1
