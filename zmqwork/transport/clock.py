"""The clock of all decisions: monotonic seconds that go on while the machine is suspended."""

from __future__ import annotations

import time

if hasattr(time, "CLOCK_BOOTTIME"):

    def now() -> float:
        """Seconds since boot, suspension included: a lease must not outlive a sleeping laptop."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:

    def now() -> float:
        """Monotonic seconds; on this platform the best clock there is for leases."""
        return time.monotonic()
