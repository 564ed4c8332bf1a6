"""Producers with a journal that are killed at random points, and started again."""

from chaos_processes import until
from durable import Durable, count_runs, figures, is_whole, tallied
from durable_producer import confirmed

from scenarios import scenario
from zmqwork.journal.sqlite import SqliteJournal


@scenario("kill-producer", "C3")
def kill_producer(trial):
    """SIGKILL of a producer 200 times at random points: what it confirmed is done, the file is whole."""
    scene, place = trial.scene, trial.scene.place
    tasks, kills = trial.pick((400, 4), (40_000, 200))
    worker = scene.worker()
    trial.watch.follow("worker", worker.pid)
    trial.watch.count = lambda: count_runs(place)
    whole = 0
    for kill in range(1, kills + 1):
        up_to = tasks * kill // kills
        program = scene.keep(Durable(scene, up_to))
        trial.watch.follow("producer", program.pid)
        look = confirmed if trial.random.random() < 0.5 else count_runs
        seen = look(place)
        if up_to > seen:
            mark = trial.random.randint(seen, up_to)
            until(lambda look=look, mark=mark: look(place) >= mark, f"{mark} are {look.__name__}")
        trial.kill(program, "kill producer")
        whole += is_whole(place / "journal")
    sure, ran = confirmed(place), tallied(place)
    lost_so_far = sum(key not in ran for key in range(1, sure + 1))
    last = scene.keep(Durable(scene, tasks))
    last.finish(600)
    trial.figures = figures(place, tasks)
    trial.details = {"kills": kills, "whole": whole, "confirmed_and_open_at_last": lost_so_far}
    trial.hold(trial.figures["lost"] == 0, f"{trial.figures['lost']} are lost")
    given, settled = accounts(place / "journal")
    # (The program submits anew what it could not confirm: those are tasks of their own.)
    trial.details |= {"numbers_given": given, "settled": settled, "submitted_anew": given - tasks}
    trial.figures["duplicate_executions"] -= given - tasks
    trial.figures["duplicate_effects"] = max(0, settled - given)
    trial.hold(settled == given, f"of {given} tasks {settled} were settled")
    trial.hold(whole == kills, f"after {kills - whole} of {kills} kills the journal was damaged")


def accounts(folder):
    """How many numbers the journal has given to tasks, and how many of these are settled."""
    (path,) = folder.glob("*.db")
    journal = SqliteJournal(path)
    legacy = journal.load()
    journal.close()
    return legacy.newest, sum(legacy.settled.values())


@scenario("backlog", "C3")
def backlog(trial):
    """A producer is killed with 100,000 tasks in its journal: how soon the next one begins with them."""
    scene, place = trial.scene, trial.scene.place
    tasks = trial.pick(5_000, 100_000)
    program = scene.keep(Durable(scene, tasks))
    trial.until(lambda: confirmed(place) >= tasks, "all are confirmed", 900)
    trial.kill(program, "kill producer")
    trial.hold(count_runs(place) == 0, "without a worker something ran")
    worker = scene.worker(slots=2)
    assert worker.told
    trial.watch.follow("worker", worker.pid)
    trial.watch.count = lambda: count_runs(place)
    at = trial.now()
    program = scene.keep(Durable(scene, tasks))
    trial.watch.follow("producer", program.pid)
    trial.until(lambda: count_runs(place), "it begins", 120, every=0.01)
    seconds = round(trial.now() - at, 2)
    trial.recovery = [seconds]
    program.finish(900)
    trial.figures = figures(place, tasks)
    trial.hold(trial.figures["lost"] == 0, f"{trial.figures['lost']} are lost")
    # The start of the interpreter is in it.
    trial.hold_in_time(seconds <= 3.0, f"it began after {seconds} s")
