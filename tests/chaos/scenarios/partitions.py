"""Links that carry nothing, in one direction or in both, for a while, or again and again."""

from chaos_processes import HASTY
from field import Field

from scenarios import scenario
from zmqwork.config import Health

# After it has healed, no more messages for a task than three times what it was before.
STORM_MAX = 3.0
HEALED = 10.0


def begin(trial, workers, seconds=0.02, rate=80):
    if not trial.full:
        trial.scene.hurry()
    field = Field(trial, workers)
    field.feed(10**6, seconds, rate=rate, warm=rate)
    return field


class Traffic:
    """Messages for a settled task."""

    def __init__(self, field):
        self.field = field
        self.before = field.frames(), field.trial.oracle.count("settled")

    def per_task(self):
        frames, settled = self.before
        done = self.field.trial.oracle.count("settled") - settled
        return round((self.field.frames() - frames) / max(1, done), 2)


def heal(trial, field, before):
    """What passes right after it has healed is no storm."""
    traffic = Traffic(field)
    trial.pause(trial.pick(2.0, HEALED))
    after = traffic.per_task()
    trial.details["messages_per_task"] = {"before": before, "after": after}
    trial.hold(after <= STORM_MAX * before, f"{after} messages for a task after, {before} before")
    trial.workers(field.producer, len(field.workers))
    field.over()


@scenario("partition", "C9")
def partition(trial):
    """Half of the workers are cut off in both directions, for 30 s; then it heals."""
    field = begin(trial, 4)
    traffic = Traffic(field)
    trial.pause(trial.pick(1.0, 10.0))
    before = traffic.per_task()
    victims, links = field.workers[:2], field.links[:2]
    with trial.fault("partition", *victims):
        for link in links:
            link.hold(link.forth, link.back)
        trial.pause(trial.pick(3.0, 30.0))
        for link in links:
            link.release(link.forth, link.back)
    heal(trial, field, before)


@scenario("flapping", "C9")
def flapping(trial):
    """Links that are silent every other second, for a minute."""
    field = begin(trial, 3)
    traffic = Traffic(field)
    trial.pause(trial.pick(1.0, 10.0))
    before = traffic.per_task()
    half = trial.pick(0.4, 1.0)
    for _ in range(trial.pick(4, 30)):
        with trial.fault("silence", *field.workers[:2]):
            for link in field.links[:2]:
                link.hold(link.forth, link.back)
            trial.pause(half)
            for link in field.links[:2]:
                link.release(link.forth, link.back)
        trial.pause(half)
    heal(trial, field, before)


@scenario("one-way", "C10")
def one_way(trial):
    """One direction carries nothing: first to the worker, then from it; it begins nothing meanwhile."""
    field = begin(trial, 2)
    health = HASTY if not trial.full else {"lease_timeout": Health().lease_timeout}
    lease = health["lease_timeout"]
    for name in ("forth", "back"):
        link, victim = field.links[0], field.workers[0]
        way = getattr(link, name)
        with trial.fault(f"silence {name}", victim) as at:
            link.hold(way)
            trial.pause(lease + trial.pick(3.0, 20.0))
            until = trial.now()
            link.release(way)
        # A lease that was renewed in the last moment, and what its child had been handed before.
        late = field.begun_at(victim, at + lease + 1.0, until)
        trial.hold(late == [], f"{name}: behind its lease a worker has begun {late[:5]}")
        trial.workers(field.producer, 2)
        trial.pause(1.0)
    field.over()


@scenario("swizzle-clog", "C13")
def swizzle_clog(trial):
    """Links are clogged one after the other, and unclogged in another order, again and again."""
    field = begin(trial, 4)
    gap = trial.pick(0.3, 2.0)
    for _ in range(trial.pick(2, 10)):
        chosen = trial.random.sample(range(4), trial.random.randint(1, 3))
        with trial.fault("clog", *[field.workers[at] for at in chosen]):
            for at in chosen:
                field.links[at].hold(field.links[at].forth, field.links[at].back)
                trial.pause(gap)
            trial.random.shuffle(chosen)
            for at in chosen:
                field.links[at].release(field.links[at].forth, field.links[at].back)
                trial.pause(gap)
    trial.workers(field.producer, 4)
    field.over()
