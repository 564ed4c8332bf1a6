"""A producer with a journal killed again and again: nothing that it confirmed is lost."""

import os
import random
from pathlib import Path

import pytest
from chaos_processes import until
from durable import Durable, tallied
from durable_producer import confirmed

from zmqwork.journal.sqlite import SqliteJournal

# The fifty kills in 20,000 tasks; without that variable, a few.
TASKS, KILLS = (20_000, 50) if os.environ.get("ZMQWORK_CHAOS") == "full" else (2_000, 5)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_producer_is_killed_again_and_again(scene, seed):
    chance = random.Random(seed)
    place = scene.place
    for _ in range(2):
        scene.worker(slots=1)
    for kill in range(1, KILLS + 1):
        up_to = TASKS * kill // KILLS
        program = Durable(scene, up_to)
        if chance.random() < 0.5:
            mark = chance.randint(confirmed(place), up_to)
            until(lambda mark=mark: confirmed(place) >= mark, f"{mark} are confirmed")
        else:
            mark = chance.randint(len(tallied(place)), up_to)
            until(lambda mark=mark: len(tallied(place)) >= mark, f"{mark} have run")
        program.kill()
    sure = confirmed(place)
    Durable(scene, TASKS).finish()
    ran = tallied(place)
    assert [key for key in range(1, sure + 1) if key not in ran] == []
    assert set(ran) == set(range(1, TASKS + 1))
    (path,) = (Path(place) / "journal").glob("*.db")
    journal = SqliteJournal(path)
    legacy = journal.load()
    journal.close()
    assert legacy.tasks == legacy.letters == []
    # Numbers are given without gaps, and each is settled once.
    assert legacy.settled == {"succeeded": legacy.newest}
    assert legacy.newest >= TASKS
