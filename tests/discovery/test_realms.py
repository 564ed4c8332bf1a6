from __future__ import annotations

from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.realms import realms_here
from zmqwork.discovery.runtime import base_directory


def test_realms_with_a_living_node_are_listed(runtime, record):
    assert realms_here() == []
    nodes = {}
    for realm in ("b", "a", "empty", "left"):
        nodes[realm] = LocalDirectory(realm)
    nodes["a"].announce(record("a" * 32, realm="a"))
    nodes["b"].announce(record("b" * 32, realm="b"))
    nodes["left"].announce(record("c" * 32, realm="left"))
    nodes["left"]._release()
    assert realms_here() == ["a", "b"]
    for node in nodes.values():
        node.close()
    assert realms_here() == []


def test_rubbish_is_passed_over(runtime):
    directory = base_directory() / "x"
    directory.mkdir()
    (base_directory() / "file").touch()
    (directory / "x.node").write_text("rubbish")
    (directory / "y.node").mkdir()
    assert realms_here() == []
