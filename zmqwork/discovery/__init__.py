"""Where peers come from: several sources, one stream of suggestions.

::

    record     what a node says of itself        runtime    the directory that only we may enter
    directory  the local directory: a locked file per node, beside its ipc socket
    lockfile   a file that says who lives        stamp      whether a directory has changed
    static     endpoints that somebody typed     realms     which realms there are on this machine
    mdns       nodes of the network             station    what the nodes of a process share of it
    responder  its thread, which browses        announcing what it says of each node
    advert     what a record says, and how it is judged  sightings  what was seen, bounded
    interfaces where mDNS speaks
    dns        names that are looked up again and again   lookup  once
    source     what a source can do, and the names     sources    all of them, polled by the loop

and for people who ask what is wrong::

    nics       all network interfaces            sounding   does multicast work, is anybody there?
    inspection the local directory as it lies there

A source only *suggests* an endpoint. Who is behind it is proved by HELLO and WELCOME, whether
it lives by heartbeats; a suggestion that is withdrawn never ends a session that beats.
"""
