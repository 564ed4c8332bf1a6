"""The ZeroMQ guide's ventilator, worker and sink over PUSH and PULL: at most once, losses counted.

It stands beside the nodes and knows nothing of them: no app, no ledger, no session; no thread but the
one that answers who may connect, where there are keys.
Users import `zmqwork.patterns.pipeline`.

Where to look::

    ventilator  deals out items, says START and END      outlets    to each sink
    worker      applies a function                       dialling   to all who are found
    sink        collects, and counts                     tally      what it counts
    report      what each of them says at the end        received   which numbers have come
    places      where they meet, as users say it         meeting    how they find each other
    roles       who may do what, where there are keys    addresses  whose key is where, if typed
    post        what all of them have                    waiting    and for how long
    packing     from items to messages

The messages are in `zmqwork.wire.pipeline`, the sockets in `zmqwork.transport.pushpull`.
"""
