"""A cluster with keys: this user's own, and members whose keys the test has."""

import json
import secrets

from zmtp import Closed
from zmtp_curve import CurvePeer, Denied, Pair

from zmqwork.security import bundle, cluster, rotation
from zmqwork.security.pairs import fingerprint


class Lab:
    """A keys directory, and what was written into the audit log of its nodes."""

    def __init__(self, place):
        self.place = place / "keys"
        self._bundles = place
        ours = cluster.create(self.place, "lab", "here").pair
        self.server = Pair.of(ours.public, ours.secret).public
        self.ours = ours

    def member(self, *roles):
        """Add one: its pair as bytes, its fingerprint, and its name."""
        name = f"m{secrets.token_hex(3)}"
        path = self._bundles / f"{name}.zwk"
        cluster.add(self.place, name, roles, path)
        pair = bundle.read(path).pair
        return Pair.of(pair.public, pair.secret), fingerprint(pair.public), name

    def revoke(self, name):
        cluster.revoke(self.place, name)

    def peer(self, node, pair=None):
        """A client by hand that knows the node's public key; without `pair`, nobody knows its."""
        return CurvePeer(node.endpoint, self.server, pair)

    def enter(self, node, pair):
        """An open connection, or None if the key is not let in (now)."""
        peer = self.peer(node, pair)
        try:
            return peer.open()
        except (Closed, Denied):
            peer.close()
            return None

    def audited(self, kind, **wanted):
        """Records of this kind that say this. (So many in a second and no more: try again.)"""
        path = rotation.default_path()
        records = [json.loads(line) for line in path.read_bytes().splitlines()]
        return [
            record
            for record in records
            if record["kind"] == kind
            and all(record.get(key) == value for key, value in wanted.items())
        ]
