"""The only code that touches sockets: it performs effects, reports events, and decides nothing.

::

    clock      monotonic seconds that go on while the machine sleeps
    wakeup     how another thread wakes the loop
    addresses  which endpoints are loopback, which are routable
    options    the socket options of every socket, in one function
    dealer     one dialled link                      router    the bound socket
    probe      is the process behind an endpoint gone?
    reach      what is behind an endpoint, for people
    pushpull   the sockets of the classic pipeline   porter    who answers for them
    trial      can this process bind, be dialled and be heard?
    loop       the one thread that owns all of this
"""

import logging

from zmqwork.escaping import Printable

# Whoever has sockets hears what others say, and logs some of it.
logging.getLogger("zmqwork").addFilter(Printable())
