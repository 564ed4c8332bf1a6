"""How a worker runs a task.

::

    handlers    task names -> functions, also in another process
    context     what a handler may ask of its own task
    invoke      one call: decode, call, encode; the one place that catches everything
    event_loop  coroutines, where there is no event loop

    pool        what a worker asks of a pool
    inline      on the worker's own thread            thread      threads
    coroutines  an asyncio event loop                 process     child processes (the default)
    reporter    outcomes, several at a time           lookout     so that none waits for a long one

Commands, of which each is a process of its own (they run in the pool of threads)::

    command         as a handler: from a record to a result, or a failure (`command_failed`)
    placeholders    what a record makes of a command     shell_text      how shells quote
    shell           runs one                             warden          outlives the worker, and
    warden_program  what the warden does                                 ends what runs then

The process pool, in the worker (a child's life) and in the child::

    child_slot  keeps a child running                 child          its program
    launch      what it is made from                  serving        what it does all day
    interpreter how it is started                     child_channel  frames from and to the worker
    ending      how it ends, and what that tells      child_signals  which do nothing to it
    tally       what it was given and has done
    link        frames from and to the child
    frames      cuts a stream into frames (both)      page           memory that both share
"""
