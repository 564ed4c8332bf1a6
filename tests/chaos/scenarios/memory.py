"""More tasks than anybody takes."""

from scenarios import scenario

MIB_MAX = 256 * 1.2  # what a producer may hold unsettled by default, and a fifth more


@scenario("memory", "C23")
def memory(trial):
    """Ten million tasks are to be submitted, and no worker is there: submit waits, in bounded memory."""
    scene = trial.scene
    # (The programs of this suite write a line for each; so the limit of the short form is lower.)
    search = trial.pick({"max_pending": 5_000}, {})
    limit = trial.pick(5_000, 100_000)
    producer = scene.producer(**search)
    trial.watch.follow("producer", producer.pid)
    producer.order("feed", count=10**7, window=10**7)
    trial.until(lambda: trial.oracle.count("submitted") >= limit, f"{limit} are submitted", 300)
    trial.pause(trial.pick(1.0, 20.0))
    there = trial.oracle.count("submitted")
    trial.hold(there <= limit + 1, f"{there} were taken, where {limit} may wait")
    trial.hold(producer.order("feeding"), "submit did not wait")
    with trial.fault("no worker"):
        workers = [scene.worker("--pool", "inline") for _ in range(2)]
    trial.watch.follow("worker", workers[0].pid)
    trial.settled(trial.pick(2, 3) * limit)
    producer.order("halt")
    trial.rest([producer])
    trial.verify()
    trial.figures = trial.oracle.figures()
    most = trial.watch.most(1)["producer"]
    trial.details = {"waited_at": there, "most_mib": most}
    trial.hold(most <= MIB_MAX, f"the producer had {most} MiB")
