"""Hosts that share a network, and find each other by multicast DNS."""

from hosts import Switch, why_not
from oracle import spread
from trial import Skip

from scenarios import scenario

WORDS = ["--discovery", "mdns", "--insecure-lan", "--interface", "eth0"]
SEARCH = {"discovery": "mdns", "insecure_lan": True, "interface": "eth0"}
NAMES = ["anna", "bert", "carl", "dora", "emil", "fred", "gina", "hugo"]
FOUND_P99 = 5.0


@scenario("lan", "C21")
def lan(trial):
    """Eight hosts on a switch, real mDNS: found within 5 s; links go down, cables are pulled, one is killed."""
    if why := why_not():
        raise Skip(why)
    if not trial.full:
        trial.scene.hurry()
    with Switch() as switch:
        names = NAMES[: trial.pick(4, 8)]
        hosts = {name: switch.host(name) for name in names}
        play(trial, hosts)


def play(trial, hosts):
    scene = trial.scene
    asking, *serving = hosts
    producer = scene.producer(host=hosts[asking], **SEARCH)
    trial.watch.follow("producer", producer.pid)
    workers, found = {}, []

    def start(name):
        workers[name] = worker = scene.worker(*WORDS, "-n", name, host=hosts[name], slots=1)
        known = producer.workers()
        assert worker.told
        at = trial.now()
        trial.until(lambda: producer.workers() > known, f"{name} is found", 60, every=0.02)
        found.append(trial.now() - at)

    for name in serving:
        start(name)
    producer.order("feed", count=10**6, window=60, rate=60, words={"seconds": 0.03})
    trial.settled(60)
    for number in range(trial.pick(3, 15)):
        name = trial.random.choice(serving)
        harm = ("link", "cable", "kill")[number % 3]
        with trial.fault(harm, workers[name]):
            if harm == "link":
                hosts[name].link("down")
                trial.pause(trial.pick(3.0, 10.0))
                hosts[name].link("up")
            elif harm == "cable":
                hosts[name].unplug()
                trial.pause(trial.pick(3.0, 10.0))
                hosts[name].plug_in()
            else:
                workers[name].kill()
        if harm == "kill":
            trial.workers(producer, len(serving) - 1)
            start(name)
        trial.workers(producer, len(serving))
    producer.order("halt")
    trial.rest([producer])
    trial.verify()
    trial.figures = figures = trial.oracle.figures()
    trial.details["found_seconds"] = told = spread(found)
    trial.hold(figures["unexplained"] == [], f"ran again for no reason: {figures['unexplained']}")
    trial.hold_in_time(told["p99"] <= FOUND_P99, f"found after {told['p99']} s")
