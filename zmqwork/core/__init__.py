"""The pure state machines: everything that is decided, and everything with time in it.

The laws of this folder, which `tests/test_architecture.py` and the simulator check:

1. A machine has three verbs: `handle(event, now)`, `tick(now)` and `deadline()`. The first two
   return a list of effects and perform none. The loop calls `handle` for each event of a turn
   and `tick` once at its end; what a turn piled up leaves in one batch per peer, from `tick`.
2. `now` is monotonic seconds and never goes back. After `tick(now)`, `deadline()` is None or
   later than `now`.
3. The same seed, events and instants give the same effects: ids and randomness are passed in,
   and no set is iterated.
4. Nothing that a peer sends can raise here. Bytes are judged in `wire`; a message out of place
   is counted and dropped, or ends its session.
5. Every container has its bound beside it.
6. No I/O, no clock, no logging.

Where to look::

    messages   what peers say to each other        events    what has happened
    effects    what must now be done               lifecycle a task's and a peer's life, as tables

    timers     deadlines by key                    liveness  alive, suspect or lost
    numbering  messages of a link, counted         pace      how long tasks take, by name
    retry      when a failed attempt comes back    window    how many attempts a worker grants

    peer       a node that is dialled              links     the links to such nodes
    dialer     sessions, on the connecting side    listener  sessions, on the bound side
    welcome    how a node introduces itself

    ledger     every unsettled task                lanes     tasks that wait
    workers    what a producer knows of them       books     moving tasks between these
    assigner   who gets what                       balancer  demand and recall
    judge      what an attempt's end means         inventory what a session's begin and end mean
    explain    why a task does not run, in words   dispatcher  the producer's machine

    clients    what a worker holds for a producer  slots     what it runs at this moment
    intake     attempts taken, forgotten, returned feeder    which begins next, and what came of it
    runner     the worker's machine                watcher   the observer's machine
"""
