"""Links that are reset, slow, narrow, or hand on everything in pieces."""

from field import Field

from scenarios import scenario


@scenario("resets", "C11")
def resets(trial):
    """All connections are reset every second."""
    field = Field(trial, 3, slots=2)
    field.feed(10**6, 0.01, warm=trial.pick(150, 3_000))
    for _ in range(trial.pick(4, 60)):
        with trial.fault("reset", *field.workers):
            for link in field.links:
                link.cut()
        trial.pause(trial.pick(0.6, 1.0))
    trial.pause(trial.pick(0.5, 5.0))
    figures = field.over()
    rates = figures["throughput"]
    trial.hold_in_time(
        rates["during"] >= rates["before"] / 2, f"less than half goes through: {rates}"
    )
    # The inventory tells what has arrived; so only what was given up on is run again.
    again, resubmitted = figures["duplicate_executions"], field.producer.counters()["resubmitted"]
    trial.hold(again <= resubmitted, f"{again} ran again, and {resubmitted} were resubmitted")


@scenario("slow-links", "C12")
def slow_links(trial):
    """200 to 300 ms each way, 1 Mbit/s, and of 20 pieces one is late as if it was lost."""
    field = Field(trial, 2, slots=2)
    for link in field.links:
        for way in (link.forth, link.back):
            link.slow(way, 0.1, jitter=0.2)
            link.throttle(way, 125_000)
            link.lose(way, 0.05)
    with trial.fault("slow"):
        field.feed(trial.pick(200, 10_000), 0.01)
        trial.rest([field.producer])
    figures = field.over()
    counters = field.producer.counters()
    trial.hold(counters["lost_workers"] == 0, f"{counters['lost_workers']} were taken for dead")
    trial.hold(figures["duplicate_executions"] == 0, "some ran again")


@scenario("sliced", "C12")
def sliced(trial):
    """Every byte arrives by itself, in both directions."""
    field = Field(trial, 1, slots=2)
    link = field.links[0]
    for way in (link.forth, link.back):
        link.cut_up(way, 1)
    link.cut()  # so that greetings come like that, too
    with trial.fault("slices"):
        field.feed(trial.pick(200, 5_000), 0.0)
        trial.rest([field.producer])
    figures = field.over()
    trial.hold(figures["duplicate_executions"] == 0, "some ran again")
