"""Who is told of the items that a pipeline could not bring to its sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zmqwork.run import Failure
    from zmqwork.ventilation import Ventilation


class Teller:
    """Tells of failures, in the thread that feeds, until that raises.

    Args:
        engine: the run's.
        on_failed: who is told; None: nobody.

    Attributes:
        raised: what it raised then.
    """

    def __init__(self, engine: Ventilation, on_failed: Callable[[Failure], object] | None) -> None:
        self._failures = engine.failures
        self._on_failed = on_failed
        self.raised: Exception | None = None
        engine.run.tell_by(self.tell)

    def tell(self) -> Exception | None:
        """Tell of those that are known by now; what that raised, now or before."""
        while self._failures:
            failure = self._failures.popleft()
            if self._on_failed is not None:
                try:
                    self._on_failed(failure)
                except Exception as error:  # noqa: BLE001 - raised when all is settled
                    self._on_failed = None
                    self.raised = error
        return self.raised
