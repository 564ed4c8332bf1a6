"""What has happened on links, and to those whom a node knows of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from zmqwork.core.messages import Message
from zmqwork.core.permissions import Access
from zmqwork.core.record import record

# A link: an int for one that this node dialled (it chose the number), bytes for one that
# somebody opened to our bound socket (the routing id, new at each connection).
Link = int | bytes


@record
class PeerFound:
    """A discovery source suggests a peer: an endpoint list, best first, under a stable key.

    `node_id` is who is said to be there; empty where that is not said. `fingerprint` is that of
    the key that is said to be there, `member` the name of its owner, if a person has said that.
    """

    key: str
    endpoints: tuple[str, ...]
    role: str = ""
    source: str = ""
    node_id: str = ""
    fingerprint: str = ""
    member: str = ""


@record
class PeerForgotten:
    """A discovery source withdrew its suggestion; a session that beats goes on."""

    key: str


@record
class LinkUp:
    """A dialled link is connected."""

    link: int


@record
class LinkDown:
    """A link is gone: the dialled one lost its peer, or a send to a bound one had no route."""

    link: Link


@record
class LinkDenied:
    """A dialled link came to nothing: another key is there, or (`by_peer`) it says no to ours."""

    link: int
    by_peer: bool = False


@record
class Received:
    """Numbered messages of one link, in the order of arrival.

    `fingerprint`: of the key that has sent them, as it was proved; empty where there are no keys.
    """

    link: Link
    messages: list[tuple[int, Message]]
    fingerprint: str = ""


@record
class Garbled:
    """A link delivered bytes that are no message; `fingerprint`: as in `Received`."""

    link: Link
    why: str
    fingerprint: str = ""


@record
class Rostered:
    """The roster, at the start and when it has changed: what each key may be, by fingerprint.

    A node that has no keys never hears of one. `about` is what it says of its keys in its status.
    """

    accesses: Mapping[str, Access]
    about: Mapping[str, Any] = field(default_factory=dict)


@record
class Probed:
    """The answer to `effects.Probe`: `gone` is proof, its absence is not."""

    key: str
    gone: bool
