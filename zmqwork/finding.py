"""How nodes of an app, and the tasks that they run, find others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqwork.whereabouts import Whereabouts

if TYPE_CHECKING:
    from zmqwork.discovery.sources import Discovery


class Finding:
    """What `App` knows of where its nodes are."""

    name: str
    _own: Whereabouts

    def home(self, where: Whereabouts) -> dict[str, Any]:
        """How tasks of a worker that is there find workers themselves (`context.home`)."""
        return {"app": self.name, "options": where.plain()}

    def discover(self, where: Whereabouts | None = None) -> Discovery:
        """Where a node of this app announces itself and finds others; for nodes.

        Raises `ConfigError` or `InsecureBind`, as `Whereabouts.join`.
        """
        return (where or Whereabouts()).join(self._own)
