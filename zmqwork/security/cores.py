"""No memory of a process that has read a secret key is written to a disk when it crashes."""

from __future__ import annotations

import resource

# Not 0: a limit of 0 does not keep Linux from giving the memory to a program that collects crashes
# (core_pattern begins with a pipe); 1, which it takes for such a program's own, does.
_LIMIT = 1


def forbid_core_dumps() -> None:
    """From now on this process, and those that it starts, leave no core file.

    The soft limit alone: who needs one of a handler that crashes may set it again, there. A
    process may still be looked into by its own user, who can read the key's file as well.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard != 0:  # else nobody may raise the soft one, which is 0
        resource.setrlimit(resource.RLIMIT_CORE, (_LIMIT, hard))
