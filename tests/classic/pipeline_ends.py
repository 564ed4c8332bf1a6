"""One end of a pipeline in a process of its own: ours, or the guide's in raw pyzmq.

``python pipeline_ends.py ROLE WHERE [OPTIONS]``, as JSON; WHERE is a realm or {ventilator, sink, control}.
"""

import json
import os
import sys
import threading

GUIDE_TASKS = 100


def sleepy(seconds):
    """A function that takes its time, and says who did it."""
    pause = threading.Event()

    def function(number):
        pause.wait(seconds)
        return [number, os.getpid()]

    return function


def ours(role, where, options):
    from zmqwork.patterns import pipeline

    if isinstance(where, dict):
        where = pipeline.Static(**where)
    if role == "ventilate":
        print(pipeline.ventilate(range(options.pop("count")), where, **options))
    elif role == "ventilate_raw":
        items = (b"%d" % number for number in range(GUIDE_TASKS))
        print(pipeline.ventilate(items, where, raw=True, **options))
    elif role == "work":
        print(pipeline.work(sleepy(options.pop("seconds", 0)), where, **options))
    elif role == "work_raw":
        print(pipeline.work(lambda message: b"", where, raw=True, **options))
    elif role == "collect":
        got = []
        tell = options.pop("tell", False)

        def handle(result):
            if tell and not got:
                print("the first", flush=True)
            got.append(result)

        print(pipeline.collect(handle, where, **options))
        print(f"{len(got)} results")


# The guide's taskvent, taskwork and tasksink, in their essence.


def taskvent(vent, sink, control):
    import zmq

    context = zmq.Context()
    sender, to_sink = context.socket(zmq.PUSH), context.socket(zmq.PUSH)
    sender.bind(vent)
    to_sink.immediate = 1  # where the guide waits for Enter: the sink is there when tasks begin
    to_sink.connect(sink)
    to_sink.send(b"0")  # "signals start of batch"
    for number in range(GUIDE_TASKS):
        sender.send_string(str(number))
    context.destroy()  # lingers for ever


def taskwork(vent, sink, control):
    import zmq

    context = zmq.Context()
    receiver, sender, controller = map(context.socket, (zmq.PULL, zmq.PUSH, zmq.SUB))
    receiver.connect(vent)
    sender.connect(sink)
    controller.connect(control)
    controller.subscribe(b"")
    poller = zmq.Poller()
    poller.register(receiver, zmq.POLLIN)
    poller.register(controller, zmq.POLLIN)
    while controller not in dict(poller.poll()):
        int(receiver.recv())
        sender.send(b"")
    context.destroy()


def tasksink(vent, sink, control):
    import zmq

    context = zmq.Context()
    receiver, controller = context.socket(zmq.PULL), context.socket(zmq.PUB)
    receiver.bind(sink)
    controller.bind(control)
    assert receiver.recv() == b"0"
    for _ in range(GUIDE_TASKS):
        receiver.recv()
    controller.send(b"KILL")
    print("Total elapsed time: some msec")
    context.destroy()


def main():
    role, where, *options = sys.argv[1:]
    where = json.loads(where)
    if role.startswith("task"):
        globals()[role](where["ventilator"], where["sink"], where["control"])
    else:
        ours(role, where, json.loads(options[0]) if options else {})


def end_with_parent():
    """However the tests end."""
    sys.stdin.read()
    os._exit(99)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    main()
